#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Addresses whose port is fixed: what stands in the file, and nobody's frames, say where they are."""

from lab import eventually, ip, main, ringspan_only, time_limit
from lab.traffic import Traffic
from lab.wire import frame, pattern

STATION = "02:00:00:00:55:01"
OTHER = "02:00:00:00:55:02"


def bridge(ports, *static, **fdb):
    return {"name": "lab0", "ports": [{"name": port} for port in ports],
            "fdb": dict(fdb, static=[dict(zip(("mac", "port", "sticky"), entry)) for entry in static])}


def start(lab, hosts, *static, extra_ports=()):
    lab.switch.write_bridges(bridge([host.port for host in hosts] + list(extra_ports), *static))
    lab.switch.launch(wait=not extra_ports)
    lab.switch.wait(*(host.port for host in hosts))


def reload_with(lab, description):
    lab.switch.write_bridges(description)
    return [(row["op"], row["key"], row["disruption"]) for row in lab.switch.query("reload")]


def entry_of(lab, mac):
    return next((row for row in lab.switch.query("fdb") if row["mac"] == mac), None)


def hosts_of(lab, count):
    hosts = lab.add_hosts(count)
    lab.capture_everywhere()
    return hosts


@ringspan_only
def test_never_heard_and_not_flooded(lab):
    a, b, c = hosts_of(lab, 3)
    start(lab, (a, b, c), (STATION, c.port), (OTHER, b.port, True))
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [c])
    lab.expect(a, [frame(OTHER, a.mac, pattern(46))], [b])
    row = entry_of(lab, STATION)
    assert (row["port"], row["flags"], row["state"]) == (c.port, [], "static")
    row = entry_of(lab, OTHER)
    assert (row["port"], row["flags"], row["state"]) == (b.port, ["sticky"], "static")
    assert entry_of(lab, a.mac)["state"] == ""


@ringspan_only
def test_frames_from_elsewhere_move_nothing(lab):
    a, b, c = hosts_of(lab, 3)
    start(lab, (a, b, c), (STATION, c.port))
    lab.teach(a)
    lab.expect(b, [frame(a.mac, STATION, pattern(46))], [a])
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [c])
    assert entry_of(lab, STATION)["port"] == c.port


@ringspan_only
def test_down_port_drops(lab):
    a, b, c = hosts_of(lab, 3)
    start(lab, (a, b, c), (STATION, c.port))
    to_station = frame(STATION, a.mac, pattern(46))
    lab.expect(a, [to_station], [c])
    ip("link", "set", "dev", c.port, "down")
    lab.switch.wait_state(c.port, "down")
    lab.expect(a, [to_station, to_station], [], absent=[c])
    assert lab.switch.dropped(a.port, "in") == {"static_down": 2}
    ip("link", "set", "dev", c.port, "up")
    lab.wait_connected(c)
    lab.expect(a, [to_station], [c])
    lab.check()


@ringspan_only
def test_port_that_waits_has_its_entries(lab):
    a, b = hosts_of(lab, 2)
    start(lab, (a, b), (STATION, "nobody"), extra_ports=["nobody"])
    row = entry_of(lab, STATION)
    assert (row["port"], row["ifname"], row["state"]) == ("nobody", None, "static")
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [])
    assert lab.switch.dropped(a.port, "in") == {"static_down": 1}


@ringspan_only
def test_reload_changes_what_differs(lab):
    a, b, c = hosts_of(lab, 3)
    ports = [host.port for host in (a, b, c)]
    start(lab, (a, b, c), (STATION, c.port))
    lab.teach(a, b)
    with Traffic(a, b):
        assert reload_with(lab, bridge(ports, (STATION, b.port), (OTHER, c.port))) == [
            ("change", "fdb.static", "none")]
        table = lab.switch.fdb()
        assert table == {a.mac: a.port, b.mac: b.port, STATION: b.port, OTHER: c.port}, table
        assert reload_with(lab, bridge(ports, (OTHER, c.port), (STATION, b.port))) == []
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [b])
    # A smaller table: what was learned is forgotten, what is configured is not.
    reload_with(lab, bridge(ports, (OTHER, c.port), max_entries=16))
    assert lab.switch.fdb() == {OTHER: c.port}
    # With its port; and what comes back with a port is there at once.
    assert reload_with(lab, bridge(ports[:2])) == [("del", None, "none"),
                                                   ("change", "fdb.max_entries", "flush"),
                                                   ("change", "fdb.static", "none")]
    assert lab.switch.fdb() == {}
    reload_with(lab, bridge(ports, (OTHER, c.port)))
    assert lab.switch.fdb() == {OTHER: c.port}
    lab.switch.wait(c.port)
    lab.expect(a, [frame(OTHER, a.mac, pattern(46))], [c])


@ringspan_only
def test_becomes_an_address_like_any_other(lab):
    a, b, c = hosts_of(lab, 3)
    start(lab, (a, b, c), (STATION, c.port))
    reload_with(lab, bridge([host.port for host in (a, b, c)]))
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [b, c])
    lab.teach(a)
    lab.expect(b, [frame(a.mac, STATION, pattern(46))], [a])
    eventually(lambda: entry_of(lab, STATION)["port"] == b.port, "it is learned")
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [b])


@ringspan_only
def test_in_its_vlan_alone(lab):
    a, b, c, d = hosts_of(lab, 4)
    lab.switch.write_bridges({
        "name": "lab0", "vlan_aware": True,
        "fdb": {"static": [{"mac": STATION, "vlan": 10, "port": c.port},
                           {"mac": OTHER, "vlan": 20, "port": d.port}]},
        "ports": [{"name": host.port, "vlan": {"mode": "access", "pvid": 20 if host is d else 10}}
                  for host in (a, b, c, d)]})
    lab.switch.launch()
    apart = [d]  # the sentinel is a broadcast in VLAN 10
    lab.expect(a, [frame(STATION, a.mac, pattern(46))], [c], absent=apart)
    lab.expect(a, [frame(OTHER, a.mac, pattern(46))], [b, c], absent=apart)
    assert d.wire.drain() == []
    assert lab.switch.call("fdb", "del", OTHER, "vlan", "10").returncode == 2
    assert lab.switch.call("fdb", "add", OTHER, "vlan", "10", "dev", b.port).returncode == 0
    lab.expect(a, [frame(OTHER, a.mac, pattern(47))], [b], absent=apart)
    assert lab.switch.call("fdb", "del", STATION).returncode == 0
    rows = {(row["mac"], row["vlan"]): row["port"] for row in lab.switch.query("fdb")
            if row["state"] == "static"}
    assert rows == {(OTHER, 10): b.port, (OTHER, 20): d.port}


@ringspan_only
def test_at_run_time(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b)
    to_station = frame(STATION, a.mac, pattern(46))
    lab.expect(a, [to_station], [b, c])
    with Traffic(a, b):
        assert lab.switch.call("fdb", "add", STATION, "dev", c.port).returncode == 0
        assert lab.switch.call("fdb", "add", STATION, "dev", b.port).returncode == 2
    lab.expect(a, [to_station], [c])
    lab.expect(b, [frame(a.mac, STATION, pattern(47))], [a])  # does not move it
    lab.expect(a, [to_station], [c])
    assert lab.switch.call("fdb", "replace", STATION, "dev", b.port).returncode == 0
    lab.expect(a, [to_station], [b])
    assert lab.switch.call("fdb", "del", STATION).returncode == 0
    lab.expect(a, [to_station], [b, c])
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}


@ringspan_only
def test_dynamic_and_sticky(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a)
    assert lab.switch.call("fdb", "add", STATION, "dev", c.port, "dynamic", "sticky").returncode == 0
    lab.expect(b, [frame(a.mac, STATION, pattern(46))], [a])
    lab.expect(a, [frame(STATION, a.mac, pattern(47))], [c])
    assert lab.switch.call("fdb", "del", STATION).returncode == 0
    lab.expect(b, [frame(a.mac, STATION, pattern(48))], [a])
    lab.expect(a, [frame(STATION, a.mac, pattern(49))], [b])


@ringspan_only
@time_limit(60)
def test_dynamic_in_silence(lab):
    """What nobody's frames brought into the table goes as well, and nobody's frames are needed."""
    a, b = lab.start_with_hosts(2, aging_time=10)
    assert lab.switch.call("fdb", "add", STATION, "dev", a.port, "dynamic").returncode == 0
    assert lab.switch.query("bridge")[0]["fdb"]["entries"] == 1
    eventually(lambda: lab.switch.query("bridge")[0]["fdb"]["entries"] == 0, "it is forgotten")


if __name__ == "__main__":
    main()
