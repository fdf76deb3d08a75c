# SPDX-License-Identifier: ISC
"""Hosts in network namespaces, cables to the switch, and the switch."""

import json

from . import space, switch, tap, wire

OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")


def are_up(ifnames, netns=None):
    """Whether the kernel lets frames out there. It has a carrier some time before it does, and who
    looks in between takes the interface for a good one."""
    where = ["-n", netns] if netns else []
    states = {row["ifname"]: row["operstate"]
              for row in json.loads(space.ip(*where, "-j", "link", "show"))}
    return all(states.get(ifname) == "UP" for ifname in ifnames)


def lay_cable(*ends):
    """A veth pair in the switch's namespace, both ends ready."""
    space.ip_batch(["link add {} type veth peer name {}".format(*ends)] +
                   ["link set {} addrgenmode none up".format(end) for end in ends])
    space.eventually(lambda: are_up(ends), "{} and {} are up".format(*ends))


class Host:
    """A network namespace with one interface, eth0, whose other end is a port of the switch."""

    def __init__(self, number, mtu=1500):
        self.name = "h%d" % number
        self.port = "p%d" % number
        self.mac = "02:00:00:00:%02x:%02x" % (number >> 8, number & 0xFF)
        self.v4 = "10.0.%d.%d" % (number >> 8, number & 0xFF)
        self.v6 = "fd00::%x" % number
        self.mtu = mtu
        self._wire = None

    def creation(self):
        """ip(8) commands that make it."""
        yield "netns add {0.name}".format(self)
        yield ("link add {0.port} mtu {0.mtu} type veth peer name eth0 mtu {0.mtu} "
               "address {0.mac} netns {0.name}").format(self)
        yield "link set {0.port} addrgenmode none up".format(self)

    def cable(self):
        """Lays the cable again after it was deleted."""
        space.ip_batch(list(self.creation())[1:])
        self.plug_in()

    def plug_in(self):
        """Its eth0 is a new one: brings it up and captures there from now on."""
        self.bring_up()
        self._wire = wire.Wire("eth0", self.name)

    def bring_up(self):
        """Silent: no address, so that nothing is on the wire but what the test sends."""
        space.ip_batch(["link set eth0 addrgenmode none", "link set eth0 up"], self.name)

    def address(self):
        """Gives it its IPv4 and IPv6 addresses."""
        self.ip("address", "add", self.v4 + "/16", "dev", "eth0")
        self.ip("address", "add", self.v6 + "/64", "dev", "eth0", "nodad")

    def ip(self, *argv):
        return space.ip("-n", self.name, *argv)

    def run(self, *argv):
        return space.run("ip", "netns", "exec", self.name, *argv)

    def spawn(self, *argv, **kwargs):
        return space.spawn(*argv, netns=self.name, **kwargs)

    def set_offloads(self, state):
        """Checksum and segmentation offloads of its own interface."""
        self.run("ethtool", "-K", "eth0", *[word for name in OFFLOADS for word in (name, state)])

    def is_up(self):
        """Carrier is there and both ends send: for a moment after a flap they drop silently."""
        return are_up(["eth0"], self.name) and are_up([self.port])

    @property
    def wire(self):
        """Its raw socket; made at the first use, and capturing from then on."""
        if self._wire is None:
            self._wire = wire.Wire("eth0", self.name)
        return self._wire

    def frame(self, dst, payload=b"", **kwargs):
        """A frame from this host to another host, or to an address."""
        return wire.frame(getattr(dst, "mac", dst), self.mac, payload, **kwargs)

    def sentinel(self):
        return wire.sentinel(self.mac)

    def ping(self, address):
        """Three echoes, each answered."""
        self.run("ping", "-n", "-q", "-c", "3", "-i", "0.01", "-W", "5", address)


class Lab:
    """One test's world. It ends with the test's namespaces; nothing is taken down by hand."""

    def __init__(self):
        self.hosts = []
        self.switch = switch.new_switch()
        self.switches = [self.switch]

    def add_hosts(self, count, addresses=False, mtu=1500):
        first = len(self.hosts) + 1
        hosts = [Host(number, mtu) for number in range(first, first + count)]
        space.ip_batch([line for host in hosts for line in host.creation()])
        for host in hosts:
            host.bring_up()
            if addresses:
                host.address()
        ports = [host.port for host in hosts]
        space.eventually(lambda: are_up(ports), "the hosts' cables are ready")
        self.hosts += hosts
        return hosts

    def add_tap(self, ifname, mtu=1500, **kwargs):
        """A tap in the switch's namespace, up, with the test behind it."""
        device = tap.Tap(ifname, **kwargs)
        space.ip("link", "set", ifname, "addrgenmode", "none", "mtu", str(mtu), "up")
        return device

    def start(self, extra_ports=(), **bridge):
        """The switch, with a port for each host and the extra ones, all forwarding."""
        self.switch.start([host.port for host in self.hosts] + list(extra_ports), **bridge)

    def add_switch(self, name):
        """Another ringspand."""
        another = switch.Ringspan(name)
        self.switches.append(another)
        return another

    def start_with_hosts(self, count, addresses=False, mtu=1500, **bridge):
        hosts = self.add_hosts(count, addresses, mtu)
        if not addresses:
            self.capture_everywhere()
        self.start(**bridge)
        return hosts

    def capture_everywhere(self):
        """From before the first frame, so that the tests can count exactly."""
        for host in self.hosts:
            host.wire.drain()

    def check(self):
        for each in self.switches:
            each.check()

    def finish(self):
        self.check()
        for each in self.switches:
            each.finish()

    def wait_connected(self, host):
        """Both ends of the host's cable are ready."""
        self.switch.wait_state(host.port, "forwarding")
        space.eventually(host.is_up, host.name + " is up")

    def teach(self, *hosts):
        """The switch learns where the hosts are."""
        for host in hosts:
            last = host.sentinel()
            host.wire.send(last)
            for other in self.hosts:
                if other is not host:
                    other.wire.receive_until_sentinel(last)

    def expect(self, sender, frames, receivers, absent=()):
        """`sender` sends; each receiver gets exactly that, all other hosts nothing.

        The absent ones are those that cannot get anything now: their cables are down.
        """
        last = sender.sentinel()
        sender.wire.send(*frames, last)
        for host in self.hosts:
            if host is not sender and host not in absent:
                host.wire.expect(frames if host in receivers else [], last)
        self.check()

    def explain(self):
        for each in self.switches:
            each.explain()


def ringspan_only(test):
    """The test asks for what only ringspand does."""
    test.ringspan_only = True
    return test


def time_limit(seconds):
    """For tests that need more than a minute."""
    def mark(test):
        test.time_limit = seconds
        return test
    return mark
