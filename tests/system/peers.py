#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The same frames through Ringspan and through Open vSwitch's userspace datapath: port set and bytes.

Both have the same VLANs on the same kinds of ports. Where the two differ is written down here, with
what Open vSwitch does; a difference that is not listed fails, and so does one that is not there any
more. Open vSwitch runs in the test's namespaces, with a database and sockets of its own.
"""

import os
import shutil

from lab import SkipTest, eventually, main, ringspan_only, space
from lab.wire import BROADCAST, ETHERTYPE, TPID_C, TPID_S, frame, mac_bytes, pattern, tag

OVS = "/run/lab/ovs"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"

# What stands behind a port, by its mode; each VLAN has one more port.
VLANS = {
    "access": {"mode": "access", "pvid": 10},
    "trunk": {"mode": "trunk", "allowed": [10, 20, 4094]},
    "untagged": {"mode": "native_untagged", "pvid": 10, "allowed": [20]},
    "tagged": {"mode": "native_tagged", "pvid": 10, "allowed": [20]},
    "tunnel": {"mode": "dot1q_tunnel", "pvid": 10},
    "other": {"mode": "access", "pvid": 20},
}
PORTS = list(VLANS)

KINDS = {
    "untagged": [],
    "VID 0": [tag(TPID_C, 0)],
    "VID 0, PCP 5": [tag(TPID_C, 0, pcp=5)],
    "pvid": [tag(TPID_C, 10, pcp=3)],
    "allowed": [tag(TPID_C, 20, pcp=7, dei=1)],
    "not allowed": [tag(TPID_C, 30)],
    "4094": [tag(TPID_C, 4094)],
    "4095": [tag(TPID_C, 4095)],
    "S-tag": [tag(TPID_S, 30, pcp=2)],
    "S-tag, allowed": [tag(TPID_S, 20)],
    "unknown tag": [tag(0x9100, 20)],
    "pvid, inner": [tag(TPID_C, 10), tag(TPID_C, 33, pcp=1)],
    "allowed, inner": [tag(TPID_C, 20), tag(TPID_C, 33, pcp=1)],
    "S-tag, inner": [tag(TPID_S, 30), tag(TPID_C, 20)],
}


def describe(tags):
    """Tags as people write them: 8100:10 8100:33.1 (PCP) 88a8:5.2d (DEI)."""
    words = []
    for raw in tags:
        tci = int.from_bytes(raw[2:], "big")
        priority = ".%d" % (tci >> 13) if tci >> 13 else ""
        words.append("%s:%d%s%s" % (raw[:2].hex(), tci & 0xFFF, priority, "d" * (tci >> 12 & 1)))
    return " ".join(words) or "-"


def vsctl(*argv):
    space.run("ovs-vsctl", "--db=unix:%s/db.sock" % OVS, "--no-wait", *argv)


def settings_of(vlan):
    """ovs-vsctl's words for a port's VLANs."""
    words = ["vlan_mode=" + vlan["mode"].replace("_", "-")]
    if "pvid" in vlan:
        words.append("tag=%d" % vlan["pvid"])
    if "allowed" in vlan:
        words.append("trunks=" + ",".join(map(str, vlan["allowed"])))
    if vlan["mode"] == "dot1q_tunnel":
        words.append("other_config:qinq-ethtype=802.1q")
    return words


def start_openvswitch(hosts):
    """Its daemons end with the test's namespaces, or with the test."""
    if not shutil.which("ovs-vswitchd") or not os.path.exists(SCHEMA):
        raise SkipTest("SKIPPED: Open vSwitch is not installed (openvswitch-switch)")
    os.makedirs(OVS)
    os.environ.update(OVS_RUNDIR=OVS, OVS_LOGDIR=OVS, OVS_DBDIR=OVS)
    space.run("ovsdb-tool", "create", OVS + "/db", SCHEMA)
    with open(OVS + "/log", "wb") as log:
        space.spawn("ovsdb-server", OVS + "/db", "--remote=punix:%s/db.sock" % OVS, stderr=log)
        eventually(lambda: os.path.exists(OVS + "/db.sock"), "ovsdb-server listens")
        vsctl("init")
        vsctl("set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
        vsctl("add-br", "ovs0", "--", "set", "Bridge", "ovs0", "datapath_type=netdev",
              "fail_mode=standalone")
        for host, vlan in zip(hosts, VLANS.values()):
            vsctl("add-port", "ovs0", host.port, "--", "set", "Port", host.port, *settings_of(vlan))
        space.spawn("ovs-vswitchd", "unix:%s/db.sock" % OVS, "--unixctl=%s/ctl" % OVS,
                    "-vsyslog:off", stderr=log)


class Side:
    """One of the switches, with a host behind each kind of port."""

    def __init__(self, hosts):
        self.hosts = dict(zip(PORTS, hosts))

    @staticmethod
    def mac(name):
        """The same address on both sides."""
        return "02:00:00:00:77:%02x" % PORTS.index(name)

    def crosses(self, sender):
        """A frame that the sender's VLAN takes to another port has arrived there."""
        tags = [tag(TPID_C, 10)] if sender == "trunk" else []
        witness = "access" if sender == "trunk" else "trunk"
        number = frame(BROADCAST, self.mac(sender), b"sentinel " + os.urandom(8), tags=tags)
        self.hosts[sender].wire.send(number)
        got = self.hosts[witness].wire.receive_until(lambda raw: raw[-17:] == number[-17:], 0.2)
        self.seen[witness] += got
        return bool(got) and got[-1][-17:] == number[-17:]

    def settle(self, sender):
        """All that the sender sent before is where it goes: two turns of the switch later."""
        for _ in range(2):
            eventually(lambda: self.crosses(sender), "frames from %s cross" % sender)

    def arrivals(self, sender, frames):
        """{host: the frames that it gets}, sentinels left out."""
        self.seen = {name: [] for name in PORTS}
        self.hosts[sender].wire.send(*frames)
        self.settle(sender)
        for name, host in self.hosts.items():
            self.seen[name] += host.wire.drain()
        return {name: [raw for raw in raws if b"sentinel" not in raw] for name, raws in self.seen.items()}


def outcome(side, sender, dst):
    """{kind: {port: the tags that it is sent with}}; everything else about it must be as it came."""
    bodies = {kind: ETHERTYPE.to_bytes(2, "big") + pattern(46) + b"%4d" % n
              for n, kind in enumerate(KINDS)}
    start = mac_bytes(dst) + mac_bytes(side.mac(sender))
    got = side.arrivals(sender, [start + b"".join(tags) + bodies[kind]
                                 for kind, tags in KINDS.items()])
    sums = {kind: {} for kind in KINDS}
    for name, raws in got.items():
        for raw in raws:
            kind = next(kind for kind, body in bodies.items() if raw.endswith(body))
            middle = raw[12:-len(bodies[kind])]
            assert raw.startswith(start) and len(middle) % 4 == 0, raw.hex()
            assert name not in sums[kind], "twice at {}: {}".format(name, kind)
            sums[kind][name] = describe([middle[i:i + 4] for i in range(0, len(middle), 4)])
    return sums


def teach_all(side):
    """Everybody is known in the VLAN of what it sends without a tag (trunk: in 10)."""
    for name in PORTS:
        side.seen = {port: [] for port in PORTS}
        side.settle(name)
        for host in side.hosts.values():
            host.wire.drain()


# What Open vSwitch does with tags that it takes for its own and we do not: 0x88a8, and VID 0 in a tunnel.
NOWHERE = {}
OTHERWISE = {
    **{(sender, kind): NOWHERE for sender in PORTS if sender != "tunnel"
       for kind in ("S-tag", "S-tag, allowed", "S-tag, inner")},
    ("trunk", "S-tag, allowed"): {"untagged": "88a8:20", "tagged": "88a8:20", "other": "-"},
    ("untagged", "S-tag, allowed"): {"trunk": "88a8:20", "tagged": "88a8:20", "other": "-"},
    ("tagged", "S-tag, allowed"): {"trunk": "88a8:20", "untagged": "88a8:20", "other": "-"},
}


def in_openvswitch(sender, kind, mine):
    """What Open vSwitch is known to do where we do `mine`."""
    if (sender, kind) in OTHERWISE:
        return dict(OTHERWISE[sender, kind])
    theirs = {}
    for name, tags in mine.items():
        words = [word.rstrip("d") for word in tags.split() if word != "-"]  # it loses DEI
        own = len(KINDS[kind])
        if sender == "tunnel" and own == 2 and "trunk" in mine:
            words.pop()  # no more than two tags, of which the tunnel's is one where it is added
        if sender == "tunnel" and words[-1:] == ["8100:0"]:
            words.pop()  # a priority tag is none
        if VLANS[name]["mode"] == "access" and words[:1] == ["8100:0.5"]:
            words.pop()
        if VLANS[name]["mode"] == "access" and words and not words[0].startswith("9100"):
            continue  # nothing that has a tag inside leaves an access port, but see below
        theirs[name] = " ".join(words) or "-"
    return theirs


def compare(lab, dst):
    """Sends everything to `dst` on both sides."""
    ours, theirs = Side(lab.hosts[:len(PORTS)]), Side(lab.hosts[len(PORTS):])
    n_crossed = 0
    for side in (ours, theirs):
        teach_all(side)
    for sender in PORTS:
        mine, other = outcome(ours, sender, dst), outcome(theirs, sender, dst)
        for kind in KINDS:
            n_crossed += len(mine[kind])
            expected = in_openvswitch(sender, kind, mine[kind])
            if dst != BROADCAST and (sender, kind) in OTHERWISE:  # known where it is by then
                expected = {name: tags for name, tags in expected.items() if name == "untagged"}
            if kind.endswith("inner"):
                # What it does then depends on what its cache of flows has seen: this, or as we do.
                expected.update({name: tags for name, tags in other[kind].items()
                                 if mine[kind].get(name) == tags})
            assert other[kind] == expected, (sender, kind, mine[kind], other[kind], expected)
    print("{} copies to {}".format(n_crossed, dst))
    return n_crossed


def start(lab):
    hosts = lab.add_hosts(2 * len(PORTS))
    lab.capture_everywhere()
    start_openvswitch(hosts[len(PORTS):])
    lab.switch.write_bridges({"name": "lab0", "vlan_aware": True, "ports": [
        {"name": host.port, "vlan": vlan} for host, vlan in zip(hosts, VLANS.values())]})
    lab.switch.launch()


@ringspan_only
def test_floods_and_known_unicast(lab):
    start(lab)
    n_flooded = compare(lab, BROADCAST)
    n_unicast = compare(lab, Side.mac("untagged"))  # known where it sent from
    assert n_flooded > n_unicast > len(PORTS)


if __name__ == "__main__":
    main()
