#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Storm control and policing between real interfaces: how much passes while a host sends all it can.

Nothing is judged by how long it took: what passed is compared with what the limit allows in the time
that was measured around it. Bursts are generous, so that a daemon that waits for a busy machine's CPU
does not fall behind its limit.
"""

import json
import time

from lab import eventually, main, ringspan_only, space
from lab.traffic import Flood, Traffic
from lab.wire import BROADCAST, Wire, pattern

MULTICAST = "01:00:5e:00:00:01"
NOBODY = "02:00:00:00:ff:ff"
LACP = "01:80:c2:00:00:02"
LACP_TYPE = 0x8809
TOLERANCE = 0.1


def start(lab, count, **settings):
    """Hosts, of whose ports the first has the settings."""
    hosts = lab.add_hosts(count)
    lab.capture_everywhere()
    write(lab, **settings)
    lab.switch.launch()
    lab.teach(*hosts[1:])
    return hosts


def write(lab, **settings):
    first, *others = [host.port for host in lab.hosts]
    lab.switch.write_bridges({"name": "lab0", "ports": [dict(settings, name=first)]
                              + [{"name": port} for port in others]})


def sample(lab, port, direction):
    """(earliest time, latest time, the port's counters between these)."""
    before = time.monotonic()
    counters = lab.switch.counters(port, direction)
    return before, time.monotonic(), counters


def judge(passed, least_time, most_time, rate, burst, unit):
    """`passed` is what a rate with a burst lets through; what was left of the burst may be in it."""
    least = rate * least_time * (1 - TOLERANCE)
    most = (rate * most_time + burst) * (1 + TOLERANCE)
    print("passed {:.0f} {} in {:.3f} s: {:.3f} of the rate".format(
        passed, unit, most_time, passed / (rate * most_time)))
    assert least <= passed <= most, (least, passed, most)


def storm(lab, reason, dst, length, rate, burst, per_frame, unit):
    """The first host floods frames to `dst`; others talk meanwhile, and lose nothing."""
    a, b, c = lab.hosts
    raw = a.frame(dst, pattern(length - 14))
    with Traffic(b, c), Flood(a, raw):
        eventually(lambda: lab.switch.dropped(a.port, "in").get(reason), "the limit is reached", 30)
        start, first, start_counters = sample(lab, a.port, "in")
        def has_passed(amount):
            last, end, counters = sample(lab, a.port, "in")
            flooded = (counters["flooded"] - start_counters["flooded"]) * per_frame
            return (last, end, counters) if flooded >= amount else None
        last, end, counters = eventually(lambda: has_passed(2 * rate), "it goes on", 50)
    passed = counters["flooded"] - start_counters["flooded"]
    offered = counters["received"] - start_counters["received"]
    print("offered {:.1f} times what passed".format(offered / passed))
    judge(passed * per_frame, last - first, end - start, rate, burst, unit)
    assert list(lab.switch.dropped(a.port, "in")) == [reason]
    lab.check()


@ringspan_only
def test_broadcasts_in_packets(lab):
    start(lab, 3, storm_control={"broadcast": {"rate": "500pps", "burst": "250packets"}})
    storm(lab, "storm_broadcast", BROADCAST, 60, 500, 250, 1, "packets")


@ringspan_only
def test_multicasts_in_bits(lab):
    start(lab, 3, storm_control={"multicast": {"rate": "4mbit", "burst": "256KiB"}})
    storm(lab, "storm_multicast", MULTICAST, 1000, 4e6, 2 << 20, 8000, "bits")


@ringspan_only
def test_unknown_unicast_in_packets(lab):
    start(lab, 3, storm_control={"unknown_unicast": {"rate": "500pps", "burst": "250packets"}})
    storm(lab, "storm_unknown_unicast", NOBODY, 60, 500, 250, 1, "packets")


@ringspan_only
def test_policing_in_packets(lab):
    start(lab, 3, policing={"ingress": {"rate": "500pps", "burst": "250packets"}})
    storm(lab, "policed_in", BROADCAST, 60, 500, 250, 1, "packets")


@ringspan_only
def test_lacp_crosses_a_storm(lab):
    """The buckets are empty: multicasts are dropped, and all else, but not LACP and its like."""
    least = {"rate": "1pps", "burst": "1packets"}
    a, b = start(lab, 2, storm_control={"multicast": least}, policing={"ingress": least},
                 mac_limit={"max": 1})
    capture = Wire("eth0", b.name, ethertype=LACP_TYPE)
    lacp = [a.frame(LACP, b"lacp %d" % i + pattern(46), ethertype=LACP_TYPE) for i in range(50)]
    for raw in lacp:
        a.wire.send(*[a.frame(MULTICAST, pattern(46)), a.frame(b, pattern(46))] * 10, raw)
    assert capture.receive_until(lambda raw: raw == lacp[-1]) == lacp
    dropped = lab.switch.dropped(a.port, "in")
    assert dropped["storm_multicast"] + dropped["policed_in"] >= 900, dropped
    assert dropped["policed_in"] >= 400, dropped


@ringspan_only
def test_reload_under_traffic(lab):
    """Limits come, change and go; known unicast of the same port misses not one frame."""
    a, b = start(lab, 2)
    lab.teach(a)
    limits = [{"storm_control": {"broadcast": {"rate": "1pps"}}},
              {"storm_control": {"broadcast": {"rate": "2pps"}, "unknown_unicast": {"rate": "1mbit"}}},
              {}]
    expected = [[("storm_control.broadcast", "none")],
                [("storm_control.broadcast", "none"), ("storm_control.unknown_unicast", "none")],
                [("storm_control.broadcast", "none"), ("storm_control.unknown_unicast", "none")]]
    with Traffic(a, b):
        for _ in range(5):
            for settings, steps in zip(limits, expected):
                write(lab, **settings)
                rows = lab.switch.query("reload")
                assert [(row["key"], row["disruption"]) for row in rows] == steps
    shown = lab.switch.port(a.port)["storm_control"]
    assert shown == {"broadcast": None, "multicast": None, "unknown_unicast": None}, shown


@ringspan_only
def test_set_at_run_time(lab):
    a, b = start(lab, 2)
    limit = {"egress": {"rate": "1pps", "burst": "3packets"}}
    done = lab.switch.call("port", "set", b.port, "policing", json.dumps(limit))
    assert done.returncode == 0, done.stderr
    assert lab.switch.port(b.port)["policing"] == dict(limit, ingress=None)
    a.wire.send(*[a.frame(b, pattern(46))] * 20)
    eventually(lambda: lab.switch.counters(b.port, "out")["decided"] >= 20, "all are decided")
    passed = 20 - lab.switch.dropped(b.port, "out")["policed_out"]
    assert 3 <= passed <= 20
    lab.check()


def transfer(lab, sender, receiver):
    """(bytes, seconds) of a TCP connection, as the receiver saw it."""
    server = receiver.spawn("iperf3", "-s", "-1")
    eventually(lambda: ":5201 " in receiver.run("ss", "-ltn"), "iperf3 listens")
    report = json.loads(sender.run("iperf3", "-J", "-t", "3", "-c", receiver.v4))
    server.wait(space.DEADLINE)
    received = report["end"]["sum_received"]
    return received["bytes"], received["seconds"]


def tcp(lab, reason, direction, **limits):
    rate = 50e6
    a, b = lab.add_hosts(2, addresses=True)
    write(lab, policing=limits)
    lab.switch.launch()
    received, seconds = transfer(lab, a, b) if direction == "in" else transfer(lab, b, a)
    ratio = received * 8 / seconds / rate
    print("TCP has {:.2f} of the rate".format(ratio))
    assert lab.switch.dropped(a.port, direction)[reason] > 0
    assert 0.2 <= ratio <= 1.1
    lab.check()


@ringspan_only
def test_tcp_through_ingress(lab):
    tcp(lab, "policed_in", "in", ingress={"rate": "50mbit"})


@ringspan_only
def test_tcp_through_egress(lab):
    tcp(lab, "policed_out", "out", egress={"rate": "50mbit"})


if __name__ == "__main__":
    main()
