# SPDX-License-Identifier: ISC
"""Traffic beside what a test does, in which not one frame may be missing."""

import subprocess
import sys
import threading

from .space import DEADLINE
from .wire import Wire, frame

BURST = 32
TRAFFIC_TYPE = 0x88B7  # its own, so that other floods do not disturb it

FLOODER = """
import socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sock.bind(("eth0", 0))
raw = bytes.fromhex(sys.argv[1])
print("sending", flush=True)
while True:
    try:
        sock.send(raw)
    except OSError:
        pass
"""


class Traffic:
    """A closed loop from one host to another: bursts of numbered frames, each burst awaited.

    The sender never runs ahead by more than a burst, so that any loss is the switch's doing. As a
    context manager it raises at the end what went wrong meanwhile.

    It captures for itself. The receiver's own wire sees none of it: nobody reads that meanwhile, and
    what fills it up would push out what the test waits for.
    """

    def __init__(self, sender, receiver):
        self.sender, self.receiver = sender, receiver
        self.capture = Wire("eth0", receiver.name, ethertype=TRAFFIC_TYPE)
        self.receiver.wire.ignore(TRAFFIC_TYPE)
        self.frames = 0
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _burst(self):
        numbers = range(self.frames, self.frames + BURST)
        return [frame(self.receiver.mac, self.sender.mac, b"frame %d" % n, ethertype=TRAFFIC_TYPE)
                for n in numbers]

    def _run(self):
        while not self.stopping.is_set() and self.failure is None:
            burst = self._burst()
            self.sender.wire.send(*burst)
            got = self.capture.receive_until(lambda raw: raw == burst[-1], timeout=DEADLINE)
            if got != burst:
                self.failure = "{} of {} frames after frame {}".format(len(got), BURST, self.frames)
            self.frames += BURST

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stopping.set()
        self.thread.join()
        self.capture.close()
        self.receiver.wire.drain()
        if kind is None:
            assert self.failure is None, self.failure
            assert self.frames > 0, "no traffic at all"


class Flood:
    """A process that sends one frame from a host as fast as it can."""

    def __init__(self, host, raw):
        self.process = host.spawn(sys.executable, "-c", FLOODER, raw.hex(), stdout=subprocess.PIPE)

    def __enter__(self):
        self.process.stdout.readline()
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
