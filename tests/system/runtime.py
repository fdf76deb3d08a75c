#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What is changed while the daemon runs, without its file: ports come, go and are taken out."""

import json
import shutil
import signal
import subprocess

from lab import DEADLINE, eventually, ip, main, ringspan_only, spawn
from lab.traffic import Flood, Traffic
from lab.wire import BROADCAST, pattern

OK, USAGE, REFUSED, UNREACHABLE, INVALID, PERMISSION = range(6)
ROUNDS = 20
NOBODY = 65534
GAMES = 60


def change(lab, *argv):
    """The steps that a command ran, as (op, bridge, port, key, disruption)."""
    return [tuple(row[key] for key in ("op", "bridge", "port", "key", "disruption"))
            for row in lab.switch.query(*argv)]


def state_of_all(lab):
    """Everything that a refused change must leave as it is, byte for byte."""
    return [lab.switch.call("-j", *words).stdout for words in
            (["config", "show"], ["bridge"], ["port"], ["fdb"])]


def learn(lab, host):
    """The switch learns where it is, beside traffic that nobody wants to read."""
    host.wire.send(host.sentinel())
    eventually(lambda: host.mac in lab.switch.fdb(), host.name + " is known")


@ringspan_only
def test_down_and_up_under_traffic(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with Traffic(a, b):
        for _ in range(ROUNDS):
            assert change(lab, "port", "set", c.port, "down") == [
                ("change", "lab0", c.port, "admin_state", "flush")]
            row = lab.switch.port(c.port)
            assert (row["state"], row["admin_state"]) == ("disabled", "down"), row
            assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}
            lab.check()
            assert change(lab, "port", "set", c.port, "up") == [
                ("change", "lab0", c.port, "admin_state", "none")]
            lab.switch.wait(c.port)
            learn(lab, c)
    c.wire.drain()
    lab.expect(a, [a.frame(c, pattern(46))], [c])


@ringspan_only
def test_defaults_fill_in_what_comes_later(lab):
    a, b, c = lab.add_hosts(3)
    bridge = {"name": "lab0", "ports": [{"name": a.port, "admin_state": "up"}, {"name": b.port}]}
    lab.switch.write_bridges(bridge, defaults={"port": {"admin_state": "down"}})
    lab.switch.launch(wait=False)
    lab.switch.wait(a.port)
    assert lab.switch.port(b.port)["state"] == "disabled"
    change(lab, "port", "add", c.port)
    assert lab.switch.port(c.port)["state"] == "disabled"
    assert change(lab, "port", "set", c.port, "up") == [
        ("change", "lab0", c.port, "admin_state", "none")]
    lab.switch.wait(c.port)
    shown = json.loads(lab.switch.call("config", "show").stdout)
    assert shown["defaults"] == {"port": {"admin_state": "down"}}
    assert {port["name"]: port["admin_state"] for port in shown["bridges"][0]["ports"]} == {
        a.port: "up", b.port: "down", c.port: "up"}
    # It is a file that means the same, and the file of before means what it did.
    lab.switch.write_text(json.dumps(shown))
    assert change(lab, "reload") == []
    lab.switch.write_bridges(bridge, defaults={"port": {"admin_state": "up"}})
    assert change(lab, "reload") == [
        ("del", "lab0", c.port, None, "none"),
        ("change", None, None, "defaults.port", "none"),
        ("change", "lab0", b.port, "admin_state", "none")]
    lab.switch.wait(b.port)


@ringspan_only
def test_a_port_that_is_down_is_drained_and_counted(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    change(lab, "port", "set", c.port, "down")
    before = lab.switch.dropped(c.port, "in").get("ingress_down", 0)
    for i in range(100):
        c.wire.send(c.frame(a, b"%d" % i))
    eventually(lambda: lab.switch.dropped(c.port, "in").get("ingress_down", 0) == before + 100,
               "all of them are counted")
    lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])
    # The device is not touched, and the port is bound to it as before.
    assert "UP" in json.loads(ip("-j", "link", "show", c.port))[0]["flags"]
    assert lab.switch.port(c.port)["ifname"] == c.port
    assert "port set {} up".format(c.port) in lab.switch.port(c.port)["reason"]
    change(lab, "port", "set", c.port, "up")
    lab.switch.wait(c.port)
    for host in (a, b, c):
        host.wire.drain()
    lab.expect(c, [c.frame(BROADCAST)], [a, b])  # and nothing of before


@ringspan_only
def test_down_survives_the_interface(lab):
    """The wish is the port's: flaps, deletion and another interface do not end it."""
    a, b = lab.start_with_hosts(2)
    change(lab, "port", "set", b.port, "down")
    for state in "down", "up":
        ip("link", "set", b.port, state)
        eventually(lambda: ("UP" in lab.switch.port(b.port)["flags"]) == (state == "up"), "seen")
        assert lab.switch.port(b.port)["state"] == "disabled"
    ip("link", "del", b.port)
    eventually(lambda: lab.switch.port(b.port)["ifname"] is None, "it let go")
    assert lab.switch.port(b.port)["state"] == "disabled"
    b.cable()
    eventually(lambda: lab.switch.port(b.port)["ifname"] == b.port, "it is bound again")
    assert lab.switch.port(b.port)["state"] == "disabled"
    change(lab, "port", "set", b.port, "up")
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_ports_come_and_go_under_traffic(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with Traffic(a, b):
        for _ in range(ROUNDS):
            assert change(lab, "port", "del", c.port) == [("del", "lab0", c.port, None, "none")]
            assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}
            assert change(lab, "port", "add", "again", "ifname", c.port) == [
                ("add", "lab0", "again", None, "none")]
            lab.switch.wait("again")
            learn(lab, c)
            assert lab.switch.fdb()[c.mac] == "again"
            assert change(lab, "reload") == [("del", "lab0", "again", None, "none"),
                                             ("add", "lab0", c.port, None, "none")]
            lab.switch.wait(c.port)
    c.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_the_file_wins(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b)
    change(lab, "port", "set", a.port, "down")
    change(lab, "port", "del", b.port)
    change(lab, "port", "add", "p9", "bridge", "lab0", "description", "nine")
    diff = change(lab, "config", "diff")
    assert diff == [("del", "lab0", b.port, None, "none"),
                    ("change", "lab0", a.port, "admin_state", "flush"),
                    ("add", "lab0", "p9", None, "none")], diff
    assert change(lab, "plan", lab.switch.config) == [
        ("del", "lab0", "p9", None, "none"), ("change", "lab0", a.port, "admin_state", "none"),
        ("add", "lab0", b.port, None, "none")]
    lab.switch.process.send_signal(signal.SIGHUP)
    eventually(lambda: change(lab, "config", "diff") == [], "the file is back")
    lab.switch.wait()
    change(lab, "port", "set", a.port, "down")
    assert lab.switch.stop() == 0
    lab.switch.launch()
    assert change(lab, "config", "diff") == []
    assert lab.switch.port(a.port)["state"] == "forwarding"


@ringspan_only
def test_what_a_file_cannot_say_is_refused(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    before = state_of_all(lab)
    refusals = [
        (["port", "set", a.port, "ifname", b.port], "the interface 'p2' is used by port p1 already"),
        (["port", "set", a.port, "admin_state", "sideways"], "'sideways' is not 'up' or 'down'"),
        (["port", "set", a.port, "ifnam", "p9"], "did you mean 'ifname'?"),
        (["port", "set", a.port, "name", "p9"], "a port keeps its name"),
        (["port", "set", "p9", "up"], "there is no port named 'p9'"),
        (["port", "add", a.port], "there is a port named 'p1' already"),
        (["port", "add", "p9", "ifname", a.port], "the interface 'p1' is used by port p1 already"),
        (["port", "add", "p9", "bridge", "lab9"], "there is no bridge named 'lab9'"),
        (["port", "add", "a name"], "contains a blank"),
        (["port", "del", "p9"], "there is no port named 'p9'"),
    ]
    with Traffic(a, b):
        for argv, sentence in refusals:
            done = lab.switch.call(*argv)
            assert done.returncode == REFUSED, done
            assert sentence in done.stderr and done.stdout == "", done
    after = state_of_all(lab)
    for one, other in zip(before[:3], after[:3]):
        assert one == other
    assert len(json.loads(after[3])) == 3


@ringspan_only
def test_many_at_once(lab):
    """Clients that change and reload at the same time: each change is whole, none is lost."""
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    names = ["x%d" % i for i in range(7)]
    with Traffic(a, b):
        clients = []
        for name in names:
            for argv in (["port", "add", name], ["config", "diff"]):
                clients.append(spawn(lab.switch.client, "-S", lab.switch.socket, *argv,
                                     stdout=subprocess.DEVNULL))
        assert [client.wait(DEADLINE) for client in clients] == [OK] * len(clients)
        assert {row["name"] for row in lab.switch.query("port")} == {a.port, b.port, *names}
        clients = [spawn(lab.switch.client, "-S", lab.switch.socket, *argv,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for argv in [["port", "del", name] for name in names] + [["reload"]] * 3]
        results = [client.wait(DEADLINE) for client in clients]
        # A port may be gone already, by a reload that came before.
        assert set(results[:-3]) <= {OK, REFUSED} and results[-3:] == [OK] * 3, results
    assert {row["name"] for row in lab.switch.query("port")} == {a.port, b.port}
    assert change(lab, "config", "diff") == []


@ringspan_only
def test_client_that_leaves(lab):
    a, b = lab.start_with_hosts(2)
    with Flood(a, a.frame(b)):
        for _ in range(ROUNDS):
            client = spawn(lab.switch.client, "-S", lab.switch.socket, "port", "set", b.port,
                           "description", "x")
            client.kill()
            client.wait()
            lab.switch.query("port", "set", b.port, "down")
            lab.switch.query("port", "set", b.port, "up")
    lab.switch.wait(b.port)


@ringspan_only
def test_readers_change_nothing(lab):
    lab.add_hosts(1)
    document = {"version": 1, "bridges": [{"name": "lab0", "ports": [{"name": "p1"}]}],
                "daemon": {"control": {"socket": lab.switch.socket, "group": "games"}}}
    lab.switch.write_text(json.dumps(document))
    lab.switch.launch()
    client = shutil.copy(lab.switch.client, "/run/lab/client")
    prefix = ["setpriv", "--reuid", str(NOBODY), "--regid", str(GAMES), "--clear-groups", client,
              "-S", lab.switch.socket]

    def ask(*argv):
        return subprocess.run([*prefix, *argv], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    before = state_of_all(lab)
    for argv in (["port", "set", "p1", "down"], ["port", "add", "p2"], ["port", "del", "p1"],
                 ["reload"]):
        done = ask(*argv)
        assert done.returncode == PERMISSION, done
        assert "uid 65534 may look at things, not change them" in done.stderr, done.stderr
    assert ask("config", "diff").returncode == OK
    assert state_of_all(lab) == before
    assert "may look at things, not change them (port.set" in lab.switch.read_log()


if __name__ == "__main__":
    main()
