#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A port's interface and this host's own stack: kept apart, and together again afterwards."""

import json
import os
import re
import signal
import socket
import struct

from lab import eventually, ip, main, ringspan_only, run
from lab.laboratory import lay_cable
from lab.space import ip_batch, set_sysctl
from lab.traffic import Traffic
from lab.wire import BROADCAST, TPID_C, Wire, frame, mac_bytes, pattern, sentinel, tag

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "ringspan.json.5.scd")
HERE = "192.0.2.1"  # this host, on a port
THERE = "192.0.2.99"  # somebody behind it
ELSEWHERE = "198.51.100.1"  # this host, on no port; Linux answers for it all the same
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
RECREATED = 25
TCX_PORTS = 16  # of more, nftables isolates each
WITHOUT_BPF = "-bpf,-sys_admin"
WITHOUT_ADMIN = WITHOUT_BPF + ",-net_admin"
BY_TCX, BY_NFTABLES, NOT = (True, "tcx"), (True, "nftables"), (False, None)


def write(lab, *ports, **bridge):
    """A configuration of ports: names, or objects."""
    objects = [{"name": port} if isinstance(port, str) else port for port in ports]
    lab.switch.write_bridges(dict(bridge, name="lab0", ports=objects))


def start(lab, *ports, prefix=(), **bridge):
    write(lab, *ports, **bridge)
    lab.switch.launch(prefix=prefix)


def reload_with(lab, *ports):
    write(lab, *ports)
    return [(row["port"], row["key"], row["disruption"]) for row in lab.switch.query("reload")]


def asked(host, isolate=True):
    return {"name": host.port, "isolate_host": isolate}


def without(capabilities):
    return ("setpriv", "--bounding-set", capabilities)


def isolation_of(lab, host):
    row = lab.switch.port(host.port)
    return row["isolated"], row["isolated_by"]


def hosts_with_address(lab):
    """Two hosts; this one has an address on the port of the first, which is not its own business."""
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    ip("address", "add", HERE + "/24", "dev", a.port)
    ip("address", "add", ELSEWHERE + "/32", "dev", "lo")
    ip("neighbour", "replace", THERE, "lladdr", a.mac, "dev", a.port)
    return a, b


def arp_request(asker, tags=(), address=HERE):
    body = struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + mac_bytes(asker.mac)
    body += socket.inet_aton(THERE) + bytes(6) + socket.inet_aton(address)
    return frame(BROADCAST, asker.mac, body, tags, ARP)


def is_reply(raw):
    return raw[12:14] == struct.pack("!H", ARP) and raw[20:22] == b"\0\2"


def heard_by(a, b, at_least=0):
    """What a has heard by now, and so much of it is waited for: a stack answers within the send of who
    asks, but on a CPU that is busy with others' frames some time later."""
    heard = [a.wire.receive() for _ in range(at_least)]
    last = sentinel(b.mac, a.mac)
    b.wire.send(last)
    return heard + a.wire.receive_until_sentinel(last)


def answers_to(a, b, *frames, at_least=0):
    """What a hears after it sent these, all of which b gets."""
    a.wire.drain()
    b.wire.drain()
    a.wire.send(*frames)
    for raw in frames:
        assert b.wire.receive() == raw
    return heard_by(a, b, at_least)


def assert_apart(a, b):
    assert answers_to(a, b, arp_request(a)) == []
    speak(a)
    assert heard_by(a, b) == []


def assert_together(a, b):
    (reply,) = answers_to(a, b, arp_request(a), at_least=1)
    assert is_reply(reply)
    speak(a)
    assert len(heard_by(a, b, at_least=2)) == 2


def speak(host):
    """This host says something of its own on a port: by its stack, and past it as DHCP clients do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, host.port.encode())
        sock.sendto(b"hello", (THERE, 9))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((host.port, 0))
        try:
            sock.send(frame(host.mac, "02:00:00:00:0d:0c"))
        except OSError:
            pass  # the kernel may tell who sends that nothing was sent


def assert_answered_again(a):
    """Nobody forwards now, and this host answers as if nothing had been."""
    def reply():
        a.wire.drain()
        a.wire.send(arp_request(a))
        return any(map(is_reply, a.wire.receive_until(is_reply, timeout=0.1)))
    eventually(reply, "this host answers")


def packets_received():
    """By this host's own stack, in this namespace: IPv4's and IPv6's InReceives."""
    with open("/proc/net/snmp") as file:
        names, values = [line.split() for line in file if line.startswith("Ip: ")]
    with open("/proc/net/snmp6") as file:
        v6 = dict(line.split() for line in file)
    return int(dict(zip(names, values))["InReceives"]), int(v6["Ip6InReceives"])


def ipv4(host, dst_mac, dst, protocol=socket.IPPROTO_ICMP, body=b"\x08\0\xf7\xff\0\0\0\0"):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    header += socket.inet_aton(THERE) + socket.inet_aton(dst)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    header = header[:10] + struct.pack("!H", 0xFFFF - total) + header[12:]
    return frame(dst_mac, host.mac, header + body, ethertype=IPV4)


def questions(host, mac):
    """Everything that a stack with an address would have something to say to."""
    solicitation = struct.pack("!IHBB", 6 << 28, 24, 58, 255) + socket.inet_pton(
        socket.AF_INET6, "fe80::99") + socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:1")
    solicitation += struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    return [
        arp_request(host), arp_request(host, address=ELSEWHERE),
        arp_request(host, [tag(TPID_C, 0)]), arp_request(host, [tag(TPID_C, 7)]),
        ipv4(host, mac, HERE),
        ipv4(host, BROADCAST, "192.0.2.255"),
        ipv4(host, "01:00:5e:00:00:01", "224.0.0.1", socket.IPPROTO_IGMP, b"\x11\x01\xee\xfe\0\0\0\0"),
        frame("33:33:ff:00:00:01", host.mac, solicitation, ethertype=IPV6),
        frame("33:33:00:00:00:01", host.mac, solicitation[:40] + pattern(20), ethertype=IPV6),
    ]


@ringspan_only
def test_host_neither_hears_nor_is_heard(lab):
    a, b = hosts_with_address(lab)
    start(lab, asked(a), b.port)
    assert isolation_of(lab, a) == isolation_of(lab, b) == BY_TCX
    assert_apart(a, b)
    ip("link", "set", a.port, "multicast", "on")
    set_sysctl("net.ipv6.conf.%s.disable_ipv6" % a.port, 0)
    ip("address", "add", "2001:db8::1/64", "dev", a.port, "nodad")
    mac = json.loads(ip("-j", "link", "show", a.port))[0]["address"]
    before = packets_received()
    tap = Wire(a.port)
    assert answers_to(a, b, *questions(a, mac)) == []
    assert packets_received() == before
    assert len(tap.drain()) == len(questions(a, mac)), "tcpdump sees what arrives"
    lab.check()


@ringspan_only
def test_host_that_is_not_kept_off(lab):
    """The same without isolation, so that silence means something."""
    a, b = hosts_with_address(lab)
    start(lab, a.port, b.port, isolate_host=False)
    assert isolation_of(lab, a) == NOT
    assert_together(a, b)
    (reply,) = answers_to(a, b, arp_request(a, address=ELSEWHERE), at_least=1)
    assert is_reply(reply)
    before = packets_received()
    assert answers_to(a, b, *questions(a, "02:00:00:00:00:aa"), at_least=1)
    eventually(lambda: packets_received()[0] > before[0], "this host received them")
    assert "not isolated" not in lab.switch.read_log()


@ringspan_only
def test_nothing_is_left_behind(lab):
    a, b = hosts_with_address(lab)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        for prefix, by in ((), BY_TCX), (without(WITHOUT_BPF), BY_NFTABLES):
            start(lab, asked(a), b.port, prefix=prefix)
            assert isolation_of(lab, a) == by
            assert_apart(a, b)
            lab.switch.process.send_signal(number)
            lab.switch.process.wait()
            assert_answered_again(a)


@ringspan_only
def test_uplink_is_refused(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    set_sysctl("net.ipv6.conf.%s.disable_ipv6" % b.port, 0)
    ip("address", "add", "fe80::7/64", "dev", b.port, "nodad")  # link-local: does not count
    ip("address", "add", HERE + "/24", "dev", a.port)
    write(lab, a.port, b.port)
    lab.switch.launch(wait=False)
    lab.switch.wait(b.port)
    row = lab.switch.port(a.port)
    assert (row["state"], row["reason"]) == (
        "error", 'p1 carries 192.0.2.1/24: isolating it would cut this host off; write "isolate_host": '
                 'true or false for this port')
    ip("address", "del", HERE + "/24", "dev", a.port)
    lab.switch.wait(a.port)  # it looks again by itself
    assert isolation_of(lab, a) == BY_TCX
    b.wire.drain()  # from before: this host's IPv6
    lab.expect(a, [a.frame(b)], [b])
    ip("address", "add", HERE + "/24", "dev", a.port)
    lab.expect(a, [a.frame(b), arp_request(a)], [b])  # what is added later is not looked for


@ringspan_only
def test_uplink_by_default_route_is_refused_until_asked(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    ip("route", "add", "default", "dev", a.port)
    write(lab, a.port, b.port)
    lab.switch.launch(wait=False)
    lab.switch.wait_state(a.port, "error", "p1 carries the default route: isolating it")
    assert reload_with(lab, asked(a), b.port) == [(a.port, "isolate_host", "none")]
    lab.switch.wait(a.port)
    assert isolation_of(lab, a) == BY_TCX
    assert reload_with(lab, asked(a, False), b.port) == [(a.port, "isolate_host", "none")]
    eventually(lambda: isolation_of(lab, a) == NOT, "the host hears again")
    lab.expect(a, [a.frame(b)], [b])
    reload_with(lab, a.port, b.port)
    lab.switch.wait_state(a.port, "error", "p1 carries the default route")
    reload_with(lab, asked(a, False), b.port)
    lab.switch.wait(a.port)
    lab.expect(a, [a.frame(b)], [b])


def write_with_default(lab, isolate, *ports, **bridge):
    objects = [{"name": port} for port in ports]
    lab.switch.write_bridges(dict(bridge, name="lab0", ports=objects),
                             defaults={"port": {"isolate_host": isolate}})


@ringspan_only
def test_a_default_is_nobodys_word_about_an_uplink(lab):
    a, b = hosts_with_address(lab)
    write_with_default(lab, False, a.port, b.port)
    lab.switch.launch(wait=False)
    lab.switch.wait(b.port)
    assert isolation_of(lab, b) == NOT  # where there is no uplink, it counts
    lab.switch.wait_state(a.port, "error", "a default does not say that it is meant; write")
    write_with_default(lab, True, a.port, b.port)
    lab.switch.query("reload")
    lab.switch.wait_state(a.port, "error", "isolating it would cut this host off; write")
    write_with_default(lab, True, a.port, b.port, isolate_host=False)
    lab.switch.query("reload")
    lab.switch.wait(a.port)
    assert isolation_of(lab, a) == NOT
    lab.expect(a, [a.frame(b)], [b])


@ringspan_only
def test_what_stands_on_a_port_is_cut_off_too(lab):
    """A VLAN of it, a macvlan, and the bridge that this is in; the end of a cable is no such thing."""
    a, b, c = lab.add_hosts(3)
    ip("link", "add", "link", a.port, "name", "upper", "type", "macvlan")
    ip("link", "add", "link", "upper", "name", "top", "type", "macvlan")
    ip("link", "add", "link", b.port, "name", "slave", "type", "macvlan")
    ip("link", "add", "name", "br9", "type", "bridge")
    ip("link", "set", "slave", "master", "br9")
    ip("address", "add", HERE + "/24", "dev", "top")
    ip("address", "add", "198.51.100.1/24", "dev", "br9")
    ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    ip("address", "add", "192.0.2.65/28", "dev", "far")
    write(lab, a.port, b.port, c.port, "near")
    lab.switch.launch(wait=False)
    lab.switch.wait_state(a.port, "error", "p1 is below top, which carries 192.0.2.1/24: isolating")
    lab.switch.wait_state(b.port, "error", "p2 is below br9, which carries 198.51.100.1/24: isolating")
    eventually(lambda: lab.switch.port("near")["isolated"], "the end of a cable is isolated")
    reload_with(lab, asked(a), asked(b, False), c.port, "near")
    lab.switch.wait(a.port, b.port, c.port)
    assert (isolation_of(lab, a), isolation_of(lab, b)) == (BY_TCX, NOT)
    reload_with(lab, a.port, b.port, c.port, "near")
    lab.switch.wait_state(b.port, "error", "p2 is below br9, which carries")
    ip("link", "del", "br9")
    lab.switch.wait(b.port)  # it looks again by itself
    assert isolation_of(lab, b) == BY_TCX


@ringspan_only
def test_switched_by_reload_under_traffic(lab):
    """No frame of the port is lost, and each time it is true."""
    a, b = hosts_with_address(lab)
    for prefix, by in ((), BY_TCX), (without(WITHOUT_BPF), BY_NFTABLES):
        start(lab, asked(a), b.port, prefix=prefix)
        with Traffic(a, b), Traffic(b, a):
            for isolate in (False, True) * 5:
                reload_with(lab, asked(a, isolate), asked(b, isolate))
                for host in (a, b):
                    wanted = by if isolate else NOT
                    eventually(lambda: isolation_of(lab, host) == wanted, "the port is changed")
        assert_apart(a, b)
        reload_with(lab, asked(a, False), b.port)
        eventually(lambda: isolation_of(lab, a) == NOT, "the port is changed")
        assert_together(a, b)
        assert lab.switch.stop() == 0


@ringspan_only
def test_bypass_of_the_qdisc(lab):
    """Frames that pass by the qdisc are the port's own too, by whatever means it is isolated."""
    a, b = hosts_with_address(lab)
    for prefix, by in ((), BY_TCX), (without(WITHOUT_BPF), BY_NFTABLES):
        start(lab, asked(a), b.port, prefix=prefix)
        for bypass in (True, False, True):
            with Traffic(a, b), Traffic(b, a):
                reload_with(lab, dict(asked(a), qdisc_bypass=bypass), b.port)
                eventually(lambda: lab.switch.port(a.port)["qdisc_bypass"] == bypass, "it is changed")
            assert_apart(a, b)
            assert isolation_of(lab, a) == by
        assert lab.switch.stop() == 0


@ringspan_only
def test_no_mark_is_left_on_frames(lab):
    """The far end in the same namespace, where a mark would still be on the frame."""
    a, b = lab.add_hosts(2)
    lay_cable("near", "far")
    for prefix in (), without(WITHOUT_BPF):
        for bypass in False, True:
            start(lab, a.port, {"name": "near", "qdisc_bypass": bypass}, prefix=prefix)
            assert lab.switch.port("near")["isolated"]
            assert marks_at("far", lambda: a.wire.send(*[a.frame(BROADCAST)] * 5), 5) == {0}
            assert lab.switch.stop() == 0


def marks_at(ifname, send, count):
    so_rcvmark = 75
    far = Wire(ifname, ethertype=0x88B5)
    far.socket.setsockopt(socket.SOL_SOCKET, so_rcvmark, 1)
    far.socket.setblocking(True)
    far.socket.settimeout(10)
    send()
    marks = set()
    for _ in range(count):
        _, ancillary, _, _ = far.socket.recvmsg(2048, 256)
        marks |= {struct.unpack("I", raw)[0] for level, kind, raw in ancillary
                  if (level, kind) == (socket.SOL_SOCKET, socket.SO_MARK)}
    far.close()
    return marks


@ringspan_only
def test_device_that_comes_back(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    for prefix, by in ((), BY_TCX), (without(WITHOUT_BPF), BY_NFTABLES):
        start(lab, asked(a), b.port, prefix=prefix)
        for _ in range(3):
            ip("link", "del", a.port)
            lab.switch.wait_state(a.port, "waiting")
            assert isolation_of(lab, a) == NOT
            a.cable()
            ip("address", "add", HERE + "/24", "dev", a.port)
            ip("neighbour", "replace", THERE, "lladdr", a.mac, "dev", a.port)
            lab.wait_connected(a)
            assert isolation_of(lab, a) == by
            assert_apart(a, b)
        assert lab.switch.stop() == 0


@ringspan_only
def test_name_that_passes_to_another_device(lab):
    """It is the port's device that is isolated, and not its name: the kernel's chains go by that."""
    a, b, c = lab.add_hosts(3)
    lab.capture_everywhere()
    for prefix, by in ((), BY_TCX), (without(WITHOUT_BPF), BY_NFTABLES):
        start(lab, a.port, b.port, prefix=prefix)
        assert isolation_of(lab, a) == by
        rename(a.port, "other")
        lab.switch.wait_state(a.port, "waiting")
        assert_answered_with_address_on("other", a)
        ip("address", "add", HERE + "/24", "dev", c.port)
        rename(c.port, a.port)
        lab.switch.wait_state(a.port, "error", "p1 carries 192.0.2.1/24")
        assert_answered_again(c)
        ip("address", "flush", "dev", a.port)
        lab.switch.wait(a.port)  # it looks again by itself
        assert isolation_of(lab, a) == by
        reload_with(lab, b.port)
        assert_answered_with_address_on(a.port, c)
        rename(a.port, c.port)
        rename("other", a.port)
        assert_answered_with_address_on(a.port, a)
        assert isolation_of(lab, b) == by
        assert lab.switch.stop() == 0


def rename(old, new):
    ip_batch(["link set {} down".format(old), "link set {} name {}".format(old, new),
              "link set {} up".format(new)])


def assert_answered_with_address_on(ifname, host):
    ip("address", "add", HERE + "/24", "dev", ifname)
    assert_answered_again(host)
    ip("address", "del", HERE + "/24", "dev", ifname)


@ringspan_only
def test_two_daemons(lab):
    """What one has isolated is nothing to the other, nor to what is left when it is killed."""
    a, b = hosts_with_address(lab)
    ip("address", "add", "192.0.2.2/24", "dev", b.port)
    another = lab.add_switch("lab1")
    for prefix, by in ((), BY_TCX), (without(WITHOUT_BPF), BY_NFTABLES):
        start(lab, asked(a), prefix=prefix)
        another.write_bridges({"name": "lab1", "ports": [asked(b)]})
        another.launch(prefix=prefix)
        assert isolation_of(lab, a) == by
        another.process.kill()
        another.process.wait()
        assert_answered_again(b)
        a.wire.drain()
        a.wire.send(arp_request(a))
        speak(a)
        eventually(lambda: lab.switch.counters(a.port, "in")["received"] == 1, "the daemon sees it")
        assert a.wire.drain() == []
        assert lab.switch.stop() == 0


@ringspan_only
def test_nothing_grows(lab):
    a, b = lab.add_hosts(2)
    for prefix in (), without(WITHOUT_BPF):
        start(lab, a.port, b.port, prefix=prefix)
        before = lab.switch.descriptors()
        for _ in range(RECREATED):
            ip_batch(["link del " + a.port] + list(a.creation())[1:])
            index = socket.if_nametoindex(a.port)
            eventually(lambda: lab.switch.port(a.port)["ifindex"] == index and
                       lab.switch.port(a.port)["isolated"], "the new one")
        a.bring_up()
        lab.switch.wait(a.port)
        assert lab.switch.descriptors() == before
        assert lab.switch.stop() == 0


@ringspan_only
def test_in_another_namespace(lab):
    """Each namespace has its own stack, and its own address on its port."""
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    run("ip", "netns", "add", "rack")
    ip("link", "set", b.port, "netns", "rack")
    ip("-n", "rack", "link", "set", b.port, "up")
    ip("-n", "rack", "address", "add", HERE + "/24", "dev", b.port)
    ip("-n", "rack", "neighbour", "add", THERE, "lladdr", b.mac, "dev", b.port)
    waiting = ["w%d" % i for i in range(TCX_PORTS)]
    for others, by in ([], BY_TCX), (waiting, BY_NFTABLES):
        write(lab, a.port, dict(asked(b), netns="rack"), *others)
        lab.switch.launch(wait=False)
        lab.switch.wait(a.port, b.port)
        assert isolation_of(lab, a) == isolation_of(lab, b) == by
        assert answers_to(b, a, arp_request(b)) == []
        assert lab.switch.stop() == 0
    write(lab, a.port, {"name": b.port, "netns": "rack"})
    lab.switch.launch(wait=False)
    lab.switch.wait_state(b.port, "error", "p2 carries 192.0.2.1/24")


@ringspan_only
def test_without_any_means(lab):
    """A warning, and a port that works."""
    a, b = hosts_with_address(lab)
    start(lab, asked(a), b.port, prefix=without(WITHOUT_ADMIN))
    assert isolation_of(lab, a) == NOT
    warnings = re.findall(r"port p\d: p\d is not isolated from this host: (.*)", lab.switch.read_log())
    reason = "tcx: Operation not permitted, nftables: Operation not permitted, " \
             "nftables_ingress: Operation not permitted"
    assert warnings == [reason, reason], warnings
    assert_together(a, b)


@ringspan_only
def test_many_ports(lab):
    hosts = lab.add_hosts(TCX_PORTS + 1)
    lab.capture_everywhere()
    lab.start()
    assert {isolation_of(lab, host) for host in hosts} == {BY_NFTABLES}
    lab.expect(hosts[0], [hosts[0].frame(BROADCAST)], hosts[1:])
    lab.switch.process.kill()
    lab.switch.process.wait()
    ip("address", "add", HERE + "/24", "dev", hosts[0].port)
    assert_answered_again(hosts[0])


def blocks_of(section):
    with open(PAGE) as file:
        text = file.read().split("\n# " + section + "\n")[1].split("\n# ")[0]
    return re.findall(r"```\n(.*?)```", text, re.DOTALL)


@ringspan_only
def test_host_on_its_own_bridge(lab):
    """As the manual shows it."""
    (a,) = lab.add_hosts(1)
    commands, document = blocks_of("THE HOST AND ITS PORTS")
    run("sh", "-e", "-c", commands)
    config = json.loads(document.replace('"r1"', '"%s"' % a.port))
    config["daemon"] = {"control": {"socket": lab.switch.socket}}
    lab.switch.write_text(json.dumps(config))
    lab.switch.launch()
    assert all(row["isolated"] for row in lab.switch.query("port"))
    address = re.search(r"address add (\S+)/(\d+)", commands)
    a.ip("address", "add", "192.0.2.77/" + address[2], "dev", "eth0")
    a.ping(address[1])
    run("ping", "-n", "-q", "-c", "3", "-i", "0.01", "-W", "5", "192.0.2.77")


if __name__ == "__main__":
    main()
