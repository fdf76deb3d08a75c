#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Bridges that are no switch: hubs and wires."""

from lab import main, ringspan_only
from lab.wire import BROADCAST, TPID_C, TPID_S, frame, pattern, tag

RESERVED = ["01:80:c2:00:00:%02x" % low for low in range(16)] + ["01:00:0c:cc:cc:cc", "01:00:0c:cc:cc:cd"]
SOURCES = ["02:00:00:00:00:77", "03:00:00:00:00:01", "00:00:00:00:00:00", BROADCAST]


def bridge(*hosts, **settings):
    return dict(settings, name="lab0", ports=[{"name": host.port} for host in hosts])


def reload_with(lab, *bridges):
    lab.switch.write_bridges(*bridges)
    return [(row["key"], row["disruption"]) for row in lab.switch.query("reload")]


def everything(host):
    """Frames that a switch would not forward, or not without a question."""
    frames = [frame(address, source, pattern(50)) for address in RESERVED for source in SOURCES]
    frames += [frame(host.mac, host.mac, pattern(50)), frame("00:00:00:00:00:00", host.mac, pattern(50))]
    for tags in ([tag(TPID_C, 0)], [tag(TPID_C, 4095, 7, 1)], [tag(TPID_S, 5), tag(TPID_C, 6)],
                 [tag(0x9100, 5)]):
        frames += [frame(address, host.mac, pattern(50), tags=tags) for address in (BROADCAST, RESERVED[1])]
    return frames


@ringspan_only
def test_everything_crosses_a_wire(lab):
    a, b = lab.start_with_hosts(2, mode="wire")
    assert lab.switch.query("bridge")[0]["mode"] == "wire"
    for sender, receiver in ((a, b), (b, a)):
        lab.teach(sender, receiver)
        lab.expect(sender, everything(sender), [receiver])
        assert lab.switch.dropped(sender.port, "in") == {}
    assert lab.switch.fdb() == {}
    pause = lab.switch.port(a.port)["reserved"]["pause"]
    assert pause == {"policy": "forward", "forwarded": 8, "dropped": 0, "consumed": 0}


@ringspan_only
def test_a_hub_sends_everything_to_all_others(lab):
    a, b, c = lab.start_with_hosts(3, mode="hub")
    lab.teach(a, b, c)
    lab.expect(a, [a.frame(b, pattern(46)), a.frame(a, pattern(46)), a.frame(RESERVED[2])], [b, c])
    lab.expect(b, [b.frame(RESERVED[1]), frame(a.mac, SOURCES[1], pattern(46))], [])
    assert lab.switch.dropped(b.port, "in") == {"mac_control": 1, "source_group": 1}
    assert lab.switch.fdb() == {}


@ringspan_only
def test_hosts_talk_over_a_wire_and_over_a_hub(lab):
    a, b = lab.start_with_hosts(2, addresses=True, mode="wire")
    for address in (b.v4, b.v6):
        a.ping(address)
    lab.switch.write_bridges(bridge(a, b, mode="hub"))
    lab.switch.query("reload")
    for address in (b.v4, b.v6):
        a.ping(address)
    assert lab.switch.fdb() == {}


@ringspan_only
def test_modes_change_by_a_reload(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    assert reload_with(lab, bridge(a, b, mode="hub")) == [("mode", "flush")]
    assert lab.switch.fdb() == {}
    lab.expect(a, [a.frame(a, pattern(46))], [b])
    assert reload_with(lab, bridge(a, b, mode="wire")) == [("mode", "flush")]
    lab.expect(a, everything(a), [b])
    assert reload_with(lab, bridge(a, b)) == [("mode", "flush")]
    lab.teach(a, b)
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}
    lab.expect(a, [a.frame(a, pattern(46)), a.frame(RESERVED[1])], [])


@ringspan_only
def test_a_wire_keeps_its_two_ports(lab):
    a, b, c = lab.add_hosts(3)
    lab.switch.write_bridges(bridge(a, b, mode="wire"))
    lab.switch.launch()
    for command, why in ((("port", "del", a.port), "a wire has two ports, and this one has 1"),
                         (("port", "add", c.port), "a wire has two ports, and this one has 3"),
                         (("port", "set", a.port, "reserved", "all"), "everything crosses a wire"),
                         (("fdb", "add", a.mac, "port", a.port), "no static entries"),
                         (("fdb", "add", a.mac, "port", a.port, "dynamic"), "learns no addresses")):
        done = lab.switch.call(*command)
        assert done.returncode == 2 and why in done.stderr, (command, done.stderr)
    assert [row["name"] for row in lab.switch.query("port")] == [a.port, b.port]


if __name__ == "__main__":
    main()
