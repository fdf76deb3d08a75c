#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Hosts with real IP stacks talk to each other as if on one cable."""

import itertools
import json

from lab import DEADLINE, eventually, main, ringspan_only
from lab.laboratory import lay_cable

MEBIBIT = 1e6


def serve_iperf(host):
    """An iperf3 server for one test, listening."""
    server = host.spawn("iperf3", "-s", "-1")
    eventually(lambda: ":5201 " in host.run("ss", "-ltn"), "iperf3 listens")
    return server


def iperf(client, server, *options):
    """Runs iperf3 from client to server; the sums of its report."""
    process = serve_iperf(server)
    report = json.loads(client.run("iperf3", "-J", "-t", "1", "-c", server.v4, *options))
    process.wait(DEADLINE)
    return report["end"]


def tcp_both_ways(lab, what, *options):
    left, right = lab.hosts[:2]
    for client, server in ((left, right), (right, left)):
        end = iperf(client, server, *options)
        received = end["sum_received"]["bits_per_second"] / MEBIBIT
        print("{} {} -> {}: {:.0f} Mbit/s, {} retransmits".format(
            what, client.name, server.name, received, end["sum_sent"]["retransmits"]))
        assert received > 10, "TCP is all but dead"
        lab.check()


def test_ping_all_pairs(lab):
    hosts = lab.start_with_hosts(4, addresses=True)
    for left, right in itertools.permutations(hosts, 2):
        left.ping(right.v4)
        left.ping(right.v6)
    lab.check()
    assert lab.switch.fdb() == {host.mac: host.port for host in hosts}


def test_ping_of_every_size(lab):
    """Fragments and offloaded checksums, around the MTU and far above it."""
    left, right = lab.start_with_hosts(2, addresses=True)
    for size in (0, 1, 1400, 1471, 1472, 1473, 3000, 9000, 60000):
        left.run("ping", "-n", "-q", "-c", "2", "-i", "0.01", "-W", "5", "-s", str(size), right.v4)
        left.run("ping", "-n", "-q", "-c", "2", "-i", "0.01", "-W", "5", "-s", str(size), right.v6)


def test_tcp_with_default_offloads(lab):
    lab.start_with_hosts(2, addresses=True)
    tcp_both_ways(lab, "default offloads")


def test_tcp_v6(lab):
    left, right = lab.start_with_hosts(2, addresses=True)
    server = serve_iperf(right)
    report = json.loads(left.run("iperf3", "-6", "-J", "-t", "1", "-c", right.v6))
    server.wait(DEADLINE)
    assert report["end"]["sum_received"]["bytes"] > 1 << 20


def test_tcp_with_offloads_off(lab):
    for host in lab.start_with_hosts(2, addresses=True):
        host.set_offloads("off")
    tcp_both_ways(lab, "offloads off")


def test_tcp_with_offloads_of_one_side_off(lab):
    hosts = lab.start_with_hosts(2, addresses=True)
    hosts[0].set_offloads("off")
    tcp_both_ways(lab, "one side off")


def test_tcp_many_streams(lab):
    lab.start_with_hosts(2, addresses=True)
    tcp_both_ways(lab, "four streams", "-P", "4")


def test_tcp_jumbo(lab):
    left, right = lab.start_with_hosts(2, addresses=True, mtu=9000)
    left.run("ping", "-n", "-q", "-c", "3", "-i", "0.01", "-M", "do", "-s", "8972", right.v4)
    tcp_both_ways(lab, "mtu 9000")


def test_tcp_jumbo_with_offloads_off(lab):
    for host in lab.start_with_hosts(2, addresses=True, mtu=9000):
        host.set_offloads("off")
    tcp_both_ways(lab, "mtu 9000, offloads off")


def counted(host):
    """What its IPv4 stack counts: {"Udp": {"OutDatagrams": 5, ...}, ...}."""
    lines = [line.split() for line in host.run("cat", "/proc/net/snmp").splitlines()]
    return {names[0].rstrip(":"): dict(zip(names[1:], map(int, values[1:])))
            for names, values in zip(lines[::2], lines[1::2])}


def arrived(host):
    """Datagrams of UDP, intact. UDP's own counters know only those that somebody read, or that had
    no room: not what lay in a queue when its socket was closed.
    """
    count = counted(host)
    assert count["Udp"]["InCsumErrors"] == 0, count
    return count["Ip"]["InDelivers"] - count["Tcp"]["InSegs"] - count["Icmp"]["InMsgs"]


def test_udp(lab):
    lab.start_with_hosts(2, addresses=True)
    left, right = lab.hosts
    for options in (("-l", "1400"), ("-l", "8000")):
        end = iperf(left, right, "-u", "-b", "20M", *options)
        print("udp {}: {} of {} lost".format(options, end["sum"]["lost_packets"],
                                             end["sum"]["packets"]))
        assert end["sum"]["packets"] > 0
        # Who has no time to read loses them in a queue of his own, behind the switch.
        eventually(lambda: counted(left)["Udp"]["OutDatagrams"] == arrived(right),
                   "all have arrived")
        lab.check()
        assert_switch_lost_nothing(lab)


def assert_switch_lost_nothing(lab):
    if not lab.switch.is_ringspan:
        return
    for host in lab.hosts:
        assert lab.switch.dropped(host.port, "in") == lab.switch.dropped(host.port, "out") == {}
        assert lab.switch.counters(host.port, "kernel")["tp_drops"] == 0


@ringspan_only
def test_two_switches_in_a_row(lab):
    """Two daemons joined by a cable, a host on each."""
    left, right = lab.add_hosts(2, addresses=True)
    lay_cable("l1", "l2")
    another = lab.add_switch("lab1")
    lab.switch.start([left.port, "l1"])
    another.start([right.port, "l2"])
    left.ping(right.v4)
    left.ping(right.v6)
    tcp_both_ways(lab, "two switches")
    assert another.fdb()[left.mac] == "l2"


def test_both_directions_at_once(lab):
    left, right = lab.start_with_hosts(2, addresses=True)
    end = iperf(left, right, "--bidir")
    assert end["sum_received"]["bytes"] > 1 << 20
    assert end["sum_received_bidir_reverse"]["bytes"] > 1 << 20


if __name__ == "__main__":
    main()
