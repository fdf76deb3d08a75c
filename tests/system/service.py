#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""As a service: the watchdog, and the user that the unit gives the daemon."""

import ctypes
import fcntl
import json
import os
import re
import select
import shutil
import socket

from lab import DEADLINE, eventually, main, ringspan_only
from lab.wire import BROADCAST

SYS_PIDFD_GETFD = 438
NOTIFY = "/run/lab/notify"
INTERVAL_US = 400000
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(NOTIFY)
        self.environment = dict(os.environ, NOTIFY_SOCKET=NOTIFY, WATCHDOG_USEC=str(INTERVAL_US))

    def hear(self, timeout=DEADLINE):
        """The next message; None if there is none in time."""
        ready, _, _ = select.select([self.socket], [], [], timeout)
        return self.socket.recv(4096).decode() if ready else None

    def hear_all(self):
        """What has been said by now."""
        return list(iter(lambda: self.hear(0), None))

    def await_food(self, times):
        """The watchdog is fed so often."""
        for _ in range(times):
            message = ""
            while message != "WATCHDOG=1":
                message = self.hear()
                assert message is not None, "the watchdog is not fed"


def start(lab, manager, ports):
    lab.switch.write_config(ports)
    lab.switch.spawn(env=manager.environment)
    lab.switch.wait_ready()
    lab.switch.wait()


def until_next_timer(pid):
    """Seconds from now on, as the kernel has it, however long ago somebody asked for it."""
    for number in os.listdir("/proc/%d/fd" % pid):
        with open("/proc/%d/fdinfo/%s" % (pid, number)) as file:
            value = re.search(r"^it_value: \((\d+), (\d+)\)$", file.read(), re.MULTILINE)
        if value:
            return int(value[1]) + int(value[2]) / 1e9
    raise AssertionError("it has no timer")


@ringspan_only
def test_watchdog_is_fed(lab):
    """While nothing happens, while frames flow, and while ports come and go; and each time, the next
    is due within half of the interval."""
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    manager = Manager()
    start(lab, manager, [a.port, b.port])
    for _ in range(3):
        manager.await_food(1)
        due = until_next_timer(lab.switch.process.pid)
        assert due <= INTERVAL_US / 2e6, due
    for _ in range(3):
        lab.expect(a, [a.frame(BROADCAST)] * 20, [b])
        manager.await_food(1)
    b.ip("link", "set", "eth0", "down")
    lab.switch.wait_state(b.port, "down")
    manager.hear_all()
    manager.await_food(3)


@ringspan_only
def test_watchdog_starves_while_the_loop_hangs(lab):
    (a,) = lab.add_hosts(1)
    manager = Manager()
    start(lab, manager, [a.port])
    manager.await_food(1)
    with lab.switch.stopped():
        manager.hear_all()
        assert manager.hear(4 * INTERVAL_US / 1e6) is None
    manager.await_food(2)


def steal(pidfd, number):
    """A copy of the daemon's descriptor `number`."""
    fd = _libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return fd


def rings_of(pid):
    """(the epoll descriptor, those of rings that it watches), as the daemon numbers them."""
    with open("/proc/%d/net/packet" % pid) as file:
        inodes = {line.split()[-1] for line in list(file)[1:]}
    links = {int(fd): os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}
    epoll = next(fd for fd, link in links.items() if link == "anon_inode:[eventpoll]")
    with open("/proc/%d/fdinfo/%d" % (pid, epoll)) as file:
        watched = [int(line.split()[1]) for line in file if line.startswith("tfd:")]
    return epoll, [fd for fd in watched if links[fd].strip("socket:[]") in inodes]


def forget_rings(pid):
    """Takes the rings out of the daemon's epoll set: its loop turns on, and nobody reads them."""
    pidfd = os.pidfd_open(pid)
    epoll_number, rings = rings_of(pid)
    assert rings, "the daemon watches rings"
    if os.fork() == 0:
        # The kernel finds an entry by socket and number: ours must be the daemon's, whatever else
        # of this process that closes.
        stolen = {number: fcntl.fcntl(steal(pidfd, number), fcntl.F_DUPFD, 1000) for number in rings}
        epoll = select.epoll.fromfd(
            fcntl.fcntl(steal(pidfd, epoll_number), fcntl.F_DUPFD, 1000))
        for number, fd in stolen.items():
            os.dup2(fd, number)
            epoll.unregister(number)
        os._exit(0)
    assert os.wait()[1] == 0


@ringspan_only
def test_watchdog_starves_while_no_frame_is_read(lab):
    a, b = lab.start_with_hosts(2)
    lab.switch.stop()
    manager = Manager()
    start(lab, manager, [a.port, b.port])
    manager.await_food(1)
    forget_rings(lab.switch.process.pid)
    manager.await_food(2)  # nothing waits: an idle port is not stalled
    a.wire.send(a.frame(BROADCAST))
    eventually(lambda: "the watchdog is not fed" in lab.switch.read_log(), "the stall is noticed")
    assert "port " + a.port + ": 1 frames wait in its ring" in lab.switch.read_log()
    manager.hear_all()
    assert lab.switch.query("port"), "the control socket answers all the same"
    assert manager.hear(4 * INTERVAL_US / 1e6) is None
    lab.check()
    lab.switch.process.kill()  # as the manager would: its loop is not what it was
    lab.switch.process.wait()


@ringspan_only
def test_the_units_user(lab):
    """Not root, with the unit's capabilities and environment; root's tool finds it unasked."""
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    os.mkdir("/run/ringspan")
    os.chown("/run/ringspan", NOBODY, NOBODY)
    lab.switch.write_text(json.dumps({"version": 1, "bridges": [
        {"name": "lab0", "ports": [{"name": a.port}, {"name": b.port}]}]}))
    lab.switch.socket = "ringspan"
    lab.switch.daemon = shutil.copy(lab.switch.daemon, "/run/lab/ringspand")
    for capabilities, means in (("-all,+net_raw,+net_admin,+bpf", "tcx"),
                                ("-all,+net_raw,+net_admin", "nftables")):
        lab.switch.launch(prefix=(
            "env", "XDG_RUNTIME_DIR=/run", "setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
            "--clear-groups", "--no-new-privs", "--inh-caps", capabilities,
            "--ambient-caps", capabilities, "--bounding-set", capabilities))
        assert os.path.exists("/run/ringspan/ringspan.sock")
        lab.expect(a, [a.frame(BROADCAST)], [b])
        assert {row["isolated_by"] for row in lab.switch.query("port")} == {means}
        assert lab.switch.stop() == 0


if __name__ == "__main__":
    main()
