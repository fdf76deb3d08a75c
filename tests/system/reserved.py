#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Frames of protocols between neighbours: which cross, and what is counted of them."""

from lab import main, ringspan_only
from lab.wire import TPID_C, frame, mac_bytes, pattern, tag

PROTOCOLS = ("stp", "pause", "lacp", "dot1x", "lldp", "other", "cisco")
ZEROS = bytes(64)


def llc(host, dst, body):
    """An 802.3 frame with a length."""
    return mac_bytes(dst) + mac_bytes(host.mac) + len(body).to_bytes(2, "big") + body


def snap(host, dst, oui, kind, body):
    return llc(host, dst, b"\xaa\xaa\x03" + bytes.fromhex(oui) + kind.to_bytes(2, "big") + body)


def lldp_of(host):
    return (b"\x02\x07\x04" + mac_bytes(host.mac) + b"\x04\x03\x05p1" + b"\x06\x02\x00\x78"
            + b"\x00\x00" + ZEROS[:30])


def lacpdu_of(host):
    return (b"\x01\x01\x01\x14\x80\x00" + mac_bytes(host.mac) + b"\x00\x11\x80\x00\x00\x01\x3d"
            + b"\x00" * 3 + b"\x02\x14" + bytes(18) + b"\x03\x10\x00\x00" + bytes(62))


def frames_of(host):
    """(protocol, frame) of real ones, as hosts and switches send them."""
    bpdu = b"\x42\x42\x03" + b"\x00\x00\x02\x02\x0e" + bytes(30)
    return [
        ("stp", llc(host, "01:80:c2:00:00:00", bpdu)),
        ("pause", host.frame("01:80:c2:00:00:01", b"\x00\x01\x00\x10" + ZEROS[:42], ethertype=0x8808)),
        ("pause", host.frame("01:80:c2:00:00:01", b"\x01\x01\x00\xff" + ZEROS[:42], ethertype=0x8808)),
        ("lacp", host.frame("01:80:c2:00:00:02", lacpdu_of(host), ethertype=0x8809)),
        ("lacp", host.frame("01:80:c2:00:00:02", b"\x03\x00\x50\x00" + ZEROS[:42], ethertype=0x8809)),
        ("dot1x", host.frame("01:80:c2:00:00:03", b"\x02\x01\x00\x00" + ZEROS[:42], ethertype=0x888e)),
        ("dot1x", host.frame("01:80:c2:00:00:03", lldp_of(host), ethertype=0x88cc)),
        ("lldp", host.frame("01:80:c2:00:00:0e", lldp_of(host), ethertype=0x88cc)),
        ("lldp", host.frame("01:80:c2:00:00:0e", b"\x02\x02\x00\x36" + ZEROS[:50], ethertype=0x88f7)),
        ("other", llc(host, "01:80:c2:00:00:08", bpdu)),
        ("other", host.frame("01:80:c2:00:00:0d", b"\x00" + ZEROS[:45], ethertype=0x88f5)),
        ("cisco", snap(host, "01:00:0c:cc:cc:cc", "00000c", 0x2000, b"\x02\xb4" + ZEROS[:40])),
        ("cisco", snap(host, "01:00:0c:cc:cc:cc", "00000c", 0x2003, b"\x01\x01" + ZEROS[:40])),
        ("cisco", snap(host, "01:00:0c:cc:cc:cd", "00000c", 0x010b, bpdu + b"\x00\x00\x00\x02\x00\x01")),
    ]


def tagged(raw):
    return raw[:12] + tag(TPID_C, 7, pcp=6) + raw[12:]


def both(host):
    """(protocol, frame): each of the real ones untagged and tagged."""
    return [(protocol, raw) for protocol, plain in frames_of(host) for raw in (plain, tagged(plain))]


def counted(lab, port):
    """{protocol: (policy, forwarded, dropped, consumed)}."""
    reserved = lab.switch.port(port)["reserved"]
    return {protocol: (row["policy"], row["forwarded"], row["dropped"], row["consumed"])
            for protocol, row in reserved.items()}


def expected(policies, per_protocol):
    """What `counted` must be after each protocol's frames have come once."""
    place = {"forward": 0, "drop": 1, "consume": 2}
    return {protocol: (policy, *[per_protocol[protocol] if place[policy] == i else 0
                                 for i in range(3)])
            for protocol, policy in policies.items()}


def check_policies(lab, sender, policies, send=both):
    """`sender` sends all kinds of frames: exactly those that are forwarded arrive everywhere else, and
    each is counted once."""
    before = counted(lab, sender.port)
    sent = send(sender)
    crossing = [raw for protocol, raw in sent if policies[protocol] == "forward"]
    last = sender.sentinel()
    sender.wire.send(*[raw for _, raw in sent], last)
    for host in lab.hosts:
        if host is not sender:
            host.wire.expect(crossing, last)
    lab.check()
    sums = {protocol: [kind for kind, _ in sent].count(protocol) for protocol in PROTOCOLS}
    grown = {protocol: (row[0], *[now - then for now, then in zip(row[1:], before[protocol][1:])])
             for protocol, row in counted(lab, sender.port).items()}
    assert grown == expected(policies, sums), grown


def policies(default="forward", **others):
    return {protocol: others.get(protocol, default) for protocol in PROTOCOLS}


@ringspan_only
def test_by_default_all_but_pause_cross(lab):
    a, _, _ = lab.start_with_hosts(3)
    check_policies(lab, a, policies(pause="drop"))
    assert lab.switch.dropped(a.port, "in") == {"mac_control": 4}


@ringspan_only
def test_a_policy_for_each_protocol(lab):
    a, b, _ = lab.start_with_hosts(3, reserved={
        "stp": "consume", "pause": "forward", "lacp": "drop", "dot1x": "consume", "lldp": "drop",
        "other": "drop", "cisco": "consume"})
    wanted = {"stp": "consume", "pause": "forward", "lacp": "drop", "dot1x": "consume",
              "lldp": "drop", "other": "drop", "cisco": "consume"}
    check_policies(lab, a, wanted)
    check_policies(lab, b, wanted)
    assert lab.switch.dropped(a.port, "in") == {"reserved": 12}
    assert lab.switch.counters(a.port, "in")["consumed"] == 12


@ringspan_only
def test_every_action_for_every_protocol(lab):
    """Each reload changes one thing, at once and for nobody else."""
    a, b = lab.start_with_hosts(2)
    ports = [{"name": a.port}, {"name": b.port}]
    for protocol in PROTOCOLS:
        for action in ("drop", "consume", "forward"):
            lab.switch.write_bridges({"name": "lab0", "ports": ports, "reserved": {
                "preset": "all", protocol: action}})
            lab.switch.query("reload")
            check_policies(lab, a, policies(**{protocol: action}), send=frames_of)


@ringspan_only
def test_a_port_has_its_own_policy(lab):
    a, b, c = lab.add_hosts(3)
    lab.capture_everywhere()
    lab.switch.write_bridges({
        "name": "lab0", "reserved": {"preset": "customer_bridge", "lldp": "consume"},
        "ports": [{"name": a.port}, {"name": b.port, "reserved": {"lacp": "forward"}},
                  {"name": c.port, "reserved": "all"}]})
    lab.switch.launch()
    check_policies(lab, a, policies("drop", lldp="consume", cisco="forward"))
    check_policies(lab, b, policies("drop", lldp="consume", cisco="forward", lacp="forward"))
    check_policies(lab, c, policies())


@ringspan_only
def test_what_is_kept_back_teaches_nothing(lab):
    a, b = lab.start_with_hosts(2, reserved={"lacp": "drop", "lldp": "consume"})
    for address in ("01:80:c2:00:00:02", "01:80:c2:00:00:0e"):
        lab.expect(a, [frame(address, "02:00:00:00:55:55", pattern(46))], [])
    assert "02:00:00:00:55:55" not in lab.switch.fdb()
    lab.expect(a, [frame("01:80:c2:00:00:03", "02:00:00:00:55:55", pattern(46))], [b])
    assert lab.switch.fdb()["02:00:00:00:55:55"] == a.port


@ringspan_only
def test_addresses_of_other_vendors_are_ordinary(lab):
    """Those that Open vSwitch keeps back, too."""
    a, b = lab.start_with_hosts(2, reserved={"preset": "customer_bridge", "cisco": "drop"})
    addresses = ["00:e0:2b:00:00:%02x" % low for low in (0, 4, 6)]
    addresses += ["01:00:0c:00:00:00", "01:00:0c:cd:cd:cd", "01:00:0c:cc:cc:cb", "01:00:0c:cc:cc:ce"]
    addresses += ["01:00:0c:cc:cc:c%x" % low for low in range(8)]
    lab.expect(a, [a.frame(address, pattern(50)) for address in addresses], [b])


@ringspan_only
def test_forwarded_is_not_said_of_what_vlans_stopped(lab):
    a, b = lab.add_hosts(2)
    lab.capture_everywhere()
    trunk = {"mode": "trunk"}
    lab.switch.write_bridges({"name": "lab0", "vlan_aware": True, "reserved": {"stp": "consume"}, "ports": [
        {"name": a.port, "vlan": trunk}, {"name": b.port, "vlan": trunk}]})
    lab.switch.launch()
    plain = [raw for _, raw in frames_of(a)]
    last = tagged(a.sentinel())
    a.wire.send(*plain, tagged(plain[3]), last)
    b.wire.expect([tagged(plain[3])], last)
    lab.check()
    counters = counted(lab, a.port)
    assert counters["lacp"] == ("forward", 1, 2, 0)
    assert counters["stp"] == ("consume", 0, 0, 1)  # it is in no VLAN, and needs none
    assert lab.switch.dropped(a.port, "in") == {"mac_control": 2, "no_pvid": 11}


@ringspan_only
def test_forwarded_is_not_said_of_what_was_not_sent(lab):
    """Where the peer's MTU is smaller the kernel refuses the copy, after the ring took it."""
    a, b = lab.start_with_hosts(2)
    lacp = a.frame("01:80:c2:00:00:02", pattern(1000), ethertype=0x8809)
    b.ip("link", "set", "eth0", "mtu", "500")
    lab.expect(a, [lacp, lacp], [])
    assert lab.switch.dropped(b.port, "out") == {"tx_queue_full": 2}
    assert counted(lab, a.port)["lacp"] == ("forward", 0, 2, 0)
    b.ip("link", "set", "eth0", "mtu", "1500")
    lab.expect(a, [lacp], [b])
    assert counted(lab, a.port)["lacp"] == ("forward", 1, 2, 0)


@ringspan_only
def test_at_run_time(lab):
    a, b = lab.start_with_hosts(2)
    steps = lab.switch.query("port", "set", a.port, "reserved", '{"lacp":"drop"}')
    assert [(row["port"], row["key"], row["disruption"]) for row in steps] == [
        (a.port, "reserved.lacp", "none")]
    check_policies(lab, a, policies(pause="drop", lacp="drop"))
    check_policies(lab, b, policies(pause="drop"))
    lab.switch.query("port", "set", a.port, "reserved", "customer_bridge")
    check_policies(lab, a, policies("drop", cisco="forward"))
    table = lab.switch.call("port", "show", a.port, "-s").stdout
    assert [line.split() for line in table.splitlines() if " lacp " in line] == [
        [a.port, "lacp", "drop", "0", "8", "0"]], table


@ringspan_only
def test_pause_between_more_than_two_ports_is_warned_of(lab):
    def n_warnings():
        return lab.switch.read_log().count("PAUSE crosses it")
    a, b, c = lab.start_with_hosts(3, reserved="all")
    assert n_warnings() == 1
    lab.switch.query("reload")
    assert n_warnings() == 1
    both_ports = [{"name": a.port}, {"name": b.port}]
    lab.switch.write_bridges({"name": "lab0", "ports": both_ports, "reserved": "all"})
    lab.switch.query("reload")
    assert n_warnings() == 1
    lab.switch.write_bridges({"name": "lab0", "ports": both_ports + [{"name": c.port}],
                              "reserved": {"pause": "forward"}})
    lab.switch.query("reload")
    assert n_warnings() == 2
    check = lab.switch.call("check", lab.switch.config)
    assert check.returncode == 0 and "warning: bridges[0].reserved: PAUSE" in check.stderr, check


if __name__ == "__main__":
    main()
