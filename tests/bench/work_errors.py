# SPDX-License-Identifier: ISC
"""RFC 2889 5.6: frames with errors must not be forwarded. As far as there are any on a veth.

It has no FCS, no symbols and no least size (an ARP request has 42 bytes there, as its sender made
it, and must arrive), so wrong checksums, alignment errors and dribble bits cannot be sent, and
short frames are none. What can be: frames that are larger than the MTU of the port where they
should leave, and frames with a source that no station can have.
"""

import socket
import struct
import time

from lab import inside
from stage import Shape
from works import Work

ETHERTYPE = 0x88B5
COUNT = 100
LARGE_MTU = 9000
SMALL_MTU = 1500
LIMIT = 5.0  # seconds for the last frame to arrive
KINDS = ("undersized_percent", "oversized_percent", "group_source_percent", "no_source_percent")
LAST = len(KINDS)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def build(destination, source, kind, size):
    head = mac_bytes(destination) + mac_bytes(source) + struct.pack("!HB", ETHERTYPE, kind)
    return head.ljust(size, b"\0")


def raw_socket(host, ethertype):
    with inside(host.netns):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
        sock.bind((host.ifname, ethertype))
    return sock


def narrow(stage, host):
    """The second port and its host take less than the first."""
    for netns, ifname in ((stage.place, host.port), (host.netns, host.ifname)):
        stage.batch(netns, ["link set %s mtu %d" % (ifname, SMALL_MTU)])


def count(sock):
    """[frames of each kind], up to the good one that was sent last."""
    found = [0] * len(KINDS)
    sock.settimeout(LIMIT)
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        kind = sock.recv(65536)[14]
        if kind == LAST:
            return found
        found[kind] += 1
    raise AssertionError("the good frame behind the others did not arrive")


def errored(trial):
    left, right = trial.stage.hosts
    narrow(trial.stage, right)
    frames = [build(right.mac, left.mac, 0, 42),
              build(right.mac, left.mac, 1, SMALL_MTU + 500),
              build(right.mac, "03:00:00:00:00:01", 2, 60),
              build(right.mac, "00:00:00:00:00:00", 3, 60)]
    with raw_socket(left, 0) as sender, raw_socket(right, ETHERTYPE) as receiver:
        for frame in frames:
            for _ in range(COUNT):
                sender.send(frame)
        sender.send(build(right.mac, left.mac, LAST, 60))
        found = count(receiver)
    return {kind: 100 * n / COUNT for kind, n in zip(KINDS, found)}


WORKS = [
    Work(name="errored", title="RFC 2889 errored frames", shape=Shape(2, mtu=LARGE_MTU),
         figures=KINDS, engines=("ringspan", "bridge", "ovs"), quick=(), run=errored, fresh=True,
         once=True),
]
