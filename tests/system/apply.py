#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Another configuration for a running daemon: applied, on trial, refused, and 200 that are wrong."""

import fcntl
import json
import os
import random
import signal
import socket
import subprocess

from lab import eventually, main, ringspan_only, time_limit
from lab.traffic import Traffic
from lab.wire import BROADCAST, pattern

OK, USAGE, REFUSED, UNREACHABLE, INVALID, PERMISSION = range(6)
N_MUTATIONS = 200
SEED = 20260101
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


class Client:
    """The protocol itself: what the tool would not send."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")
        self.ask("daemon.show")  # descriptors are taken of those who are known

    def call(self, method, descriptors=(), **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        text = json.dumps(request).encode() + b"\n"
        if descriptors:
            socket.send_fds(self.socket, [text], descriptors)
        else:
            self.socket.sendall(text)
        return json.loads(self.lines.readline())

    def ask(self, method, **params):
        return self.call(method, **params)["result"]

    def apply(self, raw, **params):
        fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.write(fd, raw)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
            return self.call("config.apply", [fd], **params)
        finally:
            os.close(fd)

    def dump(self):
        """Everything that a refused change leaves as it is, byte for byte; ages go on."""
        rows = self.ask("fdb.show")
        for row in rows:
            del row["age"]
        return json.dumps([self.ask("config.show"), self.ask("bridge.show"), self.ask("port.show"),
                           self.ask("config.diff"), sorted(rows, key=json.dumps)])


def document(lab, *ports, **settings):
    return {"version": 1,
            "bridges": [dict(settings, name="lab0", ports=[{"name": port} for port in ports])],
            "daemon": {"control": {"socket": lab.switch.socket}, "log": {"level": "debug"}}}


def write(name, value):
    path = "/run/lab/" + name
    with open(path, "w") as file:
        json.dump(value, file)
    return path


def ports_of(lab):
    return [row["name"] for row in lab.switch.query("port")]


@ringspan_only
def test_apply_under_traffic(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    less = write("less.json", document(lab, a.port, b.port))
    with Traffic(a, b):
        for _ in range(20):
            steps = lab.switch.query("apply", less)
            assert [(row["op"], row["port"]) for row in steps] == [("del", c.port)]
            assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}
            lab.check()
            assert [row["op"] for row in lab.switch.query("reload")] == ["add"]
            lab.switch.wait(c.port)
            c.wire.send(c.sentinel())
            eventually(lambda: c.mac in lab.switch.fdb(), "it is known again")
    c.wire.drain()
    lab.expect(a, [a.frame(c, pattern(46))], [c])


@ringspan_only
def test_trial_that_nobody_confirms(lab):
    """The one who applied it cut himself off: what he had before is back by itself."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    lab.switch.query("port", "set", c.port, "description", "of run time")
    before = lab.switch.call("config", "show").stdout
    less = write("less.json", document(lab, a.port, b.port))
    with Traffic(a, b):
        lab.switch.query("apply", less, "--confirm", "1h")
        assert ports_of(lab) == [a.port, b.port]
        for argv in (["reload"], ["port", "del", a.port], ["apply", lab.switch.config]):
            done = lab.switch.call(*argv)
            assert done.returncode == REFUSED and "`ringspan confirm` keeps it" in done.stderr, done
        lab.switch.process.send_signal(signal.SIGHUP)
        eventually(lambda: "reload: nothing changed: what was applied is on trial"
                   in lab.switch.read_log(), "the signal is refused, and logged")
        assert lab.switch.call("confirm").returncode == OK
        lab.switch.query("apply", write("before.json", json.loads(before)))
        lab.switch.query("apply", less, "--confirm", "1s")
        eventually(lambda: "nobody confirmed in time" in lab.switch.read_log() and
                   len(ports_of(lab)) == 3, "what was before is back")
        lab.switch.wait(c.port)
    assert lab.switch.call("config", "show").stdout == before
    assert lab.switch.call("confirm").returncode == REFUSED
    c.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_trial_that_is_confirmed(lab):
    a, b, c = lab.start_with_hosts(3)
    less = write("less.json", document(lab, a.port, b.port))
    lab.switch.query("apply", less, "--confirm", "1h")
    assert "on trial for" in lab.switch.call("config", "diff").stdout
    assert lab.switch.call("confirm").returncode == OK
    assert lab.switch.call("confirm").returncode == REFUSED
    assert "on trial for" not in lab.switch.call("config", "diff").stdout
    assert ports_of(lab) == [a.port, b.port]
    lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])


@ringspan_only
def test_killed_during_a_trial(lab):
    """Nothing of it is on the disk: the next start returns to the file."""
    a, b, c = lab.start_with_hosts(3)
    lab.switch.query("apply", write("less.json", document(lab, a.port, b.port)),
                     "--confirm", "1h")
    lab.switch.process.kill()
    lab.switch.process.wait()
    lab.switch.launch()
    assert ports_of(lab) == [a.port, b.port, c.port]
    assert lab.switch.query("config", "diff") == []
    assert lab.switch.call("confirm").returncode == REFUSED


@ringspan_only
def test_standard_input(lab):
    a, b, c = lab.start_with_hosts(3)
    text = json.dumps(document(lab, a.port, b.port))
    for argv in (["check", "-"], ["plan", "-"], ["apply", "-"]):
        done = subprocess.run([lab.switch.client, "-S", lab.switch.socket, *argv], input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == OK, done
    assert ports_of(lab) == [a.port, b.port]
    assert lab.switch.stop() == 0
    process = subprocess.Popen([lab.switch.daemon, "--config", "-"], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    process.stdin.write(text)
    process.stdin.close()
    lab.switch.process = process
    lab.switch.wait_ready()
    lab.switch.wait()
    lab.switch.query("port", "add", c.port)
    assert [row["port"] for row in lab.switch.query("config", "diff")] == [c.port]
    done = lab.switch.call("reload")
    assert done.returncode == REFUSED and "came from standard input" in done.stderr, done
    lab.switch.query("apply", write("less.json", document(lab, a.port)))
    assert ports_of(lab) == [a.port]


@ringspan_only
def test_what_a_client_may_not_pass(lab):
    """It has the file open too: what could change, block, or is no file is not even read."""
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    client = Client(lab.switch.socket)
    before = client.dump()
    text = json.dumps(document(lab)).encode()
    ends = os.pipe()
    unsealed = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(unsealed, text)
    descriptors = [unsealed, ends[0], ends[1], os.open("/dev/zero", os.O_RDONLY),
                   os.open(lab.switch.config, os.O_RDONLY), client.socket.fileno(),
                   os.open("/proc", os.O_RDONLY)]
    with Traffic(a, b):
        for descriptor in descriptors:
            result = client.call("config.apply", [descriptor], source="x")["result"]
            assert result["applied"] is False and "sealed" in result["report"], result
        assert "no descriptor" in client.call("config.apply")["error"]["message"]
        for _ in range(20):  # with what takes none
            client.call("daemon.show", descriptors)
    assert client.dump() == before
    held = os.listdir("/proc/{}/fd".format(lab.switch.process.pid))
    client.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: len(os.listdir("/proc/{}/fd".format(lab.switch.process.pid))) < len(held),
               "nothing is kept open")


def mutate(rng, value):
    """One thing in a document becomes something else."""
    leaves = []

    def walk(node, path):
        if path:
            leaves.append(path)
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(
                node, list) else ():
            walk(node[key], path + [key])
    walk(value, [])
    path = rng.choice(leaves)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    kind = rng.randrange(5)
    if kind == 0:
        del parent[path[-1]]
    elif kind == 1 and isinstance(parent, dict):
        parent[path[-1] + rng.choice("sx_")] = parent.pop(path[-1])
    elif kind == 2 and isinstance(parent, list):
        parent.append(parent[path[-1]])
    else:
        parent[path[-1]] = rng.choice(
            [None, True, -1, 0, 17, 2 ** 31, 2 ** 70, 1.5, "", "lo", "p1", "p2", "lab0", "x" * 16,
             "a/b", "up", "down", [], {}, [[]], {"name": "p1"}])


def mutations(rng, original):
    """Documents that are wrong in one to three places, some of them in the text itself."""
    for i in range(N_MUTATIONS):
        value = json.loads(original)
        for _ in range(rng.randint(1, 3)):
            mutate(rng, value)
        raw = bytearray(json.dumps(value).encode())
        if i % 4 == 0:
            at = rng.randrange(len(raw))
            raw[at:at + rng.randrange(4)] = rng.choice([b"", b"\x00", b"\xff", b'"', b"}", b"\\"])
        yield bytes(raw)


def is_valid(lab, raw):
    return subprocess.run([lab.switch.client, "check", "-"], input=raw, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).returncode == OK


@ringspan_only
@time_limit(150)
def test_mutated_configurations(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    original = json.dumps(document(lab, a.port, b.port, c.port, aging_time=77,
                                   fdb={"max_entries": 1024}, reserved="all", description="d"))
    lab.switch.write_text(original)
    lab.switch.query("reload")
    lab.switch.wait()
    lab.teach(a, b, c)
    client = Client(lab.switch.socket)
    refused = 0
    for raw in mutations(random.Random(SEED), original):
        valid = is_valid(lab, raw)
        before = client.dump()
        with open(lab.switch.config, "wb") as file:
            file.write(raw)
        for result in (client.apply(raw)["result"], client.ask("daemon.reload")):
            assert result["applied"] is valid, (raw, result)
        if valid:
            lab.switch.write_text(original)
            assert client.ask("daemon.reload")["applied"]
            lab.switch.wait()
            lab.teach(a, b, c)
            continue
        refused += 1
        assert client.dump() == before, raw
    assert refused > N_MUTATIONS // 2, refused
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


if __name__ == "__main__":
    main()
