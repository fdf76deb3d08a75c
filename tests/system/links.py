#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Interfaces that go down, vanish, come back, change names and places."""

import itertools
import json
import os
import shutil
import socket
import subprocess

from lab import SkipTest, eventually, ip, main, ringspan_only, spawn
from lab.space import ip_batch
from lab.traffic import Flood, Traffic
from lab.wire import BROADCAST, pattern

ROUNDS = 5
RETRY_SECONDS = 2  # after which a port that failed is tried again, whatever happens


def set_port(host, state):
    ip("link", "set", host.port, state)


def set_peer(host, state):
    host.ip("link", "set", "eth0", state)


def check_flap(lab, set_state):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    for _ in range(ROUNDS):
        set_state(b, "down")
        lab.switch.wait_state(b.port, "down")
        assert b.mac not in lab.switch.fdb()
        assert {a.mac, c.mac} <= set(lab.switch.fdb())
        lab.expect(c, [c.frame(b, pattern(46)), c.frame(BROADCAST)], [a], absent=[b])
        set_state(b, "up")
        lab.wait_connected(b)
        lab.expect(c, [c.frame(b, pattern(46))], [a, b])  # nothing stale, and flooded
        lab.teach(b)
        lab.expect(c, [c.frame(b, pattern(46))], [b])


def test_port_down_and_up(lab):
    check_flap(lab, set_port)


def test_carrier_lost_and_back(lab):
    check_flap(lab, set_peer)


@ringspan_only
def test_reasons_say_what_to_do(lab):
    a, b = lab.start_with_hosts(2)
    set_port(a, "down")
    lab.switch.wait_state(a.port, "down", "ip link set %s up" % a.port)
    set_peer(b, "down")
    lab.switch.wait_state(b.port, "down", "carrier")


@ringspan_only
def test_fast_flaps_under_traffic(lab):
    """The other ports lose nothing, and the last word counts."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with Traffic(a, c):
        for _ in range(20):
            ip_batch(["link set {} {}".format(b.port, state) for state in ("down", "up")] * 5)
            lab.check()
    lab.wait_connected(b)
    lab.teach(b)
    b.wire.drain()
    lab.expect(a, [a.frame(b, pattern(46))], [b])


@ringspan_only
def test_waits_for_its_interface(lab):
    a, b = lab.add_hosts(2)
    lab.switch.start([a.port, b.port, "p3"], wait=False)
    lab.switch.wait(a.port, b.port)
    lab.switch.wait_state("p3", "waiting", "p3")
    assert lab.switch.port("p3")["ifname"] is None
    lab.capture_everywhere()
    lab.expect(a, [a.frame(BROADCAST)], [b])
    (c,) = lab.add_hosts(1)
    c.wire.drain()
    lab.switch.wait_state("p3", "forwarding")
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_delete_and_recreate_under_traffic(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with Traffic(a, c):
        for _ in range(ROUNDS):
            ip("link", "del", b.port)
            lab.switch.wait_state(b.port, "waiting")
            assert b.mac not in lab.switch.fdb()
            b.cable()
            lab.wait_connected(b)
            lab.check()
    lab.teach(b)
    lab.expect(a, [a.frame(b, pattern(46))], [b])


@ringspan_only
def test_deleted_while_flooded(lab):
    a, b, c, d = lab.start_with_hosts(4)
    lab.teach(a, b, c, d)
    with Traffic(c, d), Flood(a, a.frame(b, pattern(1000))):
        for _ in range(ROUNDS):
            ip("link", "del", b.port)
            lab.switch.wait_state(b.port, "waiting")
            b.cable()
            lab.wait_connected(b)
            lab.check()


@ringspan_only
def test_port_and_interface_with_different_names(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": b.port, "ifname": a.port},
                                                        {"name": a.port, "ifname": b.port}]})
    lab.switch.launch()
    lab.expect(a, [a.frame(b, pattern(46))], [b])
    assert lab.switch.fdb() == {a.mac: b.port}
    assert lab.switch.port(a.port)["ifname"] == b.port
    ip("link", "set", b.port, "down")
    lab.switch.wait_state(a.port, "down", b.port)


@ringspan_only
def test_replaced_at_once(lab):
    """Deleted and made again before anybody could look: another interface under the same name."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(b)
    for _ in range(ROUNDS):
        ip_batch(["link del " + b.port] + list(b.creation())[1:])
        b.plug_in()
        index = socket.if_nametoindex(b.port)
        eventually(lambda: lab.switch.port(b.port)["ifindex"] == index, "new interface")
        lab.wait_connected(b)
        eventually(lambda: b.mac not in lab.switch.fdb(), "the old interface's entries are gone")
        lab.expect(a, [a.frame(BROADCAST, pattern(46))], [b, c])
        lab.teach(b)


def rename(old, new, live):
    """Kernels before 6.2 rename only interfaces that are down."""
    if not live:
        ip("link", "set", old, "down")
    done = subprocess.run(["ip", "link", "set", old, "name", new], stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SkipTest("this kernel does not rename interfaces that are up")
    if not live:
        ip("link", "set", new, "up")


def check_rename(lab, live):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    for _ in range(ROUNDS):
        rename(b.port, "elsewhere", live)
        lab.switch.wait_state(b.port, "waiting", b.port)
        assert b.mac not in lab.switch.fdb()
        lab.expect(a, [a.frame(BROADCAST)], [c], absent=[b])
        rename("elsewhere", b.port, live)
        lab.wait_connected(b)
        lab.expect(a, [a.frame(BROADCAST)], [b, c])
        lab.expect(b, [b.frame(BROADCAST)], [a, c])


@ringspan_only
def test_rename_away_and_back(lab):
    check_rename(lab, live=False)


@ringspan_only
def test_live_rename_away_and_back(lab):
    check_rename(lab, live=True)


@ringspan_only
def test_names_swapped(lab):
    """A port follows its name, not its interface."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    ip_batch(["link set %s down" % b.port, "link set %s down" % c.port,
              "link set %s name swap" % b.port, "link set %s name %s" % (c.port, b.port),
              "link set swap name %s" % c.port,
              "link set %s up" % b.port, "link set %s up" % c.port])
    eventually(lambda: lab.switch.port(b.port)["state"] == "forwarding" and
               lab.switch.port(c.port)["state"] == "forwarding", "both forward again")

    def swapped():
        for host in (b, c):
            host.wire.send(host.sentinel())
        table = lab.switch.fdb()
        return table.get(b.mac) == c.port and table.get(c.mac) == b.port

    eventually(swapped, "both are bound to the other's interface")
    lab.teach(b, c)  # and nothing of theirs is on its way any more
    lab.expect(a, [a.frame(b, pattern(46))], [b])
    lab.expect(a, [a.frame(c, pattern(46))], [c])


@ringspan_only
def test_names_swapped_while_ports_open(lab):
    """Nobody finds its interface in use by a port that is on its way to the old name's."""
    hosts = lab.add_hosts(8)
    for _ in range(ROUNDS):
        lab.switch.write_config([host.port for host in hosts])
        lab.switch.spawn()
        for one, other in zip(hosts[::2], hosts[1::2]):
            ip_batch(["link set %s down" % one.port, "link set %s down" % other.port,
                      "link set %s name swap" % one.port,
                      "link set %s name %s" % (other.port, one.port),
                      "link set swap name %s" % other.port,
                      "link set %s up" % one.port, "link set %s up" % other.port])
        lab.switch.wait_ready()
        lab.switch.wait()
        lab.switch.stop()
    assert "in use" not in lab.switch.read_log()


class PortEvents:
    """What happens to ports, from now on and by the daemon's clock."""

    def __init__(self, lab):
        self.lab = lab
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(lab.switch.socket)
        self.socket.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "monitor.start", '
                            b'"params": {"kinds": ["port", "config"]}}\n')
        self.lines = self.socket.makefile()
        self.lines.readline()

    def until_now(self, port):
        """Each that has happened, oldest first. A change of the configuration comes behind them."""
        assert self.lab.switch.call("port", "set", port, "description", "now").returncode == 0
        events = iter(lambda: json.loads(self.lines.readline())["params"], None)
        return list(itertools.takewhile(lambda event: event["kind"] == "port", events))


@ringspan_only
def test_replaced_while_ports_open(lab):
    """A helper thread finds its device gone when the loop has long seen the next one: this is no
    error that lasts until the port is tried again."""
    hosts = lab.add_hosts(8)
    for _ in range(ROUNDS):
        ip_batch(["link del " + host.port for host in hosts])
        lab.switch.start([host.port for host in hosts], wait=False)
        events = PortEvents(lab)
        for host in hosts:
            creation = list(host.creation())[1:]
            ip_batch(creation + ["link del " + host.port] + creation)
            host.bring_up()
        lab.switch.wait()
        failed_at = {}
        for event in events.until_now(hosts[0].port):
            since = failed_at.pop(event["port"], event["time"])
            assert event["time"] - since < 0.9 * RETRY_SECONDS, event
            if event["state"] == "error":
                failed_at[event["port"]] = event["time"]
        lab.switch.stop()


@ringspan_only
def test_no_thread_to_be_had(lab):
    """A port that cannot be moved says so, and works again when its name is back in place."""
    a, b, c = lab.add_hosts(3)
    somebody = ("setpriv", "--reuid=64990", "--regid=64990", "--clear-groups")
    folder = os.path.dirname(lab.switch.socket)
    lab.switch.write_config([a.port, b.port, c.port])
    os.chmod(folder, 0o777)
    os.chmod("/run", 0o755)
    # The tree that was built may be where only root can look.
    lab.switch.daemon = shutil.copy(lab.switch.daemon, folder)
    lab.switch.launch(prefix=somebody + (
        "--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--bounding-set=-all,+net_raw",
        "prlimit", "--nproc=6"))
    pid = lab.switch.process.pid
    eventually(lambda: len(os.listdir("/proc/%d/task" % pid)) == 1, "helper threads leave")
    crowd = [spawn(*somebody, "sleep", "60") for _ in range(6)]
    eventually(lambda: all(os.stat("/proc/%d" % each.pid).st_uid == 64990 for each in crowd),
               "the limit is reached")
    rename(b.port, "elsewhere", live=False)
    lab.switch.wait_state(b.port, "error", b.port)
    rename("elsewhere", b.port, live=False)
    lab.wait_connected(b)
    lab.capture_everywhere()
    lab.expect(b, [b.frame(BROADCAST)], [a, c])
    rename(b.port, "elsewhere", live=False)
    lab.switch.wait_state(b.port, "error", b.port)
    for each in crowd:
        each.kill()
        each.wait()
    lab.switch.wait_state(b.port, "waiting")


@ringspan_only
def test_moved_to_another_namespace_and_back(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    ip("netns", "add", "elsewhere")
    with Traffic(a, c):
        for _ in range(ROUNDS):
            ip("link", "set", b.port, "netns", "elsewhere")
            lab.switch.wait_state(b.port, "waiting")
            ip("-n", "elsewhere", "link", "set", b.port, "netns", str(os.getpid()))
            lab.switch.wait_state(b.port, "down")
            ip("link", "set", b.port, "addrgenmode", "none")
            set_port(b, "up")
            lab.wait_connected(b)
            lab.check()
    b.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_netlink_overrun(lab):
    """More events than any buffer holds while the daemon cannot read them."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with lab.switch.stopped():
        ip_batch(["link add x%d type veth peer name y%d" % (i, i) for i in range(200)])
        ip_batch(["link set lo alias round%d" % i for i in range(20000)])
        ip_batch(["link del x%d" % i for i in range(200)])
        ip_batch(["link del " + b.port] + list(b.creation())[1:])
        b.plug_in()
        set_peer(c, "down")
    lab.switch.wait_state(c.port, "down")
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])
    set_peer(c, "up")
    lab.wait_connected(c)
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_same_index_again_unseen(lab):
    """A new interface with the name and the number of the old one, its birth lost in an overrun."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    index = socket.if_nametoindex(b.port)
    creation = list(b.creation())[1:]
    creation[0] = creation[0].replace("link add", "link add index %d" % index)
    with lab.switch.stopped():
        ip_batch(["link set lo alias round%d" % i for i in range(20000)])
        ip_batch(["link del " + b.port] + creation)
        b.plug_in()
    eventually(lambda: "dropped events" in lab.switch.read_log(), "an overrun")
    eventually(lambda: b.mac not in lab.switch.fdb(), "the old interface's entries are gone")
    lab.switch.wait_state(b.port, "forwarding")
    lab.expect(a, [a.frame(BROADCAST)], [b, c])
    lab.expect(b, [b.frame(BROADCAST)], [a, c])


@ringspan_only
def test_enslaved_interface_is_refused(lab):
    ip("link", "add", "name", "theirs", "type", "bridge")
    a, b = lab.add_hosts(2)
    ip("link", "set", b.port, "master", "theirs")
    lab.switch.start([a.port, b.port], wait=False)
    lab.switch.wait_state(b.port, "error", "theirs")
    assert promiscuity(b.port) == 1, "only its master asks for promiscuity"
    ip("link", "set", b.port, "nomaster")
    lab.wait_connected(b)
    ip("link", "set", b.port, "master", "theirs")
    lab.switch.wait_state(b.port, "error", "theirs")


def promiscuity(ifname):
    return json.loads(ip("-d", "-j", "link", "show", ifname))[0]["promiscuity"]


@ringspan_only
def test_one_daemon_per_device(lab):
    a, b = lab.start_with_hosts(2)
    another = lab.add_switch("lab1")
    another.start([b.port], wait=False)
    another.wait_state(b.port, "error", "in use")
    lab.expect(a, [a.frame(BROADCAST)], [b])
    assert another.call("wait", b.port, "--timeout", "5").returncode != 0
    assert another.read_log().count("-> error") == 1, "each try is told"
    lab.switch.stop()
    another.wait_state(b.port, "forwarding")


@ringspan_only
def test_not_an_ethernet_interface(lab):
    (a,) = lab.add_hosts(1)
    ip("tuntap", "add", "t0", "mode", "tun")
    lab.switch.start([a.port, "t0"], wait=False)
    lab.switch.wait_state("t0", "error", "Ethernet")
    lab.wait_connected(a)


if __name__ == "__main__":
    main()
