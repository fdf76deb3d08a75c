#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Where the switch believes that stations are, seen from outside: who gets a frame and who not."""

from lab import eventually, main, ringspan_only, time_limit
from lab.wire import TPID_C, frame, pattern, tag

STATION = "02:00:00:00:55:01"


def test_unknown_floods_known_does_not(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.expect(a, [a.frame(b, pattern(46))], [b, c])
    lab.expect(b, [b.frame(a, pattern(46))], [a])
    lab.expect(a, [a.frame(b, pattern(46))], [b])


def test_learned_from_the_frame_itself(lab):
    """The answer that follows a request at once is not flooded."""
    a, b, c = lab.start_with_hosts(3)
    for i in range(50):
        station = "02:00:00:01:00:%02x" % i
        request = frame("ff:ff:ff:ff:ff:ff", station, pattern(46))
        a.wire.send(request)
        b.wire.receive_until_sentinel(request)
        b.wire.send(frame(station, b.mac, pattern(i + 46)))
    last = b.sentinel()
    b.wire.send(last)
    assert len(a.wire.receive_until_sentinel(last)) == 50
    only_requests = c.wire.receive_until_sentinel(last)
    assert len(only_requests) == 50
    lab.check()


def test_station_moves(lab):
    a, b, c = lab.start_with_hosts(3)
    to_station = c.frame(STATION, pattern(46))
    for home in (a, b, a):
        hello = frame(c.mac, STATION, pattern(46))
        lab.teach(c)
        lab.expect(home, [hello], [c])
        lab.expect(c, [to_station], [home])
        assert lab.switch.fdb()[STATION] == home.port


def test_tags_do_not_divide_the_table(lab):
    """A bridge that is transparent to tags learns one address once."""
    a, b, c = lab.start_with_hosts(3)
    lab.expect(a, [frame("ff:ff:ff:ff:ff:ff", STATION, pattern(46), tags=[tag(TPID_C, 5)])], [b, c])
    lab.expect(b, [frame(STATION, b.mac, pattern(46)),
                   frame(STATION, b.mac, pattern(46), tags=[tag(TPID_C, 6)])], [a])


@ringspan_only
def test_fdb_rows(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a)
    row = next(row for row in lab.switch.query("fdb") if row["mac"] == a.mac)
    assert row["port"] == a.port and row["ifname"] == a.port
    assert row["master"] == lab.switch.name
    assert row["vlan"] == 0
    assert 0 <= row["age"] <= 60
    assert isinstance(row["flags"], list)


@ringspan_only
def test_two_bridges_are_apart(lab):
    """One daemon, two bridges, the same addresses on both."""
    a, b, c, d = lab.add_hosts(4)
    lab.capture_everywhere()
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": a.port}, {"name": b.port}]},
                             {"name": "lab1", "ports": [{"name": c.port}, {"name": d.port}]})
    lab.switch.launch()
    frames = [frame(STATION, b.mac, pattern(46)), frame("ff:ff:ff:ff:ff:ff", STATION, pattern(46))]
    for sender, receiver, others in ((a, b, (c, d)), (c, d, (a, b))):
        lab.expect(sender, frames, [receiver], absent=others)
    for host in lab.hosts:
        assert host.wire.drain() == []
    ports = {(row["master"], row["port"]) for row in lab.switch.query("fdb")
             if row["mac"] == STATION}
    assert ports == {("lab0", a.port), ("lab1", c.port)}


@ringspan_only
def test_full_table_is_fair(lab):
    """One host that invents addresses cannot push out the others'."""
    noisy, quiet, third = lab.start_with_hosts(3, fdb={"max_entries": 64})
    lab.teach(quiet)
    inventions = [frame(third.mac, "02:00:00:02:%02x:%02x" % (i >> 8, i & 255)) for i in range(1000)]
    lab.teach(third)
    lab.expect(noisy, inventions, [third])
    table = lab.switch.fdb()
    assert table[quiet.mac] == quiet.port
    assert len(table) <= 64
    lab.expect(third, [third.frame(quiet, pattern(46))], [quiet])


@time_limit(90)
def test_aging(lab):
    """Only a source refreshes an entry; one that is silent is forgotten, and floods again."""
    a, b, c = lab.start_with_hosts(3, aging_time=10)
    lab.teach(a, b)
    probe = c.frame(b, pattern(46))
    lab.expect(c, [probe], [b])

    def floods_again():
        lab.teach(a)
        last = c.sentinel()
        c.wire.send(probe, last)  # a destination does not refresh
        b.wire.expect([probe], last)
        return a.wire.receive_until_sentinel(last) == [probe]

    eventually(floods_again, "the silent station is forgotten", timeout=30)
    lab.expect(c, [c.frame(a, pattern(46))], [a])  # the talking one is not
    if lab.switch.is_ringspan:
        assert b.mac not in lab.switch.fdb()


if __name__ == "__main__":
    main()
