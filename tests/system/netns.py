#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Ports in other network namespaces than the daemon's."""

import json
import os
import socket
import subprocess

from lab import eventually, ip, main, ringspan_only, spawn, time_limit
from lab.laboratory import Host, are_up
from lab.space import inside, ip_batch, link_exists
from lab.traffic import Traffic
from lab.wire import BROADCAST, pattern

EXAMPLE = os.path.join(os.path.dirname(__file__), "../../config/namespaces.json")
ROUNDS = 5
MANY_ROUNDS = 60
CROWD = 60


class Guest(Host):
    """A host whose cable ends in a namespace `netns`, as eth0 there."""

    def __init__(self, number, netns):
        super().__init__(number)
        self.netns = netns

    def creation(self):
        yield "netns add " + self.name
        yield ("link add eth0 netns {0.netns} type veth peer name eth0 address {0.mac} "
               "netns {0.name}").format(self)

    def bring_up(self):
        super().bring_up()
        ip_batch(["link set eth0 addrgenmode none", "link set eth0 up"], self.netns)

    def is_up(self):
        return are_up(["eth0"], self.name) and are_up(["eth0"], self.netns)

    def config(self, **keys):
        return dict({"name": self.port, "ifname": "eth0", "netns": self.netns}, **keys)


def add_guest(lab, netns=None, is_new=True):
    """A host behind a namespace."""
    number = len(lab.hosts) + 1
    guest = Guest(number, netns or "s%d" % number)
    if is_new:
        ip("netns", "add", guest.netns)
    ip("netns", "add", guest.name)
    guest.cable()
    eventually(guest.is_up, "its cable is ready")
    lab.hosts.append(guest)
    return guest


def start(lab, *ports, wait=True):
    """Hosts, or what stands in the configuration for them."""
    rows = [port if isinstance(port, dict) else
            port.config() if isinstance(port, Guest) else {"name": port.port} for port in ports]
    lab.switch.write_bridges({"name": "lab0", "ports": rows})
    lab.switch.launch(wait)


def reload(lab, *rows):
    lab.switch.write_bridges({"name": "lab0", "ports": rows})
    done = lab.switch.call("reload")
    assert done.returncode == 0, done.stderr


def namespaces_in_use(lab):
    """The namespaces that the daemon has a hand on: its threads' own, and its descriptors."""
    folder = "/proc/%d" % lab.switch.process.pid
    links = ["task/%s/ns/net" % task for task in os.listdir(folder + "/task")]
    links += ["fd/%s" % fd for fd in os.listdir(folder + "/fd")]
    found = set()
    for link in links:
        try:
            found.add(os.readlink(os.path.join(folder, link)))
        except FileNotFoundError:
            pass  # closed meanwhile, or a thread that has left
    return {name for name in found if name.startswith("net:")}


def uses_namespaces(lab, n):
    """Helper threads have a hand on some for a moment, and begin when it suits them."""
    eventually(lambda: len(namespaces_in_use(lab)) == n, "a hand on %d namespaces" % n)


def helpers_are_gone(lab):
    folder = "/proc/%d/task" % lab.switch.process.pid
    eventually(lambda: len(os.listdir(folder)) == 1, "helper threads leave")


@ringspan_only
def test_across_namespaces(lab):
    """Equal names and equal indexes in three namespaces, and a port at home."""
    (a,) = lab.add_hosts(1)
    b, c = add_guest(lab), add_guest(lab)
    lab.capture_everywhere()
    start(lab, a, b, c)
    rows = {row["name"]: row for row in lab.switch.query("port")}
    assert [rows[host.port]["netns"] for host in (a, b, c)] == [None, b.netns, c.netns]
    assert rows[b.port]["ifname"] == rows[c.port]["ifname"] == "eth0"
    assert rows[b.port]["ifindex"] == rows[c.port]["ifindex"]
    assert "UP" in rows[b.port]["flags"]
    lab.expect(a, [a.frame(BROADCAST)], [b, c])
    lab.teach(a, b, c)
    lab.expect(b, [b.frame(a, pattern(46))], [a])
    lab.expect(c, [c.frame(b, pattern(1400))], [b])
    lab.expect(a, [a.frame(c, pattern(46))], [c])


@ringspan_only
def test_links_are_those_of_the_namespace(lab):
    (a,) = lab.add_hosts(1)
    b = add_guest(lab)
    lab.capture_everywhere()
    start(lab, a, b)
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "decoy")
    ip("-n", b.netns, "link", "set", "eth0", "down")
    lab.switch.wait_state(b.port, "down", "ip -n %s link set eth0 up" % b.netns)
    ip("link", "set", "eth0", "up")
    ip("link", "set", "decoy", "up")
    ip("-n", b.netns, "link", "set", "eth0", "up")
    lab.wait_connected(b)
    ip("-n", b.netns, "link", "add", "name", "theirs", "type", "bridge")
    ip("-n", b.netns, "link", "set", "eth0", "master", "theirs")
    lab.switch.wait_state(b.port, "error", "theirs")
    ip("-n", b.netns, "link", "set", "eth0", "nomaster")
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_waits_for_its_namespace(lab):
    (a,) = lab.add_hosts(1)
    start(lab, a, {"name": "p2", "ifname": "eth0", "netns": "s2"}, wait=False)
    lab.switch.wait_state("p2", "waiting", "no network namespace named s2")
    ip("netns", "add", "s2")
    lab.switch.wait_state("p2", "waiting", "no interface named eth0 in s2")
    b = add_guest(lab, is_new=False)
    lab.capture_everywhere()
    lab.wait_connected(b)
    lab.expect(a, [a.frame(BROADCAST)], [b])


def make_again(lab, guest):
    """Namespace and interface die and come back under their names."""
    ip("netns", "del", guest.netns)
    eventually(lambda: "eth0" not in guest.ip("-o", "link"), "nobody keeps the namespace alive")
    ip("netns", "add", guest.netns)
    guest.cable()
    lab.wait_connected(guest)


@ringspan_only
def test_made_again_under_traffic(lab):
    a, c = lab.add_hosts(2)
    b = add_guest(lab)
    lab.capture_everywhere()
    start(lab, a, b, c)
    lab.teach(a, b, c)
    with Traffic(a, c):
        for _ in range(ROUNDS):
            make_again(lab, b)
            lab.check()
    b.wire.drain()
    lab.expect(a, [a.frame(BROADCAST)], [b, c])


@time_limit(240)
@ringspan_only
def test_made_again_many_times(lab):
    """Nothing grows, and no namespace is kept."""
    (a,) = lab.add_hosts(1)
    b = add_guest(lab)
    lab.capture_everywhere()
    start(lab, a, b)
    helpers_are_gone(lab)
    before = lab.switch.descriptors()
    uses_namespaces(lab, 2)
    for _ in range(MANY_ROUNDS):
        make_again(lab, b)
    eventually(lambda: lab.switch.descriptors() == before, "no descriptor more")
    uses_namespaces(lab, 2)
    lab.expect(a, [a.frame(BROADCAST)], [b])
    ip("netns", "del", b.netns)
    lab.switch.wait_state(b.port, "waiting", "no network namespace")
    uses_namespaces(lab, 1)


@ringspan_only
def test_name_given_to_another_namespace_unseen(lab):
    """Both are gone before the daemon could look."""
    (a,) = lab.add_hosts(1)
    b = add_guest(lab)
    lab.capture_everywhere()
    start(lab, a, b)
    for _ in range(ROUNDS):
        with lab.switch.stopped():
            ip("netns", "del", b.netns)
            ip("netns", "add", b.netns)
        eventually(lambda: "eth0" not in b.ip("-o", "link"), "nobody keeps the namespace alive")
        b.cable()
        lab.wait_connected(b)
        lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_namespace_of_a_process(lab):
    """An absolute path, that ends with its process; and a plain umount(8) is not refused."""
    (a,) = lab.add_hosts(1)
    b = add_guest(lab)
    lab.capture_everywhere()
    holder = spawn("sleep", "60", netns=b.netns)
    path = "/proc/%d/ns/net" % holder.pid
    there = os.stat("/run/netns/" + b.netns).st_ino
    eventually(lambda: os.stat(path).st_ino == there, "the process is there")
    start(lab, a, b.config(netns=path))
    assert lab.switch.port(b.port)["netns"] == path
    lab.expect(a, [a.frame(BROADCAST)], [b])
    subprocess.run(["umount", "/run/netns/" + b.netns], check=True)
    os.unlink("/run/netns/" + b.netns)
    lab.expect(a, [a.frame(BROADCAST)], [b])
    holder.kill()
    holder.wait()
    lab.switch.wait_state(b.port, "waiting", "no network namespace at " + path)
    eventually(lambda: "eth0" not in b.ip("-o", "link"), "nobody keeps the namespace alive")


@ringspan_only
def test_umount_is_not_refused(lab):
    b = add_guest(lab)
    start(lab, b)
    subprocess.run(["umount", "/run/netns/" + b.netns], check=True)
    lab.switch.wait_state(b.port, "waiting")


@ringspan_only
def test_symbolic_link(lab):
    """What Docker's users do to see a container in `ip netns`; the kernel tells of none of it."""
    b = add_guest(lab)
    start(lab, b.config(netns="alias"), wait=False)
    lab.switch.wait_state(b.port, "waiting", "no network namespace named alias")
    os.symlink("/run/netns/" + b.netns, "/run/netns/alias")
    lab.wait_connected(b)
    os.unlink("/run/netns/alias")
    lab.switch.wait_state(b.port, "waiting", "no network namespace named alias")


@ringspan_only
def test_what_is_no_namespace(lab):
    (a,) = lab.add_hosts(1)
    os.makedirs("/run/netns", exist_ok=True)
    with open("/run/netns/file", "w") as file:
        file.write("text")
    os.mkfifo("/run/lab/pipe")
    start(lab, a, {"name": "p2", "netns": "file"}, {"name": "p3", "netns": "/proc/self/ns/mnt"},
          {"name": "p4", "netns": "/run/lab/pipe"}, {"name": "p5", "netns": "/run/lab/none/x"},
          wait=False)
    lab.switch.wait_state("p2", "error", "/run/netns/file is not a network namespace")
    lab.switch.wait_state("p3", "error", "/proc/self/ns/mnt is not a network namespace")
    lab.switch.wait_state("p4", "error", "/run/lab/pipe is not a network namespace")
    lab.switch.wait_state("p5", "waiting", "no network namespace at /run/lab/none/x")
    lab.wait_connected(a)


@ringspan_only
def test_own_namespace_by_a_path(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    start(lab, a, {"name": b.port, "netns": "/proc/%d/ns/net" % os.getpid()})
    lab.expect(a, [a.frame(BROADCAST)], [b])
    uses_namespaces(lab, 1)


@ringspan_only
def test_two_spellings_of_one_interface(lab):
    b = add_guest(lab)
    rows = [b.config(), b.config(name="again", netns="/run/netns/" + b.netns)]
    start(lab, *rows, wait=False)
    eventually(lambda: sorted(row["state"] for row in lab.switch.query("port")) ==
               ["error", "forwarding"], "one of the two has it")
    (wrong,) = [row for row in lab.switch.query("port") if row["state"] == "error"]
    assert "in use" in wrong["reason"]
    reload(lab, *[row for row in rows if row["name"] == wrong["name"]])
    lab.switch.wait_state(wrong["name"], "forwarding")


@ringspan_only
def test_one_daemon_per_device(lab):
    """The device's lock is of its namespace: equal indexes elsewhere are no clash."""
    b, c = add_guest(lab), add_guest(lab)
    start(lab, b)
    another = lab.add_switch("lab1")
    another.write_bridges({"name": "lab0", "ports": [b.config(), c.config()]})
    another.launch(wait=False)
    another.wait_state(c.port, "forwarding")
    another.wait_state(b.port, "error", "in use")
    lab.switch.stop()
    another.wait_state(b.port, "forwarding")


def forwards_on(lab, port, ifname):
    row = lab.switch.port(port)
    return (row["state"], row["ifname"]) == ("forwarding", ifname)


@ringspan_only
def test_reload_moves_a_port(lab):
    a, c = lab.add_hosts(2)
    b = add_guest(lab)
    lab.capture_everywhere()
    home, away = {"name": b.port, "ifname": c.port}, b.config()
    start(lab, a, home)
    with open(lab.switch.config) as file:
        was = file.read()
    for _ in range(ROUNDS):
        lab.switch.write_bridges({"name": "lab0", "ports": [{"name": a.port}, away]})
        steps = lab.switch.query("plan", lab.switch.config)
        assert [(step["key"], step["disruption"]) for step in steps] == [
            ("netns", "reopen"), ("ifname", "reopen")]
        reload(lab, {"name": a.port}, away)
        eventually(lambda: forwards_on(lab, b.port, "eth0"), "it is there")
        lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])
        lab.switch.write_text(was)
        assert lab.switch.call("reload").returncode == 0
        eventually(lambda: forwards_on(lab, b.port, c.port), "it is back")
        lab.expect(a, [a.frame(BROADCAST)], [c], absent=[b])
    uses_namespaces(lab, 1)


def link_watches(pid):
    """The process's sockets of rtnetlink in this thread's namespace."""
    with open("/proc/thread-self/net/netlink") as file:
        rows = [line.split() for line in file]
    return sum(row[1:3] == [str(socket.NETLINK_ROUTE), str(pid)] for row in rows)


@ringspan_only
def test_added_and_moved_at_run_time(lab):
    (a,) = lab.add_hosts(1)
    b, c = add_guest(lab), add_guest(lab)
    lab.capture_everywhere()
    start(lab, a)
    done = lab.switch.call("port", "add", "guest", "ifname", "eth0", "netns", b.netns)
    assert done.returncode == 0, done.stderr
    lab.switch.wait_state("guest", "forwarding")
    lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])
    done = lab.switch.call("port", "set", "guest", "netns", c.netns)
    assert done.returncode == 0, done.stderr
    assert lab.switch.port("guest")["netns"] == c.netns
    eventually(lambda: lab.switch.read_log().count("port guest: waiting -> forwarding") == 2,
               "it forwards again, over there")
    lab.expect(a, [a.frame(BROADCAST)], [c], absent=[b])
    done = lab.switch.call("port", "set", "guest", "netns", "a/b")
    assert done.returncode != 0 and "absolute path" in done.stderr, done.stderr
    shown = lab.switch.query("config", "show")
    assert [port.get("netns") for port in shown["bridges"][0]["ports"]] == [None, c.netns]


@ringspan_only
def test_tap_in_a_namespace(lab):
    """It is made there, and again in a namespace that is made again."""
    ip("netns", "add", "s9")
    start(lab, {"name": "t0", "type": "tap", "netns": "s9"}, wait=False)
    for _ in range(ROUNDS):
        lab.switch.wait_state("t0", "down")
        assert not link_exists("t0")
        with inside("s9"):
            assert link_exists("t0")
        ip("netns", "del", "s9")
        lab.switch.wait_state("t0", "waiting", "no network namespace named s9")
        ip("netns", "add", "s9")


@ringspan_only
def test_many_ports_in_one_namespace(lab):
    """One watch for all of them."""
    ip("netns", "add", "crowd")
    names = ["x%d" % i for i in range(40)]
    for name in names:
        ip("-n", "crowd", "link", "add", name, "type", "veth", "peer", "name", name + "-peer")
    start(lab, *[{"name": name, "netns": "crowd"} for name in names], wait=False)
    for name in names:
        lab.switch.wait_state(name, "down")
    uses_namespaces(lab, 2)
    assert link_watches(lab.switch.process.pid) == 1
    with inside("crowd"):
        assert link_watches(lab.switch.process.pid) == 1


@time_limit(180)
@ringspan_only
def test_many_namespaces(lab):
    """They come and go all at once; each costs two descriptors and nothing more."""
    (a,) = lab.add_hosts(1)
    names = ["n%d" % i for i in range(CROWD)]
    rows = [{"name": "x" + name, "ifname": "lo0", "netns": name} for name in names]
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": a.port}] + rows})
    lab.switch.launch(wait=False)
    lab.switch.wait_state(a.port, "forwarding")
    helpers_are_gone(lab)
    before = lab.switch.descriptors()
    for _ in range(3):
        ip_batch(["netns add " + name for name in names])
        for name in names:
            lab.switch.wait_state("x" + name, "waiting", "no interface named lo0")
        eventually(lambda: lab.switch.descriptors() == before + 2 * CROWD, "two descriptors for each")
        uses_namespaces(lab, 1 + CROWD)
        ip_batch(["netns del " + name for name in names])
        for name in names:
            lab.switch.wait_state("x" + name, "waiting", "no network namespace named")
        eventually(lambda: lab.switch.descriptors() == before, "their descriptors are closed")
    lab.switch.wait_state(a.port, "forwarding")


@ringspan_only
def test_in_a_mount_namespace_of_its_own(lab):
    """As a service: what is mounted after its start reaches it, and so does unmounting."""
    subprocess.run(["mount", "--make-shared", "/run"], check=True)
    (a,) = lab.add_hosts(1)
    rows = [{"name": a.port}, {"name": "p2", "ifname": "eth0", "netns": "s2"}]
    lab.switch.write_bridges({"name": "lab0", "ports": rows})
    lab.switch.launch(wait=False, prefix=("unshare", "--mount", "--propagation", "slave"))
    lab.switch.wait_state("p2", "waiting", "no network namespace")
    b = add_guest(lab)
    lab.capture_everywhere()
    lab.wait_connected(b)
    for _ in range(ROUNDS):
        make_again(lab, b)
        lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_example(lab):
    """The one that is installed with the documentation."""
    with open(EXAMPLE) as file:
        document = json.load(file)
    document["daemon"] = {"control": {"socket": lab.switch.socket}}
    (a,) = lab.add_hosts(1)
    ip("link", "set", a.port, "down")
    ip("link", "set", a.port, "name", "veth-local")
    ip("link", "set", "veth-local", "up")
    b, c = add_guest(lab, "red"), add_guest(lab, "blue")
    lab.capture_everywhere()
    lab.switch.write_text(json.dumps(document))
    lab.switch.launch(wait=False)
    for port in ("local", "red", "blue"):
        lab.switch.wait_state(port, "forwarding")
    lab.switch.wait_state("green", "waiting", "no network namespace named green")
    lab.expect(a, [a.frame(BROADCAST)], [b, c])
    lab.expect(c, [c.frame(BROADCAST)], [a, b])


@ringspan_only
def test_without_the_capability(lab):
    (a,) = lab.add_hosts(1)
    b = add_guest(lab)
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": a.port}, b.config()]})
    lab.switch.launch(wait=False, prefix=("setpriv", "--bounding-set=-sys_admin"))
    lab.switch.wait_state(b.port, "error", "CAP_SYS_ADMIN")
    lab.wait_connected(a)


@ringspan_only
def test_ends_well_with_ports_in_namespaces(lab):
    """Exit closes what is open there: the device is free for the next one."""
    b = add_guest(lab)
    for _ in range(ROUNDS):
        start(lab, b)
        assert lab.switch.stop() == 0
    assert not link_exists("eth0")


if __name__ == "__main__":
    main()
