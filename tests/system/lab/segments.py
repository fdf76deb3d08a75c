# SPDX-License-Identifier: ISC
"""TCP superframes as a sender's stack hands them down, and what must become of them."""

import struct

from .wire import frame, mac_bytes

VNET_HEADER = struct.Struct("=BBHHHH")  # struct virtio_net_hdr
NEEDS_CSUM = 1
GSO_TCPV4, GSO_ECN = 1, 0x80
TCP_ACK, TCP_CWR = 0x10, 0x80
IPPROTO_TCP = 6
CSUM_OFFSET = 16
IP_SIZE, TCP_SIZE = 20, 20
SOURCE, DESTINATION = bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2])
FIRST_SEQUENCE = 1000


def sum16(data):
    """The Internet checksum before its complement."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_header(length):
    return SOURCE + DESTINATION + struct.pack("!HH", IPPROTO_TCP, length)


def ip_header(payload_length):
    header = struct.pack("!BBHHHBBH", 0x45, 0, IP_SIZE + payload_length, 1, 0, 64, IPPROTO_TCP, 0)
    header += SOURCE + DESTINATION
    return header[:10] + struct.pack("!H", 0xFFFF ^ sum16(header)) + header[12:]


def superframe(dst, src, payload, gso_size, tags=(), ecn=False):
    """(offload header, frame): one TCP segment of any size, its checksum left to the hardware."""
    flags = TCP_ACK | (TCP_CWR if ecn else 0)
    partial = sum16(pseudo_header(TCP_SIZE + len(payload)))
    tcp = struct.pack("!HHIIBBHHH", 1, 2, FIRST_SEQUENCE, 0, TCP_SIZE << 2, flags, 65535, partial, 0)
    packet = ip_header(TCP_SIZE + len(payload)) + tcp + payload
    raw = frame(dst, src, packet, tags=tags, ethertype=0x0800)
    gso_type = GSO_TCPV4 | (GSO_ECN if ecn else 0)
    tcp_start = len(raw) - len(payload) - TCP_SIZE
    vnet = VNET_HEADER.pack(NEEDS_CSUM, gso_type, tcp_start + TCP_SIZE, gso_size, tcp_start,
                            CSUM_OFFSET)
    return vnet, raw


def check_segments(frames, payload, gso_size, dst, src, tags=()):
    """The frames are the superframe's segments: in order, tagged alike, each checksum complete."""
    start = mac_bytes(dst) + mac_bytes(src) + b"".join(tags) + b"\x08\x00"
    got = b""
    for raw in frames:
        assert raw.startswith(start), "another Ethernet header: " + raw[:30].hex()
        packet = raw[len(start):]
        total, = struct.unpack("!H", packet[2:4])
        assert total == len(packet), "IP length {} in {} bytes".format(total, len(packet))
        assert sum16(packet[:IP_SIZE]) == 0xFFFF, "IP checksum"
        tcp = packet[IP_SIZE:]
        assert sum16(pseudo_header(len(tcp)) + tcp) == 0xFFFF, "TCP checksum"
        sequence, = struct.unpack("!I", tcp[4:8])
        assert sequence == FIRST_SEQUENCE + len(got), "out of order"
        assert len(tcp) - TCP_SIZE <= gso_size, "segment of {} bytes".format(len(tcp))
        got += tcp[TCP_SIZE:]
    assert got == payload, "{} bytes of payload of {}".format(len(got), len(payload))
    assert len(frames) == -(-len(payload) // gso_size), "{} segments".format(len(frames))
