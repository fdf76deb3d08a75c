#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""GRO on the switch's side of a veth: what it does, and that the interface gets back what it had."""

import os

from lab import eventually, ip, main, ringspan_only, run
from offloads import MEBIBYTE, longest, stream, without_offloads


def kernel_gro(ifname, runner=run):
    return "generic-receive-offload: on" in runner("ethtool", "-k", ifname)


def set_gro(ifname, state):
    run("ethtool", "-K", ifname, "gro", state)


def records(lab):
    directory = lab.switch.socket + ".gro"
    return len(os.listdir(directory)) if os.path.exists(directory) else 0


def write(lab, *ports):
    lab.switch.write_bridges({"name": lab.switch.name, "ports": list(ports)})


def reload_with(lab, *ports):
    write(lab, *ports)
    done = lab.switch.call("reload")
    assert done.returncode == 0, done.stderr


def crash(lab):
    lab.switch.process.kill()
    lab.switch.process.wait()


def shown(lab, *names):
    return [lab.switch.port(name)["gro"] for name in names]


@ringspan_only
def test_on_while_a_port_has_it(lab):
    a, b = lab.start_with_hosts(2)
    assert shown(lab, a.port, b.port) == [True, True]
    assert kernel_gro(a.port) and kernel_gro(b.port) and records(lab) == 2
    reload_with(lab, {"name": a.port})
    eventually(lambda: records(lab) == 1, "what a port leaves is given back")
    assert kernel_gro(a.port) and not kernel_gro(b.port)
    assert lab.switch.stop() == 0
    assert not kernel_gro(a.port)
    assert not os.path.exists(lab.switch.socket + ".gro")


@ringspan_only
def test_changed_while_it_runs(lab):
    a, b = lab.add_hosts(2)
    set_gro(b.port, "on")
    lab.switch.start([a.port, b.port])
    reload_with(lab, {"name": a.port, "gro": "off"}, {"name": b.port, "gro": "off"})
    eventually(lambda: shown(lab, a.port, b.port) == [False, False], "both are off")
    assert not kernel_gro(a.port) and not kernel_gro(b.port) and records(lab) == 1
    reload_with(lab, {"name": a.port, "gro": "on"}, {"name": b.port})
    eventually(lambda: shown(lab, a.port, b.port) == [True, True], "both are on")
    assert kernel_gro(a.port) and kernel_gro(b.port) and records(lab) == 1
    assert lab.switch.stop() == 0
    assert not kernel_gro(a.port) and kernel_gro(b.port), "each as it was"


@ringspan_only
def test_given_back_after_a_crash(lab):
    a, b = lab.start_with_hosts(2)
    crash(lab)
    assert kernel_gro(a.port) and kernel_gro(b.port) and records(lab) == 2
    lab.switch.start([a.port])
    eventually(lambda: records(lab) == 1, "what no port wants is given back")
    assert shown(lab, a.port) == [True] and not kernel_gro(b.port)
    crash(lab)
    write(lab, {"name": a.port, "gro": "off"})
    lab.switch.launch()
    assert not kernel_gro(a.port) and records(lab) == 0
    assert lab.switch.stop() == 0


@ringspan_only
def test_in_a_namespace(lab):
    a, b = lab.add_hosts(2)
    far = {"name": "far", "ifname": "eth0", "netns": a.name}
    write(lab, far, {"name": b.port})
    lab.switch.launch()
    assert kernel_gro("eth0", a.run) and records(lab) == 2
    reload_with(lab, {"name": b.port})
    eventually(lambda: not kernel_gro("eth0", a.run), "what a port leaves is given back")
    reload_with(lab, far, {"name": b.port})
    lab.switch.wait()
    crash(lab)
    assert kernel_gro("eth0", a.run) and records(lab) == 2
    lab.switch.launch()
    assert lab.switch.stop() == 0
    assert not kernel_gro("eth0", a.run) and not kernel_gro(b.port)


@ringspan_only
def test_given_back_in_namespaces_that_nobody_names_any_more(lab):
    a, b, c = lab.add_hosts(3)
    elsewhere = "/run/lab/else where"
    os.makedirs("/run/lab", exist_ok=True)
    with open(elsewhere, "w"):
        run("mount", "--bind", "/run/netns/" + b.name, elsewhere)
    run("umount", "/run/netns/" + b.name)
    write(lab, {"name": "far", "ifname": "eth0", "netns": a.name},
          {"name": "further", "ifname": "eth0", "netns": elsewhere}, {"name": c.port})
    lab.switch.launch()
    assert kernel_gro("eth0", a.run) and records(lab) == 3
    crash(lab)
    ip("netns", "add", "x")  # one of which there is no record
    lab.switch.start([c.port])
    eventually(lambda: records(lab) == 1, "what no port wants is given back")
    run("touch", "/run/netns/" + b.name)
    run("mount", "--bind", elsewhere, "/run/netns/" + b.name)
    assert not kernel_gro("eth0", a.run) and not kernel_gro("eth0", b.run)
    assert kernel_gro(c.port)


@ringspan_only
def test_records_of_others_are_harmless(lab):
    """Of an earlier boot, of what is gone, and of nothing at all."""
    a, b = lab.start_with_hosts(2)
    crash(lab)
    directory = lab.switch.socket + ".gro"
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "w") as file:
            file.write("off 00000000-0000-0000-0000-000000000000")
    for name, text in (("1-1", "off"), ("x", ""), (".2-2", "on")):
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)
    lab.switch.launch()
    lab.switch.wait()
    assert lab.switch.stop() == 0
    assert kernel_gro(a.port) and kernel_gro(b.port), "found on, left on"


@ringspan_only
def test_no_record_no_change(lab):
    a, _ = lab.add_hosts(2)
    os.makedirs(os.path.dirname(lab.switch.socket), exist_ok=True)
    with open(lab.switch.socket + ".gro", "w"):
        pass
    lab.switch.write_bridges({"name": lab.switch.name, "ports": [{"name": a.port, "gro": "on"}]})
    lab.switch.launch()
    assert shown(lab, a.port) == [False] and not kernel_gro(a.port)
    assert "cannot turn gro of {} on".format(a.port) in lab.switch.read_log()


@ringspan_only
def test_what_others_set_stays(lab):
    a, b = lab.add_hosts(2)
    set_gro(a.port, "on")
    lab.switch.start([a.port, b.port])
    assert records(lab) == 1
    set_gro(b.port, "off")
    reload_with(lab, {"name": a.port}, {"name": b.port, "qdisc_bypass": True})
    eventually(lambda: lab.switch.port(b.port)["qdisc_bypass"], "another setting is changed")
    assert not kernel_gro(b.port)
    assert lab.switch.stop() == 0
    assert kernel_gro(a.port) and not kernel_gro(b.port)


@ringspan_only
def test_interface_that_goes(lab):
    a, b = lab.start_with_hosts(2)
    ip("link", "del", "dev", b.port)
    lab.switch.wait_state(b.port, "waiting")
    eventually(lambda: records(lab) == 1, "its record goes, too")
    assert lab.switch.stop() == 0
    assert not kernel_gro(a.port)


@ringspan_only
def test_segments_cross_merged_and_come_out_the_same(lab):
    left, right = lab.start_with_hosts(2, addresses=True)
    left.set_offloads("off")
    without_offloads(right.port)
    stream(left, right, MEBIBYTE)
    capture = right.wire
    stream(left, right, 8 * MEBIBYTE)
    assert longest(capture.drain()) <= 1514, "as the sender cut them"
    counters = lab.switch.counters(left.port, "in")
    assert counters["segments"] > 2 * counters["received"], counters
    lab.check()
    left.ping(right.v4)


if __name__ == "__main__":
    main()
