#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The traffic generator and sink: what it says about a cable, a bad relay, and a switch."""

import json
import subprocess
import threading

from lab import DEADLINE, eventually, ip, main, ringspan_only, spawn
from lab.switch import build_path
from lab.wire import Wire

COUNTED, TEACHING = 0x88B5, 0x88B7
FLAWS = ("lost", "duplicated", "reordered", "corrupted", "late", "misdelivered", "flooded", "stale",
         "refused", "sink_dropped")
GROUP = 10
# Nothing may be missing, and a switch that has no CPU for a while loses nothing.
PATIENT = ("--patience", str(DEADLINE))


def traffic(*argv, code=0):
    """What ringspan-traffic prints; its complaint if it is to fail."""
    process = spawn(build_path("TRAFFIC", "tests/bench/ringspan-traffic"), *argv,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, complaint = process.communicate()
    assert process.returncode == code, "exit {}: {}".format(process.returncode, complaint)
    return complaint if code else json.loads(out)


def point(host):
    return "{}/eth0:{}".format(host.name, host.mac)


def stream(sender, receiver):
    return point(sender) + ">" + point(receiver)


def flaws(result):
    return {name: result[name] for name in FLAWS if result[name]}


def check_sums(result):
    assert result["sent"] == result["offered"] - result["refused"] > 0, result
    assert result["lost"] == result["expected"] - result["received"], result


class BadRelay:
    """Between the ports of three hosts. Does to each group of frames from the first to the second
    what there is to be found, and carries the frames that teach."""

    def __init__(self, hosts):
        self.wires = [Wire(host.port) for host in hosts]
        self.seen = 0
        self.held = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _pass_on(self, raw):
        back, forth, elsewhere = self.wires
        kind = self.seen % GROUP
        self.seen += 1
        if kind == 0:
            return
        if kind == 1:
            forth.send(raw, raw)
        elif kind == 2:
            self.held = raw
        elif kind == 3:
            forth.send(raw, self.held)
        elif kind == 4:
            forth.send(raw[:-1] + bytes([raw[-1] ^ 1]))
        elif kind == 5:
            forth.send(raw)
            back.send(raw)
        elif kind == 6:
            forth.send(raw)
            elsewhere.send(raw, raw)
        elif kind == 7:
            forth.send(raw[:20])
            forth.send(raw + b"\0")
        else:
            forth.send(raw)

    def _run(self):
        while not self.stopping.is_set():
            for source, target in ((0, 1), (1, 0)):
                raw = self.wires[source].receive(0.001)
                if raw is None:
                    continue
                if raw[12:14] == TEACHING.to_bytes(2, "big"):
                    self.wires[target].send(raw)
                elif raw[12:14] == COUNTED.to_bytes(2, "big"):
                    self._pass_on(raw)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.stopping.set()
        self.thread.join()
        for wire in self.wires:
            wire.close()


def lay_cables(lab, count):
    """Hosts whose other ends are in this namespace, silent, with nothing between them."""
    hosts = lab.add_hosts(count, mtu=9000)
    for host in hosts:
        eventually(host.is_up, host.name + " is up")
    return hosts


def is_paced(cable, options):
    """Whether there was time for all that should have been sent; everything else is always so."""
    result = traffic("rate", "--stream", cable, "--pps", "2000", "--seconds", "0.5", *PATIENT, *options)
    check_sums(result)
    assert flaws(result) == {}, result
    assert result["received"] <= 1100, result
    return result["received"] >= 900


def test_cable(lab):
    (host,) = lay_cables(lab, 1)
    cable = "{}>./{}:02:00:00:00:ff:01".format(point(host), host.port)
    for options in (["--size", "60"], ["--size", "9014", "--burst", "1"], ["--ip", "--size", "333"],
                    ["--src-macs", "100", "--dst-macs", "33", "--tx-threads", "2"]):
        eventually(lambda: is_paced(cable, options), "the generator keeps its pace")


def test_unpaced_and_its_search(lab):
    (host,) = lay_cables(lab, 1)
    cable = "{}>./{}:02:00:00:00:ff:01".format(point(host), host.port)
    result = traffic("search", "--stream", cable, "--trial-seconds", "0.2", "--warmup", "0.1",
                     "--loss", "0")
    check_sums(result["best"])
    assert result["found"] and result["best"]["lost"] == 0, result


def test_every_flaw_of_a_relay(lab):
    hosts = lay_cables(lab, 3)
    with BadRelay(hosts) as relay:
        result = traffic("rate", "--stream", stream(hosts[0], hosts[1]), "--listen", point(hosts[2]),
                         "--pps", "250", "--seconds", "1", "--burst", str(GROUP), "--size", "100",
                         "--patience", "2")
    check_sums(result)
    groups, rest = divmod(result["sent"], GROUP)
    assert relay.seen == result["sent"] and rest == 0 and groups > 0, result
    assert flaws(result) == {"lost": 3 * groups, "duplicated": groups, "reordered": groups,
                             "corrupted": 2 * groups, "misdelivered": groups,
                             "flooded": 2 * groups}, result


def test_a_search_tells_what_was_wrong_in_trials_that_failed(lab):
    hosts = lay_cables(lab, 3)
    with BadRelay(hosts):
        result = traffic("search", "--stream", stream(hosts[0], hosts[1]), "--listen",
                         point(hosts[2]), "--trial-seconds", "0.1", "--warmup", "0", "--max-pps", "150",
                         "--burst", str(GROUP), "--size", "100", "--retries", "0", "--patience", "2",
                         "--loss", "0")
    assert not result["found"], result
    for flaw in ("duplicated", "corrupted", "misdelivered"):
        assert result[flaw] > 0, (flaw, result)
    assert result["reordered"] + result["late"] > 0, result


def test_nobody_answers(lab):
    hosts = lay_cables(lab, 2)
    result = traffic("rate", "--stream", stream(*hosts), "--pps", "1000", "--seconds", "0.5")
    assert result["untaught"] == 2 and result["loss"] == 1.0, result
    result = traffic("latency", "--stream", stream(*hosts), "--seconds", "0.5")
    assert result["count"] == 0, result


def test_mesh_behind_a_switch(lab):
    hosts = lab.start_with_hosts(4)
    for host in hosts:
        lab.wait_connected(host)
    ends = ",".join(point(host) for host in hosts)
    result = traffic("rate", "--mesh", ends, "--pps", "200", "--seconds", "0.5", "--burst", "4",
                     *PATIENT)
    check_sums(result)
    assert flaws(result) == {} and len(result["streams"]) == 12, result
    result = traffic("broadcast", "--from", point(hosts[0]), "--to",
                     ",".join(point(host) for host in hosts[1:]), "--pps", "500", "--seconds", "0.5",
                     *PATIENT)
    check_sums(result)
    assert flaws(result) == {} and result["expected"] == 3 * result["sent"], result
    unknown = "{}>{}/eth0:02:00:00:00:99:01".format(point(hosts[0]), hosts[1].name)
    result = traffic("rate", "--stream", unknown, "--listen", point(hosts[3]), "--no-teach",
                     "--dst-macs", "1000", "--pps", "500", "--seconds", "0.5", *PATIENT)
    assert flaws(result) == {"flooded": result["sent"]}, result


def test_jumbo_frames_both_ways(lab):
    hosts = lab.start_with_hosts(2, mtu=9000)
    for host in hosts:
        lab.wait_connected(host)
    ends = ",".join(point(host) for host in hosts)
    result = traffic("rate", "--mesh", ends, "--size", "9014", "--pps", "500", "--seconds", "0.5",
                     "--burst", "40")
    check_sums(result)
    assert flaws(result) == {} and result["received"] == result["sent"], result


@ringspan_only
def test_learning_behind_a_switch(lab):
    hosts = lab.start_with_hosts(3, fdb={"max_entries": 1024})
    for host in hosts:
        lab.wait_connected(host)
    roles = [word for name, host in zip(("--learner", "--tester", "--monitor"), hosts)
             for word in (name, point(host))] + [*PATIENT]
    result = traffic("learn", *roles, "--count", "500", "--learn-pps", "5000", "--test-pps", "5000")
    assert (result["learned"], result["flooded"], result["lost"]) == (500, 0, 0), result
    result = traffic("learn", *roles, "--count", "2000", "--learn-pps", "5000", "--test-pps", "5000")
    assert result["learned"] + result["flooded"] == 2000 and result["flooded"] > 0, result


def test_round_trips_beside_load(lab):
    hosts = lab.start_with_hosts(4)
    for host in hosts:
        lab.wait_connected(host)

    def has_time_for_all():
        """As many as were asked for, if it was not too long for that."""
        result = traffic("latency", "--stream", stream(*hosts[:2]), "--count", "100", "--seconds", "1",
                         "--load", "1000", "--load-stream", stream(*hosts[2:]), *PATIENT)
        assert result["lost"] == 0, result
        assert 0 <= result["min"] <= result["p50"] <= result["p99"] <= result["p99_9"] <= result["max"]
        assert flaws(result["load"]) == {}, result
        return result["count"] == 100 and result["min"] > 0
    eventually(has_time_for_all, "a hundred round trips in a second")


def test_engine_that_ringspand_is_compared_with(lab):
    hosts = lay_cables(lab, 3)
    engine = spawn(build_path("SENDMMSG_SWITCH", "tests/bench/sendmmsg_switch"),
                   *[host.port for host in hosts], stdout=subprocess.PIPE)
    assert engine.stdout.readline() == b"ready\n"
    result = traffic("rate", "--mesh", ",".join(point(host) for host in hosts), "--pps", "500",
                     "--seconds", "0.5", "--burst", "4", "--watch-pid", str(engine.pid), *PATIENT)
    check_sums(result)
    assert flaws(result) == {} and result["cpu"]["watched_ns"] > 0, result
    result = traffic("latency", "--stream", stream(*hosts[:2]), "--count", "10", "--seconds", "1",
                     "--watch-pid", str(engine.pid), *PATIENT)
    assert result["cpu"]["watched_ns"] > 0 and result["elapsed_ns"] > 0, result
    result = traffic("broadcast", "--from", point(hosts[0]), "--to",
                     ",".join(point(host) for host in hosts[1:]), "--pps", "500", "--seconds", "0.5",
                     *PATIENT)
    assert flaws(result) == {} and result["expected"] == 2 * result["sent"], result
    engine.terminate()
    assert engine.wait() == 0


def test_complaints(lab):
    (host,) = lay_cables(lab, 1)
    cable = "{}>./{}:02:00:00:00:ff:01".format(point(host), host.port)
    assert "--size takes 60 to 9014" in traffic("rate", "--stream", cable, "--size", "59", code=64)
    assert "needs a --stream" in traffic("rate", code=64)
    assert "two interfaces" in traffic("rate", "--stream", "h1/eth0:02:00:00:00:ff:00>./p1:02:00:00:00"
                                       ":ff:01", "--src-macs", "2", code=64)
    assert "nowhere/eth0" in traffic("rate", "--stream", cable, "--listen",
                                     "nowhere/eth0:02:00:00:00:00:09", code=1)
    ip("link", "set", host.port, "mtu", "1500")
    assert "MTU" in traffic("rate", "--stream", "./{}:02:00:00:00:ff:01>{}".format(
        host.port, point(host)), "--size", "1515", code=1)


if __name__ == "__main__":
    main()
