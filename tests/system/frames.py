#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Frames arrive byte for byte: every length, every tag."""

from lab import main, time_limit
from lab.wire import TPID_C, TPID_S, frame_of_length, pattern, tag

MTU = 1500
HEADER = 14
TAG = 4
TAGGED_MIN = 20  # the kernel takes a tag off only if a type and two bytes follow it

TAG_STACKS = {
    "C": [tag(TPID_C, 5)],
    "S": [tag(TPID_S, 5)],
    "C, highest VID": [tag(TPID_C, 4095)],
    "C, priority tag": [tag(TPID_C, 0, pcp=5)],
    "S, priority tag": [tag(TPID_S, 0, pcp=3, dei=1)],
    "C, PCP and DEI": [tag(TPID_C, 100, pcp=7, dei=1)],
    "S, PCP and DEI": [tag(TPID_S, 100, pcp=6, dei=1)],
    "C, all zero": [tag(TPID_C, 0)],
    "C in S": [tag(TPID_S, 10), tag(TPID_C, 20)],
    "S in C": [tag(TPID_C, 10), tag(TPID_S, 20)],
    "C in C": [tag(TPID_C, 10), tag(TPID_C, 20)],
    "S in S": [tag(TPID_S, 10, pcp=1), tag(TPID_S, 20, pcp=2)],
    "equal C": [tag(TPID_C, 7), tag(TPID_C, 7)],
    "equal S": [tag(TPID_S, 7, pcp=7, dei=1), tag(TPID_S, 7, pcp=7, dei=1)],
    "three": [tag(TPID_S, 1), tag(TPID_C, 2), tag(TPID_C, 3)],
    "priority tag outside": [tag(TPID_C, 0), tag(TPID_C, 9)],
    "unknown TPID": [tag(0x9100, 33)],
    "unknown TPID outside": [tag(0x9100, 33), tag(TPID_C, 34)],
    "unknown TPID inside": [tag(TPID_C, 34), tag(0x9100, 33)],
}


def in_portions(frames, size=128):
    """Small enough for any queue on the way; the tests are about bytes, not about load."""
    for start in range(0, len(frames), size):
        yield frames[start:start + size]


def cross(lab, frames, both_ways=True):
    """The frames for h2 go from h1 to h2, and the same bytes back."""
    left, right = lab.hosts[:2]
    for portion in in_portions(frames):
        lab.expect(left, portion, [right])
        if both_ways:
            lab.expect(right, portion, [left])


def test_every_length_untagged(lab):
    lab.start_with_hosts(2)
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length)
                for length in range(HEADER, MTU + HEADER + 1)])


def test_every_length_tagged(lab):
    lab.start_with_hosts(2)
    tags = [tag(TPID_C, 1234, pcp=3)]
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length, tags)
                for length in range(TAGGED_MIN, MTU + HEADER + TAG + 1)])


def test_every_length_s_tagged(lab):
    # A packet socket sends no S-tagged frame above MTU + 14; a tap does, see mtu.py.
    lab.start_with_hosts(2)
    tags = [tag(TPID_S, 1234, dei=1)]
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length, tags)
                for length in range(TAGGED_MIN, MTU + HEADER + 1)])


def test_every_length_double_tagged(lab):
    lab.start_with_hosts(2)
    tags = [tag(TPID_S, 1, pcp=1), tag(TPID_C, 2, dei=1)]
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length, tags)
                for length in range(HEADER + 2 * TAG, MTU + HEADER + 1)], both_ways=False)


@time_limit(120)
def test_lengths_of_jumbo_frames(lab):
    """Around a ring slot, a page, and the MTU; tagged and not."""
    lab.start_with_hosts(2, mtu=9000)
    around = [length + delta for length in (2048, 4096, 8192) for delta in range(-90, 10)]
    lengths = around + list(range(8990, 9015))
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length)
                for length in lengths])
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length, [tag(TPID_C, 9)])
                for length in lengths + list(range(9015, 9019))])


def test_tags(lab):
    """Flooded and unicast, each stack of tags alone and all in a row."""
    left, right, third = lab.start_with_hosts(3)
    for payload in (pattern(2), pattern(46), pattern(1400)):
        frames = [left.frame("02:00:00:00:99:01", payload, tags=tags)
                  for tags in TAG_STACKS.values()]
        lab.expect(left, frames, [right, third])
    lab.teach(right)
    frames = [left.frame(right, pattern(64), tags=tags) for tags in TAG_STACKS.values()]
    lab.expect(left, frames, [right])


def test_all_tci_bits(lab):
    left, right = lab.start_with_hosts(2)
    frames = [left.frame("02:00:00:00:99:01", pattern(46), tags=[tag(tpid, 1 << bit & 0xFFF,
                                                                     pcp=(1 << bit) >> 13,
                                                                     dei=(1 << bit) >> 12 & 1)])
              for tpid in (TPID_C, TPID_S) for bit in range(16)]
    cross(lab, frames)


def test_tagged_and_untagged_keep_their_order(lab):
    left, right = lab.start_with_hosts(2, mtu=9000)
    frames = []
    for i in range(60):
        tags = [tag(TPID_C, i)] if i % 2 else []
        # Every third is larger than a ring slot and takes another way through the switch.
        frames.append(left.frame("02:00:00:00:99:01", pattern(5000 if i % 3 == 0 else 50 + i),
                                 tags=tags))
    lab.expect(left, frames, [right])


def test_jumbo_frames_in_a_row(lab):
    """More of them than the switch takes at a time, with short ones between them."""
    lab.start_with_hosts(2, mtu=9000)
    lengths = [60 + i if i % 5 == 3 else 9014 - 37 * i for i in range(120)]
    cross(lab, [frame_of_length("02:00:00:00:99:01", "02:00:00:00:99:02", length)
                for length in lengths])


def test_length_fields_and_odd_ethertypes(lab):
    """802.3 length fields, LLC, and types that a stack would rather interpret."""
    left, right = lab.start_with_hosts(2)
    types = (0x0000, 0x0001, 0x0026, 0x05DC, 0x05DD, 0x0600, 0x0800, 0x0806, 0x86DD, 0x8863, 0x8864,
             0x8847, 0x88CC, 0x8808, 0x9000, 0xFFFF)
    frames = [left.frame("02:00:00:00:99:01", pattern(60), ethertype=ethertype)
              for ethertype in types]
    cross(lab, frames)


if __name__ == "__main__":
    main()
