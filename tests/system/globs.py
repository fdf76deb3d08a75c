#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Patterns: each interface whose name matches is a port, as long as it exists."""

import fnmatch
import os
import random
import socket
import time

from lab import DEADLINE, eventually, ip, main, ringspan_only, run, time_limit
from lab.space import ip_batch
from lab.traffic import Traffic
from lab.wire import BROADCAST, pattern

ROUNDS = 10
CYCLES = 400
MANY = 1000
BEHIND = "behind"  # the namespace where cables end that nobody is interested in
RANDOM_ROUNDS = 25


def glob(match, **settings):
    return dict(settings, match=match)


def bridge(*ports, name="lab0", **settings):
    return dict(settings, name=name,
                ports=[{"name": port} if isinstance(port, str) else port for port in ports])


def reload_with(lab, *bridges):
    """The steps of the plan that was run, as (op, bridge, port, match, key, disruption)."""
    lab.switch.write_bridges(*bridges)
    return [tuple(row.get(key) for key in ("op", "bridge", "port", "match", "key", "disruption"))
            for row in lab.switch.query("reload")]


def ports(lab):
    """{name: (bridge, pattern)}"""
    return {row["name"]: (row["master"], row["match"]) for row in lab.switch.ask("port.show")}


def is_bound(row):
    return row["state"] in ("forwarding", "down") and row["ifindex"] is not None


def settle(lab, timeout=DEADLINE):
    eventually(lambda: all(map(is_bound, lab.switch.ask("port.show"))), "all are bound", timeout)


def launch(lab, *bridges):
    lab.capture_everywhere()
    lab.switch.write_bridges(*bridges)
    lab.switch.launch(wait=False)
    settle(lab)


def become(lab, wanted):
    """The ports are exactly these, and stay it."""
    eventually(lambda: ports(lab) == wanted, "ports {}: {}".format(wanted, ports(lab)))
    settle(lab)
    assert ports(lab) == wanted
    lab.check()


def all_of(hosts, match, name="lab0"):
    return {host.port: (name, match) for host in hosts}


def matches(lab, name="lab0"):
    """[(pattern, ports, left out)] of a bridge"""
    (row,) = lab.switch.ask("bridge.show", bridge=name)
    assert row["left_out"] == sum(each["left_out"] for each in row["matches"])
    return [(each["match"], each["n_ports"], each["left_out"]) for each in row["matches"]]


def add_plain(*names):
    """Interfaces without a host behind them, which come and go together and quickly: the kernel takes
    a hundred times as long to delete bridges, and nobody else's links can change meanwhile."""
    if not os.path.exists("/run/netns/" + BEHIND):
        ip("netns", "add", BEHIND)
    ip_batch(line for name in names for line in (
        "link add name {} group 7 type veth peer name eth-{} netns {}".format(name, name, BEHIND),
        "link set {} addrgenmode none".format(name)))


def delete(*names):
    ip_batch("link del " + name for name in names)


@ringspan_only
def test_those_that_are_there(lab):
    a, b, c = lab.add_hosts(3)
    launch(lab, bridge(glob("p[12]")))
    become(lab, all_of([a, b], "p[12]"))
    lab.expect(a, [a.frame(BROADCAST, pattern(46))], [b], absent=[c])
    row = lab.switch.port(a.port)
    assert (row["ifname"], row["configured_ifname"], row["state"]) == (a.port, a.port, "forwarding")
    assert lab.switch.fdb() == {a.mac: a.port}
    assert matches(lab) == [("p[12]", 2, 0)]


@ringspan_only
def test_come_and_go_under_traffic(lab):
    a, b, c = lab.add_hosts(3)
    launch(lab, bridge(glob("p*")))
    lab.teach(a, b, c)
    with Traffic(a, b):
        for _ in range(ROUNDS):
            ip("link", "del", c.port)
            become(lab, all_of([a, b], "p*"))
            c.cable()
            become(lab, all_of([a, b, c], "p*"))
    lab.wait_connected(c)
    lab.teach(c)
    c.wire.drain()
    lab.expect(a, [a.frame(c, pattern(46))], [c])


@ringspan_only
def test_no_interface_at_first(lab):
    """Ready without a port; a port is where it can be when it is there."""
    launch(lab, bridge(glob("p*")), bridge(glob("veth-*"), name="lab1"))
    assert ports(lab) == {}
    a, b = lab.add_hosts(2)
    become(lab, all_of([a, b], "p*"))
    lab.switch.wait(a.port, b.port)
    lab.capture_everywhere()
    lab.expect(a, [a.frame(b)], [b])


@ringspan_only
def test_recreated_is_a_new_port(lab):
    a, b = lab.add_hosts(2)
    launch(lab, bridge(glob("p*")))
    for _ in range(ROUNDS):
        lab.expect(a, [a.frame(b)], [b])
        assert lab.switch.counters(b.port, "out")["decided"] > 0
        ip_batch(["link del " + b.port] + list(b.creation())[1:])
        b.plug_in()
        index = socket.if_nametoindex(b.port)
        eventually(lambda: lab.switch.port(b.port)["ifindex"] == index, "the new interface")
        assert lab.switch.counters(b.port, "out")["decided"] == 0
        lab.wait_connected(b)


@ringspan_only
def test_renamed_out_of_the_pattern_and_into_it(lab):
    a, b, c = lab.add_hosts(3)
    launch(lab, bridge(glob("p*")))
    for _ in range(ROUNDS):
        ip_batch(["link set {} down".format(c.port), "link set {} name x3".format(c.port),
                  "link set x3 up"])
        become(lab, all_of([a, b], "p*"))
        lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])
        ip_batch(["link set x3 down", "link set x3 name p-3", "link set p-3 up"])
        become(lab, dict(all_of([a, b], "p*"), **{"p-3": ("lab0", "p*")}))
        ip_batch(["link set p-3 down", "link set p-3 name " + c.port,
                  "link set {} up".format(c.port)])
        become(lab, all_of([a, b, c], "p*"))
        eventually(c.is_up, "its host is connected")


@ringspan_only
def test_enslaved_is_none_of_its_business(lab):
    a, b = lab.add_hosts(2)
    ip("link", "add", "name", "br9", "type", "bridge")
    launch(lab, bridge(glob("p*")))
    for _ in range(ROUNDS):
        ip("link", "set", b.port, "master", "br9")
        become(lab, all_of([a], "p*"))
        ip("link", "set", b.port, "nomaster")
        become(lab, all_of([a, b], "p*"))


@ringspan_only
def test_what_is_no_ethernet(lab):
    """Loopback and tun; a port of the pattern shows that they were looked at."""
    ip("tuntap", "add", "t1", "mode", "tun")
    add_plain("d1")
    launch(lab, bridge(glob("*")))
    become(lab, {"d1": ("lab0", "*")})
    assert matches(lab) == [("*", 1, 0)]


@ringspan_only
def test_the_one_too_many(lab):
    add_plain("d1", "d2", "d3")
    launch(lab, bridge(glob("d*", max=2)))
    become(lab, {"d1": ("lab0", "d*"), "d2": ("lab0", "d*")})
    assert matches(lab) == [("d*", 2, 1)]
    assert lab.switch.read_log().count("d3 is left out") == 1
    add_plain("d4")
    eventually(lambda: matches(lab) == [("d*", 2, 2)], "it is counted")
    assert lab.switch.read_log().count("left out:") == 1
    delete("d1")
    become(lab, {"d2": ("lab0", "d*"), "d3": ("lab0", "d*")})  # the older one first
    assert matches(lab) == [("d*", 2, 1)]
    delete("d4")
    eventually(lambda: matches(lab) == [("d*", 2, 0)], "nobody waits any more")
    add_plain("d5")
    eventually(lambda: "d5 is left out" in lab.switch.read_log(), "it is said again")
    delete("d2", "d3")
    become(lab, {"d5": ("lab0", "d*")})


@ringspan_only
def test_rename_with_the_last_place(lab):
    add_plain("d1")
    launch(lab, bridge(glob("d*", max=1)))
    for old, new in (("d1", "d2"), ("d2", "d1")) * ROUNDS:
        ip_batch(["link set {} down".format(old), "link set {} name {}".format(old, new),
                  "link set {} up".format(new)])
        become(lab, {new: ("lab0", "d*")})
        assert matches(lab) == [("d*", 1, 0)]


@ringspan_only
def test_first_pattern_wins(lab):
    add_plain("d1", "d22", "e1")
    launch(lab, bridge(glob("d?")), bridge(glob("d*"), glob("*"), name="lab1"))
    become(lab, {"d1": ("lab0", "d?"), "d22": ("lab1", "d*"), "e1": ("lab1", "*")})
    assert reload_with(lab, bridge(glob("d*"), glob("*"), name="lab1"), bridge(glob("d?"))) == [
        ("change", "lab1", None, "d*", "order", "reopen"),
        ("change", "lab1", None, "*", "order", "reopen"),
        ("change", "lab0", None, "d?", "order", "reopen")]
    become(lab, {"d1": ("lab1", "d*"), "d22": ("lab1", "d*"), "e1": ("lab1", "*")})


@ringspan_only
def test_full_pattern_still_is_the_first(lab):
    add_plain("d1", "d2")
    launch(lab, bridge(glob("d?", max=1), glob("d*")))
    become(lab, {"d1": ("lab0", "d?")})
    assert matches(lab) == [("d?", 1, 1), ("d*", 0, 0)]


@ringspan_only
def test_port_with_a_name_beats_it(lab):
    a, b, c = lab.add_hosts(3)
    launch(lab, bridge(glob("p*")), bridge({"name": "mine", "ifname": c.port}, name="lab1"))
    become(lab, dict(all_of([a, b], "p*"), mine=("lab1", None)))
    with Traffic(a, b):
        for _ in range(ROUNDS):
            # In another bridge it takes the interface away; here it takes name and interface.
            assert reload_with(lab, bridge(glob("p*"), c.port), bridge(name="lab1")) == [
                ("del", "lab1", "mine", None, None, "none"),
                ("add", "lab0", c.port, None, None, "none")]
            become(lab, dict(all_of([a, b], "p*"), **{c.port: ("lab0", None)}))
            reload_with(lab, bridge(glob("p*")), bridge(name="lab1"))
            become(lab, all_of([a, b, c], "p*"))
            assert reload_with(lab, bridge(glob("p*")), bridge(
                {"name": "mine", "ifname": c.port}, name="lab1")) == [
                    ("add", "lab1", "mine", None, None, "none")]
            become(lab, dict(all_of([a, b], "p*"), mine=("lab1", None)))


@ringspan_only
def test_name_of_another_port_is_taken(lab):
    """A port is called what its interface is called, and names are unique in a daemon."""
    add_plain("d1", "d2", "e1")
    launch(lab, bridge(glob("d*")), bridge({"name": "d1", "ifname": "e1"}, name="lab1"))
    become(lab, {"d1": ("lab1", None), "d2": ("lab0", "d*")})


@ringspan_only
def test_both_ends_of_a_cable(lab):
    """In one bridge they would be a loop; between two bridges they are a cable."""
    ip("link", "add", "v1", "type", "veth", "peer", "name", "v2")
    ip_batch(["link set {} {}".format(name, word) for name in ("v1", "v2")
              for word in ("addrgenmode none", "up")])
    launch(lab, bridge(glob("v*")))
    eventually(lambda: len(ports(lab)) == 1, "one of the two is a port")
    assert matches(lab) == [("v*", 1, 1)]
    assert lab.switch.read_log().count("would be a loop") == 1
    (made,) = ports(lab)
    (other,) = {"v1", "v2"} - {made}
    reload_with(lab, bridge(glob("v*"), other))
    become(lab, {other: ("lab0", None)})
    assert matches(lab) == [("v*", 0, 1)]
    reload_with(lab, bridge(glob("v*")), bridge(other, name="lab1"))
    become(lab, {made: ("lab0", "v*"), other: ("lab1", None)})
    assert matches(lab) == [("v*", 1, 0)]
    reload_with(lab, bridge(glob("v*")))
    become(lab, {made: ("lab0", "v*")})
    ip("link", "add", "name", "br9", "type", "bridge")
    ip("link", "set", made, "master", "br9")  # then the other end is free to be one
    become(lab, {other: ("lab0", "v*")})


@ringspan_only
def test_edited_pattern(lab):
    """Ports that it still makes lose nothing, and forget nothing."""
    a, b, c = lab.add_hosts(3)
    launch(lab, bridge(glob("p*"), aging_time=100000))
    lab.teach(a, b, c)
    before = {row["name"]: row["ifindex"] for row in lab.switch.query("port")}
    with Traffic(a, b):
        for _ in range(ROUNDS):
            assert reload_with(lab, bridge(glob("p[12]"), aging_time=100000)) == [
                ("del", "lab0", None, "p*", None, "none"),
                ("add", "lab0", None, "p[12]", None, "none")]
            become(lab, all_of([a, b], "p[12]"))
            assert {a.mac, b.mac} <= set(lab.switch.fdb())
            assert lab.switch.counters(a.port, "in")["received"] > 0
            reload_with(lab, bridge(glob("p*", description="all"), aging_time=100000))
            become(lab, all_of([a, b, c], "p*"))
    log = lab.switch.read_log()
    assert log.count("port {}: deleted".format(a.port)) == 0
    assert log.count("port {}: deleted".format(c.port)) == ROUNDS
    assert {row["name"]: row["ifindex"] for row in lab.switch.query("port")} == before


@ringspan_only
def test_another_max(lab):
    add_plain("d1", "d2", "d3", "d4")
    launch(lab, bridge(glob("d*")))
    become(lab, {"d%d" % i: ("lab0", "d*") for i in (1, 2, 3, 4)})
    for most in (2, 3, 1, 4):
        assert reload_with(lab, bridge(glob("d*", max=most))) == [
            ("change", "lab0", None, "d*", "max", "none")]
        become(lab, {"d%d" % i: ("lab0", "d*") for i in range(1, most + 1)})
        assert matches(lab) == [("d*", most, 4 - most)]


@ringspan_only
def test_pattern_leaves_with_its_bridge(lab):
    a, b = lab.add_hosts(2)
    launch(lab, bridge(a.port), bridge(glob("p*"), name="lab1"))
    become(lab, {a.port: ("lab0", None), b.port: ("lab1", "p*")})
    reload_with(lab, bridge(a.port))
    become(lab, {a.port: ("lab0", None)})
    reload_with(lab, bridge(a.port, glob("p*")))
    become(lab, {a.port: ("lab0", None), b.port: ("lab0", "p*")})
    lab.switch.wait(a.port, b.port)
    lab.expect(a, [a.frame(b)], [b])


@ringspan_only
def test_at_run_time(lab):
    a, b, c = lab.add_hosts(3)
    launch(lab, bridge(a.port))
    lab.switch.query("port", "add", "match", "p*", "bridge", "lab0", "max", "1")
    become(lab, {a.port: ("lab0", None), b.port: ("lab0", "p*")})
    assert matches(lab) == [("p*", 1, 1)]
    lab.switch.query("port", "set", "match", "p*", "max", "5")
    become(lab, dict(all_of([b, c], "p*"), **{a.port: ("lab0", None)}))
    lab.switch.wait()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])
    with Traffic(a, b):
        for _ in range(ROUNDS):
            # A port with a name comes, and takes the interface; it goes, and gives it back.
            lab.switch.query("port", "add", c.port)
            become(lab, {a.port: ("lab0", None), b.port: ("lab0", "p*"), c.port: ("lab0", None)})
            lab.switch.query("port", "del", c.port)
            become(lab, dict(all_of([b, c], "p*"), **{a.port: ("lab0", None)}))
    lab.switch.query("port", "del", "match", "p*")
    become(lab, {a.port: ("lab0", None)})
    assert lab.switch.query("config", "diff") == []


def add_there(netns, *names):
    """Interfaces that need nobody."""
    for name in names:
        ip("-n", netns, "link", "add", "name", name, "type", "bridge")


@ringspan_only
def test_in_another_namespace(lab):
    (a,) = lab.add_hosts(1)
    ip("netns", "add", "red")
    launch(lab, bridge(glob("p*"), glob("e*", netns="red")))
    become(lab, all_of([a], "p*"))
    add_there("red", "e1", "x1")
    become(lab, dict(all_of([a], "p*"), e1=("lab0", "e*")))
    assert lab.switch.port("e1")["netns"] == "red"
    ip("-n", "red", "link", "set", "dev", "x1", "name", "e2")
    become(lab, dict(all_of([a], "p*"), e1=("lab0", "e*"), e2=("lab0", "e*")))
    ip("netns", "del", "red")
    become(lab, all_of([a], "p*"))
    ip("netns", "add", "red")  # another one, of the same name
    add_there("red", "e3")
    become(lab, dict(all_of([a], "p*"), e3=("lab0", "e*")))


@ringspan_only
def test_one_name_in_two_namespaces(lab):
    """The first that is there has it; when it goes, the other one does."""
    add_plain("d1")
    ip("netns", "add", "red")
    launch(lab, bridge(glob("d*"), glob("d*", netns="red")))
    become(lab, {"d1": ("lab0", "d*")})
    add_there("red", "d1")
    eventually(lambda: matches(lab) == [("d*", 1, 0), ("d*", 0, 1)], "it is counted")
    assert lab.switch.port("d1")["netns"] is None
    assert "match d*: d1 is left out: there is a port of that name" in lab.switch.read_log()
    delete("d1")
    eventually(lambda: matches(lab) == [("d*", 0, 0), ("d*", 1, 0)], "the other one has the name")
    assert lab.switch.port("d1")["netns"] == "red"


@ringspan_only
def test_effective_configuration_is_a_file(lab):
    (a,) = lab.add_hosts(1)
    launch(lab, bridge(glob("p*")))
    become(lab, all_of([a], "p*"))
    (effective,) = lab.switch.query("config")["bridges"]
    (only,) = effective["ports"]
    assert (only["match"], only["max"], "name" in only) == ("p*", 64, False)
    lab.switch.write_text(lab.switch.call("config", "show").stdout)
    assert lab.switch.query("reload") == []


@ringspan_only
@time_limit(180)
def test_storm(lab):
    """Names that are made and deleted again and again; in the end nothing is left over."""
    a, b = lab.add_hosts(2)
    launch(lab, bridge(a.port, b.port, glob("d*", max=40)))
    lab.teach(a, b)
    folder = "/proc/{}/fd".format(lab.switch.process.pid)
    before = len(os.listdir(folder))
    started = time.monotonic()
    with Traffic(a, b):
        for _ in range(0, CYCLES, 50):
            add_plain(*("d%d" % i for i in range(50)))
            ip("link", "del", "group", "7")
            lab.check()
    print("{} cycles: {:.1f} s".format(CYCLES, time.monotonic() - started))
    add_plain("d1", "d2")
    become(lab, {a.port: ("lab0", None), b.port: ("lab0", None), "d1": ("lab0", "d*"),
                 "d2": ("lab0", "d*")})
    delete("d1", "d2")
    become(lab, {a.port: ("lab0", None), b.port: ("lab0", None)})
    assert matches(lab) == [("d*", 0, 0)]
    eventually(lambda: len(os.listdir(folder)) <= before, "all rings are closed")


class Interfaces:
    """Made, deleted, renamed and swapped at random, many at once. There are few indexes, so that
    they come again, for others."""

    def __init__(self, rand):
        self.rand = rand
        self.here = {}  # name: index
        self.n_peers = 0

    def free(self, letters):
        return [name for name in (letter + str(i) for letter in letters for i in range(8))
                if name not in self.here]

    def _add(self):
        name = self.rand.choice(self.free("de"))
        index = self.rand.choice([i for i in range(1000, 1020) if i not in self.here.values()])
        self.here[name] = index
        if self.rand.random() < 0.5:
            return ["link add name {} index {} type bridge".format(name, index)]
        self.n_peers += 1
        return ["link add {} index {} type veth peer name x{} netns far".format(
            name, index, self.n_peers), "link set {} up".format(name)]

    def _delete(self):
        name = self.rand.choice(sorted(self.here))
        del self.here[name]
        return ["link del " + name]

    def _rename(self):
        old, new = self.rand.choice(sorted(self.here)), self.rand.choice(self.free("def"))
        self.here[new] = self.here.pop(old)
        return ["link set {} down".format(old), "link set {} name {}".format(old, new),
                "link set {} up".format(new)]

    def _swap(self):
        one, other = self.rand.sample(sorted(self.here), 2)
        self.here[one], self.here[other] = self.here[other], self.here[one]
        return ["link set {} name {}".format(*each)
                for each in ((one, "swap"), (other, one), ("swap", other))]

    def change(self):
        """ip(8) commands of one change."""
        ways = [self._add] * 3 + [self._delete, self._rename, self._swap]
        if len(self.here) < 3:
            ways = [self._add]
        elif len(self.here) > 12:
            ways = [self._delete, self._rename, self._swap]
        return self.rand.choice(ways)()


class Wanted:
    """What is to be made of the interfaces, by the words of ringspan.json(5)."""

    def __init__(self, bridges, names):
        """{pattern: (bridge, most, names that match it first)}, and named ports."""
        self.named = {}
        self.patterns = {}
        for each in bridges:
            for port in each["ports"]:
                if "match" in port:
                    self.patterns[port["match"]] = (each["name"], port["max"], set())
                else:
                    self.named[port["name"]] = (each["name"], port.get("ifname", port["name"]))
        taken = set(self.named) | {ifname for _, ifname in self.named.values()}
        for name in names:
            first = next((match for match in self.patterns if fnmatch.fnmatchcase(name, match)), None)
            if first is not None and name not in taken:
                self.patterns[first][2].add(name)

    def is_within_bounds(self, now):
        """At each moment, also while it changes."""
        return all([match for _, match in now.values()].count(each) <= most
                   for each, (_, most, _) in self.patterns.items())

    def is_there(self, lab):
        now = ports(lab)
        counts = {match: (n, left_out) for name in ("lab0", "lab1")
                  for match, n, left_out in matches(lab, name)}
        return (all(now.get(name) == (where, None) for name, (where, _) in self.named.items()) and
                all(match is None or (where == self.patterns[match][0] and
                                      name in self.patterns[match][2])
                    for name, (where, match) in now.items()) and
                counts == {match: (min(most, len(names)), max(0, len(names) - most))
                           for match, (_, most, names) in self.patterns.items()})


def indexes(lab):
    """{port: (bridge, ifindex)}"""
    return {row["name"]: (row["master"], row["ifindex"]) for row in lab.switch.query("port")}


def draw_file(rand):
    """Bridges of a file at random: patterns that overlap, ports with names in between."""
    globs = [glob(match, max=rand.choice([1, 3, 64])) for match in
             rand.sample(["d*", "[de]?", "e[0-3]", "?[4-7]", "*[1357]"], 3)]
    named = rand.sample(["d1", "e2", {"name": "d3", "ifname": "e5"}, {"name": "y", "ifname": "d4"}],
                          rand.randrange(3))
    entries = globs + named
    rand.shuffle(entries)
    middle = rand.randrange(len(entries) + 1)
    return [bridge("p1", *entries[:middle]), bridge("p2", *entries[middle:], name="lab1")]


@ringspan_only
@time_limit(180)
def test_random_changes(lab):
    """Of interfaces and of the file: in the end it is as the words of the manual say."""
    seed = int(os.environ.get("GLOBS_SEED", "1"))
    rand = random.Random(seed)
    a, b = lab.add_hosts(2)
    run("ip", "netns", "add", "far")
    interfaces = Interfaces(rand)
    bridges = draw_file(rand)
    lab.switch.write_bridges(*bridges)
    lab.switch.launch(wait=False)
    before = lab.switch.descriptors()
    for _ in range(RANDOM_ROUNDS):
        if rand.random() < 0.5:
            bridges = draw_file(rand)
            lab.switch.write_bridges(*bridges)
            lab.switch.query("reload")
        for _ in range(5):
            ip_batch([line for _ in range(rand.randrange(1, 8)) for line in interfaces.change()])
            assert Wanted(bridges, ()).is_within_bounds(ports(lab))
            for host in a, b:
                host.wire.send(*[host.frame(BROADCAST)] * 20)
            lab.check()
        wanted = Wanted(bridges, interfaces.here)
        eventually(lambda: wanted.is_there(lab), "ports are {}".format(wanted.patterns))
    bridges = [bridge(glob("d?", max=64), "p1", "p2"), bridge(glob("*[0-3]", max=64), name="lab1")]
    lab.switch.write_bridges(*bridges)
    lab.switch.query("reload")
    wanted = Wanted(bridges, interfaces.here)
    eventually(lambda: wanted.is_there(lab), "ports are {}".format(wanted.patterns))
    settle(lab)
    there = indexes(lab)
    assert {name: index for name, (_, index) in there.items() if name not in ("p1", "p2")} == {
        name: index for name, index in interfaces.here.items() if name in there}
    assert lab.switch.stop() == 0
    lab.switch.launch(wait=False)
    settle(lab)
    assert indexes(lab) == there
    delete(*interfaces.here)
    eventually(lambda: set(ports(lab)) == {"p1", "p2"}, "none is left")
    eventually(lambda: lab.switch.descriptors() <= before, "all rings are closed")


@ringspan_only
@time_limit(180)
def test_a_thousand_at_once(lab):
    a, b = lab.add_hosts(2)
    launch(lab, bridge(a.port, b.port, glob("d*", max=MANY)))
    lab.teach(a, b)
    names = ["d%d" % i for i in range(MANY)]
    with Traffic(a, b):
        with lab.switch.stopped():
            add_plain(*names)
        started = time.monotonic()
        eventually(lambda: matches(lab) == [("d*", MANY, 0)], "all are ports", timeout=60)
        settle(lab, timeout=60)
        print("{} ports: {:.1f} s".format(MANY, time.monotonic() - started))
        ip("link", "del", "group", "7")
        started = time.monotonic()
        eventually(lambda: len(ports(lab)) == 2, "none is left", timeout=60)
        print("none left: {:.1f} s".format(time.monotonic() - started))
    lab.check()


@ringspan_only
def test_run_time_commands_say_whose_port_it_is(lab):
    """The port exists, but the configuration, which a command alters, has none of that name."""
    hosts = lab.add_hosts(1)
    launch(lab, bridge(glob("p*")))
    become(lab, all_of(hosts, "p*"))
    name = hosts[0].port
    for words in (("port", "set", name, "description", "x"),
                  ("fdb", "add", "02:00:00:00:00:01", "dev", name)):
        refused = lab.switch.call(*words)
        assert refused.returncode == 2
        assert "'{0}' is no port of its own but one of match p*: `port add {0}` makes it one" \
            .format(name) in refused.stderr, refused.stderr
    assert lab.switch.call("port", "add", name, "master", "lab0").returncode == 0
    assert lab.switch.call("fdb", "add", "02:00:00:00:00:01", "dev", name).returncode == 0


if __name__ == "__main__":
    main()
