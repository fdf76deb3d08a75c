#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""How the daemon starts, refuses to start, idles and ends."""

import json
import os
import signal
import socket

from lab import DEADLINE, eventually, ip, main, ringspan_only, spawn
from lab.space import ip_batch, stop
from lab.wire import BROADCAST

EX_USAGE, EX_UNAVAILABLE, EX_NOPERM, EX_CONFIG = 64, 69, 77, 78
INVALID = 4  # of the tool
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config")


def end_of(switch, **kwargs):
    """The exit code and the log of a daemon that is not meant to run."""
    return switch.spawn(**kwargs).wait(DEADLINE), switch.read_log()


@ringspan_only
def test_sigterm_and_sigint(lab):
    lab.add_hosts(2)
    for signo in (signal.SIGTERM, signal.SIGINT):
        lab.start()
        lab.switch.process.send_signal(signo)
        assert lab.switch.process.wait(DEADLINE) == 0
        assert not os.path.exists(lab.switch.socket)


@ringspan_only
def test_second_instance_is_refused(lab):
    a, b = lab.start_with_hosts(2)
    another = type(lab.switch)("another")
    another.config = lab.switch.config
    code, log = end_of(another)
    assert code == EX_UNAVAILABLE, code
    assert lab.switch.socket in log, log
    lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_one_that_is_being_killed_is_waited_for(lab):
    """The kernel closes its rings one after the other, and its lock among the last: as long as it
    has that and answers nobody, the next one waits. Who would not wait any more may end it."""
    a, b = lab.start_with_hosts(2)
    first = lab.switch.process
    stop(first)
    told = lambda: lab.switch.read_log().count("waiting for its end")
    for n, signo in enumerate((signal.SIGTERM, signal.SIGINT), 1):
        impatient = lab.switch.spawn()
        eventually(lambda: told() == n, "it waits")
        impatient.send_signal(signo)
        assert impatient.wait(DEADLINE) == -signo
    lab.switch.spawn()
    eventually(lambda: told() == 3, "the next one waits")
    first.kill()
    lab.switch.wait_ready()
    lab.switch.wait()
    assert first.wait(DEADLINE) == -signal.SIGKILL
    lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_stale_socket_is_no_obstacle(lab):
    a, b = lab.start_with_hosts(2)
    lab.switch.process.kill()
    lab.switch.process.wait()
    assert os.path.exists(lab.switch.socket)
    lab.start()
    lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_bad_configuration_touches_nothing(lab):
    (a,) = lab.add_hosts(1)
    bad = ('{"version": 1,\n'
           ' "bridges": [{"name": "lab0", "agin_time": 300, "ports": [{"name": "p1"}]}],\n'
           ' "daemon": {"control": {"socket": "%s"}}}\n' % lab.switch.socket)
    lab.switch.write_text(bad)
    code, log = end_of(lab.switch)
    assert code == EX_CONFIG, code
    assert lab.switch.config + ":2:" in log, log
    assert "aging_time" in log, "no suggestion"
    assert not os.path.exists(lab.switch.socket)
    assert json.loads(ip("-d", "-j", "link", "show", a.port))[0]["promiscuity"] == 0
    check = lab.switch.call("check", lab.switch.config)
    assert check.returncode == 4, check.returncode


@ringspan_only
def test_published_examples_run(lab):
    """Each of them, where none of its interfaces is: its ports wait, and its taps are made."""
    examples = sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".json"))
    assert len(examples) > 4
    for name in examples:
        with open(os.path.join(EXAMPLES, name)) as file:
            document = json.load(file)
        document.setdefault("daemon", {}).setdefault("control", {})["socket"] = lab.switch.socket
        document["daemon"]["control"].pop("group", None)  # a group that a machine need not have
        lab.switch.write_text(json.dumps(document))
        lab.switch.launch(wait=False)
        named = [port["name"] for bridge in document["bridges"] for port in bridge["ports"]
                 if "name" in port]
        states = {row["name"]: row["state"] for row in lab.switch.query("port")}
        assert sorted(states) == sorted(named), name
        assert set(states.values()) <= {"waiting", "down", "disabled"}, (name, states)
        lab.switch.write_text(lab.switch.call("config", "show").stdout)
        assert lab.switch.query("reload") == [], name
        assert lab.switch.stop() == 0, name


@ringspan_only
def test_usage(lab):
    (a,) = lab.add_hosts(1)
    lab.switch.write_config([a.port])
    for argv in (["--no-such-option"], [], ["--config"], ["--config", lab.switch.config, "extra"]):
        code = spawn(lab.switch.daemon, *argv).wait(DEADLINE)
        assert code == EX_USAGE, "{}: exit {}".format(argv, code)


@ringspan_only
def test_missing_capability_is_named(lab):
    (a,) = lab.add_hosts(1)
    lab.switch.write_config([a.port])
    code, log = end_of(lab.switch, prefix=("setpriv", "--bounding-set", "-net_raw"))
    assert code == EX_NOPERM, code
    assert "CAP_NET_RAW" in log, log


@ringspan_only
def test_closed_standard_descriptors(lab):
    """Nothing else takes their places: what is written there goes nowhere."""
    a, b = lab.add_hosts(2)
    lab.switch.write_config([a.port, b.port])
    shell = ("sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-')
    daemon = spawn(*shell, lab.switch.daemon, "--config", lab.switch.config)
    lab.switch.process = daemon
    lab.switch.wait_ready()
    lab.switch.wait()
    for number in range(3):
        assert os.readlink("/proc/%d/fd/%d" % (daemon.pid, number)) == "/"
    client = spawn(*shell, lab.switch.client, "-S", lab.switch.socket, "port")
    assert client.wait(DEADLINE) != 0, "output that nobody got is a success"


@ringspan_only
def test_nobody_reads_the_log(lab):
    """A full pipe holds up neither frames nor the end."""
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    lab.switch.write_config([a.port, b.port])
    reader, writer = os.pipe()
    # Opened anew: O_NONBLOCK is ours alone.
    filler = os.open("/proc/self/fd/%d" % writer, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(filler, bytes(4096))
    except BlockingIOError:
        pass
    lab.switch.process = spawn(lab.switch.daemon, "--config", lab.switch.config, stderr=writer)
    lab.switch.wait_ready()
    lab.switch.wait()
    lab.expect(a, [a.frame(BROADCAST)], [b])
    os.read(reader, 1 << 20)
    ip("link", "set", b.port, "down")
    lab.switch.wait_state(b.port, "down")
    assert b"lines lost" in os.read(reader, 1 << 20)
    lab.switch.write_text("{" + '"mistake": 1, ' * 500 + '"version": 1}')
    for _ in range(4):  # each report is as long as the pipe
        assert lab.switch.call("reload").returncode == INVALID
    ip("link", "set", b.port, "up")
    lab.switch.wait()
    lab.expect(a, [a.frame(BROADCAST)], [b])
    assert b"unknown key 'mistake'" in os.read(reader, 1 << 20)
    assert lab.switch.stop() == 0


@ringspan_only
def test_ready_and_status(lab):
    """READY=1 comes when the first plan has run, ports that wait included."""
    (a,) = lab.add_hosts(1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("/run/lab/notify")
        manager.settimeout(10)
        lab.switch.write_config([a.port, "missing"])
        lab.switch.spawn(env=dict(os.environ, NOTIFY_SOCKET="/run/lab/notify"))
        text = ""
        while "READY=1" not in text:
            text += manager.recv(4096).decode() + "\n"
        assert os.path.exists(lab.switch.socket)
        while "2 ports: 1 forwarding, 1 waiting" not in text:
            text += manager.recv(4096).decode() + "\n"
        ip("link", "set", a.port, "down")
        while "1 down" not in text:
            text += manager.recv(4096).decode() + "\n"
    assert "2 ports: 1 forwarding, 1 waiting" in lab.switch.read_log()


@ringspan_only
def test_one_status_for_many_changes(lab):
    """The service manager's queue is short, and the last word must not be the one that is lost."""
    ports = ["v%d" % number for number in range(20)]
    ip_batch(["link add %s up type veth peer name w%s" % (port, port) for port in ports])
    ip_batch(["link set w%s up" % port for port in ports])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("/run/lab/notify")
        manager.settimeout(10)
        lab.switch.write_config(ports)
        lab.switch.spawn(env=dict(os.environ, NOTIFY_SOCKET="/run/lab/notify"))
        lab.switch.wait_ready()
        lab.switch.wait()
        text = ""
        while "20 ports: 20 forwarding" not in text:
            text = manager.recv(4096).decode()
        with lab.switch.stopped():
            ip_batch(["link set %s down" % port for port in ports])
        texts = [manager.recv(4096).decode()]
        while "20 ports: 20 down" not in texts[-1]:
            texts.append(manager.recv(4096).decode())
        assert len(texts) < len(ports) / 2, texts


def wake_ups(pid):
    """Voluntary context switches of all its threads: each is a sleep, hence a wake-up."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task)) as file:
            fields = dict(line.split(":", 1) for line in file)
        total += int(fields["voluntary_ctxt_switches"])
    return total


@ringspan_only
def test_idle_means_no_wake_ups(lab):
    """Whatever the ports' states: one forwards, one is down, one lost its carrier, one waits, one
    is another's."""
    a, b, c, d = lab.add_hosts(4)
    a.wire.drain()
    ip("link", "add", "name", "theirs", "type", "bridge")
    ip("link", "set", d.port, "master", "theirs")
    lab.switch.start([host.port for host in lab.hosts] + ["missing"], wait=False)
    ip("link", "set", b.port, "down")
    c.ip("link", "set", "eth0", "down")
    for port, state in ((a.port, "forwarding"), (b.port, "down"), (c.port, "down"),
                        (d.port, "error"), ("missing", "waiting")):
        lab.switch.wait_state(port, state)
    pid = lab.switch.process.pid
    lab.switch.check()
    lab.switch.descriptors()  # clients and helper threads are gone
    before = wake_ups(pid)
    assert a.wire.receive(timeout=3) is None, "somebody talks"
    assert wake_ups(pid) - before <= 1, "{} wake-ups".format(wake_ups(pid) - before)


@ringspan_only
def test_descriptors_do_not_grow(lab):
    """Flaps, new interfaces and clients leave nothing behind in the daemon."""
    a, b = lab.start_with_hosts(2)

    def churn():
        ip("link", "del", b.port)
        lab.switch.wait_state(b.port, "waiting")
        b.cable()
        lab.wait_connected(b)

    churn()
    before = lab.switch.descriptors()
    for _ in range(5):
        churn()
    eventually(lambda: lab.switch.descriptors() == before, "descriptors are closed")


if __name__ == "__main__":
    main()
