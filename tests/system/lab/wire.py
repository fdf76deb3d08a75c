# SPDX-License-Identifier: ISC
"""Frames as bytes, and sockets that send and capture them exactly as on the wire."""

import contextlib
import ctypes
import errno
import select
import socket
import struct
import time

from . import space

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_STATISTICS = 6
PACKET_AUXDATA = 8
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata

BROADCAST = "ff:ff:ff:ff:ff:ff"
ETHERTYPE = 0x88B5  # local experimental: no host's stack answers it
TPID_C, TPID_S = 0x8100, 0x88A8
VNET_SIZE = 10  # struct virtio_net_hdr
LARGEST = 70000  # a superframe and its headers
CAPTURE_BYTES = 64 << 20

_serial = 0


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def mac_text(raw):
    return ":".join("%02x" % byte for byte in raw)


def tag(tpid, vid, pcp=0, dei=0):
    return struct.pack("!HH", tpid, pcp << 13 | dei << 12 | vid)


def pattern(length):
    """Bytes that show where they come from: a shift or a cut by any amount is a difference."""
    return bytes((i * 7 + (i >> 8)) & 0xFF for i in range(length))


def frame(dst, src, payload=b"", tags=(), ethertype=ETHERTYPE):
    header = mac_bytes(dst) + mac_bytes(src) + b"".join(tags)
    return header + struct.pack("!H", ethertype) + payload


def frame_of_length(dst, src, length, tags=()):
    """A frame with exactly `length` bytes on the wire, tags included."""
    empty = frame(dst, src, tags=tags)
    return empty + pattern(length - len(empty))


def sentinel(src, dst=BROADCAST):
    """A frame like no other. What was sent before it and has not arrived with it never will."""
    global _serial
    _serial += 1
    return frame(dst, src, b"sentinel %d" % _serial)


def describe(raw):
    text = raw[:40].hex()
    return "{} bytes {}{}".format(len(raw), text, "..." if len(raw) > 40 else "")


def explain_difference(got, wanted):
    """What a person wants to know about two lists of frames that should be equal."""
    lines = ["{} frames, expected {}".format(len(got), len(wanted))]
    for i in range(max(len(got), len(wanted))):
        mine = got[i] if i < len(got) else None
        theirs = wanted[i] if i < len(wanted) else None
        if mine != theirs:
            lines.append("frame {}: got      {}".format(i, describe(mine) if mine else "nothing"))
            lines.append("frame {}: expected {}".format(i, describe(theirs) if theirs else "nothing"))
            break
    return "\n".join(lines)


def _with_tag_in_place(data, ancillary, start=0):
    """The kernel strips the outer tag and reports it beside the frame: put it back.

    `start` is where the frame begins in `data`.
    """
    for level, kind, raw in ancillary:
        if level != SOL_PACKET or kind != PACKET_AUXDATA:
            continue
        status, _, _, _, _, tci, tpid = AUXDATA.unpack(raw[:AUXDATA.size])
        if status & TP_STATUS_VLAN_VALID:
            outer = tpid if status & TP_STATUS_VLAN_TPID_VALID else TPID_C
            place = start + 12
            return data[:place] + struct.pack("!HH", outer, tci) + data[place:]
    return data


class Wire:
    """One end of a cable: sends raw frames, and captures all that arrives, tags in place.

    With vnet, what is sent and received has the offload header in front; with an ethertype, only
    frames of this type are captured.
    """

    def __init__(self, ifname, netns=None, vnet=False, ethertype=ETH_P_ALL):
        self.vnet = vnet
        with space.inside(netns):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            self._configure(ifname, ethertype)

    def _configure(self, ifname, ethertype):
        ifindex = socket.if_nametoindex(ifname)
        membership = struct.pack("iHH8s", ifindex, PACKET_MR_PROMISC, 0, b"")
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, CAPTURE_BYTES)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        if self.vnet:
            self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        self.socket.bind((ifname, ethertype))

    def close(self):
        self.socket.close()

    def ignore(self, ethertype):
        """From now on it does not capture untagged frames of this type."""
        load, if_equal, give = 0x28, 0x15, 0x06
        program = b"".join(struct.pack("=HBBI", *instruction) for instruction in (
            (load, 0, 0, 12), (if_equal, 0, 1, ethertype), (give, 0, 0, 0),
            (give, 0, 0, 0xFFFFFFFF)))
        memory = ctypes.create_string_buffer(program)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("@HP", len(program) // 8, ctypes.addressof(memory)))

    def send(self, *frames):
        """Sends each frame. The socket's buffer may be full for a moment: wait, never drop.

        All leave from one CPU: each has a queue of its own for what its softirq is still to take, and
        who moves in between overtakes himself, or fills up what nobody empties.
        """
        with space.on_one_cpu() if len(frames) > 1 else contextlib.nullcontext():
            for raw in frames:
                while not self._try_send(raw):
                    select.select([], [self.socket], [], 1)

    def _try_send(self, raw):
        try:
            self.socket.send(raw)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOBUFS):
                return False
            raise
        return True

    def receive(self, timeout=space.DEADLINE):
        """The next frame, or None if there is none until the deadline."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(LARGEST, 64)
                return _with_tag_in_place(data, ancillary, VNET_SIZE if self.vnet else 0)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                select.select([self.socket], [], [], left)
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # said once after the link went down
                    raise

    def drain(self):
        """All that has arrived by now."""
        return self.receive_until(lambda raw: False, timeout=0)

    def receive_until(self, is_last, timeout=space.DEADLINE):
        """The frames that arrive, up to and including the one that is_last() accepts."""
        frames = []
        deadline = time.monotonic() + timeout
        while True:
            raw = self.receive(max(0, deadline - time.monotonic()))
            if raw is None:
                return frames
            frames.append(raw)
            if is_last(raw):
                return frames

    def _say_overflow(self):
        """Whether it is this socket that lost frames, and not who should have sent them."""
        _, drops = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return "; the capture itself overflowed by {} frames".format(drops) if drops else ""

    def receive_until_sentinel(self, wanted, timeout=space.DEADLINE):
        """What arrived before the frame `wanted`, which must arrive."""
        frames = self.receive_until(lambda raw: raw == wanted, timeout)
        if not frames or frames[-1] != wanted:
            raise AssertionError("sentinel did not arrive; {} other frames did{}{}".format(
                len(frames), ": " + describe(frames[0]) if frames else "", self._say_overflow()))
        return frames[:-1]

    def receive_offload(self):
        """(offload header, frame) of the next frame."""
        raw = self.receive()
        assert raw is not None, "no frame arrived"
        return raw[:VNET_SIZE], raw[VNET_SIZE:]

    def receive_until_offload(self, wanted):
        """receive_until_sentinel() without the offload headers."""
        frames = self.receive_until_sentinel(bytes(VNET_SIZE) + wanted)
        return [raw[VNET_SIZE:] for raw in frames]

    def expect(self, wanted, last):
        """Exactly the frames `wanted`, in order, byte for byte, before the sentinel `last`."""
        got = self.receive_until_sentinel(last)
        if got != list(wanted):
            raise AssertionError(explain_difference(got, list(wanted)))
