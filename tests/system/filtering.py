#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What must not cross: bad sources, reserved destinations; and what must not upset anything."""

from lab import eventually, main, ringspan_only
from lab.wire import BROADCAST, TPID_C, Wire, frame, mac_bytes, pattern, tag

GROUP_SOURCE = "03:00:00:00:00:01"
ZERO_SOURCE = "00:00:00:00:00:00"
RESERVED = ["01:80:c2:00:00:%02x" % low for low in range(16)]
PRESETS = {
    "transparent": set(range(16)) - {1},
    "all": set(range(16)),
    "customer_bridge": set(),
    "provider_bridge": {0x0, 0xB, 0xC, 0xD, 0xF},
}


def test_bad_sources_are_dropped(lab):
    left, right = lab.start_with_hosts(2)
    bad = [frame(right.mac, GROUP_SOURCE), frame(right.mac, BROADCAST), frame(BROADCAST, ZERO_SOURCE),
           frame(BROADCAST, GROUP_SOURCE, pattern(46), tags=[tag(TPID_C, 7)])]
    lab.expect(left, bad, [])
    if lab.switch.is_ringspan:
        assert lab.switch.dropped(left.port, "in") == {"source_group": 3, "source_zero": 1}
    assert set(lab.switch.fdb()) <= {left.mac, right.mac}


def check_preset(lab, crossing):
    """Each reserved address, untagged and tagged: exactly those of `crossing` cross."""
    left, right = lab.hosts
    sent, wanted = [], []
    for low, address in enumerate(RESERVED):
        for tags in ([], [tag(TPID_C, 7, pcp=7)]):
            sent.append(left.frame(address, pattern(50), tags=tags))
            if low in crossing:
                wanted.append(sent[-1])
    last = left.sentinel()
    left.wire.send(*sent, last)
    right.wire.expect(wanted, last)
    lab.check()


def reserved_drops(crossing):
    """{reason: count} for both frames to each address that does not cross."""
    counts = {"mac_control": 2 * (1 not in crossing),
              "reserved": 2 * len(set(range(16)) - crossing - {1})}
    return {reason: count for reason, count in counts.items() if count}


def test_reserved_addresses_by_default(lab):
    lab.start_with_hosts(2)
    if not lab.switch.is_ringspan:
        check_preset(lab, set(range(16)) - {1, 2})  # what the kernel's bridge can be told
        return
    check_preset(lab, PRESETS["transparent"])
    assert lab.switch.dropped("p1", "in") == {"mac_control": 2}


def reserved_preset_test(name):
    @ringspan_only
    def test(lab):
        lab.start_with_hosts(2, reserved=name)
        check_preset(lab, PRESETS[name])
        assert lab.switch.dropped("p1", "in") == reserved_drops(PRESETS[name])
    return test


test_reserved_transparent = reserved_preset_test("transparent")
test_reserved_all = reserved_preset_test("all")
test_reserved_customer_bridge = reserved_preset_test("customer_bridge")
test_reserved_provider_bridge = reserved_preset_test("provider_bridge")


def test_neighbours_of_the_reserved_block_cross(lab):
    left, right = lab.start_with_hosts(2)
    addresses = ("01:80:c2:00:00:10", "01:80:c2:00:00:ff", "01:80:c1:ff:ff:ff", "01:80:c2:00:01:01",
                 "01:00:5e:00:00:01", "33:33:00:00:00:01", "01:00:0c:cc:cc:cc", "00:00:00:00:00:00")
    lab.expect(left, [left.frame(address, pattern(50)) for address in addresses], [right])


@ringspan_only
def test_what_is_dropped_teaches_nothing(lab):
    left, right = lab.start_with_hosts(2)
    pause = frame("01:80:c2:00:00:01", "02:00:00:00:55:55", pattern(46), ethertype=0x8808)
    lab.expect(left, [pause], [])
    assert "02:00:00:00:55:55" not in lab.switch.fdb()


def test_frame_to_its_own_source_and_port(lab):
    """Never back to where it came from, also when the destination lives there."""
    left, right = lab.start_with_hosts(2)
    lab.teach(left)
    lab.expect(left, [left.frame(left, pattern(46))], [])
    lab.expect(left, [frame(left.mac, "02:00:00:00:00:77", pattern(46))], [])
    assert left.wire.drain() == []
    if lab.switch.is_ringspan:
        assert lab.switch.dropped(left.port, "in") == {"same_port": 2}


def test_frames_that_the_switch_host_sends_are_not_received(lab):
    """What leaves through a port from outside the switch goes to the cable and nowhere else."""
    not_isolated = {"isolate_host": False} if lab.switch.is_ringspan else {}
    left, right = lab.start_with_hosts(2, **not_isolated)
    raw = frame(BROADCAST, "02:00:00:00:00:77", pattern(46))
    outside = Wire(left.port)
    outside.send(raw)
    assert left.wire.receive() == raw
    lab.expect(left, [], [])
    if lab.switch.is_ringspan:
        assert lab.switch.fdb() == {left.mac: left.port}


@ringspan_only
def test_single_port_has_no_egress(lab):
    (only,) = lab.start_with_hosts(1)
    only.wire.send(only.frame(BROADCAST))
    eventually(lambda: lab.switch.dropped(only.port, "in") == {"no_egress": 1}, "no_egress counted")


def test_malformed_frames_upset_nothing(lab):
    """Cut headers of every protocol that anything on the way may want to parse."""
    left, right = lab.start_with_hosts(2)
    addresses = mac_bytes(right.mac) + mac_bytes(left.mac)
    ethertypes = (0x0800, 0x86DD, 0x0806, 0x88A8, 0x8100, 0x9100, 0x8847, 0x88E7, 0x8863, 0x0004)
    for ethertype in ethertypes:
        for length in range(14, 60):
            left.wire.send((addresses + ethertype.to_bytes(2, "big") + b"\xff" * 64)[:length])
    lab.teach(left)
    lab.teach(right)
    lab.expect(left, [left.frame(right, pattern(300))], [right])


if __name__ == "__main__":
    main()
