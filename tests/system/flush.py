#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Addresses are forgotten on demand, those that were meant and no others."""

from lab import main, ringspan_only
from lab.traffic import Traffic
from lab.wire import frame, pattern

STATION = "02:00:00:00:55:01"


def flush(lab, *conditions):
    return sum(row["flushed"] for row in lab.switch.query("fdb", "flush", *conditions))


@ringspan_only
def test_floods_once_then_is_known(lab):
    """One address is forgotten: its next frame floods, and what follows its answer does not."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    lab.expect(a, [a.frame(b, pattern(46))], [b])
    assert flush(lab, "mac", b.mac) == 1
    lab.expect(a, [a.frame(b, pattern(47))], [b, c])
    lab.expect(b, [b.frame(a, pattern(48))], [a])
    lab.expect(a, [a.frame(b, pattern(49))], [b])
    lab.expect(a, [a.frame(c, pattern(50))], [c])  # and this one was never forgotten


@ringspan_only
def test_all_conditions_must_hold(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    assert flush(lab, "mac", b.mac, "dev", a.port) == 0
    assert flush(lab, "vlan", "1") == 0
    assert flush(lab, "mac", b.mac, "vlan", "0", "port", b.port, "bridge", lab.switch.name) == 1
    assert lab.switch.fdb() == {a.mac: a.port, c.mac: c.port}
    assert flush(lab) == 2
    assert lab.switch.fdb() == {}


@ringspan_only
def test_refused_and_nothing_flushed(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    for words, sentence in ((("port", "nobody"), "there is no port named 'nobody'"),
                            (("bridge", "nobody"), "there is no bridge named 'nobody'"),
                            (("mac", "02:00"), "'02:00' is not an address"),
                            (("port", a.port, "bridge", "nobody"), "no bridge named 'nobody'")):
        done = lab.switch.call("fdb", "flush", *words)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert sentence in done.stderr, done.stderr
    assert lab.switch.call("fdb", "flush", "vlan", "ten").returncode == 1
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}


@ringspan_only
def test_static_entries_stay(lab):
    a, b = lab.start_with_hosts(2, fdb={"static": [{"mac": STATION, "port": "p2"}]})
    lab.teach(a)
    assert flush(lab) == 1
    assert flush(lab, "mac", STATION) == 0
    assert lab.switch.fdb() == {STATION: b.port}


@ringspan_only
def test_big_table_under_traffic(lab):
    """Counted exactly, and nobody's frames are lost meanwhile."""
    a, b, noisy = lab.start_with_hosts(3, fdb={"max_entries": 262144})
    lab.teach(a, b)
    for high in range(32):
        burst = [frame(a.mac, "02:00:00:%02x:%02x:%02x" % (high + 1, low >> 8, low & 255))
                 for low in range(1024)]
        noisy.wire.send(*burst)
        assert a.wire.receive_until(lambda raw: raw == burst[-1]) == burst
    assert lab.switch.query("bridge")[0]["fdb"]["entries"] == 32 * 1024 + 2
    with Traffic(a, b):
        assert flush(lab, "port", noisy.port) == 32 * 1024
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}


if __name__ == "__main__":
    main()
