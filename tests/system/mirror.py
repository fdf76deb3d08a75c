#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Mirrors on real interfaces: exact counts, superframes, reloads, and copies that cross a VLAN."""

import os

from capture import Capturing
from lab import eventually, main, ringspan_only
from lab.laboratory import lay_cable
from lab.pcapng import OUT
from lab.wire import BROADCAST, frame, pattern
from offloads import longest, stream
from vlan import access, trunk

MEBIBYTE = 1 << 20
PAUSE = "01:80:c2:00:00:01"
IPV4, ICMP = b"\x08\x00", 1


def span(probe, *sources, **keys):
    """Of these ports, in both directions."""
    return dict(keys, name="span", output_port=probe.port, **{"from": [{"port": host.port} for host in sources]})


def start(lab, count, addresses=False):
    """The first host is copied to the last, which is silent."""
    hosts = lab.add_hosts(count)
    for host in hosts[:-1] if addresses else ():
        host.address()
    lab.capture_everywhere()
    lab.start(mirror=[span(hosts[-1], hosts[0])])
    return hosts


def counters(lab):
    row, = lab.switch.query("mirror")
    assert row["ready"] and row["selected"] == row["packets"] + row["dropped"], row
    return row["packets"], row["bytes"], row["dropped"]


def is_echo(raw):
    return raw[12:14] == IPV4 and raw[23] == ICMP


@ringspan_only
def test_what_is_copied(lab):
    a, b, c, probe = start(lab, 4)
    last = a.sentinel()
    a.wire.send(last)
    for host in (b, c, probe):
        host.wire.receive_until_sentinel(last)
    answer = b.frame(a)
    b.wire.send(answer)
    a.wire.expect([], answer)
    probe.wire.expect([], answer)
    copied = [frame(b.mac, a.mac, pattern(500)), frame(PAUSE, a.mac, b"dropped"), frame(a.mac, a.mac, b"same port")]
    others = [frame(b.mac, c.mac, b"between others"), frame(BROADCAST, probe.mac, b"of the probe")]
    before = counters(lab)
    with Capturing(lab, "--port", probe.port) as capture:
        c.wire.send(others[0])
        b.wire.expect([], others[0])
        probe.wire.send(others[1])
        eventually(lambda: lab.switch.dropped(probe.port, "in") == {"mirror_destination": 1}, "a frame in vain")
        last = a.sentinel()
        a.wire.send(*copied, last)
        probe.wire.expect(copied, last)
        b.wire.expect(copied[:1], last)
        c.wire.expect([], last)
    packets = capture.file.of(probe.port, OUT)
    assert [packet.raw for packet in packets] == copied + [last]
    assert {packet.comment for packet in packets} == {"mirror span: sent, from " + a.port}
    after = counters(lab)
    assert (after[0] - before[0], after[2]) == (4, 0), (before, after)
    assert probe.mac not in lab.switch.fdb()
    explained, = lab.switch.query("explain", "--port", a.port, "--dst", PAUSE, "--src", a.mac)
    assert explained["reason"] == "mac_control"
    assert [(row["mirror"], row["port"], row["outcome"]) for row in explained["mirrors"]] == [
        ("span", probe.port, "send")]


@ringspan_only
def test_pings_and_superframes(lab):
    a, b, probe = start(lab, 3, addresses=True)
    a.ping(b.v4)
    stream(a, b, 4 * MEBIBYTE)
    last = a.sentinel()
    a.wire.send(last)
    frames = probe.wire.receive_until_sentinel(last) + [last]

    def has_all():
        """Whoever says goodbye may do so after the sentinel."""
        frames.extend(probe.wire.drain())
        return counters(lab) == (len(frames), sum(map(len, frames)), 0)
    eventually(has_all, "as many frames as were counted")
    assert len([raw for raw in frames if is_echo(raw)]) == 6, "three echoes, and their answers"
    assert longest(frames) > 20000
    assert lab.switch.counters(probe.port, "out")["accepted"] >= len(frames)


@ringspan_only
def test_reloads(lab):
    a, b, probe = start(lab, 3)
    ports = [{"name": host.port} for host in (a, b, probe)]

    def reload(**keys):
        lab.switch.write_bridges(dict(keys, name="lab0", ports=ports))
        return [(row["key"], row["disruption"]) for row in lab.switch.query("reload")]
    lab.expect(a, [a.frame(BROADCAST)], [b, probe])
    before = counters(lab)
    assert reload(mirror=[span(probe, a, snaplen=64)]) == [("mirror", "none")]
    last = a.sentinel()
    a.wire.send(a.frame(BROADCAST, pattern(200)), last)
    assert [len(raw) for raw in probe.wire.receive_until_sentinel(last)] == [64]
    b.wire.receive_until_sentinel(last)
    assert counters(lab)[0] == before[0] + 2
    assert reload() == [("mirror", "none")]
    lab.expect(a, [a.frame(BROADCAST)], [b, probe])
    lab.expect(probe, [probe.frame(BROADCAST)], [a, b])
    assert lab.switch.query("mirror") == []
    assert reload(mirror=[span(probe, a)]) == [("mirror", "flush")]
    assert probe.mac not in lab.switch.fdb()


@ringspan_only
def test_ports_of_patterns(lab):
    """A source by a pattern, and one by a name that a pattern makes; they come and go."""
    a, b, probe = lab.add_hosts(3)
    lab.capture_everywhere()
    sources = [{"match": a.port[:-1] + "[" + a.port[-1] + "]", "direction": "ingress"},
               {"port": b.port, "direction": "egress"}]
    lab.switch.write_bridges({
        "name": "lab0", "ports": [{"name": probe.port}, {"match": os.path.commonprefix([a.port, b.port]) + "*"}],
        "mirror": [{"name": "span", "from": sources, "output_port": probe.port}]})
    lab.switch.launch()
    for host in (a, b, probe):
        lab.wait_connected(host)
    row, = lab.switch.query("mirror")
    assert (row["ingress"], row["egress"]) == ([a.port], [b.port]), row
    assert sorted(row["from"], key=str) == sorted(sources, key=str), row
    lab.expect(a, [a.frame(BROADCAST)], [b, probe])
    assert counters(lab)[0] == 2
    last = b.sentinel()
    b.wire.send(last)
    a.wire.receive_until_sentinel(last)
    lab.expect(a, [a.frame(BROADCAST)], [b, probe])
    assert counters(lab)[0] == 4


@ringspan_only
def test_copies_cross_a_vlan(lab):
    a, b, probe, other = lab.add_hosts(4)
    lab.capture_everywhere()
    lay_cable("x0", "x1")
    here = [{"name": a.port, "vlan": access(10)}, {"name": b.port, "vlan": access(10)},
            {"name": "x0", "vlan": trunk(99)}]
    there = [{"name": "x1", "vlan": trunk(99)}, {"name": probe.port, "vlan": access(99)},
             {"name": other.port, "vlan": access(20)}]
    lab.switch.write_bridges(
        {"name": "lab0", "vlan_aware": True, "ports": here,
         "mirror": [{"name": "rspan", "output_vlan": 99}]},
        {"name": "lab1", "vlan_aware": True, "ports": there, "flood_vlans": [99],
         "mirror": [{"name": "back", "output_vlan": 99}]})  # which would go round and round
    lab.switch.launch()
    for sender, receiver in ((a, b), (b, a), (a, b)):
        frames = [sender.frame(receiver, pattern(100)), sender.frame(PAUSE)]
        last = sender.sentinel()
        sender.wire.send(*frames, last)
        probe.wire.expect(frames[:1], last)  # the next switch would take the other for its own
        receiver.wire.expect(frames[:1], last)
    last = other.sentinel()
    other.wire.send(last)
    probe.wire.expect([], last)
    eventually(lambda: lab.switch.counters("x0", "in")["received"] == 1, "the only one that went back")
    rows = {row["mirror"]: row for row in lab.switch.query("mirror")}
    assert [rows[name]["selected"] for name in ("rspan", "back")] == [6, 1], rows
    assert [rows[name]["packets"] for name in ("rspan", "back")] == [6, 2], rows
    assert set(lab.switch.fdb().values()) == {a.port, b.port, other.port}
    assert other.wire.drain() == []


if __name__ == "__main__":
    main()
