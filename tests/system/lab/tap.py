# SPDX-License-Identifier: ISC
"""Tap devices with the test behind them, as a virtual machine would be."""

import fcntl
import os
import select
import struct
import threading
import time

from . import space

TUNSETIFF = 0x400454CA
TUNSETVNETHDRSZ = 0x400454D8
TUNSETOFFLOAD = 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
VNET_HEADER = struct.Struct("=BBHHHH")  # struct virtio_net_hdr
LARGEST = 70000


def unspeakable_frame(source):
    """With UDP fragmentation offload (3), for which the kernel has no word toward packet sockets.
    The offload header is in front."""
    payload = bytes(4000)
    udp = struct.pack("!HHHH", 1, 2, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                         b"\x0a\0\0\1", b"\x0a\0\0\2")
    return (VNET_HEADER.pack(1, 3, 42, 1480, 34, 6) + b"\xff" * 6 + source + b"\x08\x00" +
            header + udp)


class Tap:
    """One tap device. With vnet, each frame has the offload header in front."""

    def __init__(self, ifname, netns=None, vnet=False, offload=0):
        self.ifname = ifname
        self.vnet = vnet
        with space.inside(netns):  # the device is made where the file was opened
            self.fd = self._open()
        flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if vnet else 0)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22s", ifname.encode(), flags, b""))
        if vnet:
            fcntl.ioctl(self.fd, TUNSETVNETHDRSZ, struct.pack("i", VNET_HEADER.size))
            fcntl.ioctl(self.fd, TUNSETOFFLOAD, offload)

    @staticmethod
    def _open():
        try:
            return os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise space.SkipTest("/dev/net/tun: " + error.strerror)

    def close(self):
        os.close(self.fd)

    def send(self, *frames):
        for raw in frames:
            os.write(self.fd, (bytes(VNET_HEADER.size) if self.vnet else b"") + raw)

    def try_send_raw(self, raw):
        """With the offload header in `raw`; false if the kernel refuses it."""
        try:
            os.write(self.fd, raw)
        except OSError:
            return False
        return True

    def receive_raw(self, timeout=space.DEADLINE):
        """The next frame with its offload header, if there is one; None after the deadline."""
        ready, _, _ = select.select([self.fd], [], [], timeout)
        return os.read(self.fd, LARGEST) if ready else None

    def receive(self, timeout=space.DEADLINE):
        raw = self.receive_raw(timeout)
        return raw[VNET_HEADER.size:] if raw and self.vnet else raw

    def receive_until_sentinel(self, wanted, timeout=space.DEADLINE):
        frames = []
        deadline = time.monotonic() + timeout
        while True:
            raw = self.receive(max(0, deadline - time.monotonic()))
            if raw is None:
                raise AssertionError("sentinel did not arrive at {}".format(self.ifname))
            if raw == wanted:
                return frames
            frames.append(raw)


class Cable(threading.Thread):
    """Carries frames between two taps: a host with a real stack behind a tap."""

    def __init__(self, left, right):
        super().__init__(daemon=True)
        self.ends = {left.fd: right.fd, right.fd: left.fd}
        self.longest = 0
        self.start()

    def run(self):
        while True:
            ready, _, _ = select.select(list(self.ends), [], [])
            for fd in ready:
                self._carry(fd, self.ends[fd])

    def _carry(self, source, destination):
        try:
            raw = os.read(source, LARGEST)
            self.longest = max(self.longest, len(raw))
            os.write(destination, raw)
        except BlockingIOError:
            pass
        except OSError:
            # A device that is down refuses frames, as a pulled cable would.
            pass
