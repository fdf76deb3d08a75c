# SPDX-License-Identifier: ISC
"""Namespaces, commands and waiting: what the rest of the laboratory stands on."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time

CLONE_NEWNET = 0x40000000
DEADLINE = 30.0  # seconds that anything may take unless the test says otherwise
POLL_INTERVAL = 0.01

_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The laboratory, not the switch, failed."""


class SkipTest(Exception):
    """This machine lacks what the test needs."""


def run(*argv, **kwargs):
    """Runs a command to its end and returns its standard output; LabError if it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **kwargs)
    if done.returncode != 0:
        raise LabError("{}: exit {}: {}".format(" ".join(argv), done.returncode, done.stderr.strip()))
    return done.stdout


def ip(*argv):
    return run("ip", *argv)


def ip_batch(lines, netns=None):
    """Many ip(8) commands in one process: creating 64 links one by one takes seconds."""
    where = ["-n", netns] if netns else []
    subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n", text=True,
                   check=True, stdout=subprocess.DEVNULL)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(netns):
    """System calls of this thread happen in the network namespace `netns` (None: in ours)."""
    if netns is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, open("/run/netns/" + netns) as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


@contextlib.contextmanager
def on_one_cpu():
    """This thread stays where it is."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {_libc.sched_getcpu()})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def set_sysctl(key, value, netns=None):
    # Whose sysctl tree one sees is decided by the namespace of the process that opens it.
    if netns:
        run("ip", "netns", "exec", netns, "sysctl", "-qw", "{}={}".format(key, value))
        return
    with open("/proc/sys/" + key.replace(".", "/"), "w") as file:
        file.write(str(value))


def eventually(predicate, what, timeout=DEADLINE):
    """Waits until predicate() is true and returns its value. The one place that waits by time."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within {} s: {}".format(timeout, what))
        time.sleep(POLL_INTERVAL)  # lint: poll


def kill_at_exit_of_parent():
    """For preexec_fn: the child dies with us, however we die."""
    pr_set_pdeathsig, sigkill = 1, 9
    _libc.prctl(pr_set_pdeathsig, sigkill)


def spawn(*argv, netns=None, **kwargs):
    """Starts a command, in `netns` if given; its output goes nowhere unless asked for."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    kwargs.setdefault("stdout", subprocess.DEVNULL)
    kwargs.setdefault("stderr", subprocess.DEVNULL)
    if netns:
        argv = ("ip", "netns", "exec", netns) + argv
    return subprocess.Popen(argv, preexec_fn=kill_at_exit_of_parent, **kwargs)


def stop(process):
    """SIGSTOP, and it has stopped: one that runs on another CPU goes on for a moment."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


def link_exists(ifname):
    return os.path.exists("/proc/sys/net/ipv4/conf/" + ifname)
