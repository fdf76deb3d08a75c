#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The file is read again: what changed changes, and nobody else notices."""

import os
import re
import signal

from lab import eventually, ip, main, ringspan_only
from lab.traffic import Traffic
from lab.wire import BROADCAST, pattern

ROUNDS = 20


def bridge(*ports, name="lab0", **settings):
    return dict(settings, name=name,
                ports=[{"name": port} if isinstance(port, str) else port for port in ports])


def reload_with(lab, *bridges):
    """The steps of the plan that was run, as (op, bridge, port, key, disruption)."""
    lab.switch.write_bridges(*bridges)
    rows = lab.switch.query("reload")
    return [tuple(row[key] for key in ("op", "bridge", "port", "key", "disruption"))
            for row in rows]


def settled(lab, *ports):
    lab.switch.wait(*ports)
    lab.check()


@ringspan_only
def test_same_file_changes_nothing(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    with Traffic(a, b):
        for _ in range(ROUNDS):
            assert reload_with(lab, bridge(a.port, b.port)) == []
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}


def cpus_of_loop(lab):
    return os.sched_getaffinity(lab.switch.process.pid)


@ringspan_only
def test_cpus_of_the_daemon(lab):
    """At the start and live; what is not there is left out."""
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    allowed = os.sched_getaffinity(0)
    first = min(allowed)
    ports = bridge(a.port, b.port)
    lab.switch.write_bridges(ports, daemon={"cpu": first})
    lab.switch.launch()
    assert cpus_of_loop(lab) == {first}
    lab.switch.write_bridges(ports)
    rows = lab.switch.query("reload")
    assert [(row["key"], row["disruption"]) for row in rows] == [("daemon.cpu", "none")]
    assert cpus_of_loop(lab) == allowed
    lab.switch.write_bridges(ports, daemon={"cpu": ["0-%d" % first, 1023]})
    lab.switch.query("reload")
    assert cpus_of_loop(lab) == {cpu for cpu in allowed if cpu <= first}
    assert "daemon.cpu: CPU 1023 is not there" in lab.switch.read_log()
    lab.switch.write_bridges(ports, daemon={"cpu": [1022]})
    lab.switch.query("reload")
    assert cpus_of_loop(lab) == allowed
    lab.teach(a, b)
    settled(lab)


@ringspan_only
def test_traffic_beside_fills_no_capture(lab):
    """Of the laboratory: it may last as long as it wants, and what else arrives is found."""
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with Traffic(a, b) as traffic:
        eventually(lambda: traffic.frames > 100 or traffic.failure, "traffic goes on")
        last = c.sentinel()
        c.wire.send(last)
        assert b.wire.receive_until_sentinel(last) == []


@ringspan_only
def test_ports_come_and_go_under_traffic(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    with Traffic(a, b):
        for _ in range(ROUNDS):
            assert reload_with(lab, bridge(a.port, b.port)) == [
                ("del", "lab0", c.port, None, "none")]
            assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}
            lab.check()
            assert reload_with(lab, bridge(a.port, b.port, c.port)) == [
                ("add", "lab0", c.port, None, "none")]
            settled(lab, c.port)
            lab.teach(c)
    c.wire.drain()
    lab.expect(a, [a.frame(c, pattern(46))], [c])


@ringspan_only
def test_plan_says_it_and_changes_nothing(lab):
    a, b = lab.start_with_hosts(2)
    before = lab.switch.query("port"), lab.switch.query("config")
    lab.switch.write_bridges(bridge(a.port, "p3", aging_time=20), bridge(name="lab1"))
    planned = lab.switch.query("plan", lab.switch.config)
    assert (lab.switch.query("port"), lab.switch.query("config")) == before
    assert len(planned) == 4, planned
    assert lab.switch.query("reload") == planned
    assert lab.switch.query("plan", lab.switch.config) == []
    lab.switch.write_text("{")
    assert lab.switch.call("plan", lab.switch.config).returncode == 4


@ringspan_only
def test_deleted_port_lets_go_of_its_interface(lab):
    a, b = lab.start_with_hosts(2)
    reload_with(lab, bridge(a.port))

    def let_go():
        return "promiscuity 0" in ip("-d", "link", "show", b.port)
    eventually(let_go, "the interface is not promiscuous any more")
    assert [row["name"] for row in lab.switch.query("port")] == [a.port]
    lab.expect(a, [a.frame(BROADCAST)], [], absent=[b])
    reload_with(lab, bridge(a.port, b.port))
    settled(lab, b.port)
    lab.expect(a, [a.frame(b, pattern(46))], [b])  # and nothing of before


@ringspan_only
def test_settings_of_a_bridge(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    slow = a.frame("01:80:c2:00:00:02", pattern(46))
    lab.expect(a, [slow], [b])
    with Traffic(a, b):
        steps = reload_with(lab, bridge(a.port, b.port, aging_time=1000,
                                        reserved="customer_bridge"))
    assert steps == [("change", "lab0", None, "aging_time", "none"),
                     ("change", "lab0", None, "reserved", "none")]
    row = lab.switch.query("bridge")[0]
    assert (row["aging_time"], row["reserved"]) == (1000, "customer_bridge")
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}
    lab.expect(a, [slow], [])


@ringspan_only
def test_smaller_table_starts_empty(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    steps = reload_with(lab, bridge(a.port, b.port, fdb={"max_entries": 16}))
    assert steps == [("change", "lab0", None, "fdb.max_entries", "flush")]
    assert lab.switch.fdb() == {}
    assert lab.switch.query("bridge")[0]["fdb"]["max_entries"] == 16
    lab.teach(a, b)
    assert lab.switch.fdb() == {a.mac: a.port, b.mac: b.port}


@ringspan_only
def test_aging_time_takes_effect_on_what_was_learned(lab):
    a, b = lab.start_with_hosts(2, aging_time=100000)
    lab.teach(a, b)
    reload_with(lab, bridge(a.port, b.port, aging_time=10))
    eventually(lambda: lab.switch.fdb() == {}, "the addresses aged")


@ringspan_only
def test_interfaces_swapped(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    steps = reload_with(lab, bridge({"name": a.port, "ifname": b.port},
                                    {"name": b.port, "ifname": a.port}, c.port))
    assert steps == [("change", "lab0", a.port, "ifname", "reopen"),
                     ("change", "lab0", b.port, "ifname", "reopen")]
    settled(lab, a.port, b.port, c.port)
    assert lab.switch.port(a.port)["ifname"] == b.port
    lab.teach(a)
    assert lab.switch.fdb()[a.mac] == b.port
    for host in (a, b, c):
        host.wire.drain()
    lab.expect(c, [c.frame(BROADCAST)], [a, b])


@ringspan_only
def test_rings_are_as_large_as_before(lab):
    """The memory for rings is all given away: those that go make room for those that come."""
    (a,) = lab.add_hosts(1)
    ports = [{"name": name} for name in ["missing%d" % i for i in range(13)] + [a.port]]
    lab.switch.write_bridges({"name": "one", "ports": ports})
    lab.switch.launch(wait=False)
    lab.switch.wait(a.port)
    before = lab.switch.port(a.port)["ring"]
    lab.switch.write_bridges({"name": "two", "ports": ports})
    lab.switch.query("reload")
    lab.switch.wait(a.port)
    assert lab.switch.port(a.port)["ring"] == before
    lab.switch.query("port", "del", a.port)
    lab.switch.query("port", "add", a.port)  # the old ring may still be closing
    lab.switch.wait(a.port)
    assert lab.switch.port(a.port)["ring"] == before


@ringspan_only
def test_port_moves_to_a_new_bridge_and_back(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.teach(a, b, c)
    for _ in range(3):
        steps = reload_with(lab, bridge(a.port, b.port), bridge(c.port, name="lab1"))
        assert steps == [("del", "lab0", c.port, None, "none"), ("add", "lab1", None, None, "none"),
                         ("add", "lab1", c.port, None, "none")]
        settled(lab)
        lab.expect(a, [a.frame(BROADCAST)], [b], absent=[c])
        steps = reload_with(lab, bridge(a.port, b.port, c.port))
        assert steps == [("del", "lab1", c.port, None, "none"), ("del", "lab1", None, None, "none"),
                         ("add", "lab0", c.port, None, "none")]
        settled(lab)
        lab.expect(a, [a.frame(BROADCAST)], [b, c])


@ringspan_only
def test_invalid_file_changes_nothing(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    before = lab.switch.query("port"), lab.switch.query("bridge")
    lab.switch.write_bridges(bridge(a.port, b.port, "p3", agin_time=300))
    with Traffic(a, b):
        done = lab.switch.call("reload")
        assert done.returncode == 4, done
        assert "agin_time" in done.stderr and "did you mean 'aging_time'" in done.stderr
        os.unlink(lab.switch.config)
        assert lab.switch.call("reload").returncode == 4
    assert (lab.switch.query("port"), lab.switch.query("bridge")) == before


@ringspan_only
def test_signal_does_the_same(lab):
    a, b, c = lab.start_with_hosts(3)
    lab.switch.write_bridges(bridge(a.port, b.port))
    lab.switch.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(lab.switch.query("port")) == 2, "the port is gone")
    lab.switch.write_text("{")
    lab.switch.process.send_signal(signal.SIGHUP)
    eventually(lambda: "nothing changed" in lab.switch.read_log(), "the error is logged")
    for _ in range(ROUNDS):
        lab.switch.write_bridges(bridge(a.port, b.port))
        lab.switch.process.send_signal(signal.SIGHUP)
        lab.switch.write_bridges(bridge(a.port, b.port, c.port))
        lab.switch.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(lab.switch.query("port")) == 3, "the last file won")
    settled(lab)


@ringspan_only
def test_link_to_the_file_is_followed_each_time(lab):
    """How configuration management swaps files: the link is replaced, the old target stays."""
    a, b, c = lab.add_hosts(3)
    name, lab.switch.config = lab.switch.config, lab.switch.config + ".old"
    lab.switch.write_bridges(bridge(a.port, b.port))
    lab.switch.config = name + ".new"
    lab.switch.write_bridges(bridge(a.port, b.port, c.port))
    lab.switch.config = os.path.basename(name)  # where it is started is what it is relative to
    os.symlink(name + ".old", name)
    lab.switch.spawn(cwd=os.path.dirname(name))
    lab.switch.wait_ready()
    os.symlink(name + ".new", name + ".link")
    os.rename(name + ".link", name)
    lab.switch.query("reload")
    settled(lab, a.port, b.port, c.port)


@ringspan_only
def test_starts_on_a_file_that_has_no_name(lab):
    """Such as a shell's here-document: it is open, and /proc names it."""
    (a,) = lab.add_hosts(1)
    lab.switch.write_bridges(bridge(a.port))
    with open(lab.switch.config) as file:
        os.unlink(lab.switch.config)
        lab.switch.config = "/proc/self/fd/{}".format(file.fileno())
        lab.switch.spawn(pass_fds=(file.fileno(),))
        lab.switch.wait_ready()
        assert lab.switch.query("reload") == []


def takes_hangups(process):
    """It has blocked the signal: it reads signals from a descriptor."""
    with open("/proc/{}/status".format(process.pid)) as status:
        blocked = re.search("^SigBlk:\t(.*)$", status.read(), re.M).group(1)
    return int(blocked, 16) >> (signal.SIGHUP - 1) & 1


@ringspan_only
def test_before_it_is_ready(lab):
    """The ports that it was still opening when it was told to forget them hold up nothing."""
    hosts = lab.add_hosts(8)
    for _ in range(3):
        lab.switch.write_bridges(bridge(*(host.port for host in hosts)))
        process = lab.switch.spawn()
        eventually(lambda: takes_hangups(process), "SIGHUP does not end it")
        lab.switch.write_bridges(bridge("p99"))
        process.send_signal(signal.SIGHUP)
        lab.switch.wait_ready()
        lab.switch.wait_state("p99", "waiting", "no interface named p99")
        assert lab.switch.stop() == 0


@ringspan_only
def test_what_a_running_daemon_cannot_change(lab):
    (a,) = lab.start_with_hosts(1)
    lab.switch.write_text(
        '{"version": 1, "bridges": [{"name": "lab0", "ports": [{"name": "%s"}]}],'
        ' "daemon": {"control": {"socket": "/run/lab/other.sock"}}}' % a.port)
    steps = lab.switch.query("reload")
    assert [(row["key"], row["disruption"]) for row in steps] == [
        ("daemon.control.socket", "restart"), ("daemon.log.level", "none")]
    assert "takes effect when the daemon is started again" in lab.switch.read_log()
    assert not os.path.exists("/run/lab/other.sock")
    # It says what it runs, and that the file wants something else, for as long as that is so.
    assert lab.switch.query("config")["daemon"]["control"]["socket"] == lab.switch.socket
    assert [(row["key"], row["disruption"]) for row in lab.switch.query("reload")] == [
        ("daemon.control.socket", "restart")]


@ringspan_only
def test_descriptors_do_not_grow(lab):
    a, b = lab.start_with_hosts(2)
    folder = "/proc/{}/fd".format(lab.switch.process.pid)
    reload_with(lab, bridge(a.port, b.port))
    before = len(os.listdir(folder))
    for _ in range(ROUNDS):
        reload_with(lab, bridge(a.port))
        reload_with(lab, bridge(a.port, b.port))
    settled(lab)
    eventually(lambda: len(os.listdir(folder)) <= before, "the old rings are closed")


@ringspan_only
def test_ends_while_ports_leave(lab):
    hosts = lab.start_with_hosts(8)
    reload_with(lab, bridge(hosts[0].port))
    assert lab.switch.stop() == 0


if __name__ == "__main__":
    main()
