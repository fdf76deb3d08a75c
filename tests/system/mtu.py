#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Frames that are too long for one egress, and only for this one."""

from lab import eventually, ip, main, ringspan_only
from lab.wire import BROADCAST, TPID_C, TPID_S, frame_of_length, tag

UNKNOWN = "02:00:00:00:99:01"


def three_hosts_one_small(lab):
    """h1 and h2 with jumbo frames, h3 with 1500."""
    left, right = lab.add_hosts(2, mtu=9000)
    (small,) = lab.add_hosts(1, mtu=1500)
    lab.capture_everywhere()
    lab.start()
    return left, right, small


def dropped_too_long(lab, host):
    return lab.switch.dropped(host.port, "out").get("too_long", 0)


def test_too_long_for_one_egress(lab):
    left, right, small = three_hosts_one_small(lab)
    fits = frame_of_length(BROADCAST, left.mac, 1514)
    tagged = frame_of_length(BROADCAST, left.mac, 1518, [tag(TPID_C, 1)])
    too_long = [frame_of_length(BROADCAST, left.mac, 1515),
                frame_of_length(BROADCAST, left.mac, 1519, [tag(TPID_C, 1)]),
                frame_of_length(BROADCAST, left.mac, 5000),
                frame_of_length(BROADCAST, left.mac, 9014)]
    last = left.sentinel()
    left.wire.send(too_long[0], fits, too_long[1], tagged, *too_long[2:], last)
    right.wire.expect([too_long[0], fits, too_long[1], tagged] + too_long[2:], last)
    if lab.switch.is_ringspan:
        small.wire.expect([fits, tagged], last)
        assert lab.switch.dropped(small.port, "out") == {"too_long": len(too_long)}
        assert lab.switch.dropped(right.port, "out") == {}
    else:
        # The kernel's bridge grants the four bytes of a tag to untagged frames too, and counts
        # a tagged frame without its tag.
        small.wire.expect([too_long[0], fits, too_long[1], tagged], last)


@ringspan_only
def test_each_egress_has_those_that_fit_in_order(lab):
    left, right = lab.add_hosts(2, mtu=9000)
    (middle,) = lab.add_hosts(1, mtu=4000)
    (small,) = lab.add_hosts(1, mtu=1500)
    lab.capture_everywhere()
    lab.start()
    lengths = [(9014, 60, 4014, 1514, 2007, 4015, 1515)[i % 7] - i // 7 for i in range(70)]
    frames = [frame_of_length(UNKNOWN, left.mac, length) for length in lengths]
    last = left.sentinel()
    left.wire.send(*frames, last)
    for host, mtu in ((right, 9000), (middle, 4000), (small, 1500)):
        host.wire.expect([frame for frame in frames if len(frame) <= mtu + 14], last)


@ringspan_only
def test_unicast_too_long(lab):
    left, right, small = three_hosts_one_small(lab)
    lab.teach(small)
    lab.expect(left, [frame_of_length(small.mac, left.mac, 1515)], [])
    assert lab.switch.dropped(small.port, "out") == {"too_long": 1}


@ringspan_only
def test_mtu_is_followed(lab):
    left, right, small = three_hosts_one_small(lab)
    frame = frame_of_length(UNKNOWN, left.mac, 3000)
    lab.expect(left, [frame], [right])
    small.ip("link", "set", "eth0", "mtu", "4000")
    ip("link", "set", small.port, "mtu", "4000")
    wait_mtu(lab, small, 4000)
    lab.expect(left, [frame], [right, small])
    ip("link", "set", small.port, "mtu", "1000")
    wait_mtu(lab, small, 1000)
    lab.expect(left, [frame_of_length(UNKNOWN, left.mac, 1015)], [right])
    assert dropped_too_long(lab, small) == 2


def wait_mtu(lab, host, mtu):
    eventually(lambda: lab.switch.port(host.port)["mtu"] == mtu, "MTU is followed")


def test_s_tagged_at_full_mtu(lab):
    """A packet socket refuses to send it plainly; the kernel's bridge passes it."""
    device = lab.add_tap("vm1")
    (right,) = lab.add_hosts(1)
    lab.capture_everywhere()
    lab.start(["vm1"])
    frames = [frame_of_length(UNKNOWN, "02:00:00:00:77:01", length, [tag(TPID_S, 5)])
              for length in (1514, 1515, 1517, 1518)]
    last = frame_of_length(UNKNOWN, "02:00:00:00:77:01", 99)
    device.send(*frames, last)
    right.wire.expect(frames, last)


def test_peer_with_a_smaller_mtu(lab):
    """No check of the switch can see it. What follows such a frame must not suffer."""
    left, right, third = lab.start_with_hosts(3, mtu=9000)
    right.ip("link", "set", "eth0", "mtu", "1500")
    long = frame_of_length(UNKNOWN, left.mac, 1900)
    short = [frame_of_length(UNKNOWN, left.mac, length) for length in range(60, 100)]
    frames = short[:20] + [long] + short[20:]
    last = left.sentinel()
    left.wire.send(*frames, last)
    right.wire.expect(short, last)
    third.wire.expect(frames, last)
    lab.check()
    lab.expect(left, short, [right, third])


if __name__ == "__main__":
    main()
