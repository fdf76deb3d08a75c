# SPDX-License-Identifier: ISC
"""Switches of other projects, from the distribution's packages.

Each gets a directory of its own for its sockets and its database, and no one else's daemon of the
same kind is asked or disturbed.
"""

import os
import re
import shutil
import subprocess

import machine
from engines import WORK, Engine
from lab import eventually, run

OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class OpenVSwitch(Engine):
    """Open vSwitch's userspace datapath on system interfaces."""

    name = "ovs"
    title = "Open vSwitch, userspace"
    settings = "datapath_type=netdev, system interfaces, else defaults"
    part = ("hands frames on with the unfinished checksums that hosts with default offloads leave to the "
            "hardware, and receivers drop them: so TCP carries nothing there. `ovs-tso` is its cure")
    default_addresses = 8192
    options = ()  # of all of it, which are read when it starts

    @classmethod
    def why_not(cls):
        for program in ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"):
            if not shutil.which(program):
                return "no %s (package openvswitch-switch)" % program
        return None

    @classmethod
    def version(cls):
        return machine.first_line("ovs-vswitchd", "--version")

    @property
    def folder(self):
        return "%s/%s" % (WORK, self.place)

    @property
    def database(self):
        return "unix:%s/db.sock" % self.folder

    @property
    def environment(self):
        return dict(os.environ, **{
            "OVS_%s" % key: self.folder for key in ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")})

    def _spawn(self, *argv):
        return self.spawn(*argv, env=self.environment)

    def start(self, stage):
        os.makedirs(self.folder)
        run("ovsdb-tool", "create", self.folder + "/conf.db", OVS_SCHEMA)
        self._spawn("ovsdb-server", "--remote=p%s" % self.database, self.folder + "/conf.db")
        eventually(lambda: self.expect_alive() and os.path.exists(self.folder + "/db.sock"),
                   "ovsdb-server answers")
        self.vsctl("--no-wait", "init")
        if self.options:
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", *self.options)
        self._spawn("ovs-vswitchd", self.database)
        self.vsctl(*self._bridge(stage), *self._ports(stage))

    def _bridge(self, stage):
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]
        if stage.shape.addresses > self.default_addresses:
            words.append("other_config:mac-table-size=%d" % stage.shape.addresses)
        return words

    @staticmethod
    def _ports(stage):
        return [word for port in stage.ports for word in ("--", "add-port", "br0", port)]

    def vsctl(self, *argv):
        """Returns when vswitchd has done it."""
        return run("ovs-vsctl", "--timeout=60", "--db=" + self.database, *argv,
                   env=self.environment)

    def configuration(self, stage):
        general = self.vsctl("get", "Open_vSwitch", ".", "other_config").rstrip()
        return self.vsctl("show").rstrip() + "\nother_config: " + general + "\n" + self.vsctl(
            "--columns=datapath_type,fail_mode,flood_vlans,mcast_snooping_enable,other_config,"
            "rstp_enable,stp_enable", "list", "bridge", "br0").rstrip()

    def flush(self, stage):
        pid = self.processes[1].pid
        run("ovs-appctl", "-t", "%s/ovs-vswitchd.%d.ctl" % (self.folder, pid), "fdb/flush",
            env=self.environment)

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder)


class OpenVSwitchTso(OpenVSwitch):
    """With its own cure for frames whose hosts left checksums and segments to the hardware."""

    name = "ovs-tso"
    title = "Open vSwitch, userspace, TSO"
    settings = "as `ovs`, and other_config:userspace-tso-enable=true"
    part = "is only there in TCP with default offloads, which its setting is for"
    options = ("other_config:userspace-tso-enable=true",)


class Vde(Engine):
    """vde_switch makes taps; hosts get the taps themselves."""

    name = "vde"
    title = "VDE"
    settings = "vde_switch with a tap per host, else defaults"
    max_mtu = 1500

    @classmethod
    def why_not(cls):
        if not shutil.which("vde_switch"):
            return "no vde_switch (package vde2)"
        return None if os.path.exists("/dev/net/tun") else "no /dev/net/tun"

    @classmethod
    def version(cls):
        return machine.first_line("vde_switch", "--version")

    @property
    def folder(self):
        return "%s/%s" % (WORK, self.place)

    def prepare(self, stage):
        """The cables come with the switch."""

    def start(self, stage):
        taps = [word for port in stage.ports for word in ("-t", port)]
        # It ends when its standard input does.
        self.spawn(*self._command(stage), *taps, stdin=subprocess.PIPE)
        eventually(lambda: self.expect_alive() and self._taps(stage), "vde_switch made its taps")
        stage.batch(self.place, ["link set {0.port} netns {0.netns} name {0.ifname}".format(host)
                                for host in stage.hosts])

    def _command(self, stage):
        return ("vde_switch", "-s", self.folder, "-n", str(len(stage.ports) + 1),
                *self._table(stage))

    def configuration(self, stage):
        return " ".join(self._command(stage)) + " -t PORT..."

    @staticmethod
    def _table(stage):
        large = stage.shape.addresses > 1024
        return ["--hashsize", str(stage.shape.addresses)] if large else []

    def _taps(self, stage):
        text = run("ip", "-n", self.place, "-o", "link", "show")
        return set(stage.ports) <= set(re.findall(r"^\d+: ([^:@]+)", text, re.MULTILINE))

    def stop(self):
        for process in self.processes:
            process.stdin.close()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)
