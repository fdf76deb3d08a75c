#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What can stop a ring, provoked on real devices: nothing behind it may suffer.

The daemon is stopped while frames wait in its receive ring and the egress is spoiled, so that it
sends with yesterday's knowledge; or while more frames come than the ring has room for.
"""

import struct
from random import Random

from lab import eventually, ip, main, ringspan_only, run
from lab.tap import unspeakable_frame
from lab.wire import BROADCAST, frame_of_length, pattern

COUNT = 300


def frames_to(sender, receiver, count=COUNT, length=100):
    """Numbered, so that stale ones can be told."""
    return [sender.frame(receiver, b"%06d" % i + pattern(length)) for i in range(count)]


def lost(lab, port):
    return sum(lab.switch.dropped(port, "out").values())


def spoil_while_frames_wait(lab, spoil):
    """a's frames to b and to everybody wait while spoil(b) happens; c gets its share exactly."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    frames = frames_to(a, b) + frames_to(a, BROADCAST)
    last = a.sentinel()
    with lab.switch.stopped():
        a.wire.send(*frames, last)
        spoil(b)
    to_c = [raw for raw in c.wire.receive_until_sentinel(last) if raw.startswith(b"\xff")]
    assert to_c == frames[COUNT:]
    lab.check()
    return a, b, c


@ringspan_only
def test_device_down(lab):
    a, b, c = spoil_while_frames_wait(lab, lambda b: ip("link", "set", b.port, "down"))
    lab.switch.wait_state(b.port, "down")
    ip("link", "set", b.port, "up")
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b, c])  # nothing stale


@ringspan_only
def test_device_down_and_up(lab):
    """The flap is over before the daemon looks: what waits may be sent, all or in part, in order."""
    def flap(b):
        ip("link", "set", b.port, "down")
        ip("link", "set", b.port, "up")
    a, b, c = spoil_while_frames_wait(lab, flap)
    lab.wait_connected(b)
    last = a.sentinel()
    a.wire.send(last)
    b.wire.receive_until_sentinel(last)
    c.wire.receive_until_sentinel(last)
    lab.expect(a, frames_to(a, BROADCAST), [b, c])


@ringspan_only
def test_no_carrier(lab):
    a, b, c = spoil_while_frames_wait(lab, lambda b: b.ip("link", "set", "eth0", "down"))
    lab.switch.wait_state(b.port, "down")
    b.ip("link", "set", "eth0", "up")
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_device_gone(lab):
    a, b, c = spoil_while_frames_wait(lab, lambda b: ip("link", "del", b.port))
    lab.switch.wait_state(b.port, "waiting")
    b.cable()
    lab.wait_connected(b)
    b.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_mtu_lowered(lab):
    """The daemon believes in the old MTU while it sends."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    long, short = frame_of_length(b.mac, a.mac, 1500), frames_to(a, b, 100)
    last = a.sentinel()
    with lab.switch.stopped():
        a.wire.send(*short[:50], long, *short[50:], long, last)
        ip("link", "set", b.port, "mtu", "1000")
        b.ip("link", "set", "eth0", "mtu", "1000")
    b.wire.expect(short, last)
    c.wire.expect([], last)
    lab.check()
    assert lost(lab, b.port) == 2


@ringspan_only
def test_shaped_egress(lab):
    """A queue that is full for one port holds up no other, and opens again."""
    a, b, c = lab.start_with_hosts(3)
    run("tc", "qdisc", "add", "dev", b.port, "root", "tbf", "rate", "8mbit", "burst", "4000",
        "limit", "20000")
    for _ in range(5):
        last = a.sentinel()
        frames = frames_to(a, BROADCAST, length=1000)
        a.wire.send(*frames, last)
        c.wire.expect(frames, last)
        lab.check()
    assert lost(lab, b.port) > 0
    run("tc", "qdisc", "del", "dev", b.port, "root")
    c.wire.receive_until_sentinel(settle(a, b))
    lab.expect(a, frames_to(a, BROADCAST), [b, c])


@ringspan_only
def test_slow_egress_with_a_deep_queue(lab):
    """The qdisc keeps ring slots for longer than a batch lasts."""
    a, b, c = lab.start_with_hosts(3)
    lab.switch.stay_on_one_cpu()
    run("tc", "qdisc", "add", "dev", b.port, "root", "tbf", "rate", "20mbit", "burst", "4000",
        "limit", "4000000")
    for _ in range(5):
        last = a.sentinel()
        frames = frames_to(a, BROADCAST, length=1000)
        a.wire.send(*frames, last)
        c.wire.expect(frames, last)
        got = [raw for raw in b.wire.receive_until_sentinel(last)]
        assert got == [raw for raw in frames if raw in set(got)], "out of order"
        lab.check()
    run("tc", "qdisc", "del", "dev", b.port, "root")
    lab.expect(a, frames_to(a, BROADCAST), [b, c])


def settle(sender, receiver):
    """Sends sentinels until one arrives, which it returns: the queue in between has room again."""
    while True:
        last = sender.sentinel()
        sender.wire.send(last)
        if last in receiver.wire.receive_until(lambda raw: raw == last, timeout=0.2):
            return last


def test_tap_whose_owner_does_not_read(lab):
    a, b = lab.add_hosts(2)
    device = lab.add_tap("vm1")
    lab.capture_everywhere()
    lab.start(["vm1"])
    for _ in range(10):
        lab.expect(a, frames_to(a, BROADCAST), [b])
    while device.receive(timeout=0):
        pass
    last = a.sentinel()
    a.wire.send(last)
    assert device.receive_until_sentinel(last) == []


def hostile_frame(random, source):
    """An offload header and a frame behind it, each likely enough to get past the kernel."""
    size = random.choice((14, 15, 33, 60, 200, 1514, 3000, 9000, 40000, 65535))
    vnet = struct.pack("=BBHHHH", random.choice((0, 1, 2, 3)), random.choice((0, 1, 3, 4, 5, 0x81)),
                       random.choice((0, 14, 54, 66, size, 65535)),
                       random.choice((0, 1, 100, 1400, 65535)),
                       random.choice((0, 14, 34, 54, size - 1, size, 65535)),
                       random.choice((0, 6, 16, 1000, 65535)))
    ethertype = random.choice((b"\x08\x00\x45", b"\x86\xdd\x60", b"\x81\x00\x00",
                               b"\x88\xa8\x00", b"\x88\xb5\x00"))
    protocol = random.choice((6, 17, 0, 255))
    body = bytearray(b"\xff" * 6 + source + ethertype + random.randbytes(size))[:size]
    for offset in (20, 23):  # where IPv6 and IPv4 have it
        if len(body) > offset:
            body[offset] = protocol
    return vnet + bytes(body)


@ringspan_only
def test_hostile_offload_headers(lab):
    """A guest behind a tap writes what it likes."""
    machine = lab.add_tap("vm1", vnet=True)
    lab.add_tap("vm2")  # takes no offloads: the kernel has to make sense of each frame
    a, b = lab.add_hosts(2)
    lab.start(["vm1", "vm2"])
    random = Random(1)
    taken = sum(machine.try_send_raw(hostile_frame(random, b"\x02\0\0\0\x77\x01"))
                for _ in range(4000))
    print("{} of 4000 got past the kernel".format(taken))
    assert taken > 100
    lab.check()
    eventually(lambda: lab.switch.counters("vm1", "kernel")["unread"] == 0, "all are read")
    lab.capture_everywhere()
    lab.teach(a)
    lab.expect(a, frames_to(a, b, 100), [b])


@ringspan_only
def test_offload_that_the_kernel_has_no_word_for(lab):
    """The kernel loses a slot of the ring, and with it all that come after: the port hears again,
    as often as it happens, and each frame that was dropped meanwhile is in the ledger."""
    machine = lab.add_tap("vm1", vnet=True)
    (a,) = lab.add_hosts(1)
    lab.capture_everywhere()
    lab.start(["vm1"])
    lab.teach(a)
    source = b"\x02\0\0\0\x77\x01"

    def look():
        """How often its ring was made anew, and what was heard of it, while both talk: somebody is
        heard, so that all ports are looked at soon."""
        machine.send(b"\xff" * 6 + source + b"\x88\xb5" + bytes(50))
        a.wire.send(a.sentinel())
        return (lab.switch.port("vm1")["ring"]["renewals"],
                lab.switch.counters("vm1", "in")["received"])

    for count in range(1, 4):
        assert machine.try_send_raw(unspeakable_frame(source))
        eventually(lambda: look()[0] == count, "its ring is made anew")
        _, heard = look()
        eventually(lambda: look()[1] > heard, "vm1 is heard again")
        lab.check()
    assert "forwarding ->" not in lab.switch.read_log()
    assert lab.switch.fdb()[a.mac] == a.port


@ringspan_only
def test_receive_ring_overflows(lab):
    """What does not fit is missing, counted; what follows is whole."""
    a, b = lab.start_with_hosts(2)
    frames = frames_to(a, BROADCAST, count=20000, length=20)
    with lab.switch.stopped():
        a.wire.send(*frames)
    slots = lab.switch.port(a.port)["ring"]["rx_slots"]
    last = a.sentinel()
    eventually(lambda: lab.switch.counters(a.port, "in")["received"] >= slots, "ring is read")
    a.wire.send(last)
    assert b.wire.receive_until_sentinel(last) == frames[:slots]
    assert lab.switch.counters(a.port, "kernel")["tp_drops"] == len(frames) - slots


@ringspan_only
def test_receive_buffer_overflows(lab):
    """Frames larger than a slot share the socket's buffer; small ones among them need none."""
    a, b = lab.start_with_hosts(2, mtu=9000)
    frames = [a.frame(BROADCAST, b"%06d" % i + pattern(8900 if i % 2 else 50))
              for i in range(4000)]
    last = a.sentinel()
    with lab.switch.stopped():
        a.wire.send(*frames, last)
    got = b.wire.receive_until_sentinel(last)
    assert [raw for raw in got if len(raw) < 1000] == frames[0::2]
    assert got == [raw for raw in frames if raw in set(got)], "altered or out of order"
    assert lab.switch.dropped(a.port, "in") == {"truncated": len(frames) - len(got)}
    assert len(got) < len(frames), "the buffer did not overflow"
    lab.expect(a, frames[:50], [b])


if __name__ == "__main__":
    main()
