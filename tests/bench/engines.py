# SPDX-License-Identifier: ISC
"""The switches that are compared: ours, the kernel's, and two that are there to measure against.

Each with the configuration that one gets by asking for a bridge and nothing else; what is said
otherwise is in `settings`, which is printed. peers.py has those that come in packages of their own.
"""

import json
import os
import shutil
import subprocess
import time

import machine
from lab import LabError, eventually, ip, run, spawn
from lab.space import set_sysctl

WORK = "/run/bench"
NETFILTER = "/proc/sys/net/bridge"
BUILD = os.path.join(os.path.dirname(__file__), "..", "..", "build-bench")


def build_path(variable, relative):
    return os.environ.get(variable) or os.path.normpath(os.path.join(BUILD, relative))


class Engine:
    """One switch. An object serves one stage at a time, any number one after the other."""

    name = None
    title = None
    settings = "defaults"
    part = None  # what it takes part in, if not in all that it can, and what must be known there
    max_ports = 1024
    max_mtu = 9216
    in_kernel = False

    def __init__(self):
        self.processes = []
        self.place = None  # its namespace, and the name of what it has in files; its stage says

    @classmethod
    def why_not(cls):
        """Why this machine cannot have it, or None."""
        return None

    @classmethod
    def version(cls):
        return None

    def prepare(self, stage):
        """Before the switch starts: the cables."""
        stage.lay_cables()

    def start(self, stage):
        raise NotImplementedError

    def wait(self, stage):
        """Returns when all ports forward."""

    def configuration(self, stage):
        """What it says itself about how it is set up, or None."""

    def flush(self, stage):
        """Forgets all addresses; a new switch if there is no command for that."""
        stage.restart()

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            process.wait(30)
        self.processes = []

    def pids(self):
        return [process.pid for process in self.processes]

    def spawn(self, *argv, **kwargs):
        """A process of the switch, in its namespace; what it says goes to a log."""
        with open("%s/%s.log" % (WORK, self.place), "ab") as log:
            process = spawn(*argv, netns=self.place, stderr=log, **kwargs)
        self.processes.append(process)
        return process

    def expect_alive(self):
        for process in self.processes:
            if process.poll() is not None:
                raise LabError("%s ended with %d: %s" % (self.name, process.returncode, self.log()))
        return True

    def check(self):
        """After each trial: raises what is wrong with the switch."""
        self.expect_alive()

    def log(self):
        with open("%s/%s.log" % (WORK, self.place), errors="replace") as file:
            return file.read()[-2000:]


class Ringspan(Engine):
    name = "ringspan"
    title = "Ringspan"
    settings = "defaults: isolated from the host, all features on"
    default_addresses = 65536

    @property
    def config(self):
        return "%s/%s.json" % (WORK, self.place)

    @property
    def socket(self):
        return "%s/%s.sock" % (WORK, self.place)

    @classmethod
    def version(cls):
        return machine.first_line(build_path("RINGSPAND", "src/ringspand"), "--version")

    def write_config(self, ports, addresses):
        bridge = {"name": "lab0", "ports": [{"name": port} for port in ports]}
        if addresses > self.default_addresses:
            bridge["fdb"] = {"max_entries": addresses}
        document = {"version": 1, "bridges": [bridge],
                    "daemon": {"control": {"socket": self.socket}}}
        with open(self.config, "w") as file:
            json.dump(document, file)

    def call(self, *argv):
        return run(build_path("RINGSPAN", "tools/ringspan"), "-S", self.socket, *argv)

    def start(self, stage):
        self.write_config(stage.ports, stage.shape.addresses)
        self.launch()

    def launch(self):
        self.spawn(build_path("RINGSPAND", "src/ringspand"), "--config", self.config)
        eventually(lambda: self.expect_alive() and os.path.exists(self.socket), "ringspand answers")

    def wait(self, stage):
        """Nothing is measured with ports that the host has a part in."""
        self.call("wait", "--for", "forwarding", "--timeout", "60")
        open_ports = [row["name"] for row in self._ports() if not row["isolated"]]
        if open_ports:
            raise LabError("not isolated from the host: " + ", ".join(open_ports))

    def _ports(self):
        return json.loads(self.call("-j", "port", "show"))

    def check(self):
        """Whatever it was that was measured, every frame of it is in one counter."""
        super().check()
        self.call("ledger")

    def configuration(self, stage):
        means = sorted({row["isolated_by"] for row in self._ports()})
        return "%s\nisolated by %s" % (self.call("config", "show").rstrip(), ", ".join(means))

    def flush(self, stage):
        self.call("fdb", "flush")

    def apply(self, stage):
        """Seconds that it takes to get all ports of the stage, from none, in one change."""
        self.write_config([], stage.shape.addresses)
        self.launch()
        self.write_config(stage.ports, stage.shape.addresses)
        started = time.monotonic()
        self.call("apply", self.config)
        self.wait(stage)
        return time.monotonic() - started

    def stop(self):
        super().stop()
        if os.path.exists(self.socket):
            os.unlink(self.socket)


class Bridge(Engine):
    """The kernel's. Bridge netfilter decides per frame when it is on, rules or not."""

    name = "bridge"
    title = "Linux bridge"
    settings = "defaults, bridge netfilter off"
    in_kernel = True
    netfilter = 0

    @classmethod
    def version(cls):
        return "Linux " + os.uname().release

    def start(self, stage):
        if os.path.exists(NETFILTER):
            for family in ("ip", "ip6", "arp"):
                key = "net.bridge.bridge-nf-call-%stables" % family
                set_sysctl(key, self.netfilter, netns=self.place)
        stage.batch(self.place, ["link add name br0 type bridge", "link set br0 up"])
        stage.batch(self.place, ["link set %s master br0" % port for port in stage.ports])

    def wait(self, stage):
        def forwards():
            rows = json.loads(run("bridge", "-n", self.place, "-j", "link", "show"))
            return sum(row["state"] == "forwarding" for row in rows) == len(stage.ports)
        eventually(forwards, "the ports of the bridge forward")

    def configuration(self, stage):
        gro = stage.run_in_switch("ethtool", "-k", stage.ports[0])
        lines = [line for line in gro.splitlines() if line.startswith("generic-receive-offload")]
        texts = ["bridge-nf-call-iptables: " + self._netfilter(), "on its ports: " + lines[0],
                 run("ip", "-n", self.place, "-d", "link", "show", "br0")]
        return "\n".join(texts).rstrip()

    def _netfilter(self):
        if not os.path.exists(NETFILTER):
            return "there is none"
        key = "net.bridge.bridge-nf-call-iptables"
        return run("ip", "netns", "exec", self.place, "sysctl", "-n", key).strip()

    def flush(self, stage):
        ip("-n", self.place, "link", "set", "br0", "type", "bridge", "fdb_flush")

    def apply(self, stage):
        started = time.monotonic()
        self.start(stage)
        self.wait(stage)
        return time.monotonic() - started


class BridgeNetfilter(Bridge):
    name = "bridge-nf"
    title = "Linux bridge, netfilter"
    settings = "defaults, bridge netfilter on (bridge-nf-call-*tables 1), no rules"
    part = "is only there where frames have IP in them: bridge netfilter looks at no others"
    netfilter = 1

    @classmethod
    def why_not(cls):
        return None if os.path.exists(NETFILTER) else "this kernel has no bridge netfilter loaded"


class BridgeGro(Bridge):
    name = "bridge-gro"
    title = "Linux bridge, GRO"
    settings = "defaults, bridge netfilter off, GRO on its ports (ethtool -K PORT gro on)"
    part = ("is only there in TCP, whose segments GRO merges, and in unicast rates, for what it costs "
            "where there is nothing to merge")

    def prepare(self, stage):
        super().prepare(stage)
        for port in stage.ports:
            run("ip", "netns", "exec", self.place, "ethtool", "-K", port, "gro", "on")


class Veth(Engine):
    """No switch at all: two hosts on one cable."""

    name = "veth"
    title = "direct veth"
    settings = "no switch: one veth pair from host to host"
    part = "is only there in TCP, unicast rates and round trips: what two hosts do without a switch"
    max_ports = 2
    in_kernel = True

    def prepare(self, stage):
        left, right = stage.hosts
        ip("link", "add", left.ifname, "mtu", str(stage.shape.mtu), "netns", left.netns, "type",
           "veth", "peer", "name", right.ifname, "mtu", str(stage.shape.mtu), "netns", right.netns)

    def start(self, stage):
        pass


class Sendmmsg(Engine):
    """The plainest use of an RX ring, under our wake-up policy: the benchmark's own program."""

    name = "sendmmsg"
    title = "sendmmsg engine"
    settings = "RX ring, sendmmsg() out of its slots, Ringspan's wake-up policy; no superframes"
    part = ("is there for what a frame costs, so not in searches, nor where tables or errors are looked "
            "at, and idle with two ports only; it has no room for superframes")
    max_ports = 64
    max_mtu = 1500  # what fits a slot

    @classmethod
    def program(cls):
        return build_path("SENDMMSG_SWITCH", "tests/bench/sendmmsg_switch")

    @classmethod
    def why_not(cls):
        return None if shutil.which(cls.program()) else "not built: " + cls.program()

    def start(self, stage):
        self.spawn(self.program(), *stage.ports, stdout=subprocess.PIPE)

    def wait(self, stage):
        """It says so in one line."""
        self.processes[0].stdout.readline()
        self.expect_alive()
