#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""One port that gets all it can take starves neither another nor the control socket."""

import json
import socket

from lab import eventually, main, ringspan_only
from lab.space import ip_batch
from lab.traffic import Flood, Traffic
from lab.wire import BROADCAST, Wire, pattern

ROUNDS = 300  # frames that must cross beside a flood
WAITING = 4000  # frames in a ring when somebody asks
QUIET_TYPE = 0x88B6


def run_beside(lab, flood, traffic):
    with traffic, flood:
        eventually(lambda: traffic.frames > ROUNDS or traffic.failure, "traffic goes on", 30)
        lab.check()
    lab.check()


def test_flood_of_unicast(lab):
    a, b, c, d = lab.start_with_hosts(4)
    lab.teach(*lab.hosts)
    run_beside(lab, Flood(a, a.frame(b, pattern(46))), Traffic(c, d))


def test_flood_into_a_void(lab):
    """Frames that are all dropped cost time too."""
    a, b, c, d = lab.start_with_hosts(4)
    lab.teach(*lab.hosts)
    run_beside(lab, Flood(a, a.frame("01:80:c2:00:00:01", pattern(46))), Traffic(c, d))


def test_both_to_one_egress(lab):
    """Incast: the quiet sender gets its share of an egress that another floods."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(*lab.hosts)
    b.wire.close()
    quiet = Wire("eth0", b.name, ethertype=QUIET_TYPE)
    frames = [c.frame(b, b"quiet %d" % i, ethertype=QUIET_TYPE) for i in range(ROUNDS)]
    with Flood(a, a.frame(b, pattern(46))):
        for raw in frames:
            c.wire.send(raw)
            assert quiet.receive() == raw, "lost beside a flood"
    lab.check()


def test_flood_of_new_sources(lab):
    """Each frame a new station: the table churns, those who talk stay known."""
    a, b, c, d = lab.start_with_hosts(4)
    lab.teach(*lab.hosts)
    with Traffic(c, d):
        for start in range(0, 20000, 500):
            a.wire.send(*[b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x77" + n.to_bytes(2, "big") +
                          b"\x88\xb5" + pattern(46) for n in range(start, start + 500)])
    lab.check()


@ringspan_only
def test_who_asks_has_a_turn_between_frames(lab):
    """The answer does not wait for the end of what waited in a ring before it was asked for."""
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    frames = [a.frame(b, b"%d" % i) for i in range(WAITING)]
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ledger.show"}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as client:
        with lab.switch.stopped():
            a.wire.send(*frames)
            client.connect(lab.switch.socket)
            client.sendall(request)
        rows = json.loads(client.makefile().readline())["result"]
    received = next(row["received"] for row in rows if (row["port"], row["direction"]) == (a.port, "in"))
    print("answered after {} of {} frames".format(received, WAITING))
    assert received < WAITING
    assert b.wire.receive_until(lambda raw: raw == frames[-1])[-WAITING:] == frames
    lab.check()


@ringspan_only
def test_loop_of_cables_is_survived(lab):
    """Two ports joined outside: frames circle as fast as they can, and the daemon still obeys."""
    a, b = lab.add_hosts(2)
    ip_batch(["link add l1 type veth peer name l2", "link set l1 up", "link set l2 up"])
    lab.start(["l1", "l2"])
    a.wire.send(*[a.frame(BROADCAST, pattern(100 + i)) for i in range(100)])
    eventually(lambda: lab.switch.counters("l1", "in")["received"] > 20000, "frames circle")
    lab.check()
    assert lab.switch.stop() == 0


@ringspan_only
def test_ends_under_a_flood(lab):
    a, b = lab.start_with_hosts(2)
    with Flood(a, a.frame(BROADCAST, pattern(46))):
        eventually(lambda: lab.switch.counters(a.port, "in")["received"] > 10000, "flood")
        assert lab.switch.stop() == 0


class Client:
    """A control client without manners."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.connect(path)

    def shout(self, data):
        try:
            self.socket.send(data)
        except OSError:
            pass


@ringspan_only
def test_clients_without_manners(lab):
    """They ask and never read, send rubbish, or just sit there."""
    a, b, c, d = lab.start_with_hosts(4)
    lab.teach(*lab.hosts)
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ledger.show"}).encode() + b"\n"
    rubbish = (request * 1000, b"{" * 100000, b"\0" * 1000, b"\xff\n" * 1000, b"[]\n", b"\n" * 5000,
               b'{"jsonrpc": "2.0", "id": 1, "method": "' + b"x" * 60000 + b'"}\n', request[:10])
    with Traffic(a, c):
        clients = [Client(lab.switch.socket) for _ in rubbish]
        for _ in range(20):
            for client, data in zip(clients, rubbish):
                client.shout(data)
        lab.check()
        for client in clients:
            client.socket.close()
        lab.check()


if __name__ == "__main__":
    main()
