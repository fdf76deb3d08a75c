#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The queueing discipline of a port's interface: respected, or bypassed where the file says so."""

import time

from lab import eventually, main, ringspan_only, run
from lab.traffic import Traffic
from lab.wire import BROADCAST, pattern

PAYLOAD = 1000
FRAME = PAYLOAD + 14
# Some frames, at once, and then no more within the life of a test.
CLOSED = ("rate", "8kbit", "burst", "3000", "limit", "5000")


def shape(host, *settings):
    run("tc", "qdisc", "add", "dev", host.port, "root", "tbf", *settings)


def bridge(sender, receiver, **settings):
    return {"name": "lab0", "ports": [{"name": sender.port}, dict(settings, name=receiver.port)]}


def numbered(sender, n):
    return [sender.frame(BROADCAST, b"%04d" % i + pattern(PAYLOAD - 4)) for i in range(n)]


def start(lab, **settings):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    lab.switch.write_bridges(bridge(a, b, **settings))
    lab.switch.launch()
    return a, b


def change(lab, a, b, **settings):
    """Reloads with other settings of b's port, which has them at the end; the steps."""
    lab.switch.write_bridges(bridge(a, b, **settings))
    steps = [(row["port"], row["key"], row["disruption"]) for row in lab.switch.query("reload")]
    wanted = settings.get("qdisc_bypass", False)
    eventually(lambda: lab.switch.port(b.port)["qdisc_bypass"] == wanted, "the port is changed")
    return steps


@ringspan_only
def test_rate_is_limited(lab):
    """No frame is lost in a queue that is long enough, and none is early."""
    a, b = start(lab)
    lab.switch.stay_on_one_cpu()
    shape(b, "rate", "4mbit", "burst", "5000", "limit", "1000000")
    frames = numbered(a, 300)
    started = time.monotonic()
    a.wire.send(*frames)
    got = b.wire.receive_until(lambda raw: raw == frames[-1])
    took = time.monotonic() - started
    assert got == frames
    least = (FRAME * len(frames) - 5000) * 8 / 4e6
    assert took >= 0.95 * least, "{:.3f} s, and the rate asks for {:.3f}".format(took, least)
    assert lab.switch.dropped(b.port, "out") == {}


@ringspan_only
def test_what_the_queue_refuses_is_counted(lab):
    a, b = start(lab)
    shape(b, *CLOSED)
    frames = numbered(a, 200)
    a.wire.send(*frames)
    eventually(lambda: lab.switch.counters(b.port, "out")["decided"] == 200, "all are decided")
    counters = lab.switch.counters(b.port, "out")
    refused = lab.switch.dropped(b.port, "out")
    assert list(refused) == ["tx_queue_full"], refused
    assert counters["accepted"] == 200 - refused["tx_queue_full"]
    assert 2 <= counters["accepted"] <= 10, counters
    run("tc", "qdisc", "del", "dev", b.port, "root")
    lab.check()


@ringspan_only
def test_bypass(lab):
    a, b = start(lab, qdisc_bypass=True)
    shape(b, *CLOSED)
    lab.expect(a, numbered(a, 200), [b])
    assert lab.switch.dropped(b.port, "out") == {}


@ringspan_only
def test_bypass_by_reload(lab):
    """Switched on and off under traffic, in which no frame is missing, and each time it is true."""
    a, b = start(lab)
    with Traffic(a, b):
        for bypass in (True, False) * 5:
            assert change(lab, a, b, qdisc_bypass=bypass) == [(b.port, "qdisc_bypass", "none")]
    change(lab, a, b, qdisc_bypass=True)
    lab.teach(a, b)
    shape(b, *CLOSED)
    lab.expect(a, numbered(a, 50), [b])
    change(lab, a, b)
    before = lab.switch.counters(b.port, "out")["decided"]
    a.wire.send(*numbered(a, 50))
    eventually(lambda: lab.switch.counters(b.port, "out")["decided"] == before + 50, "all are decided")
    assert list(lab.switch.dropped(b.port, "out")) == ["tx_queue_full"]


if __name__ == "__main__":
    main()
