#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What is explained happens: random frames on real interfaces, each explained and then sent."""

import json
import os
import random
import socket

from lab import eventually, main, ringspan_only
from lab.wire import BROADCAST, TPID_C, TPID_S, frame_of_length, tag

FRAMES = 1000
VLAN_PORTS = 6


class Client:
    """One connection for all questions."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")

    def ask(self, method, **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.file.write(json.dumps(request) + "\n")
        self.file.flush()
        answer = json.loads(self.file.readline())
        assert "result" in answer, answer
        return answer["result"]

    def ledgers(self):
        """{(port, direction): counters} of all ports."""
        return {(row["port"], row["direction"]): row for row in self.ask("ledger.show")}


def bridges(hosts):
    """One that keeps VLANs apart, with most of what a port can be told; and a plain one."""
    one = [{"vlan": {"mode": "trunk", "allowed": [10, 20, 30]}, "translate": {"130": 30}},
           {"vlan": {"mode": "access", "pvid": 10}, "isolation_group": 1},
           {"vlan": {"mode": "access", "pvid": 10}, "isolation_group": 1, "mac_limit": {"max": 2}},
           {"vlan": {"mode": "native_untagged", "pvid": 20, "allowed": [10, 30]},
            "flood": {"multicast": False}},
           {"vlan": {"mode": "native_tagged", "pvid": 10, "allowed": [20],
                     "acceptable_frame_types": "vlan_tagged"}, "hairpin": True},
           {"vlan": {"mode": "dot1q_tunnel", "pvid": 20}, "learning": False}]
    known_only = {"unknown_unicast": False}
    two = [{}, {"flood": known_only}, {"flood": known_only, "reserved": "customer_bridge"}]
    ports = [dict(settings, name=host.port) for host, settings in zip(hosts, one + two)]
    return [{"name": "lab0", "vlan_aware": True, "ports": ports[:VLAN_PORTS],
             "reserved": {"lldp": "consume"}},
            {"name": "lab1", "ports": ports[VLAN_PORTS:]}]


def start(lab):
    hosts = lab.add_hosts(4) + lab.add_hosts(1, mtu=1300) + lab.add_hosts(4)
    lab.capture_everywhere()
    lab.switch.write_bridges(*bridges(hosts))
    lab.switch.launch()
    for host in hosts:
        lab.wait_connected(host)
    return hosts


def random_frame(dice, hosts, mtu):
    known = [host.mac for host in hosts] + ["02:00:00:00:99:01"]
    dst = dice.choice(known * 2 + [BROADCAST, "01:00:5e:00:00:01", "01:80:c2:00:00:01",
                                   "01:80:c2:00:00:02", "01:80:c2:00:00:0e", "01:00:0c:cc:cc:cd"])
    src = dice.choice(known * 4 + ["03:00:5e:00:00:01", "00:00:00:00:00:00"])
    tags = [tag(dice.choice((TPID_C, TPID_C, TPID_S)), dice.choice((0, 10, 20, 30, 130, 4095)),
                dice.randrange(8), dice.randrange(2)) for _ in range(dice.choice((0, 0, 1, 1, 2)))]
    length = dice.choice((60, 64, dice.randrange(60, mtu + 15), mtu + 14))
    return frame_of_length(dst, src, length, tags)


def wire_bytes(raw, tags):
    """A frame with these tags in place of all of its own."""
    rest = raw[12:]
    while rest[:2] in (b"\x81\x00", b"\x88\xa8"):
        rest = rest[4:]
    return raw[:12] + b"".join(tag(int(each["ethertype"], 16), each["vlan"], each["pcp"],
                                   each["dei"]) for each in tags) + rest


def gained(before, after, port, direction):
    """The counters that moved; reasons by their name."""
    was, now = before[port, direction], after[port, direction]
    moved = {key: now[key] - was[key] for key in now
             if isinstance(now[key], int) and not isinstance(now[key], bool)}
    moved.update({reason: count - was["dropped"].get(reason, 0)
                  for reason, count in now["dropped"].items()})
    return {key: count for key, count in moved.items() if count}


def check_ingress(explained, moved):
    counter = {"unicast": "unicast", "flood": "flooded", "consume": "consumed",
               "drop": explained["reason"]}[explained["verdict"]]
    assert moved["received"] == 1 and moved.get(counter) == 1, (explained, moved)


def check_egress(explained, before, after, ports):
    copies = {copy["port"]: copy for copy in explained["egress"]}
    for port in ports:
        moved = gained(before, after, port, "out")
        copy = copies.get(port)
        if copy is None:
            assert not moved, (explained, port, moved)
        elif copy["outcome"] == "send":
            assert moved["accepted"] == 1 and moved["decided"] == 1, (explained, port, moved)
            assert moved["bytes"] == copy["size"], (explained, port, moved)
        else:
            assert moved[copy["reason"]] == 1 and "accepted" not in moved, (explained, port, moved)


@ringspan_only
def test_what_is_explained_happens(lab):
    hosts = start(lab)
    ports = [host.port for host in hosts]
    client = Client(lab.switch.socket)
    dice = random.Random(1)
    wanted = {port: [] for port in ports}
    reasons = set()
    after = client.ledgers()
    for _ in range(FRAMES):
        host = dice.choice(hosts)
        raw = random_frame(dice, hosts, host.mtu)
        before = after
        explained = client.ask("explain", port=host.port, hex=raw.hex())
        host.wire.send(raw)
        while not gained(before, after, host.port, "in"):
            after = client.ledgers()
        check_ingress(explained, gained(before, after, host.port, "in"))
        check_egress(explained, before, after, ports)
        reasons.update({explained["reason"], *(copy["reason"] for copy in explained["egress"])})
        for copy in explained["egress"]:
            if copy["outcome"] == "send":
                wanted[copy["port"]].append(wire_bytes(raw, copy["tags"]))
    for host in hosts:
        got = [host.wire.receive() for _ in wanted[host.port]]
        assert got == wanted[host.port], host.port
        assert host.wire.drain() == [], host.port
    assert reasons >= {None, "source_group", "source_zero", "mac_control", "reserved", "no_pvid",
                       "vlan_tagged", "frame_type", "vid_reserved", "vlan_not_allowed", "same_port",
                       "isolation_group", "flood_off", "mac_limit", "too_long"}, reasons
    lab.check()


def explain(lab, *words):
    """The one row of the answer."""
    rows = lab.switch.query("explain", *words)
    assert len(rows) == 1, rows
    return rows[0]


@ringspan_only
def test_states_and_rates(lab):
    """Reasons that are those of a moment."""
    left, right = lab.add_hosts(2)
    lab.capture_everywhere()
    lab.switch.write_bridges({"name": "lab0", "ports": [
        {"name": left.port, "storm_control": {"broadcast": {"rate": "1pps", "burst": "1packets"}}},
        {"name": right.port}, {"name": "later"}]})
    lab.switch.launch(wait=False)
    lab.switch.wait(left.port, right.port)
    for host in (left, right):
        lab.wait_connected(host)

    def reason(*words):
        return explain(lab, "--port", left.port, *words)["reason"]

    lab.teach(right)
    assert reason("--dst", right.mac) is None
    assert explain(lab, "--port", left.port, "--dst", right.mac)["fdb"]["port"] == right.port
    waiting = explain(lab, "--port", "later", "--dst", right.mac)
    assert waiting["reason"] == "ingress_down", waiting
    assert "waiting: no interface named later" in waiting["steps"][-1]["text"], waiting

    def is_over():
        left.wire.send(left.frame(BROADCAST))
        return reason("--dst", BROADCAST) == "storm_broadcast"
    eventually(is_over, "the rate of broadcasts is used up")
    assert reason("--dst", "01:80:c2:00:00:02") is None  # LACP is exempt
    lab.switch.call("port", "set", right.port, "down")
    assert reason("--dst", right.mac) == "no_egress"
    lab.switch.call("fdb", "add", "02:00:00:00:00:77", "port", right.port)
    assert reason("--dst", "02:00:00:00:00:77") == "static_down"


@ringspan_only
def test_captures(lab):
    """A file of tcpdump(8), read whole, by frame, and by standard input."""
    left, right = lab.start_with_hosts(2)
    path = os.path.join(os.path.dirname(lab.switch.config), "frames.pcap")
    dump = left.spawn("tcpdump", "-i", "eth0", "-U", "-c", "3", "-w", path)
    eventually(lambda: os.path.exists(path), "tcpdump listens")
    eventually(lambda: left.wire.send(left.frame(right.mac, tags=[tag(TPID_C, 7)])) or
               dump.poll() is not None, "tcpdump has three frames")
    rows = lab.switch.query("explain", "--port", left.port, "--pcap", path)
    assert [row["frame"] for row in rows] == [1, 2, 3], rows
    assert {row["tags"][0]["vlan"] for row in rows} == {7}, rows
    one = lab.switch.query("explain", "--port", left.port, "--pcap", path, "--frame", "2")
    assert one[0]["dst"] == right.mac, one
    beyond = lab.switch.call("explain", "--port", left.port, "--pcap", path, "--frame", "4")
    assert beyond.returncode == 2 and "has 3 frames" in beyond.stderr, beyond


if __name__ == "__main__":
    main()
