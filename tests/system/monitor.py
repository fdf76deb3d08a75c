#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What `ringspan monitor` tells: each change once, and nobody waits for who does not read."""

import json
import os
import select
import signal
import subprocess
import time

from lab import DEADLINE, eventually, ip, main, ringspan_only, spawn, time_limit
from lab.space import ip_batch
from lab.tap import unspeakable_frame
from lab.wire import BROADCAST, frame, pattern

OK, UNREACHABLE = 0, 3
STATION = "02:00:00:00:66:01"
N_STORM = 30000


class Monitor:
    """A running `ringspan -j monitor`, whose first snapshot row says that it has begun."""

    def __init__(self, lab, *words):
        self.process = spawn(lab.switch.client, "-S", lab.switch.socket, "-j", "monitor", "snapshot", *words,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.rest = b""
        self.closed = False
        self.snapshot = self.until(lambda event: event["event"] == "end")

    def read(self, deadline):
        """The events of one read; none at the end."""
        left = max(0, deadline - time.monotonic())
        assert select.select([self.process.stdout], [], [], left)[0], "the monitor says nothing"
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        self.closed = not data
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def until_there(self, is_it):
        """All events that came with the one that is waited for, and before."""
        deadline = time.monotonic() + DEADLINE
        events = []
        while not any(map(is_it, events)):
            events += self.read(deadline)
            assert not self.closed, "the monitor ended after {}".format(events)
        return events

    def until(self, is_last, timeout=DEADLINE):
        """All events up to the one that is the last, which must be the last."""
        deadline = time.monotonic() + timeout
        events = []
        while not events or not is_last(events[-1]):
            events += self.read(deadline)
            assert not self.closed, "the monitor ended after {}".format(events)
        assert not self.rest
        return events

    def end(self):
        """Status, and the events that were left."""
        deadline = time.monotonic() + DEADLINE
        events = []
        while not self.closed:
            events += self.read(deadline)
        return self.process.wait(), events

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        status, events = self.end()
        assert status == OK, "{}: {}".format(status, self.process.stderr.read())
        assert self.process.stderr.read() == b"" and self.rest == b""
        return events


def about(event, *keys):
    return tuple(event[key] for key in keys)


@ringspan_only
def test_a_storm_is_two_events(lab):
    """One when it begins, one when there was none for ten seconds, with all that were too many."""
    a, b = lab.add_hosts(2)
    limit = {"broadcast": {"rate": "10pps", "burst": "10packets"}}
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": a.port, "storm_control": limit},
                                                        {"name": b.port}]})
    lab.switch.launch()
    monitor = Monitor(lab, "port")
    storm = [a.frame(BROADCAST, pattern(46))] * 2000
    a.wire.send(*storm)
    events = monitor.until(lambda event: event["event"] == "limit_begin")
    assert 0 < events[0]["count"] <= lab.switch.dropped(a.port, "in")["storm_broadcast"], events
    a.wire.send(*storm)
    events += monitor.until(lambda event: event["event"] == "limit_end", 2 * DEADLINE)
    assert [about(event, "kind", "event", "port", "master", "limit") for event in events] == [
        ("port", "limit_" + what, a.port, "lab0", "storm_control.broadcast") for what in ("begin", "end")], events
    dropped = lab.switch.dropped(a.port, "in")
    assert dropped == {"storm_broadcast": events[-1]["count"]} and events[-1]["count"] > 3000, (events, dropped)
    assert monitor.interrupt() == []
    lab.check()


@ringspan_only
def test_another_ring_is_one_event(lab):
    """With what the kernel dropped while the port heard nothing; its state does not change."""
    machine = lab.add_tap("vm1", vnet=True)
    (a,) = lab.add_hosts(1)
    lab.start(["vm1"])
    monitor = Monitor(lab, "port")
    assert machine.try_send_raw(unspeakable_frame(b"\x02\0\0\0\x77\x01"))

    def is_renewed():
        a.wire.send(a.sentinel())  # somebody is heard, so that all ports are looked at soon
        return lab.switch.port("vm1")["ring"]["renewals"]

    eventually(is_renewed, "it has another ring")
    (event,) = monitor.until(lambda event: event["event"] == "renew")
    assert about(event, "kind", "port", "master", "count") == ("port", "vm1", "lab0", 1), event
    assert lab.switch.counters("vm1", "kernel")["tp_drops"] == 1
    assert monitor.interrupt() == []
    lab.check()


def learned(host):
    return lambda event: event["event"] == "learn" and event["mac"] == host


@ringspan_only
def test_a_flap_is_two_events(lab):
    a, b = lab.start_with_hosts(2)
    monitor = Monitor(lab, "port")
    for _ in range(5):
        ip("link", "set", a.port, "down")
        lab.switch.wait_state(a.port, "down")
        ip("link", "set", a.port, "up")
        lab.wait_connected(a)
    ip("link", "set", b.port, "down")
    events = monitor.until(lambda event: event["port"] == b.port)
    once = [(a.port, "forwarding", "down"), (a.port, "down", "forwarding")]
    assert [about(event, "port", "was", "state") for event in events] == \
        5 * once + [(b.port, "forwarding", "down")], events
    assert all(event["event"] == "state" for event in events)
    assert monitor.interrupt() == []


@ringspan_only
def test_a_link_that_goes_and_comes(lab):
    a, b = lab.start_with_hosts(2)
    monitor = Monitor(lab, "link", "dev", a.port)
    ifindex = monitor.snapshot[0]["ifindex"]
    assert about(monitor.snapshot[0], "kind", "ifname", "port") == ("link", a.port, a.port)
    ip("link", "del", a.port)
    lab.switch.wait_state(a.port, "waiting")
    a.cable()
    lab.wait_connected(a)
    events = monitor.until_there(lambda event: event["event"] == "add") + monitor.interrupt()
    steps = [about(event, "event", "ifindex") for event in events if event["event"] != "change"]
    (gone, before), (new, after) = steps
    assert (gone, before, new) == ("del", ifindex, "add") and after != ifindex, events


@ringspan_only
def test_netlink_loses_events(lab):
    """What changed meanwhile is told, once, and then that something may have been missed."""
    a, b = lab.start_with_hosts(2)
    monitor = Monitor(lab, "port", "link")
    with lab.switch.stopped():
        ip_batch(["link set lo alias round%d" % i for i in range(20000)])
        ip_batch(["link set {} {}".format(b.port, state) for state in ("down", "up") * 5])
        eventually(b.is_up, "it is as it was")
        ip("link", "set", a.port, "down")
    events = monitor.until(lambda event: event["event"] == "resync")
    told = [about(event, "kind", "event", "port") for event in events[:-1]]
    assert told == [("link", "change", a.port), ("port", "state", a.port)], events
    assert "UP" not in events[0]["flags"] and events[1]["state"] == "down"
    assert about(events[-1], "kind", "event") == ("link", "resync")
    ip("link", "set", a.port, "up")
    lab.wait_connected(a)
    assert all(event["port"] == a.port for event in monitor.interrupt())


@ringspan_only
def test_the_same_interface_elsewhere_is_another(lab):
    description = {"name": "r1", "ifname": "d0", "netns": "one"}
    for name in ("one", "two"):
        ip("netns", "add", name)
        ip("-n", name, "link", "add", "index", "77", "name", "d0", "type", "veth",
           "peer", "name", "e0")
    lab.switch.write_bridges({"name": "lab0", "ports": [description]})
    lab.switch.launch(wait=False)
    lab.switch.wait_state("r1", "down")
    monitor = Monitor(lab, "link")
    lab.switch.write_bridges({"name": "lab0", "ports": [dict(description, netns="two")]})
    lab.switch.call("reload")
    events = monitor.until(lambda event: event["event"] == "add")
    assert [about(event, "event", "ifname", "ifindex") for event in events] == \
        [("del", "d0", 77), ("add", "d0", 77)], events
    monitor.interrupt()


@ringspan_only
@time_limit(90)
def test_addresses_are_learned_moved_and_aged(lab):
    a, b = lab.start_with_hosts(2, aging_time=10)
    monitor = Monitor(lab, "fdb")
    hello = frame(BROADCAST, STATION, pattern(46))
    lab.teach(a, b)
    for _ in range(3):
        lab.expect(a, [hello], [b])  # the second one is no news
    lab.expect(b, [hello], [a])
    events = [event for event in monitor.until(lambda event: event["event"] == "move")
              if event["mac"] == STATION]
    assert [about(event, "event", "port") for event in events] == \
        [("learn", a.port), ("move", b.port)], events
    assert events[-1]["from"] == a.port
    moved_at = events[-1]["time"]
    events = []
    while [event for event in events if event["mac"] == STATION] == []:
        events += monitor.until(lambda event: event["event"] == "age")
    aged = [event for event in events if event["mac"] == STATION]
    assert len(aged) == 1 and aged[0]["port"] == b.port, events
    assert aged[0]["time"] - moved_at >= 10, aged
    assert STATION not in lab.switch.fdb()
    monitor.interrupt()


def tally(events):
    """How many there were, and how many of them are missing."""
    lost = sum(event["count"] for event in events if event["event"] == "lost")
    return sum(event["event"] != "lost" for event in events) + lost, lost


def assert_gapless(events):
    for before, event in zip(events, events[1:]):
        step = event["count"] if event["event"] == "lost" else 1
        assert event["seq"] == before["seq"] + step, (before, event)


@ringspan_only
@time_limit(120)
def test_a_stopped_reader_holds_up_nobody(lab):
    a, b = lab.start_with_hosts(2)
    last = "02:00:00:00:66:02"
    lab.teach(a, b)
    stopped, other = Monitor(lab, "fdb"), Monitor(lab, "fdb")
    stopped.process.send_signal(signal.SIGSTOP)
    told = []
    for burst in range(0, N_STORM, 500):
        frames = [frame(BROADCAST, "02:00:00:77:%02x:%02x" % (i >> 8, i & 0xFF), pattern(46))
                  for i in range(burst, burst + 500)]
        lab.expect(a, frames, [b])  # not a frame less
        told += other.until(lambda event: event["event"] == "lost" or event["mac"].endswith(
            "%02x:%02x" % (burst + 499 >> 8, burst + 499 & 0xFF)))
    assert tally(told) == (N_STORM, 0)
    stopped.process.send_signal(signal.SIGCONT)
    late = stopped.until(lambda event: event["event"] == "lost")
    a.wire.send(frame(BROADCAST, last, pattern(46)))
    told += other.until(learned(last))
    late += stopped.until(learned(last))
    n, lost = tally(late)
    assert n == N_STORM + 1 and 0 < lost < N_STORM, (n, lost)
    assert late[0]["seq"] == told[0]["seq"] and late[-1]["seq"] == told[-1]["seq"]
    assert_gapless(late)
    assert stopped.interrupt() == other.interrupt() == []


@ringspan_only
def test_ends(lab):
    a, b = lab.start_with_hosts(2)
    killed, unread, last = Monitor(lab), Monitor(lab), Monitor(lab, "port")
    killed.process.kill()
    killed.process.wait()
    # Nothing happens, and still it sees that its reader went.
    unread.process.stdout.close()
    assert unread.process.wait(DEADLINE) == OK and unread.process.stderr.read() == b""
    ip("link", "set", a.port, "down")
    assert last.until(lambda event: event["state"] == "down")[-1]["port"] == a.port
    lab.switch.stop()
    status, events = last.end()
    assert (status, events) == (UNREACHABLE, []), (status, events)
    assert b"hung up" in last.process.stderr.read()


@ringspan_only
def test_reload_and_refusal(lab):
    a, b = lab.start_with_hosts(2)
    monitor = Monitor(lab)
    lab.switch.write_config([a.port], aging_time=50)
    lab.switch.call("reload")
    lab.switch.write_text("{")
    lab.switch.call("reload")
    events = monitor.until(lambda event: event["event"] == "refused")
    assert [about(event, "kind", "event") for event in events if event["kind"] != "fdb"] == \
        [("port", "del"), ("config", "change"), ("config", "refused")], events
    change = events[-2]
    assert about(change, "command", "deleted", "changed", "added") == ("reload", 1, 1, 0)
    assert lab.switch.config + ":1:" in events[-1]["reason"]
    monitor.interrupt()


if __name__ == "__main__":
    main()
