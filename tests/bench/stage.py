# SPDX-License-Identifier: ISC
"""A stage: one switch in a network namespace, and hosts in theirs.

Names are those of the engine's place, so that stages stand side by side and rounds go from one to
the next: the switch whose place is X is in namespace X, its ports are p1, p2, ...; behind them
is eth0 in X-1, X-2, .... Hosts that take no part share the namespace X-idle. A stage whose turn it
is not does nothing: the processes of its switch are stopped (SIGSTOP).
"""

import collections
import json
import signal

from lab import eventually, ip, run, spawn
from lab.space import ip_batch, set_sysctl

OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")

# ports: of the switch; busy: how many of their hosts take part (0: all); addresses: how many the
# forwarding table must hold.
Shape = collections.namedtuple("Shape", "ports mtu busy addresses", defaults=(1500, 0, 1024))


class Host:
    """Where traffic comes from and goes to."""

    def __init__(self, place, number, is_busy):
        self.netns = "%s-%d" % (place, number) if is_busy else place + "-idle"
        self.ifname = "eth0" if is_busy else "e%d" % number
        self.port = "p%d" % number
        self.mac = "02:00:00:00:%02x:%02x" % (number >> 8, number & 0xFF)
        self.v4 = "10.0.%d.%d" % (number >> 8, number & 0xFF)
        self.is_busy = is_busy

    @property
    def end(self):
        """As the traffic generator names it."""
        return "%s/%s:%s" % (self.netns, self.ifname, self.mac)

    def run(self, *argv):
        return run("ip", "netns", "exec", self.netns, *argv)

    def spawn(self, *argv, **kwargs):
        return spawn(*argv, netns=self.netns, **kwargs)

    def set_offloads(self, state):
        self.run("ethtool", "-K", "eth0", *[word for name in OFFLOADS for word in (name, state)])


class Stage:
    """An engine at work, and its hosts. close() leaves nothing of it."""

    def __init__(self, engine, shape, place=None):
        self.engine = engine
        engine.place = self.place = place or engine.name
        self.shape = shape
        busy = shape.busy or shape.ports
        self.hosts = [Host(engine.place, n + 1, n < busy) for n in range(shape.ports)]
        self.namespaces = [engine.place] + sorted({host.netns for host in self.hosts})
        self.is_paused = False

    def open(self):
        """Everything: namespaces, cables, the switch; frames cross when this returns."""
        self.lay_out()
        self.engine.start(self)
        self.plug_in()
        self.settle()
        return self

    def lay_out(self):
        """The namespaces, and what is there before the switch."""
        ip_batch(["netns add " + name for name in self.namespaces])
        for name in self.namespaces:
            set_sysctl("net.ipv6.conf.default.disable_ipv6", 1, netns=name)
        self.engine.prepare(self)

    def plug_in(self):
        """The hosts come up. Nobody has IPv6, so nobody speaks unasked."""
        for name in self.namespaces[1:]:
            mine = [host for host in self.hosts if host.netns == name]
            self.batch(name, ["link set {0.ifname} mtu {1} addrgenmode none address {0.mac} up"
                              .format(host, self.shape.mtu) for host in mine])
            self.batch(name, ["address add %s/16 dev eth0" % host.v4
                              for host in mine if host.is_busy])

    def settle(self):
        """Returns when frames cross."""
        self.engine.wait(self)
        for name in self.namespaces[1:]:
            eventually(lambda: self._is_up(name), "the interfaces in %s are up" % name)

    @staticmethod
    def _is_up(netns):
        """A stack drops silently for a moment after its carrier came. (A tap says "unknown".)"""
        rows = json.loads(ip("-n", netns, "-j", "link", "show"))
        return all(row["operstate"] in ("UP", "UNKNOWN") and "LOWER_UP" in row["flags"]
                   for row in rows if "LOOPBACK" not in row["flags"])

    def lay_cables(self):
        """veth pairs: what most engines have between port and host."""
        ip_batch(["link add {0.port} mtu {1} netns {2} type veth peer name {0.ifname} mtu {1} "
                  "netns {0.netns}".format(host, self.shape.mtu, self.engine.place)
                  for host in self.hosts])
        self.batch(self.engine.place,
                   ["link set %s addrgenmode none up" % port for port in self.ports])

    @staticmethod
    def batch(netns, lines):
        path = "/run/bench/%s.batch" % netns
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        ip("-n", netns, "-batch", path)

    def run_in_switch(self, *argv):
        return run("ip", "netns", "exec", self.engine.place, *argv)

    @property
    def ports(self):
        return [host.port for host in self.hosts]

    def ends(self, *numbers):
        return [self.hosts[number - 1].end for number in numbers]

    def stream(self, sender, receiver):
        return ["--stream", ">".join(self.ends(sender, receiver))]

    def restart(self):
        """A switch that has seen nothing yet."""
        self.close()
        self.__init__(self.engine, self.shape, self.place)
        self.open()

    def pause(self):
        for process in self.engine.processes:
            process.send_signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self):
        for process in self.engine.processes:
            process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def close(self):
        if self.is_paused:
            self.resume()
        self.engine.stop()
        ip_batch(["netns del " + name for name in self.namespaces])
