#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Ports that make their interfaces: taps, who may open them, and what becomes of them."""

import errno
import fcntl
import grp
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

from lab import DEADLINE, SkipTest, eventually, ip, main, ringspan_only, run, spawn, time_limit
from lab.openmetrics import turns_of
from lab.space import ip_batch
from lab.tap import Cable, IFF_NO_PI, IFF_TAP, IFF_VNET_HDR, TUN_F_CSUM, TUN_F_TSO4, TUNSETIFF, Tap
from lab.traffic import Traffic
from lab.wire import BROADCAST, frame, pattern, sentinel

IFF_MULTI_QUEUE = 0x0100
VM = "02:00:00:00:99:01"
SOMEBODY = 64999
MANY = 100
RETRY_SECONDS = 2  # after which a port that failed is tried again

# Opens a tap and says how it went.
OPENER = """
import fcntl, os, struct, sys
request = struct.pack("16sH22s", sys.argv[1].encode(), 0x1002, b"")
try:
    fcntl.ioctl(os.open("/dev/net/tun", os.O_RDWR), 0x400454CA, request)
    print("opened")
except OSError as error:
    print(os.strerror(error.errno))
"""


def need_tun():
    """A machine without /dev/net/tun, but with the driver, gets one in this mount namespace."""
    if not os.path.exists("/dev/net/tun"):
        run("mount", "-t", "tmpfs", "tmpfs", "/dev/net")
        os.mknod("/dev/net/tun", 0o600 | 0o020000, os.makedev(10, 200))
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        raise SkipTest("/dev/net/tun: " + error.strerror)


def tap(name, **keys):
    return dict(keys, name=name, type="tap")


def write(lab, *ports, name="lab0"):
    lab.switch.write_bridges({"name": name, "ports": [
        {"name": port} if isinstance(port, str) else port for port in ports]})


def launch(lab, *ports):
    """The daemon, each of whose ports is where it can be."""
    need_tun()
    write(lab, *ports)
    lab.switch.launch(wait=False)


def reload_with(lab, *ports):
    write(lab, *ports)
    rows = lab.switch.query("reload")
    return [tuple(row[key] for key in ("op", "port", "key", "disruption")) for row in rows]


def crash(lab):
    lab.switch.process.kill()
    lab.switch.process.wait()


def link(name):
    """What ip(8) says of an interface; None if there is none."""
    done = subprocess.run(["ip", "-d", "-j", "link", "show", "dev", name], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)[0] if done.returncode == 0 else None


def is_gone(name):
    eventually(lambda: link(name) is None, name + " is removed")


def mark(lab, name):
    return "ringspan:{}:{}".format(lab.switch.socket, name)


def speed_of(name):
    return int(re.search(r"Speed: (\d+)Mb/s", run("ethtool", name))[1])


def can_hide_carrier():
    """Kernels before 6.2 show a carrier to start with."""
    return tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups())) >= (6, 2)


def try_open(name, flags):
    """The descriptor, or the name of the error."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22s", name.encode(), flags, b""))
    except OSError as error:
        os.close(fd)
        return errno.errorcode[error.errno]
    return fd


def open_as(name, uid, gid):
    """What somebody without privileges is told."""
    program = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    return run("setpriv", "--reuid=%d" % uid, "--regid=%d" % gid, "--clear-groups",
               "--bounding-set=-all", program, "-c", OPENER, name).strip()


def plug(lab, name):
    """The test opens the tap; both ends are ready."""
    end = Tap(name)
    lab.switch.wait_state(name, "forwarding")
    eventually(lambda: link(name)["operstate"] in ("UP", "UNKNOWN"), name + " is up")
    return end


def exchange(lab, host, end, mac=VM):
    """Frames both ways, counted exactly."""
    out = [frame(host.mac, mac, pattern(46 + i)) for i in range(50)]
    back = [frame(mac, host.mac, pattern(46 + i)) for i in range(50)]
    end.receive_until_sentinel(say(host))
    last = sentinel(mac)
    end.send(*out, last)
    host.wire.expect(out, last)
    last = sentinel(host.mac)
    host.wire.send(*back, last)
    assert end.receive_until_sentinel(last) == back
    lab.check()


def say(host):
    last = host.sentinel()
    host.wire.send(last)
    return last


# ---- made, used, and there again ----

@ringspan_only
def test_made_and_used(lab):
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1"))
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
    row = lab.switch.port("vm1")
    assert row["type"] == "tap" and row["ifname"] == "vm1" and row["mtu"] == 1500, row
    assert "NO-CARRIER" in row["flags"] and "UP" in row["flags"], row
    made = link("vm1")
    assert made["ifalias"] == mark(lab, "vm1"), made
    assert made["linkinfo"]["info_data"]["persist"] is True, made
    assert made["linkinfo"]["info_data"]["user"] == "root", made
    assert speed_of("vm1") == 10000
    for _ in range(3):
        end = plug(lab, "vm1")
        exchange(lab, a, end)
        end.close()
        lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
    assert link("vm1")["ifindex"] == made["ifindex"]


@ringspan_only
def test_every_setting(lab):
    launch(lab, tap("vm1", ifname="tap-vm1", owner="nobody", group=str(SOMEBODY), mtu=9000,
                    mac="02:00:00:00:00:77", speed=2500))
    lab.switch.wait_state("vm1", "down", "nobody has opened")
    made = link("tap-vm1")
    data = made["linkinfo"]["info_data"]
    assert made["mtu"] == 9000 and made["address"] == "02:00:00:00:00:77", made
    assert data["user"] == "nobody" and str(data["group"]) == str(SOMEBODY), made
    assert speed_of("tap-vm1") == 2500
    ports = lab.switch.query("config", "show")["bridges"][0]["ports"]
    wanted = {"name": "vm1", "ifname": "tap-vm1", "type": "tap", "owner": "nobody",
              "group": str(SOMEBODY), "mtu": 9000, "mac": "02:00:00:00:00:77", "speed": 2500,
              "persist": True}
    assert ports[0].items() >= wanted.items(), ports


@ringspan_only
def test_restart_unnoticed_by_who_has_opened_it(lab):
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1"))
    end = plug(lab, "vm1")
    exchange(lab, a, end)
    index = link("vm1")["ifindex"]
    for stop in (lab.switch.stop, lambda: crash(lab)):
        stop()
        assert link("vm1")["ifindex"] == index
        lab.switch.launch(wait=False)
        lab.switch.wait("vm1", a.port)
        exchange(lab, a, end)
        assert link("vm1")["ifindex"] == index


def check_host_behind_a_tap(lab, vnet):
    """Ping and TCP between a stack behind a tap and one behind a veth, large frames included."""
    left, right = lab.add_hosts(2, addresses=True)
    right.ip("link", "del", "eth0")
    launch(lab, left.port, tap("vm1"))
    offload = TUN_F_CSUM | TUN_F_TSO4 if vnet else 0
    Cable(Tap("vm1", vnet=vnet, offload=offload),
          Tap("eth0", netns=right.name, vnet=vnet, offload=offload))
    right.bring_up()
    right.address()
    lab.switch.wait("vm1", left.port)
    for size in (56, 1472, 9000):
        left.run("ping", "-n", "-q", "-c", "3", "-i", "0.01", "-W", "5", "-s", str(size), right.v4)
    for client, server in ((left, right), (right, left)):
        listener = server.spawn("iperf3", "-s", "-1")
        eventually(lambda: ":5201 " in server.run("ss", "-ltn"), "iperf3 listens")
        report = json.loads(client.run("iperf3", "-J", "-t", "1", "-c", server.v4))
        assert report["end"]["sum_received"]["bits_per_second"] > 10e6, report["end"]
        listener.wait(DEADLINE)
    lab.check()


@ringspan_only
def test_host_behind_a_tap_without_offloads(lab):
    check_host_behind_a_tap(lab, vnet=False)


@ringspan_only
def test_host_behind_a_tap_with_offloads(lab):
    check_host_behind_a_tap(lab, vnet=True)


@ringspan_only
def test_mtu(lab):
    a, b = lab.add_hosts(2, mtu=9000)
    launch(lab, a.port, b.port, tap("vm1", mtu=2000))
    end = plug(lab, "vm1")
    lab.switch.wait(a.port, b.port)
    b.wire.drain()
    fits = frame(BROADCAST, a.mac, pattern(2000))
    too_long = frame(BROADCAST, a.mac, pattern(2001))
    last = a.sentinel()
    a.wire.send(fits, too_long, last)
    assert end.receive_until_sentinel(last) == [fits]
    b.wire.expect([fits, too_long], last)
    assert lab.switch.dropped("vm1", "out") == {"too_long": 1}


@ringspan_only
def test_ways_to_open(lab):
    """With and without offload header and packet information, one at a time, and not as many
    queues."""
    launch(lab, tap("vm1"))
    for flags in (IFF_TAP | IFF_NO_PI, IFF_TAP, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
                  IFF_TAP | IFF_VNET_HDR):
        fd = try_open("vm1", flags)
        assert isinstance(fd, int), (flags, fd)
        assert try_open("vm1", flags) == "EBUSY"
        lab.switch.wait_state("vm1", "forwarding")
        os.close(fd)
        lab.switch.wait_state("vm1", "down")
    assert try_open("vm1", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE) == "EINVAL"


@ringspan_only
def test_many_queues_by_who_made_it(lab):
    (a,) = lab.add_hosts(1)
    ip("tuntap", "add", "vm1", "mode", "tap", "multi_queue")
    ip("link", "set", "vm1", "up")
    launch(lab, a.port, tap("vm1", owner="nobody"))
    eventually(lambda: link("vm1")["linkinfo"]["info_data"].get("user") == "nobody", "owner")
    fds = [try_open("vm1", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE) for _ in range(4)]
    assert all(isinstance(fd, int) for fd in fds), fds
    lab.switch.wait("vm1", a.port)
    a.wire.drain()
    last = sentinel(VM)
    os.write(fds[2], bytes(10) + last)
    a.wire.expect([], last)


@ringspan_only
@time_limit(120)
def test_many(lab):
    launch(lab, *[tap("vm%d" % i) for i in range(MANY)])
    rows = lab.switch.query("port")
    assert len(rows) == MANY
    assert {row["state"] for row in rows} == {"down"}, "ready before all are made"
    reload_with(lab)
    eventually(lambda: '"vm' not in run("ip", "-j", "link"), "all are removed")
    reload_with(lab, *[tap("vm%d" % i) for i in range(MANY)])
    eventually(lambda: lab.switch.query("port", "show")[-1]["state"] == "down" and
               all(row["state"] == "down" for row in lab.switch.query("port")), "all are made")


# ---- who may open it ----

@ringspan_only
def test_who_may_open_it(lab):
    need_tun()
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev/net")
    os.mknod("/dev/net/tun", 0o666 | 0o020000, os.makedev(10, 200))
    os.chmod("/dev/net/tun", 0o666)
    group = grp.getgrnam("daemon").gr_gid
    launch(lab, tap("owned", owner=str(SOMEBODY)), tap("grouped", group="daemon"),
           tap("both", owner=str(SOMEBODY), group="daemon"), tap("neither"))
    no = "Operation not permitted"
    for name, uid, gid, verdict in (
            ("owned", SOMEBODY, SOMEBODY, "opened"), ("owned", SOMEBODY + 1, SOMEBODY, no),
            ("grouped", SOMEBODY, group, "opened"), ("grouped", SOMEBODY, SOMEBODY, no),
            ("both", SOMEBODY, group, "opened"), ("both", SOMEBODY, SOMEBODY, no),
            ("both", SOMEBODY + 1, group, no), ("neither", SOMEBODY, SOMEBODY, no),
            ("neither", SOMEBODY, group, no)):
        assert open_as(name, uid, gid) == verdict, (name, uid, gid)


@ringspan_only
def test_no_such_user(lab):
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1", owner="nosuchuser"), tap("vm2", group="nosuchgroup"))
    lab.switch.wait_state("vm1", "error", "there is no user nosuchuser")
    lab.switch.wait_state("vm2", "error", "there is no group nosuchgroup")
    assert link("vm1") is None and link("vm2") is None
    reload_with(lab, a.port, tap("vm1", owner="nobody"), tap("vm2"))
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")


# ---- what becomes of it ----

@ringspan_only
def test_dropped_by_a_reload(lab):
    a, b = lab.add_hosts(2)
    launch(lab, a.port, b.port, tap("vm1"), tap("vm2"))
    lab.switch.wait(a.port, b.port)
    end = plug(lab, "vm1")
    with Traffic(a, b):
        assert reload_with(lab, a.port, b.port, tap("vm2")) == [("del", "vm1", None, "none")]
        is_gone("vm1")
    assert link("vm2")
    end.close()


@ringspan_only
def test_moved_to_another_bridge(lab):
    """Whoever has opened it does not notice."""
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1"))
    end = plug(lab, "vm1")
    index = link("vm1")["ifindex"]
    lab.switch.write_bridges({"name": "lab0"}, {"name": "lab1", "ports": [
        {"name": a.port}, tap("machine", ifname="vm1")]})
    lab.switch.query("reload")
    lab.switch.wait("machine", a.port)
    assert link("vm1")["ifindex"] == index
    exchange(lab, a, end)


@ringspan_only
def test_another_interface_and_another_type(lab):
    launch(lab, tap("vm1"))
    assert reload_with(lab, tap("vm1", ifname="vm2")) == [
        ("del", "vm1", None, "none"), ("add", "vm1", None, "none")]
    lab.switch.wait_state("vm1", "down", "vm2 has no carrier: nobody")
    is_gone("vm1")
    assert reload_with(lab, {"name": "vm1", "ifname": "vm3"})
    is_gone("vm2")
    lab.switch.wait_state("vm1", "waiting", "vm3")
    reload_with(lab, tap("vm1"))
    lab.switch.wait_state("vm1", "down", "nobody has opened")


@ringspan_only
def test_persist(lab):
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("stays"), tap("goes", persist=False))
    end = plug(lab, "goes")
    crash(lab)
    assert link("stays") and link("goes"), "nobody was there to remove it"
    lab.switch.launch(wait=False)
    lab.switch.wait("goes", a.port)
    exchange(lab, a, end)
    assert lab.switch.stop() == 0
    assert link("stays") and link("goes") is None
    lab.switch.launch(wait=False)
    assert reload_with(lab, a.port, tap("stays", persist=False), tap("goes")) == [
        ("change", "stays", "persist", "none"), ("change", "goes", "persist", "none")]
    assert lab.switch.stop() == 0
    assert link("stays") is None and link("goes")


# What was configured, how the daemon ended, what is configured then: what there is afterwards.
# "x" stays: it has another daemon's mark. "y" stays: it has none. "z" stays: its mark was taken off.
ENDS = (
    # before                      end     after                   there
    ([tap("t")], "term", [tap("t")], {"t"}),
    ([tap("t")], "kill", [tap("t")], {"t"}),
    ([tap("t")], "term", [], set()),
    ([tap("t")], "kill", [], set()),
    ([tap("t", persist=False)], "term", [tap("t", persist=False)], {"t"}),
    ([tap("t", persist=False)], "kill", [tap("t", persist=False)], {"t"}),
    ([tap("t", persist=False)], "kill", [], set()),
    ([tap("t", persist=False)], "kill", [tap("t")], {"t"}),
    ([tap("t")], "kill", [tap("u")], {"u"}),
    ([tap("t")], "kill", [tap("p", ifname="t")], {"t"}),
    ([tap("p", ifname="t")], "kill", [tap("p", ifname="u")], {"u"}),
    ([tap("t")], "kill", [{"name": "t"}], {"t"}),
    ([tap("t"), tap("u")], "kill", [tap("u")], {"u"}),
    ([tap("x"), tap("y")], "kill", [tap("x")], set()),
    ([tap("x"), tap("y")], "term", [], set()),
    ([tap("x", persist=False), tap("y", persist=False)], "term", [], set()),
)
FOREIGN = {"x", "y", "z"}


@ringspan_only
@time_limit(180)
def test_ends_and_what_is_left(lab):
    need_tun()
    ip_batch(["tuntap add %s mode tap" % name for name in sorted(FOREIGN)])
    ip("link", "set", "x", "alias", "ringspan:/run/lab/another.sock:x")
    before = {name: link(name)["ifindex"] for name in FOREIGN}
    for number, (first, end, then, there) in enumerate(ENDS):
        launch(lab, *first)
        if end == "kill":
            crash(lab)
        else:
            lab.switch.stop()
        launch(lab, *then)
        wanted = {row["ifname"] for row in lab.switch.query("port")} - {None}
        assert wanted == {port.get("ifname", port["name"]) for port in then}, (number, wanted)
        eventually(lambda: names() == there | FOREIGN, "case %d: %s" % (number, sorted(there)))
        assert {name: link(name)["ifindex"] for name in FOREIGN} == before, number
        lab.switch.stop()
        launch(lab)
        eventually(lambda: names() == FOREIGN, "case %d: nothing of ours" % number)
        lab.switch.stop()


def names():
    return {row["ifname"] for row in json.loads(ip("-j", "link"))} - {"lo"}


@ringspan_only
def test_killed_while_it_makes_them(lab):
    """Whatever there is by then, the next start knows it."""
    need_tun()
    for delay in range(0, 20, 4):
        write(lab, *[tap("vm%d" % i) for i in range(40)])
        lab.switch.spawn()
        eventually(lambda: len(names()) >= delay, "some are made")
        crash(lab)
        assert all(link(name).get("ifalias") == mark(lab, name) for name in names()), names()
        launch(lab)
        eventually(lambda: names() == set(), "nothing is left")
        lab.switch.stop()


@ringspan_only
def test_deleted_under_traffic(lab):
    a, b = lab.add_hosts(2)
    launch(lab, a.port, b.port, tap("vm1", mtu=1400))
    lab.switch.wait(a.port, b.port)
    with Traffic(a, b):
        for _ in range(10):
            index = link("vm1")["ifindex"]
            end = plug(lab, "vm1")
            ip("link", "del", "vm1")
            made = eventually(lambda: link("vm1"), "it is made again")
            assert made["ifindex"] != index
            lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
            end.close()
            lab.check()
    assert link("vm1")["mtu"] == 1400 and link("vm1")["ifalias"] == mark(lab, "vm1")


@ringspan_only
def test_renamed(lab):
    """It is the same interface under any name, and is not made a second time."""
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1"))
    end = plug(lab, "vm1")
    ip_batch(["link set vm1 down", "link set vm1 name other", "link set other up"])
    lab.switch.wait_state("vm1", "waiting", "its tap is called other now (ip link set other name vm1)")
    lab.switch.stop()
    lab.switch.launch(wait=False)
    lab.switch.wait_state("vm1", "waiting", "its tap is called other now")
    assert link("vm1") is None
    ip_batch(["link set other down", "link set other name vm1", "link set vm1 up"])
    lab.switch.wait("vm1", a.port)
    exchange(lab, a, end)
    ip_batch(["link set vm1 down", "link set vm1 name other", "link set other up"])
    lab.switch.wait_state("vm1", "waiting", "other")
    ip("link", "set", "other", "alias", "mine")  # told only of interfaces that are up
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
    ip_batch(["link set vm1 down", "link set vm1 name third"])
    lab.switch.wait_state("vm1", "waiting", "third")
    ip("link", "del", "third")
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
    ip_batch(["link set vm1 down", "link set vm1 name fourth"])
    lab.switch.wait_state("vm1", "waiting", "fourth")
    reload_with(lab, a.port)
    is_gone("fourth")
    assert link("other"), "its mark was taken off"


# ---- what others made ----

@ringspan_only
def test_adopted(lab):
    """Only what is written is changed, it is not brought up, and it is never removed."""
    (a,) = lab.add_hosts(1)
    need_tun()
    ip_batch(["tuntap add vm1 mode tap", "link set vm1 mtu 1300", "tuntap add vm2 mode tap",
              "link set vm2 mtu 1300"])
    address = link("vm2")["address"]
    before = link("vm1")
    launch(lab, a.port, tap("vm1", persist=False),
           tap("vm2", persist=False, mtu=2000, owner="nobody", speed=100))
    lab.switch.wait_state("vm1", "down", "administratively down (ip link set vm1 up)")
    assert link("vm1") == dict(before, promiscuity=1), link("vm1")
    eventually(lambda: speed_of("vm2") == 100 and
               link("vm2")["linkinfo"]["info_data"].get("user") == "nobody", "settings")
    after = link("vm2")
    assert after["mtu"] == 2000 and after["address"] == address and "ifalias" not in after, after
    ip("link", "set", "vm1", "up")
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
    exchange(lab, a, plug(lab, "vm1"))
    reload_with(lab, a.port, tap("vm2", persist=False))
    lab.switch.stop()
    assert link("vm1") and link("vm2")["mtu"] == 2000


@ringspan_only
def test_what_is_no_tap(lab):
    (a,) = lab.add_hosts(1)
    ip("link", "add", "r1", "type", "veth", "peer", "name", "r1-peer")
    ip("tuntap", "add", "r2", "mode", "tun")
    launch(lab, a.port, tap("r1", mtu=9000), tap("r2"))
    lab.switch.wait_state("r1", "error", "r1 exists and is not a tap (kind veth)")
    lab.switch.wait_state("r2", "error", "r2 exists and is not a tap but a tun (layer 3)")
    assert link("r1")["mtu"] == 1500
    ip("link", "del", "r1")
    ip("link", "del", "r2")
    lab.switch.wait_state("r1", "down", "nobody has opened the tap")
    lab.switch.wait_state("r2", "down", "nobody has opened the tap")
    assert link("r1")["mtu"] == 9000


@ringspan_only
def test_another_daemons(lab):
    """Neither its ports nor what it left are touched."""
    launch(lab, tap("vm1"), tap("vm2"))
    another = lab.add_switch("lab1")
    another.write_bridges({"name": "b", "ports": [tap("vm1", persist=False), tap("vm3")]})
    another.launch(wait=False)
    another.wait_state("vm1", "error", "in use by another ringspand")
    crash(lab)
    another.wait_state("vm1", "down", "nobody has opened")
    another.stop()
    assert names() == {"vm1", "vm2", "vm3"}
    launch(lab)
    eventually(lambda: names() == {"vm3"}, "its own are removed")


@ringspan_only
def test_same_socket_elsewhere(lab):
    """Two daemons whose sockets have the same path, in two mount namespaces: what looks like an
    orphan is the other's port."""
    launch(lab, tap("vm1"))
    end = plug(lab, "vm1")
    index = link("vm1")["ifindex"]
    script = ("mount -t tmpfs tmpfs /run && mkdir /run/lab && echo '{}' > /run/lab/c.json && "
              "exec {} --config /run/lab/c.json").format(
                  json.dumps({"version": 1, "bridges": [{"name": "b"}], "daemon": {
                      "control": {"socket": lab.switch.socket}}}), lab.switch.daemon)
    other = spawn("unshare", "--mount", "sh", "-c", script, stderr=subprocess.PIPE, text=True)
    for line in other.stderr:
        if "another ringspand uses vm1" in line:
            break
    else:
        raise AssertionError("it ended without a word")
    other.terminate()
    other.wait()
    other.stderr.close()
    assert link("vm1")["ifindex"] == index
    lab.switch.wait("vm1")
    end.close()


# ---- in other network namespaces ----

def names_in(netns):
    return {row["ifname"] for row in json.loads(ip("-n", netns, "-j", "link"))} - {"lo"}


@ringspan_only
def test_in_another_namespace(lab):
    """Made, used, changed, made again and removed there, and nothing of it here."""
    (a,) = lab.add_hosts(1)
    ip("netns", "add", "blue")
    launch(lab, a.port, tap("vm1", netns="blue", mtu=1400))
    assert names_in("blue") == {"vm1"} and link("vm1") is None
    end = Tap("vm1", netns="blue")
    lab.switch.wait("vm1", a.port)
    exchange(lab, a, end)
    assert reload_with(lab, a.port, tap("vm1", netns="blue", mtu=1300)) == [
        ("change", "vm1", "mtu", "none")]
    eventually(lambda: json.loads(ip("-n", "blue", "-j", "link", "show", "vm1"))[0]["mtu"] == 1300,
               "mtu")
    exchange(lab, a, end)
    ip("-n", "blue", "link", "del", "vm1")
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
    end.close()
    crash(lab)
    launch(lab, a.port, tap("vm2", netns="/run/netns/blue", persist=False))
    eventually(lambda: names_in("blue") == {"vm2"}, "what it left is removed")
    reload_with(lab, a.port, tap("vm2"))
    eventually(lambda: names_in("blue") == set() and link("vm2"), "it moves")
    lab.switch.stop()
    assert link("vm2")


@ringspan_only
def test_namespace_that_goes_and_comes(lab):
    """Nothing of a tap keeps it alive."""
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1", netns="blue"))
    lab.switch.wait_state("vm1", "waiting", "blue")
    for _ in range(3):
        ip("netns", "add", "blue")
        lab.switch.wait_state("vm1", "down", "nobody has opened the tap")
        assert names_in("blue") == {"vm1"}
        ip("netns", "del", "blue")
        lab.switch.wait_state("vm1", "waiting", "blue")


# ---- changes ----

@ringspan_only
def test_changes_by_reload(lab):
    """Each key, under traffic, and no frame is lost, also of those that cross the tap."""
    a, b = lab.add_hosts(2)
    launch(lab, a.port, b.port, tap("vm1"))
    lab.switch.wait(a.port, b.port)
    data = lambda: link("vm1")["linkinfo"]["info_data"]
    index = link("vm1")["ifindex"]
    steps = (
        ({"mtu": 4000}, "mtu", lambda: link("vm1")["mtu"] == 4000),
        ({}, "mtu", lambda: link("vm1")["mtu"] == 1500),
        ({"mac": "02:00:00:00:00:42"}, "mac", lambda: link("vm1")["address"] == "02:00:00:00:00:42"),
        ({"mac": "02:00:00:00:00:43"}, "mac", lambda: link("vm1")["address"] == "02:00:00:00:00:43"),
        ({"mac": "02:00:00:00:00:43", "speed": 40000}, "speed", lambda: speed_of("vm1") == 40000),
        ({"mac": "02:00:00:00:00:43"}, "speed", lambda: speed_of("vm1") == 10000),
    )
    end = plug(lab, "vm1")
    with Traffic(a, b):
        for keys, key, holds in steps:
            assert reload_with(lab, a.port, b.port, tap("vm1", **keys)) == [
                ("change", "vm1", key, "none")]
            eventually(holds, key)
            assert lab.switch.port("vm1")["state"] == "forwarding"
    assert "vm1: forwarding ->" not in lab.switch.read_log()
    end.close()
    lab.switch.wait_state("vm1", "down", "nobody")
    told = lab.switch.read_log().count("vm1: down -> forwarding")
    keys = {"mac": "02:00:00:00:00:43"}
    for change, holds in (({"owner": "nobody"}, lambda: data()["user"] == "nobody"),
                          ({"owner": "daemon"}, lambda: data()["user"] == "daemon"),
                          ({}, lambda: data()["user"] == "root")):
        assert reload_with(lab, a.port, b.port, tap("vm1", **keys, **change)) == [
            ("change", "vm1", "owner", "none")]
        eventually(holds, change)
    assert link("vm1")["ifindex"] == index
    lab.switch.wait_state("vm1", "down", "nobody")
    if can_hide_carrier():
        assert lab.switch.read_log().count("vm1: down -> forwarding") == told, "we are no carrier"


@ringspan_only
def test_owner_of_an_open_tap(lab):
    """It waits until it can be done, and says so."""
    launch(lab, tap("vm1", owner="nobody"))
    end = plug(lab, "vm1")
    reload_with(lab, tap("vm1", owner="daemon"))
    lab.switch.wait_state("vm1", "forwarding",
                          "owner and group change when vm1 is closed by who has opened it")
    assert link("vm1")["linkinfo"]["info_data"]["user"] == "nobody"
    end.close()
    eventually(lambda: link("vm1")["linkinfo"]["info_data"]["user"] == "daemon", "owner")
    end = plug(lab, "vm1")
    lab.switch.wait_state("vm1", "forwarding")
    eventually(lambda: lab.switch.port("vm1")["reason"] == "", "no complaint any more")


@ringspan_only
def test_change_that_fails(lab):
    """The port goes on as it was, and says what it could not do."""
    (a,) = lab.add_hosts(1)
    launch(lab, a.port, tap("vm1"))
    reload_with(lab, a.port, tap("vm1", owner="nosuchuser", mtu=2000))
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap; there is no user nosuchuser")
    assert link("vm1")["mtu"] == 2000
    end = plug(lab, "vm1")
    lab.switch.wait_state("vm1", "forwarding", "there is no user nosuchuser")
    exchange(lab, a, end)
    reload_with(lab, a.port, tap("vm1"))
    eventually(lambda: lab.switch.port("vm1")["reason"] == "", "no complaint any more")
    assert lab.switch.read_log().count("warning: port vm1: there is no user") == 1
    exchange(lab, a, end)


@ringspan_only
def test_at_run_time(lab):
    """As for a reload; and the file wins at the next start."""
    (a,) = lab.add_hosts(1)
    launch(lab, a.port)
    done = lab.switch.call("port", "add", "vm1", "bridge", "lab0", "type", "tap", "mtu", "3000")
    assert done.returncode == 0, done.stderr
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")  # or we would make our own
    end = plug(lab, "vm1")
    assert link("vm1")["mtu"] == 3000
    done = lab.switch.call("port", "set", "vm1", "mtu", "1400", "persist", "false")
    assert done.returncode == 0, done.stderr
    eventually(lambda: link("vm1")["mtu"] == 1400, "mtu")
    exchange(lab, a, end)
    done = lab.switch.call("port", "set", "vm1", "down")
    lab.switch.wait_state("vm1", "disabled")
    assert link("vm1") and done.returncode == 0, done.stderr
    done = lab.switch.call("port", "del", "vm1")
    assert done.returncode == 0, done.stderr
    is_gone("vm1")
    done = lab.switch.call("port", "set", a.port, "mtu", "1400")
    assert done.returncode != 0 and "mtu is for ports of type tap" in done.stderr, done.stderr
    assert lab.switch.call("port", "add", "vm2", "type", "tap", "bridge", "lab0").returncode == 0
    lab.switch.wait_state("vm2", "down", "nobody")
    lab.switch.stop()
    assert link("vm2")
    lab.switch.launch(wait=False)
    is_gone("vm2")
    end.close()


@ringspan_only
def test_owner_that_cannot_be_lost(lab):
    """The kernel takes none away: another interface is made."""
    launch(lab, tap("vm1", owner="nobody"))
    index = link("vm1")["ifindex"]
    assert reload_with(lab, tap("vm1", group="daemon")) == [
        ("change", "vm1", "owner", "reopen"), ("change", "vm1", "group", "reopen")]
    eventually(lambda: (link("vm1") or {"ifindex": index})["ifindex"] != index, "another one")
    lab.switch.wait_state("vm1", "down", "nobody has opened")
    data = link("vm1")["linkinfo"]["info_data"]
    assert data["group"] == "daemon" and "user" not in data, data
    crash(lab)
    launch(lab, tap("vm1"))
    eventually(lambda: (link("vm1") or {"linkinfo": {"info_data": {}}})
               ["linkinfo"]["info_data"].get("user") == "root", "the file wins at a start, too")
    assert "group" not in link("vm1")["linkinfo"]["info_data"]


# ---- what goes wrong ----

@ringspan_only
def test_no_device_node(lab):
    """It is tried again when its time has come, and the loop sleeps until then."""
    (a,) = lab.add_hosts(1)
    need_tun()
    run("mount", "-t", "tmpfs", "tmpfs", "/dev/net")
    write(lab, a.port, tap("vm1"))
    started = time.monotonic()
    lab.switch.launch(wait=False)
    lab.switch.wait_state("vm1", "error", "there is no /dev/net/tun (modprobe tun)")
    lab.switch.wait(a.port)
    turns = turns_of(lab.switch)
    tries = lambda: lab.switch.read_log().count("port vm1: trying again")
    eventually(lambda: tries() > 0, "another try")
    assert time.monotonic() - started >= RETRY_SECONDS
    turns = turns_of(lab.switch) - turns
    assert turns < 1000, "it spins: %d turns" % turns
    assert lab.switch.read_log().count("-> error") == 1
    run("umount", "/dev/net")
    lab.switch.wait_state("vm1", "down", "nobody has opened the tap")


@ringspan_only
def test_without_the_capability(lab):
    (a,) = lab.add_hosts(1)
    need_tun()
    for ports, code in (([tap("vm1")], 77), ([a.port], None)):
        write(lab, *ports)
        process = lab.switch.spawn(prefix=("setpriv", "--bounding-set=-net_admin",
                                           "--inh-caps=-net_admin"))
        if code is None:
            lab.switch.wait_ready()
        else:
            assert process.wait(DEADLINE) == code
            assert "to make taps, which the configuration has: CAP_NET_ADMIN is missing" in \
                lab.switch.read_log()


# ---- what is published ----

@ringspan_only
def test_the_example(lab):
    need_tun()
    root = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", ".."))
    with open(os.path.join(root, "config", "vm-taps.json")) as file:
        document = json.load(file)
    ip("link", "add", "veth-host", "type", "veth", "peer", "name", "host-end")
    document["daemon"] = {"control": {"socket": lab.switch.socket}}
    lab.switch.write_text(json.dumps(document))
    lab.switch.launch(wait=False)
    assert names() == {"vm1", "tap-vm2", "vm3", "veth-host", "host-end"}
    for name in ("vm1", "vm2", "vm3"):
        lab.switch.wait_state(name, "down", "nobody has opened the tap")
    fd = try_open("tap-vm2", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    lab.switch.wait_state("vm2", "forwarding")
    os.close(fd)
    assert lab.switch.stop() == 0
    assert "vm3" not in names() and {"vm1", "tap-vm2"} <= names()


if __name__ == "__main__":
    main()
