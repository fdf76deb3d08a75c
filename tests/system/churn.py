#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Interfaces that come, go and flap for a long time, beside traffic in which nothing is lost.

RINGSPAN_CHURN_SECONDS and RINGSPAN_CHURN_ROUNDS make it longer or shorter than a test run has time
for.
"""

import fcntl
import os
import socket
import struct
import time

from lab import eventually, ip, main, ringspan_only, time_limit
from lab.openmetrics import turns_of
from lab.space import ip_batch
from lab.traffic import TRAFFIC_TYPE, Traffic
from lab.wire import BROADCAST, pattern

FLAP_SECONDS = float(os.environ.get("RINGSPAN_CHURN_SECONDS", 5))
ROUNDS = int(os.environ.get("RINGSPAN_CHURN_ROUNDS", 100))
FLAPS_PER_SECOND = 100
# Of a daemon that does what each change asks of it, and sleeps in between. One that spins has a turn
# every few microseconds.
TURNS_PER_EVENT = 10
LOG_LINES_PER_INTERVAL = 11
LOG_INTERVAL = 10

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Switchable:
    """An interface that is set up and down without a process for each time."""

    def __init__(self, ifname):
        self.ifname = ifname.encode()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def set(self, is_up):
        request = struct.pack("16sH14x", self.ifname, 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(self.socket, SIOCGIFFLAGS, request))[1]
        flags = flags | IFF_UP if is_up else flags & ~IFF_UP
        fcntl.ioctl(self.socket, SIOCSIFFLAGS, struct.pack("16sH14x", self.ifname, flags))


def read_proc(lab, name):
    with open("/proc/%d/%s" % (lab.switch.process.pid, name)) as file:
        return file.read()


def cpu_seconds(lab):
    fields = read_proc(lab, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def turns_and_events(lab):
    """Turns of its loop so far, and what the kernel has told it of links."""
    return turns_of(lab.switch), lab.switch.ask("daemon.show")["netlink"]["events"]


def keep_nothing_freed():
    """A sanitizer that keeps what was freed for a while looks like a daemon that grows."""
    options = os.environ.get("ASAN_OPTIONS", "")
    os.environ["ASAN_OPTIONS"] = options + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"


def resident_bytes(lab):
    return int(read_proc(lab, "statm").split()[1]) * PAGE


def helpers_are_gone(lab):
    folder = "/proc/%d/task" % lab.switch.process.pid
    eventually(lambda: len(os.listdir(folder)) == 1, "helper threads leave")


def flap(device, seconds):
    """Down and up so often, as evenly as the machine lets us; returns how often."""
    start = time.monotonic()
    n = 0
    while time.monotonic() < start + seconds:
        device.set(False)
        device.set(True)
        n += 1
        ahead = start + n / FLAPS_PER_SECOND - time.monotonic()
        time.sleep(max(0, ahead))  # lint: poll
    return n


def state_lines(lab, port):
    """What the log says about it, but for what only debugging shows."""
    start = "ringspand: port %s: " % port
    return [line for line in lab.switch.read_log().splitlines() if line.startswith(start)]


@time_limit(180)
@ringspan_only
def test_flaps(lab):
    """The others lose nothing; no spin; a bounded log, whose last word is right."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    helpers_are_gone(lab)
    device, before, started = Switchable(b.port), lab.switch.descriptors(), time.monotonic()
    turns, events = turns_and_events(lab)
    cpu = cpu_seconds(lab)
    n = flap(device, FLAP_SECONDS)
    cpu = cpu_seconds(lab) - cpu
    turns, events = (now - then for now, then in zip(turns_and_events(lab), (turns, events)))
    print("%d flaps in %.1f s, %.0f us of CPU each: %d events, %d turns" % (
        n, FLAP_SECONDS, cpu / n * 1e6, events, turns))
    assert turns < TURNS_PER_EVENT * events, (turns, events)
    with Traffic(a, c):
        flap(device, FLAP_SECONDS / 2)
        lab.check()
    lab.wait_connected(b)
    eventually(lambda: "not logged" in state_lines(lab, b.port)[-1], "the log's last word",
               timeout=2 * LOG_INTERVAL)
    assert ": forwarding (" in state_lines(lab, b.port)[-1]
    intervals = (time.monotonic() - started) // LOG_INTERVAL + 1
    assert len(state_lines(lab, b.port)) <= intervals * LOG_LINES_PER_INTERVAL + 1
    assert lab.switch.descriptors() == before
    b.wire.drain()
    lab.expect(a, [a.frame(BROADCAST, pattern(46))], [b, c])


@time_limit(120)
@ringspan_only
def test_nothing_stale_after_flaps(lab):
    """Frames for a port that flaps arrive once, in order, and never those of an earlier time."""
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    device = Switchable(b.port)
    serial = 0
    seen = []
    for _ in range(40):
        device.set(False)
        lab.switch.wait_state(b.port, "down")
        at_down = lab.switch.counters(a.port, "in")["received"]
        lost = range(serial, serial + 32)
        a.wire.send(*[a.frame(b, b"%08d" % n, ethertype=TRAFFIC_TYPE) for n in lost])
        serial += 32
        eventually(lambda: lab.switch.counters(a.port, "in")["received"] == at_down + 32,
                   "they were decided")
        device.set(True)
        lab.wait_connected(b)
        last = a.sentinel()
        a.wire.send(last)
        seen += b.wire.receive_until_sentinel(last)
    assert not seen, "{} stale frames, the first one {}".format(len(seen), seen[0].hex())
    device.set(False)
    lab.switch.wait_state(b.port, "down")
    device.set(True)
    lab.wait_connected(b)
    lab.expect(a, [a.frame(b, pattern(46))], [b])


@time_limit(600)
@ringspan_only
def test_deleted_and_made_again_many_times(lab):
    """Nothing is lost on the others, and nothing grows."""
    keep_nothing_freed()
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    creation = ["link del " + b.port] + list(b.creation())[1:]

    def make_again():
        ip_batch(creation)
        b.bring_up()

    for _ in range(10):
        make_again()
    lab.wait_connected(b)
    helpers_are_gone(lab)
    fds, memory = lab.switch.descriptors(), resident_bytes(lab)
    with Traffic(a, c):
        for _ in range(ROUNDS):
            make_again()
    lab.wait_connected(b)
    helpers_are_gone(lab)
    assert lab.switch.descriptors() == fds
    growth = resident_bytes(lab) - memory
    print("%d rounds, %d KiB more" % (ROUNDS, growth >> 10))
    assert growth < ROUNDS * PAGE, growth
    lab.check()
    b.plug_in()
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@time_limit(120)
@ringspan_only
def test_names_swapped_many_times(lab):
    a, b, c, d = lab.start_with_hosts(4)
    lab.teach(a, b, c, d)
    helpers_are_gone(lab)
    fds = lab.switch.descriptors()
    swap = ["link set %s down" % b.port, "link set %s down" % c.port,
            "link set %s name swap" % b.port, "link set %s name %s" % (c.port, b.port),
            "link set swap name %s" % c.port, "link set %s up" % b.port, "link set %s up" % c.port]
    with Traffic(a, d):
        for _ in range(40):
            ip_batch(swap)
    for host in (b, c):
        lab.wait_connected(host)
    helpers_are_gone(lab)
    assert lab.switch.descriptors() == fds
    for host in (b, c):
        host.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c, d])
    lab.teach(b, c)
    assert (lab.switch.fdb()[b.mac], lab.switch.fdb()[c.mac]) == (b.port, c.port)


@time_limit(120)
@ringspan_only
def test_moved_away_and_back_many_times(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    helpers_are_gone(lab)
    fds = lab.switch.descriptors()
    ip("netns", "add", "elsewhere")
    with Traffic(a, c):
        for _ in range(40):
            ip("link", "set", b.port, "netns", "elsewhere")
            ip("-n", "elsewhere", "link", "set", b.port, "netns", str(os.getpid()))
            ip("link", "set", b.port, "addrgenmode", "none", "up")
    lab.wait_connected(b)
    helpers_are_gone(lab)
    assert lab.switch.descriptors() == fds
    b.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


if __name__ == "__main__":
    main()
