#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""VLAN-aware bridges on real interfaces: bytes, streams, isolation, and changes under traffic."""

from hosts import tcp_both_ways
from lab import eventually, main, ringspan_only, time_limit
from lab.laboratory import lay_cable
from lab.traffic import Traffic
from lab.wire import BROADCAST, TPID_C, TPID_S, Wire, frame, pattern, tag
from offloads import stream

MEBIBYTE = 1 << 20


def access(pvid):
    return {"mode": "access", "pvid": pvid}


def trunk(*allowed):
    return {"mode": "trunk", "allowed": list(allowed)}


def native(how, pvid, *allowed):
    return {"mode": "native_" + how, "pvid": pvid, "allowed": list(allowed)}


def bridge(hosts, vlans, **settings):
    """The hosts' ports with these VLANs, one each."""
    return dict(settings, name="lab0", vlan_aware=True,
                ports=[{"name": host.port, "vlan": vlan} for host, vlan in zip(hosts, vlans)])


def start(lab, vlans, **settings):
    hosts = lab.add_hosts(len(vlans))
    lab.capture_everywhere()
    lab.switch.write_bridges(bridge(hosts, vlans, **settings))
    lab.switch.launch()
    return hosts


def is_sentinel(raw):
    return b"sentinel" in raw


class Modes:
    """A port of each mode, in VLAN 10 (and 20 where the mode has more than one), and one in 20."""

    VLANS = {"access": access(10), "trunk": trunk(10, 20), "untagged": native("untagged", 10, 20),
             "tagged": native("tagged", 10, 20), "tunnel": {"mode": "dot1q_tunnel", "pvid": 10},
             "other": access(20)}
    # With which VID each sends something that comes in, for sentinels.
    VID = {"access": None, "trunk": 10, "untagged": None, "tagged": None, "tunnel": None,
           "other": None}

    def __init__(self, lab, tpid=TPID_C, **settings):
        self.tpid = tpid
        self.hosts = dict(zip(self.VLANS, start(lab, self.VLANS.values(), **settings)))

    def sentinel(self, name, vid=None):
        raw = self.hosts[name].sentinel()
        vid = vid or self.VID[name]
        raw = raw[:12] + (tag(self.tpid, vid) if vid else b"") + raw[12:]
        self.hosts[name].wire.send(raw)
        return raw[-12:]  # the tags on the way differ, the number does not

    def await_sentinel(self, name, number):
        got = self.hosts[name].wire.receive_until(lambda raw: raw.endswith(number))
        assert got and got[-1].endswith(number), "no sentinel at " + name
        return got

    def arrivals(self, sender, frames):
        """{host: the frames that it gets}, after everything is done."""
        self.hosts[sender].wire.send(*frames)
        witness = "tagged" if sender == "trunk" else "trunk"
        got = {name: [] for name in self.hosts}
        got[witness] += self.await_sentinel(witness, self.sentinel(sender))
        # Behind what the sender's frames became, at each of them.
        last = self.sentinel("access")
        for name in ("trunk", "untagged", "tagged", "tunnel"):
            got[name] += self.await_sentinel(name, last)
        got["access"] += self.await_sentinel("access", self.sentinel("trunk"))
        got["other"] += self.await_sentinel("other", self.sentinel("trunk", 20))
        return {name: [raw for raw in raws if not is_sentinel(raw)] for name, raws in got.items()}

    def expect(self, sender, tags, receivers):
        """A frame with these tags arrives with the tags that `receivers` says, and nowhere else."""
        for payload in (pattern(46), pattern(1400)):
            raw = self.hosts[sender].frame(BROADCAST, payload, tags=tags)
            wanted = {name: [] for name in self.hosts}
            for name, worn in receivers.items():
                wanted[name] = [self.hosts[sender].frame(BROADCAST, payload, tags=worn)]
            got = self.arrivals(sender, [raw])
            for name in self.hosts:
                assert got[name] == wanted[name], (sender, tags, name, got[name], wanted[name])


def check_modes(lab, tpid, other_tpid, **settings):
    modes = Modes(lab, tpid, **settings)
    in_10 = tag(tpid, 10)
    voice = tag(tpid, 10, pcp=5, dei=1)
    in_20 = tag(tpid, 20, pcp=3)
    foreign = tag(other_tpid, 20, pcp=6)
    inner = tag(tpid, 33, pcp=2)

    modes.expect("access", [], {"trunk": [in_10], "untagged": [], "tagged": [in_10], "tunnel": []})
    modes.expect("access", [tag(tpid, 0)],
                 {"trunk": [in_10], "untagged": [], "tagged": [in_10], "tunnel": []})
    modes.expect("access", [tag(tpid, 0, pcp=5, dei=1)],
                 {"trunk": [voice], "untagged": [], "tagged": [voice], "tunnel": []})
    modes.expect("access", [in_10], {})
    modes.expect("access", [tag(tpid, 4095)], {})
    modes.expect("access", [foreign],
                 {"trunk": [in_10, foreign], "untagged": [foreign], "tagged": [in_10, foreign],
                  "tunnel": [foreign]})
    modes.expect("trunk", [], {})
    modes.expect("trunk", [tag(tpid, 0, pcp=1)], {})
    modes.expect("trunk", [voice],
                 {"access": [], "untagged": [], "tagged": [voice], "tunnel": []})
    modes.expect("trunk", [in_20], {"untagged": [in_20], "tagged": [in_20], "other": []})
    modes.expect("trunk", [in_20, inner],
                 {"untagged": [in_20, inner], "tagged": [in_20, inner], "other": [inner]})
    modes.expect("trunk", [tag(tpid, 4094)], {})
    modes.expect("trunk", [foreign], {})
    modes.expect("untagged", [],
                 {"access": [], "trunk": [in_10], "tagged": [in_10], "tunnel": []})
    modes.expect("untagged", [in_20], {"trunk": [in_20], "tagged": [in_20], "other": []})
    modes.expect("tagged", [],
                 {"access": [], "trunk": [in_10], "untagged": [], "tunnel": []})
    modes.expect("tagged", [voice],
                 {"access": [], "trunk": [voice], "untagged": [], "tunnel": []})
    for tags in ([], [in_20], [tag(tpid, 0)], [tag(tpid, 4095)], [foreign], [in_20, inner],
                 [foreign, inner]):
        modes.expect("tunnel", tags,
                     {"access": tags, "trunk": [in_10, *tags], "untagged": tags,
                      "tagged": [in_10, *tags]})
    lab.check()


@ringspan_only
def test_modes(lab):
    check_modes(lab, TPID_C, TPID_S)


@ringspan_only
def test_modes_with_s_tags(lab):
    check_modes(lab, TPID_S, TPID_C, ethertype="0x88a8")


@ringspan_only
def test_modes_with_tags_that_the_kernel_leaves(lab):
    check_modes(lab, 0x9100, TPID_C, ethertype="0x9100")


@ringspan_only
def test_frame_that_ends_in_its_tag(lab):
    a, b = start(lab, [native("untagged", 10, 20), access(10)], ethertype="0x9100")
    whole = frame(BROADCAST, a.mac, tags=[tag(0x9100, 10)])
    cut = [whole[:length] for length in range(14, 18)]
    number = a.sentinel()
    a.wire.send(*cut, whole, number)
    assert b.wire.receive_until_sentinel(number) == [frame(BROADCAST, a.mac)]
    assert lab.switch.dropped(a.port, "in") == {"runt": len(cut)}


class TrunkCable:
    """Two switches with a host each in VLAN 10 and in VLAN 20, joined by a tagged cable."""

    def __init__(self, lab):
        self.near10, self.near20, self.far10, self.far20 = lab.add_hosts(4)
        lay_cable("l1", "l2")
        another = lab.add_switch("lab1")
        for switch, hosts, cable in ((lab.switch, (self.near10, self.near20), "l1"),
                                     (another, (self.far10, self.far20), "l2")):
            settings = bridge(hosts, [access(10), access(20)])
            settings["ports"].append({"name": cable, "vlan": trunk(10, 20)})
            switch.write_bridges(settings)
            switch.launch()
        for v4, hosts in (("10.10.0.1", (self.near10, self.near20)),
                          ("10.10.0.2", (self.far10, self.far20))):
            for host in hosts:  # the same addresses in both VLANs
                host.v4 = v4
                host.ip("address", "add", v4 + "/24", "dev", "eth0")


@ringspan_only
@time_limit(120)
def test_tcp_through_a_trunk(lab):
    """Superframes with default offloads: whole, with a tag between the switches."""
    cable = TrunkCable(lab)
    with_tags = Wire("l2")
    for near, far in ((cable.near10, cable.far10), (cable.near20, cable.far20)):
        near.ping(far.v4)
        stream(near, far, 4 * MEBIBYTE)
        stream(far, near, 4 * MEBIBYTE)
    crossed = with_tags.drain()
    assert {raw[12:16] for raw in crossed} == {tag(TPID_C, 10), tag(TPID_C, 20)}
    assert max(len(raw) for raw in crossed) > 20000
    lab.hosts = [cable.near10, cable.far10]
    tcp_both_ways(lab, "through a trunk")


@ringspan_only
def test_tcp_through_a_trunk_with_offloads_off(lab):
    cable = TrunkCable(lab)
    for host in lab.hosts:
        host.set_offloads("off")
    stream(cable.near10, cable.far10, MEBIBYTE)
    stream(cable.far20, cable.near20, MEBIBYTE)


@ringspan_only
def test_vlans_are_apart(lab):
    """Two pairs with the same addresses, each in its VLAN, through one trunk."""
    cable = TrunkCable(lab)
    a, b, c, d = cable.near10, cable.far10, cable.near20, cable.far20
    a.ping(b.v4)
    c.ping(d.v4)
    where = {(row["mac"], row["vlan"]): row["port"] for row in lab.switch.query("fdb")}
    assert where == {(a.mac, 10): a.port, (b.mac, 10): "l1", (c.mac, 20): c.port,
                     (d.mac, 20): "l1"}, where
    assert {row["vlan"] for row in lab.switch.query("fdb", "vlan", "20")} == {20}
    for host in lab.hosts:
        host.wire.drain()
    # What is sent in one arrives at nobody of the other: theirs is the first to come.
    first, second = a.sentinel(), d.sentinel()
    a.wire.send(first)
    assert b.wire.receive_until_sentinel(first) == []
    d.wire.send(second)
    assert c.wire.receive_until_sentinel(second) == []
    assert b.wire.drain() == []
    crossed = {row["vlan"]: row for row in lab.switch.query("vlan", "stats")}
    assert set(crossed) == {10, 20}, crossed
    for vid, pair in ((10, (a.port,)), (20, (c.port,))):
        received = sum(lab.switch.counters(port, "in")["received"] for port in pair)
        assert crossed[vid]["rx_packets"] > received and crossed[vid]["tx_packets"] > received

    def agree():
        """Whose neighbour is to be asked again may say so between two of these answers."""
        crossed = sum(row["tx_packets"] for row in lab.switch.query("vlan", "stats"))
        return crossed == sum(lab.switch.counters(port, "out")["accepted"]
                              for port in (a.port, c.port, "l1"))
    eventually(agree, "all that was accepted was in a VLAN")


@ringspan_only
def test_translation(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    wanted = bridge([a, b], [access(110), trunk(110, 30)])
    wanted["ports"][1]["translate"] = {"10": 110}
    lab.switch.write_bridges(wanted)
    lab.switch.launch()
    tagged = [tag(TPID_C, 10, pcp=5)]
    for payload in (pattern(46), pattern(1400)):
        number = a.sentinel()
        b.wire.send(b.frame(BROADCAST, payload, tags=[tag(TPID_C, 110)]),
                    b.frame(BROADCAST, payload, tags=tagged), number[:12] + tagged[0] + number[12:])
        assert a.wire.receive_until_sentinel(number) == [b.frame(BROADCAST, payload)]
        number = a.sentinel()
        a.wire.send(number)
        assert b.wire.receive_until_sentinel(number[:12] + tag(TPID_C, 10) + number[12:]) == []
    assert lab.switch.dropped(b.port, "in") == {"vlan_not_allowed": 2}
    del wanted["ports"][1]["translate"]
    lab.switch.write_bridges(wanted)
    steps = [(row["port"], row["key"], row["disruption"]) for row in lab.switch.query("reload")]
    assert steps == [(b.port, "translate", "flush")], steps
    number = a.sentinel()
    a.wire.send(number)
    assert b.wire.receive_until_sentinel(number[:12] + tag(TPID_C, 110) + number[12:]) == []


@ringspan_only
def test_allowed_changes_under_traffic(lab):
    a, b, c = start(lab, [access(10), access(10), trunk(10, 20)])
    lab.switch.write_bridges(bridge([a, b, c], [access(10), access(10), trunk(10, 20)]))
    for vid in (10, 20):
        raw = frame(BROADCAST, c.mac, b"here", tags=[tag(TPID_C, vid)])
        c.wire.send(raw)
    number = a.sentinel()
    a.wire.send(number)
    b.wire.receive_until_sentinel(number)

    def known():
        return {(row["vlan"], row["port"]) for row in lab.switch.query("fdb", "mac", c.mac)}

    assert known() == {(10, c.port), (20, c.port)}
    # Who is known already, so that nothing floods.
    number = b.sentinel()
    b.wire.send(number)
    a.wire.receive_until_sentinel(number)
    with Traffic(a, b):
        for _ in range(10):
            lab.switch.write_bridges(bridge([a, b, c], [access(10), access(10), trunk(20)]))
            steps = [(row["port"], row["key"], row["disruption"])
                     for row in lab.switch.query("reload")]
            assert steps == [(c.port, "vlan.allowed", "flush")], steps
            assert known() == {(20, c.port)}
            lab.check()
            lab.switch.write_bridges(bridge([a, b, c], [access(10), access(10), trunk(10, 20)]))
            steps = [(row["port"], row["key"], row["disruption"])
                     for row in lab.switch.query("reload")]
            assert steps == [(c.port, "vlan.allowed", "none")], steps
            c.wire.send(frame(b.mac, c.mac, b"again", tags=[tag(TPID_C, 10)]))
    assert lab.switch.fdb()[a.mac] == a.port


@ringspan_only
def test_shown_as_bridge_shows_it(lab):
    """Ranges and flags as in bridge(8)."""
    a, b, c = start(lab, [access(10), native("untagged", 1, 5, "20-29"), trunk(7, "100-4094")])
    ours = {row["ifname"]: [(vlan["vlan"], vlan.get("vlanEnd"), vlan["flags"])
                            for vlan in row["vlans"]] for row in lab.switch.query("vlan")}
    assert ours == {a.port: [(10, None, ["PVID", "Egress Untagged"])],
                    b.port: [(1, None, ["PVID", "Egress Untagged"]), (5, None, []), (20, 29, [])],
                    c.port: [(7, None, []), (100, 4094, [])]}
    assert [row["vlans"][0]["vlan"] for row in lab.switch.query("vlan", "vlan", "25")] == [25]
    done = lab.switch.call("vlan", b.port)
    assert "20-29" in done.stdout and "PVID,Egress Untagged" in done.stdout, done


if __name__ == "__main__":
    main()
