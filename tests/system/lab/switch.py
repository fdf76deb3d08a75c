# SPDX-License-Identifier: ISC
"""The switch under test: ringspand, or the kernel's bridge to prove the tests themselves."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

from . import space

WORK = "/run/lab"
BRIDGE = "lab0"
SANITIZER_COMPLAINTS = ("Sanitizer", "runtime error:")


def build_path(variable, relative):
    root = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
    return os.environ.get(variable) or os.path.join(root, "build", relative)


class Ringspan:
    """One ringspand with one bridge, its configuration and its control socket."""

    is_ringspan = True

    def __init__(self, name=BRIDGE):
        self.name = name
        self.daemon = build_path("RINGSPAND", "src/ringspand")
        self.client = build_path("RINGSPAN", "tools/ringspan")
        self.extcap = build_path("EXTCAP", "tools/ringspan-extcap")
        self.socket = "{}/{}.sock".format(WORK, name)
        self.config = "{}/{}.json".format(WORK, name)
        self.log = "{}/{}.log".format(WORK, name)
        self.process = None

    def write_config(self, ports, **bridge):
        self.write_bridges(dict(bridge, name=self.name, ports=[{"name": port} for port in ports]))

    def write_bridges(self, *bridges, daemon=None, **keys):
        """Objects of the configuration, other keys of the daemon, and of the document."""
        document = {"version": 1, "bridges": bridges, **keys,
                    "daemon": {"control": {"socket": self.socket}, "log": {"level": "debug"},
                               **(daemon or {})}}
        self.write_text(json.dumps(document, indent=2))

    def write_text(self, text):
        os.makedirs(WORK, exist_ok=True)
        with open(self.config, "w") as file:
            file.write(text)

    def spawn(self, prefix=(), **kwargs):
        """Starts the daemon and does not wait for it."""
        os.makedirs(WORK, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = space.spawn(*prefix, self.daemon, "--config", self.config,
                                       stderr=log, **kwargs)
        return self.process

    def start(self, ports, wait=True, **bridge):
        self.write_config(ports, **bridge)
        self.launch(wait)

    def launch(self, wait=True, prefix=()):
        """Starts the daemon on the configuration that was written."""
        self.spawn(prefix)
        self.wait_ready()
        if wait:
            self.wait()

    def wait_ready(self):
        """The control socket appears when the first plan has run."""
        def answers():
            if self.process.poll() is not None:
                raise AssertionError("ringspand ended with {}".format(self.process.returncode))
            return self.call("bridge").returncode == 0
        space.eventually(answers, "ringspand answers on its control socket")

    def call(self, *argv):
        return subprocess.run([self.client, "-S", self.socket, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def query(self, *argv):
        done = self.call("-j", *argv)
        if done.returncode != 0:
            raise AssertionError("ringspan -j {}: exit {}: {}".format(
                " ".join(argv), done.returncode, done.stderr))
        return json.loads(done.stdout)

    def ask(self, method, **params):
        """What it answers, without a process of the client: for what is asked again and again."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(space.DEADLINE)
            client.connect(self.socket)
            client.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(client.makefile().readline())["result"]

    def wait(self, *ports, state="forwarding", timeout=int(space.DEADLINE)):
        done = self.call("wait", *ports, "--for", state, "--timeout", str(timeout))
        if done.returncode != 0:
            raise AssertionError("ports {} are not {}: exit {}: {}{}".format(
                ports, state, done.returncode, done.stdout, done.stderr))

    def port(self, name):
        return next(row for row in self.query("port") if row["name"] == name)

    def wait_state(self, name, state, why=""):
        """The port reaches `state` with `why` in its reason."""
        def there():
            (row,) = self.ask("port.show", port=name)
            return row["state"] == state and why in (row["reason"] or "")
        space.eventually(there, "{} is {} ({})".format(name, state, why))

    def fdb(self):
        """{mac: port} of what is learned now."""
        return {row["mac"]: row["port"] for row in self.query("fdb")}

    def counters(self, port, direction):
        """The flat ledger object of one port in one direction."""
        return next(row for row in self.query("ledger")
                    if row["port"] == port and row["direction"] == direction)

    def dropped(self, port, direction):
        """{reason: count} of what is not zero."""
        counters = self.counters(port, direction)["dropped"]
        return {reason: count for reason, count in counters.items() if count}

    def check(self):
        """The ledger's sums hold."""
        if self.process is None or self.process.poll() is not None:
            return
        done = self.call("ledger")
        if done.returncode != 0:
            raise AssertionError("ringspan ledger: exit {}\n{}{}".format(
                done.returncode, done.stdout, done.stderr))

    def descriptors(self):
        """How many it has open, when nobody is connected to its control socket any more, and no
        helper thread is at work, which has some of its own."""
        def is_alone():
            with open("/proc/net/unix") as file:
                rows = [line.split() for line in file]
            connected = [row for row in rows if row[-1] == self.socket and row[5] == "03"]
            return not connected and self.n_threads() == 1
        space.eventually(is_alone, "clients and helper threads are gone")
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def n_threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))

    def stay_on_one_cpu(self):
        """For the order of frames that a queueing discipline holds back: each CPU has a backlog of
        its own behind it, and what a timer releases goes through that of its CPU."""
        os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(self.process.pid))})

    @contextlib.contextmanager
    def stopped(self):
        """The daemon does not run, and the world goes on."""
        space.stop(self.process)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self, timeout=space.DEADLINE):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def finish(self):
        """The end of every test: a daemon that still runs ends well, and no sanitizer spoke."""
        if self.process is not None and self.process.poll() is None:
            code = self.stop()
            assert code == 0, "ringspand ended with {}".format(code)
        for complaint in SANITIZER_COMPLAINTS:
            assert complaint not in self.read_log(), complaint

    def read_log(self):
        try:
            with open(self.log, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def explain(self):
        """For a failed test: what the daemon said and what it counted."""
        print("--- log of ringspand", self.name, file=sys.stderr)
        print(self.read_log()[-20000:], file=sys.stderr)
        if self.process is None or self.process.poll() is not None:
            print("--- not running:", self.process and self.process.returncode, file=sys.stderr)
            return
        for command in ("port", "fdb", "ledger"):
            done = self.call(command)
            print("--- ringspan", command, file=sys.stderr)
            print(done.stdout + done.stderr, file=sys.stderr)


class KernelBridge:
    """A switch that is known to be right, to test the tests (RINGSPAN_TEST_SWITCH=bridge)."""

    is_ringspan = False
    # STP, MAC control and LACP never cross the kernel's bridge, whatever one asks for.
    GROUP_FWD_MASK = 0xFFF8
    NETFILTER = "/proc/sys/net/bridge"

    def __init__(self, name=BRIDGE):
        self.name = name

    def start(self, ports, wait=True, aging_time=300):
        if os.path.exists(self.NETFILTER):  # it would drop IP frames that it finds malformed
            for family in ("ip", "ip6", "arp"):
                space.set_sysctl("net.bridge.bridge-nf-call-%stables" % family, 0)
        space.ip("link", "add", "name", self.name, "type", "bridge", "stp_state", "0",
                 "mcast_snooping", "0", "ageing_time", str(aging_time * 100),
                 "group_fwd_mask", str(self.GROUP_FWD_MASK))
        for port in ports:
            space.ip("link", "set", port, "master", self.name)
        space.ip("link", "set", self.name, "up")
        if wait:
            self.wait(*ports)

    def wait(self, *ports):
        for port in ports:
            self.wait_state(port, "forwarding")

    def wait_state(self, port, state):
        theirs = {"forwarding": "forwarding", "down": "disabled"}[state]
        def there():
            rows = json.loads(space.run("bridge", "-j", "link", "show", "dev", port))
            return rows[0]["state"] == theirs
        space.eventually(there, "bridge port {} is {}".format(port, theirs))

    def fdb(self):
        rows = json.loads(space.run("bridge", "-j", "fdb", "show", "br", self.name, "dynamic"))
        return {row["mac"]: row["ifname"] for row in rows if "permanent" not in row.get("state", "")}

    def check(self):
        pass

    def finish(self):
        pass

    def explain(self):
        print(space.ip("-s", "link"), file=sys.stderr)


def new_switch(name=BRIDGE):
    wanted = os.environ.get("RINGSPAN_TEST_SWITCH", "ringspan")
    return {"ringspan": Ringspan, "bridge": KernelBridge}[wanted](name)
