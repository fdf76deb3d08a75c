#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`ringspan doctor` finds faults that this machine can be given, and nothing where all is well."""

import json
import os
import shutil
import subprocess

from lab import SkipTest, eventually, ip, main, ringspan_only, run
from lab.space import ip_batch, set_sysctl

OK, USAGE, INVALID, UNWELL, UNREACHABLE = 0, 1, 4, 7, 3
# About the machine that this runs on: not ours to judge.
OF_MACHINE = {"backlog", "kernel"}


def examine(lab, *words):
    """{(check, port): finding}; the status agrees with what is said."""
    done = lab.switch.call("-j", "doctor", *words)
    rows = json.loads(done.stdout)
    problems = [row for row in rows if row["severity"] == "problem"]
    assert done.returncode == (UNWELL if problems else OK), (done, rows)
    for row in rows:
        assert row["finding"] and row["cure"] and row["severity"] in ("problem", "note"), row
    return {(row["check"], row["port"]): row for row in rows if row["check"] not in OF_MACHINE}


def found(lab, check, port):
    """The one finding there is."""
    rows = examine(lab)
    assert set(rows) == {(check, port)}, rows
    return rows[check, port]


@ringspan_only
def test_well(lab):
    lab.start_with_hosts(2)
    assert examine(lab) == {}
    text = lab.switch.call("doctor").stdout
    assert "all is well: 13 checks, 2 ports\n" in text or "note" in text or "PROBLEM" in text, text
    for words in (("a", "b"), ("--format", "dot")):
        assert lab.switch.call("doctor", *words).returncode == USAGE, words


@ringspan_only
def test_cables(lab):
    """Each fault is found, and what is named as its cure cures it."""
    a, b, c = lab.start_with_hosts(3)
    a.ip("link", "set", "eth0", "mtu", "1400")
    row = found(lab, "mtu", "p1")
    assert "eth0, is 1400" in row["finding"], row
    a.ip("link", "set", "eth0", "mtu", "1500")
    ip("link", "set", a.port, "mtu", "1400")
    a.ip("link", "set", "eth0", "mtu", "1400")
    eventually(lambda: lab.switch.port("p1")["mtu"] == 1400, "it is noticed")
    row = found(lab, "mtu", "p1")
    assert "other ports of lab0 is 1500" in row["finding"], row
    run("sh", "-c", row["cure"])
    a.ip("link", "set", "eth0", "mtu", "1500")
    eventually(lambda: lab.switch.port("p1")["mtu"] == 1500, "it is noticed")
    assert examine(lab) == {}
    run("tc", "qdisc", "add", "dev", b.port, "root", "tbf", "rate", "1mbit", "burst", "10k", "latency", "1s")
    row = found(lab, "shaping", b.port)
    run("sh", "-c", row["cure"].split(",")[0])
    assert examine(lab) == {}
    assert c


@ringspan_only
def test_bridge_netfilter(lab):
    if not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
        raise SkipTest("no br_netfilter here")
    lab.add_hosts(1)
    ip_batch(["link add x1 type veth peer name x2", "link add docker9 type bridge",
              "link set x2 master docker9", *["link set {} up".format(name) for name in ("x1", "x2")]])
    lab.switch.start(["p1", "x1"])
    set_sysctl("net.bridge.bridge-nf-call-iptables", 1)
    row = found(lab, "bridge_netfilter", "x1")
    assert "docker9" in row["finding"], row
    run("sh", "-c", row["cure"])
    assert examine(lab) == {}


@ringspan_only
def test_enslaved(lab):
    """Seen before the daemon starts, out of its file, and cured."""
    lab.add_hosts(2)
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", "p1", "master", "br0")
    lab.switch.write_config(["p1", "p2"])
    done = subprocess.run([lab.switch.client, "-j", "doctor", lab.switch.config],
                          capture_output=True, text=True)
    rows = {(row["check"], row["port"]): row for row in json.loads(done.stdout)}
    assert done.returncode == UNWELL and ("enslaved", "p1") in rows, done
    run("sh", "-c", rows["enslaved", "p1"]["cure"])
    done = subprocess.run([lab.switch.client, "-j", "doctor", lab.switch.config],
                          capture_output=True, text=True)
    assert not [row for row in json.loads(done.stdout) if row["check"] not in OF_MACHINE], done
    with open("/run/lab/broken.json", "w") as file:
        file.write("{}")
    assert lab.switch.call("doctor", "/run/lab/broken.json").returncode == INVALID
    done = lab.switch.call("doctor")
    assert "the machine is looked at alone" in done.stderr, done
    assert done.returncode in (OK, UNWELL)


@ringspan_only
def test_mirrors(lab):
    """One that has nowhere to copy to, and nothing to copy, and then one after the other."""
    (a,) = lab.add_hosts(1)
    lab.switch.start([a.port, "late", "gone"], wait=False,
                     mirror=[{"name": "span", "from": [{"port": "gone"}], "output_port": "late"}])
    lab.switch.wait(a.port)
    rows = examine(lab)
    assert set(rows) == {("mirror", "late"), ("mirror", "gone")}, rows
    assert rows["mirror", "late"]["severity"] == "problem", rows
    assert "waiting (no interface named late" in rows["mirror", "late"]["finding"], rows
    ip_batch(["link add late type veth peer name end",
              *["link set dev {} up".format(name) for name in ("late", "end")]])

    def is_ready():
        return lab.switch.query("mirror")[0]["ready"]
    eventually(is_ready, "a mirror that can copy")
    assert set(examine(lab)) == {("mirror", "gone")}
    ip("link", "set", "dev", "late", "down")
    eventually(lambda: not is_ready(), "it is noticed")
    run("sh", "-c", examine(lab)["mirror", "late"]["cure"])
    eventually(is_ready, "a mirror that can copy again")


@ringspan_only
def test_taps(lab):
    lab.add_hosts(1)
    device = lab.add_tap("tap1")
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": "p1"}, {"name": "tap1", "type": "tap"}]})
    lab.switch.launch(wait=False)
    lab.switch.wait("tap1")
    assert set(examine(lab)) == {("vnet_header", "tap1")}  # somebody reads it, and takes none
    run("ethtool", "-s", "tap1", "speed", "10")  # as many kernels have it
    rows = examine(lab)
    assert set(rows) == {("vnet_header", "tap1"), ("tap_speed", "tap1")}, rows
    run("sh", "-c", rows["tap_speed", "tap1"]["cure"].split(", or ")[1])
    assert set(examine(lab)) == {("vnet_header", "tap1")}
    lab.switch.stop()
    run("ip", "tuntap", "add", "dev", "tap2", "mode", "tap")
    ip("link", "set", "tap2", "up")
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": "p1"}, {"name": "tap2", "type": "tap"}]})
    lab.switch.launch(wait=False)
    lab.switch.wait("p1")
    assert ("reader", "tap2") in examine(lab)
    assert device


@ringspan_only
def test_isolation_and_capabilities(lab):
    lab.add_hosts(2)
    lab.switch.write_bridges({"name": "lab0", "isolate_host": False, "ports": [{"name": "p1"}, {"name": "p2"}]})
    lab.switch.launch()
    assert set(examine(lab)) == {("isolation", "p1"), ("isolation", "p2")}
    assert lab.switch.call("doctor").returncode in (OK, UNWELL)
    lab.switch.stop()
    if not shutil.which("setpriv"):
        return
    lab.switch.launch(prefix=("setpriv", "--bounding-set=-net_admin"))
    assert ("capabilities", None) in examine(lab)
    # Who may not look does not say that all is well.
    done = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", lab.switch.client,
                           "-S", lab.switch.socket, "doctor"], capture_output=True, text=True)
    assert "not all interfaces could be looked at" in done.stderr, done
    assert "well" not in done.stdout, done


if __name__ == "__main__":
    main()
