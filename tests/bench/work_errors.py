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
LIMIT = 5.0  # seconds for a good frame to arrive
REPEAT = 0.2  # seconds until it is sent again
KINDS = ("undersized_percent", "oversized_percent", "group_source_percent", "no_source_percent")
GOOD = len(KINDS)  # what is added to the kind of frames that the good one follows


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


def receive(sock):
    """The kind of the next frame; None if there is none for some time."""
    try:
        return sock.recv(65536)[14]
    except socket.timeout:
        return None


def forwarded(sender, receiver, frame, good):
    """How many of COUNT such frames arrive. Good ones go behind them until one does: switches
    that send in batches may drop what is behind a frame that the port does not take."""
    kind, found = frame[14], 0
    deadline = time.monotonic() + LIMIT
    receiver.settimeout(REPEAT)
    for _ in range(COUNT):
        sender.send(frame)
    while time.monotonic() < deadline:
        sender.send(good)
        got = receive(receiver)
        while got not in (None, kind + GOOD):
            found += got == kind
            got = receive(receiver)
        if got is not None:
            return found
    raise AssertionError("no good frame behind those of %s arrived" % KINDS[kind])


def errored(trial):
    left, right = trial.stage.hosts
    narrow(trial.stage, right)
    frames = [build(right.mac, left.mac, 0, 42),
              build(right.mac, left.mac, 1, SMALL_MTU + 500),
              build(right.mac, "03:00:00:00:00:01", 2, 60),
              build(right.mac, "00:00:00:00:00:00", 3, 60)]
    good = [build(right.mac, left.mac, kind + GOOD, 60) for kind in range(len(KINDS))]
    with raw_socket(left, 0) as sender, raw_socket(right, ETHERTYPE) as receiver:
        found = [forwarded(sender, receiver, *pair) for pair in zip(frames, good)]
    return {kind: 100 * n / COUNT for kind, n in zip(KINDS, found)}


WORKS = [
    Work(name="errored", title="RFC 2889 errored frames", shape=Shape(2, mtu=LARGE_MTU),
         figures=KINDS, engines=("ringspan", "bridge", "ovs"), quick=(), run=errored, fresh=True,
         once=True, absent={
             "vde": "hosts have its taps themselves; it has no interface with an MTU of its own"}),
]
