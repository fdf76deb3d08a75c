#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Superframes and partial checksums: kept where the egress can take them, made whole where not."""

import hashlib
import os
import socket
import threading

from lab import inside, ip, main, ringspan_only, run
from lab.segments import VNET_HEADER, check_segments, superframe
from lab.tap import TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, Cable, Tap
from lab.wire import TPID_C, TPID_S, Wire, pattern, tag

MEBIBYTE = 1 << 20
GSO_SIZE = 1400
PORT = 7000
SOL_UDP, UDP_SEGMENT = 17, 103
TAG_STACKS = ([], [tag(TPID_C, 5, pcp=3)], [tag(TPID_S, 5, dei=1)], [tag(TPID_S, 5), tag(TPID_C, 6)],
              [tag(TPID_C, 7), tag(TPID_C, 7)])
PAYLOAD_SIZES = (GSO_SIZE + 1, 20000, 60000)


def listen(host, family, kind, address=None):
    with inside(host.name):
        server = socket.socket(family, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address or (host.v6 if family == socket.AF_INET6 else host.v4), PORT))
    server.settimeout(30)
    return server


def connect(host, server):
    with inside(host.name):
        client = socket.socket(server.family, server.type)
    client.settimeout(30)
    client.connect(server.getsockname())
    return client


def send_and_close(client, data):
    with client:
        client.sendall(data)


def stream(sender, receiver, size, family=socket.AF_INET, address=None):
    """A TCP stream arrives intact."""
    data = os.urandom(size)
    with listen(receiver, family, socket.SOCK_STREAM, address) as server:
        server.listen()
        client = connect(sender, server)
        connection, _ = server.accept()
        connection.settimeout(30)
        threading.Thread(target=send_and_close, args=(client, data), daemon=True).start()
        digest = hashlib.sha256()
        while True:
            chunk = connection.recv(MEBIBYTE)
            if not chunk:
                break
            digest.update(chunk)
    assert digest.digest() == hashlib.sha256(data).digest(), "the stream was altered"


def without_offloads(port):
    run("ethtool", "-K", port, "tx", "off", "tso", "off", "gso", "off")


def longest(frames):
    return max(len(raw) for raw in frames)


def test_superframes_cross_whole(lab):
    left, right = lab.start_with_hosts(2, addresses=True)
    stream(left, right, MEBIBYTE)
    capture = right.wire
    stream(left, right, 4 * MEBIBYTE)
    assert longest(capture.drain()) > 20000


def inner_address(host):
    return "192.168.5." + host.v4.rpartition(".")[2]


def add_vxlan(host, remote, *options):
    host.ip("link", "add", "tunnel", "type", "vxlan", "id", "5", "remote", remote, "dstport", "4789",
            "dev", "eth0", *options)
    host.ip("address", "add", inner_address(host) + "/24", "dev", "tunnel")
    host.ip("link", "set", "tunnel", "up")


def check_tunnel(lab, over_ipv6, *options):
    """Superframes inside a tunnel: the kernel would not take them back, so they are cut here."""
    left, right = lab.start_with_hosts(2, addresses=True)
    add_vxlan(left, right.v6 if over_ipv6 else right.v4, *options)
    add_vxlan(right, left.v6 if over_ipv6 else left.v4, *options)
    stream(left, right, 8 * MEBIBYTE, address=inner_address(right))
    sent = lab.switch.counters(right.port, "out")
    assert sent["originated"] > 1000, "no superframe was cut: the test proves nothing"
    assert lab.switch.dropped(right.port, "out") == {}, sent
    without_offloads(right.port)
    stream(left, right, MEBIBYTE, address=inner_address(right))


@ringspan_only
def test_tunnel_over_ipv4(lab):
    check_tunnel(lab, False)


@ringspan_only
def test_tunnel_with_outer_checksum(lab):
    check_tunnel(lab, False, "udpcsum")


@ringspan_only
def test_tunnel_over_ipv6(lab):
    check_tunnel(lab, True)


def test_stream_to_a_port_without_tso(lab):
    left, right = lab.start_with_hosts(2, addresses=True)
    run("ethtool", "-K", right.port, "tso", "off")
    capture = right.wire
    for family in (socket.AF_INET, socket.AF_INET6):
        stream(left, right, 8 * MEBIBYTE, family)
        lab.check()
    assert longest(capture.drain()) <= 1514
    stream(right, left, 8 * MEBIBYTE)


def test_stream_to_a_port_without_checksums(lab):
    left, right = lab.start_with_hosts(2, addresses=True)
    without_offloads(right.port)
    stream(left, right, 8 * MEBIBYTE)
    stream(right, left, 8 * MEBIBYTE)


def test_udp_superframes(lab):
    """Datagrams that the sender's stack leaves in one piece (UDP_SEGMENT)."""
    left, right = lab.start_with_hosts(2, addresses=True)
    for prepare in (lambda: None, lambda: without_offloads(right.port)):
        prepare()
        with listen(right, socket.AF_INET, socket.SOCK_DGRAM) as server:
            client = connect(left, server)
            client.setsockopt(SOL_UDP, UDP_SEGMENT, 1200)
            data = os.urandom(12000)
            for _ in range(20):
                client.send(data)
                assert b"".join(server.recv(2000) for _ in range(10)) == data
        lab.check()


def test_segments_merged_by_the_port(lab):
    """Receive offload on the switch's side makes superframes of what the hosts cut."""
    left, right = lab.start_with_hosts(2, addresses=True)
    for host in (left, right):
        host.set_offloads("off")
        run("ethtool", "-K", host.port, "gro", "on")
    for family in (socket.AF_INET, socket.AF_INET6):
        stream(left, right, 8 * MEBIBYTE, family)
        stream(right, left, 8 * MEBIBYTE, family)
        lab.check()


def test_stream_through_a_shaped_port(lab):
    """The queue takes superframes, refuses some, and TCP copes."""
    left, right = lab.start_with_hosts(2, addresses=True)
    run("tc", "qdisc", "add", "dev", right.port, "root", "tbf", "rate", "100mbit", "burst", "20000",
        "limit", "100000")
    stream(left, right, 4 * MEBIBYTE)
    stream(right, left, 4 * MEBIBYTE)


def host_behind_tap(lab, **kwargs):
    """h1 on a veth; h2 behind two taps and a cable, as a virtual machine would be."""
    left, machine = lab.add_hosts(2, addresses=True)
    ip("link", "del", machine.port)
    outside = lab.add_tap(machine.port, **kwargs)
    within = Tap("eth0", netns=machine.name, **kwargs)
    machine.ip("link", "set", "eth0", "address", machine.mac, "up")
    machine.address()
    return left, machine, Cable(outside, within)


def test_stream_to_a_tap(lab):
    left, machine, cable = host_behind_tap(lab)
    lab.start()
    left.ping(machine.v4)
    for sender, receiver in ((left, machine), (machine, left)):
        stream(sender, receiver, 2 * MEBIBYTE)
        lab.check()
    assert cable.longest <= 1514


def test_stream_to_a_tap_with_offloads(lab):
    left, machine, cable = host_behind_tap(lab, vnet=True,
                                           offload=TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
    lab.start()
    left.ping(machine.v6)
    for sender, receiver in ((left, machine), (machine, left)):
        cable.longest = 0
        stream(sender, receiver, 8 * MEBIBYTE)
        assert cable.longest > 10000, "no superframe on the way"
        lab.check()


def superframes(dst, src):
    """(offload header, frame, payload, tags) of every size and stack of tags."""
    for size in PAYLOAD_SIZES:
        payload = pattern(size)
        for tags in TAG_STACKS:
            for ecn in (False, True):
                yield superframe(dst, src, payload, GSO_SIZE, tags, ecn) + (payload, tags)


def test_tagged_superframes_cross_whole(lab):
    left, right = lab.start_with_hosts(2)
    sender = Wire("eth0", left.name, vnet=True)
    receiver = Wire("eth0", right.name, vnet=True)
    for vnet, raw, _, tags in superframes(right.mac, left.mac):
        sender.send(vnet + raw)
        header, got = receiver.receive_offload()
        assert got == raw, "altered: {} against {} bytes".format(len(got), len(raw))
        wanted = list(VNET_HEADER.unpack(vnet))
        # The kernel took the outer tag off before it told the offsets.
        shift = 4 if tags else 0
        flags, gso_type, _, gso_size, csum_start, csum_offset = VNET_HEADER.unpack(header)
        assert [flags, gso_type, gso_size, csum_start + shift, csum_offset] == \
            wanted[:2] + wanted[3:], "offload header {}".format(header.hex())
    lab.check()


def test_tagged_superframes_are_cut_for_a_port_without_tso(lab):
    left, right = lab.start_with_hosts(2)
    without_offloads(right.port)
    sender = Wire("eth0", left.name, vnet=True)
    for vnet, raw, payload, tags in superframes(right.mac, left.mac):
        last = left.sentinel()
        sender.send(vnet + raw)
        left.wire.send(last)
        frames = right.wire.receive_until_sentinel(last)
        check_segments(frames, payload, GSO_SIZE, right.mac, left.mac, tags)
    lab.check()


def test_tagged_superframes_are_cut_for_a_tap(lab):
    (left,) = lab.add_hosts(1)
    device = lab.add_tap("vm1")
    lab.start(["vm1"])
    sender = Wire("eth0", left.name, vnet=True)
    station = "02:00:00:00:77:01"
    for vnet, raw, payload, tags in superframes(station, left.mac):
        last = left.sentinel()
        sender.send(vnet + raw)
        left.wire.send(last)
        check_segments(device.receive_until_sentinel(last), payload, GSO_SIZE, station, left.mac,
                       tags)
    lab.check()


def test_superframe_for_a_smaller_mtu(lab):
    """Its segments decide whether it fits, not its own length."""
    left, right = lab.add_hosts(2, mtu=9000)
    lab.add_hosts(1, mtu=1500)
    lab.capture_everywhere()
    lab.start()
    small = lab.hosts[2]
    sender = Wire("eth0", left.name, vnet=True)
    receivers = [Wire("eth0", host.name, vnet=True) for host in (right, small)]
    station = "02:00:00:00:77:01"
    for gso_size, fits in ((1400, True), (8000, False), (1460, True), (1461, False)):
        vnet, raw = superframe(station, left.mac, pattern(30000), gso_size)
        last = left.sentinel()
        sender.send(vnet + raw)
        left.wire.send(last)
        assert receivers[0].receive_until_offload(last) == [raw]
        # The kernel's bridge lets every superframe pass.
        crosses = fits or not lab.switch.is_ringspan
        assert receivers[1].receive_until_offload(last) == ([raw] if crosses else [])
    lab.check()
    if lab.switch.is_ringspan:
        assert lab.switch.dropped(small.port, "out") == {"too_long": 2}


if __name__ == "__main__":
    main()
