#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""64 ports: every frame at every port, and an end that leaves nothing."""

import json
import time

from lab import eventually, ip, main, ringspan_only, spawn, time_limit
from lab.wire import BROADCAST, pattern

PORTS = 64
HELPERS = 32  # LIMIT_WORKERS
FORWARDS = "-> forwarding"


def promiscuity():
    return {row["ifname"]: row["promiscuity"] for row in json.loads(ip("-d", "-j", "link"))}


def packet_sockets():
    """How many there are in the switch's namespace."""
    with open("/proc/thread-self/net/packet") as file:
        return len(file.readlines()) - 1


def processes_so_far():
    """How many processes and threads this namespace has seen: the next one's number says it."""
    process = spawn("true")
    process.wait()
    return process.pid


def assert_left_as_found(before):
    assert promiscuity() == before
    assert packet_sockets() == 0


@time_limit(180)
def test_all_pairs(lab):
    hosts = lab.start_with_hosts(PORTS)
    hello = {host: host.frame(BROADCAST, b"from " + host.name.encode()) for host in hosts}
    for host in hosts:
        host.wire.send(hello[host])
    for host in hosts:
        others = {hello[other] for other in hosts if other is not host}
        got = [host.wire.receive() for _ in others]
        assert set(got) == others and len(got) == len(others)
    lab.check()
    for sender in hosts:
        sender.wire.send(*[sender.frame(host, pattern(46)) for host in hosts if host is not sender])
    for host in hosts:
        wanted = {sender.frame(host, pattern(46)) for sender in hosts if sender is not host}
        got = [host.wire.receive() for _ in wanted]
        assert set(got) == wanted
    lab.expect(hosts[0], [], [])  # and nothing more anywhere
    assert lab.switch.fdb() == {host.mac: host.port for host in hosts}


@ringspan_only
@time_limit(120)
def test_end_with_64_ports(lab):
    """Rings are closed beside each other, by as many helper threads as there may be: one after the
    other they would wait for the kernel 64 times as long."""
    lab.add_hosts(PORTS)
    before = promiscuity()
    for _ in range(2):
        lab.start()
        assert packet_sockets() >= PORTS
        eventually(lambda: lab.switch.n_threads() == 1, "those that opened rings have left")
        n_processes, started = processes_so_far(), time.monotonic()
        code = lab.switch.stop()
        took = time.monotonic() - started
        helpers = processes_so_far() - n_processes - 1
        print("SIGTERM with {} ports: {:.2f} s, {} threads".format(PORTS, took, helpers))
        assert code == 0, "exit {}".format(code)
        assert helpers >= HELPERS
        assert_left_as_found(before)


@ringspan_only
@time_limit(120)
def test_killed_with_64_ports(lab):
    """SIGKILL leaves nothing either but the socket's file, which is no obstacle."""
    hosts = lab.add_hosts(PORTS)
    before = promiscuity()
    lab.start()
    lab.switch.process.kill()
    lab.switch.process.wait()
    assert_left_as_found(before)
    lab.capture_everywhere()
    lab.start()
    lab.expect(hosts[0], [hosts[0].frame(BROADCAST)], hosts[1:])


@ringspan_only
def test_limit_of_open_files_is_raised(lab):
    lab.add_hosts(PORTS)
    lab.switch.write_config([host.port for host in lab.hosts])
    lab.switch.launch(prefix=("prlimit", "--nofile=64:4096"))


@ringspan_only
def test_many_ports_that_wait(lab):
    """As many as a configuration may have: an interface that is missing costs no ring."""
    (a,) = lab.add_hosts(1)
    started = time.monotonic()
    lab.switch.start([a.port] + ["w%d" % i for i in range(4095)], wait=False)
    lab.switch.wait(a.port)
    assert len(lab.switch.query("port")) == 4096
    print("4096 ports, one there: {:.2f} s".format(time.monotonic() - started))
    assert lab.switch.stop() == 0


@ringspan_only
def test_ends_while_it_starts(lab):
    lab.add_hosts(PORTS)
    before = promiscuity()
    lab.switch.write_config([host.port for host in lab.hosts])
    for n_forwarding in (0, 0, 1, 20):
        seen = lab.switch.read_log().count(FORWARDS)
        process = lab.switch.spawn()
        handlers_are_there(process)
        eventually(lambda: lab.switch.read_log().count(FORWARDS) - seen >= n_forwarding,
                   "%d ports forward" % n_forwarding)
        code = lab.switch.stop()
        assert code == 0, "exit {} with {} ports forwarding".format(code, n_forwarding)
        assert_left_as_found(before)


def handlers_are_there(process):
    """Before it blocks SIGTERM, the signal simply kills it."""
    sigterm = 1 << 14

    def blocks_sigterm():
        with open("/proc/%d/status" % process.pid) as file:
            masks = dict(line.split(":\t", 1) for line in file if line.startswith("Sig"))
        return int(masks["SigBlk"], 16) & sigterm
    eventually(blocks_sigterm, "SIGTERM is handled")


if __name__ == "__main__":
    main()
