#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The command-line tool against a daemon: rows, exit codes, waiting, and who may ask."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess

from lab import DEADLINE, SkipTest, eventually, ip, main, ringspan_only, spawn
from lab.wire import BROADCAST

OK, USAGE, REFUSED, UNREACHABLE, INVALID, PERMISSION = range(6)
NOBODY = 65534
SO_PASSRIGHTS = 83  # Linux 6.16
FLAT = {
    "bridge": {"name", "n_ports", "aging_time", "reserved"},
    "port": {"name", "ifname", "master", "state", "reason", "mtu", "flags", "ring"},
    "fdb": {"mac", "vlan", "port", "ifname", "master", "age", "flags"},
    "ledger": {"master", "port", "direction", "balanced"},
}


def ask(lab, *argv, **kwargs):
    return subprocess.run([lab.switch.client, *argv], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)


def ask_as_nobody(lab, *argv, group=NOBODY):
    # Nobody may not look into the home directory that this may be built in.
    client = shutil.copy(lab.switch.client, "/run/lab/client")
    prefix = ["setpriv", "--reuid", str(NOBODY), "--regid", str(group), "--clear-groups"]
    return subprocess.run(prefix + [client, *argv], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@ringspan_only
def test_rows(lab):
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    for command, keys in FLAT.items():
        rows = lab.switch.query(command)
        assert rows and all(keys <= set(row) for row in rows), "{}: {}".format(command, rows)
        table = lab.switch.call(command).stdout.splitlines()
        assert len(table) >= len(rows), "a line for each row"
    ledger = {(row["port"], row["direction"]) for row in lab.switch.query("ledger")}
    assert {(host.port, way) for host in (a, b) for way in ("in", "out", "kernel")} <= ledger
    assert all(row["balanced"] for row in lab.switch.query("ledger"))


@ringspan_only
def test_exit_codes(lab):
    (a,) = lab.add_hosts(1)
    lab.start()
    expected = [
        (OK, ["port"]), (OK, ["version"]), (OK, ["wait", a.port]),
        (USAGE, ["nonsense"]), (USAGE, []), (USAGE, ["--nonsense"]), (USAGE, ["port", "--for", "x"]),
        (USAGE, ["wait", "--timeout", "soon"]),
        (REFUSED, ["wait", "nosuch"]), (REFUSED, ["wait", a.port, "--for", "nosuch"]),
    ]
    for status, argv in expected:
        done = lab.switch.call(*argv)
        assert done.returncode == status, "{}: {}, {}".format(argv, done.returncode, done.stderr)
        assert status == OK or done.stderr, "{} says nothing".format(argv)
    assert ask(lab, "-S", "/run/lab/nobody.sock", "port").returncode == UNREACHABLE


@ringspan_only
def test_check(lab):
    lab.switch.write_config(["p1"])
    assert ask(lab, "check", lab.switch.config).returncode == OK
    lab.switch.write_text('{"version": 1,\n "bridges": [{"name": "lab0", "ports": [{"nam": 1}]}]}')
    done = ask(lab, "check", lab.switch.config)
    assert done.returncode == INVALID
    assert lab.switch.config + ":2:" in done.stderr, done.stderr


@ringspan_only
def test_config_show_is_a_file(lab):
    """Another daemon runs what was shown, and shows the same."""
    a, b = lab.start_with_hosts(2, aging_time=77)
    shown = lab.switch.call("config", "show").stdout
    bridge = json.loads(shown)["bridges"][0]
    assert (bridge["aging_time"], bridge["reserved"]) == (77, "transparent"), shown
    lab.switch.stop()
    lab.switch.write_text(shown)
    lab.switch.launch()
    assert lab.switch.call("config", "show").stdout == shown
    lab.expect(a, [a.frame(BROADCAST)], [b])


@ringspan_only
def test_config_show_knows_the_command_line(lab):
    lab.switch.write_config([])
    lab.switch.process = spawn(lab.switch.daemon, "--config", lab.switch.config, "-l", "error")
    lab.switch.wait_ready()
    shown = json.loads(lab.switch.call("config", "show").stdout)
    assert shown["daemon"]["log"]["level"] == "error", shown


@ringspan_only
def test_wait_says_who_is_late(lab):
    (a,) = lab.add_hosts(1)
    lab.switch.start([a.port, "late"], wait=False)
    lab.switch.wait(a.port)
    done = lab.switch.call("wait", "--timeout", "1")
    assert done.returncode == REFUSED
    assert "late" in done.stderr and "waiting" in done.stderr, done.stderr
    assert a.port + " is" not in done.stderr


@ringspan_only
def test_wait_returns_when_it_happens(lab):
    (a,) = lab.add_hosts(1)
    lab.switch.start([a.port, "p2"], wait=False)
    client = spawn(lab.switch.client, "-S", lab.switch.socket, "wait", "p2", "--timeout", "20")
    lab.switch.wait(a.port)
    assert client.poll() is None
    lab.add_hosts(1)
    assert client.wait(DEADLINE) == OK
    ip("link", "set", a.port, "down")
    lab.switch.wait(a.port, state="down")


@ringspan_only
def test_wait_waits_for_the_daemon_too(lab):
    lab.add_hosts(1)
    client = spawn(lab.switch.client, "-S", lab.switch.socket, "wait", "--timeout", "20")
    lab.start()
    assert client.wait(DEADLINE) == OK


def start_with_control(lab, control):
    document = {"version": 1, "bridges": [{"name": "lab0", "ports": [{"name": "p1"}]}],
                "daemon": {"control": control}}
    lab.switch.write_text(json.dumps(document))
    lab.switch.spawn()


@ringspan_only
def test_default_socket_and_names(lab):
    lab.add_hosts(1)
    start_with_control(lab, {})
    lab.switch.socket = "/run/ringspan/ringspan.sock"
    lab.switch.wait_ready()
    assert ask(lab, "port").returncode == OK
    assert ask(lab, "-S", "ringspan", "port").returncode == OK
    assert ask(lab, "port", env={"RINGSPAN_SOCKET": lab.switch.socket}).returncode == OK
    assert ask(lab, "port", env={"RINGSPAN_SOCKET": "other"}).returncode == UNREACHABLE


@ringspan_only
def test_who_may_ask(lab):
    """Root, and a group if one is configured."""
    lab.add_hosts(1)
    lab.start()
    argv = ("-S", lab.switch.socket, "port")
    assert ask_as_nobody(lab, *argv).returncode == PERMISSION
    lab.switch.stop()
    start_with_control(lab, {"socket": lab.switch.socket, "group": "games"})
    lab.switch.wait_ready()
    assert ask_as_nobody(lab, *argv).returncode == PERMISSION
    games = 60
    done = ask_as_nobody(lab, *argv, group=games)
    assert done.returncode == OK, done.stderr


def slow_to_close():
    """A socket whose last close waits for half a minute, and its other end."""
    listener = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(listener.getsockname())
    receiver = listener.accept()[0]
    sender.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sender.send(bytes(1 << 16))
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
    return sender, receiver


def give_as_nobody(client, path, descriptor):
    """Connects and passes it; true if the kernel let it pass."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setuid(NOBODY)
        client.connect(path)
        try:
            socket.send_fds(client, [b"x"], [descriptor.fileno()])
            os._exit(0)
        except PermissionError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@ringspan_only
def test_descriptors_of_strangers(lab):
    """To close one may take as long as its giver likes: the daemon never gets them."""
    a, b = lab.start_with_hosts(2)
    client = socket.socket(socket.AF_UNIX)
    try:
        client.getsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS)
    except OSError:
        raise SkipTest("this kernel lets everybody pass descriptors")
    sender, receiver = slow_to_close()
    with lab.switch.stopped():
        passed = give_as_nobody(client, lab.switch.socket, sender)
        if not passed:  # then it is ours alone, and we do not wait
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        sender.close()
    lab.expect(a, [a.frame(BROADCAST)], [b])
    assert not passed
    client.close()
    receiver.close()


if __name__ == "__main__":
    main()
