#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What ports are told about learning, flooding and limits, live, on real interfaces."""

import json
import random

from lab import eventually, main, ringspan_only, time_limit
from lab.traffic import Traffic
from lab.wire import BROADCAST, frame, pattern

GROUP = "01:00:5e:00:00:01"
STRANGER = "02:00:00:00:55:01"
N_HOSTS = 40
N_FORGED = 20000
ROOM = 1024
N_LARGE = 98304


def set_port(lab, port, **keys):
    """As `ringspan port set` does."""
    argv = [word for key, value in keys.items() for word in (key, json.dumps(value))]
    done = lab.switch.call("port", "set", port, *argv)
    assert done.returncode == 0, done.stderr


def to(dst, host):
    return frame(getattr(dst, "mac", dst), host.mac, pattern(46))


def stations(count):
    return ["02:00:00:00:aa:%02x" % n for n in range(count)]


def raw_address(n):
    return "02:00:01:%02x:%02x:%02x" % (n >> 16, n >> 8 & 0xFF, n & 0xFF)


def from_address(b, n):
    return frame(b.mac, raw_address(n), b"")


@ringspan_only
def test_switches_work_live(lab):
    a, b, c = lab.start_with_hosts(3)
    set_port(lab, c.port, flood={"unknown_unicast": False, "multicast": False})
    lab.expect(a, [to(STRANGER, a)], [b])
    lab.expect(a, [to(GROUP, a)], [b])
    lab.expect(a, [to(BROADCAST, a)], [b, c])
    set_port(lab, c.port, flood=None, isolation_group=7)
    set_port(lab, b.port, isolation_group=7)
    lab.teach(a)
    lab.expect(a, [to(STRANGER, a)], [b, c])
    lab.expect(a, [to(b, a)], [b, c])  # b's entry is still to be learned
    b.wire.send(to(a, b))
    assert a.wire.receive() == to(a, b)
    c.wire.send(to(b, c))
    eventually(lambda: lab.switch.dropped(c.port, "in") == {"isolation_group": 1}, "it is dropped")
    lab.expect(a, [], [])
    lab.check()


def taken(lab, hosts):
    return sum(lab.switch.counters(host.port, "in")["received"] for host in hosts)


@ringspan_only
def test_flood_of_forged_addresses(lab):
    """Addresses by the thousand from one port: a host on each of forty others notices nothing."""
    hosts = lab.start_with_hosts(N_HOSTS + 1, fdb={"max_entries": ROOM})
    noisy, quiet = hosts[0], hosts[1:]
    behind = {"02:00:00:00:bb:%02x" % n: host for n, host in enumerate(quiet)}
    names = list(behind)
    for mac, host in behind.items():
        host.wire.send(frame(BROADCAST, mac, pattern(46)))
    last = noisy.sentinel()
    noisy.wire.send(last)
    for host in quiet:
        host.wire.receive_until_sentinel(last)
    noisy.wire.drain()
    before = {host: lab.switch.counters(host.port, "in")["flooded"] for host in hosts}
    taken_before = taken(lab, quiet)

    forged = random.Random(1)
    sent = 0
    for start in range(0, N_FORGED, 500):
        for n in range(start, start + 500):
            src = "02:%010x" % forged.getrandbits(40)
            src = ":".join([src[:2]] + [src[i:i + 2] for i in range(3, 13, 2)])
            noisy.wire.send(frame(names[n % N_HOSTS], src, pattern(46)))
        for mac in names:
            peer = names[(names.index(mac) + 1) % N_HOSTS]  # another port's
            behind[mac].wire.send(frame(peer, mac, b"quiet"))
            sent += 1
    # A sentinel from one port says nothing of frames that arrived on others.
    eventually(lambda: taken(lab, quiet) - taken_before == sent, "all frames between the hosts")
    last = noisy.sentinel()
    noisy.wire.send(last)
    got = 0
    for host in quiet:
        arrived = host.wire.receive_until_sentinel(last, 30)
        got += sum(raw.endswith(b"quiet") for raw in arrived)
        assert all(behind[":".join("%02x" % byte for byte in raw[:6])] is host for raw in arrived)
    assert got == sent, "{} of {} frames between the hosts".format(got, sent)
    assert noisy.wire.drain() == []
    for host in quiet:
        assert lab.switch.counters(host.port, "in")["flooded"] == before[host], "flooded"
    assert lab.switch.counters(noisy.port, "in")["flooded"] == before[noisy] + 1
    known = lab.switch.fdb()
    assert {mac: known.get(mac) for mac in names} == {mac: h.port for mac, h in behind.items()}
    assert len(known) == ROOM
    lab.check()


@ringspan_only
def test_limit_drops_exactly(lab):
    a, b = lab.start_with_hosts(2)
    set_port(lab, a.port, mac_limit={"max": 3})
    last = a.sentinel()
    frames = [frame(b.mac, mac, pattern(46)) for mac in stations(8)]
    a.wire.send(*frames, *frames)
    eventually(lambda: lab.switch.counters(a.port, "in")["received"] == 16, "all are decided")
    b.wire.drain()
    b.wire.send(last)
    a.wire.receive_until_sentinel(last)
    lab.check()
    assert lab.switch.dropped(a.port, "in") == {"mac_limit": 10}
    assert lab.switch.port(a.port)["fdb"]["entries"] == 3
    assert sorted(lab.switch.fdb()) == sorted([a.mac] + stations(3))


@ringspan_only
def test_limit_shuts_down_and_recovers(lab):
    a, b = lab.start_with_hosts(2)
    one, two = stations(2)
    set_port(lab, a.port, mac_limit={"max": 1, "action": "shutdown", "recovery": 1})
    a.wire.send(frame(b.mac, one, pattern(46)), frame(b.mac, two, pattern(46)))
    eventually(lambda: "port {}: forwarding -> error".format(a.port) in lab.switch.read_log(),
               "the port is shut down")
    lab.switch.wait_state(a.port, "forwarding")
    log = lab.switch.read_log()
    assert "more addresses than its mac_limit of 1 (tried again in 1 s" in log, log
    lab.expect(b, [frame(a.mac, b.mac, pattern(46))], [a])

    set_port(lab, a.port, mac_limit={"max": 1, "action": "shutdown", "recovery": 0})
    a.wire.send(frame(b.mac, one, pattern(46)), frame(b.mac, two, pattern(46)))
    lab.switch.wait_state(a.port, "error", "more addresses than its mac_limit of 1")
    assert lab.switch.call("port", "set", a.port, "up").returncode == 0
    lab.switch.wait_state(a.port, "forwarding")
    lab.expect(b, [frame(a.mac, b.mac, pattern(46))], [a])
    assert lab.switch.dropped(a.port, "in")["mac_limit"] == 2
    lab.check()


@ringspan_only
def test_address_on_two_ports_is_held(lab):
    a, b, c = lab.start_with_hosts(3, fdb={"move_limit": {"max": 5, "hold": 3600}})
    lab.teach(c)
    twin, other = stations(2)

    def fight(mac):
        for n in range(20):
            sender = (a, b)[n % 2]
            sender.wire.send(frame(c.mac, mac, pattern(46)))
            assert c.wire.receive() == frame(c.mac, mac, pattern(46))
    fight(twin)
    assert lab.switch.fdb()[twin] == b.port
    counters = lab.switch.query("bridge")[0]["fdb"]
    assert (counters["moved"], counters["held"], counters["refused_moves"]) == (5, 1, 7), counters
    assert lab.switch.port(b.port)["fdb"]["moved_in"] == 3
    log = lab.switch.read_log()
    assert "{} in vlan 0 of lab0 moved 5 times in 180 s: it stays on {} for 3600 s".format(
        twin, b.port) in log, log
    lab.switch.write_config([host.port for host in lab.hosts],
                            fdb={"move_limit": {"max": 5, "hold": 1}})
    lab.switch.query("reload")
    fight(other)
    assert lab.switch.query("bridge")[0]["fdb"]["held"] > 1
    there = lab.switch.fdb()[other]
    mover = b if there == a.port else a

    def moves_again():
        mover.wire.send(frame(c.mac, other, pattern(46)))
        return lab.switch.fdb()[other] == mover.port
    eventually(moves_again, "the hold is over")
    lab.check()


@ringspan_only
@time_limit(150)
def test_dump_of_a_large_table(lab):
    """All addresses of a full table, while others talk: each once, and no frame is lost."""
    a, b, c, d = lab.start_with_hosts(4, fdb={"max_entries": N_LARGE + 16})
    lab.teach(*lab.hosts)
    for start in range(0, N_LARGE, 512):
        burst = [from_address(b, n) for n in range(start, start + 512)]
        a.wire.send(*burst)
        assert b.wire.receive_until(lambda raw: raw == burst[-1], 10) == burst
    with Traffic(c, d) as traffic:
        eventually(lambda: traffic.frames > 0 or traffic.failure, "traffic goes on")
        before = traffic.frames
        rows = lab.switch.query("fdb")
        during = traffic.frames - before
    print("frames during the dump: {}".format(during))
    assert during > 0
    expected = {raw_address(n): a.port for n in range(N_LARGE)}
    expected.update((host.mac, host.port) for host in lab.hosts)
    assert len(rows) == len(expected), len(rows)
    assert {row["mac"]: row["port"] for row in rows} == expected
    lab.check()


if __name__ == "__main__":
    main()
