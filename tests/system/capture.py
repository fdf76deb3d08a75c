#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Captures: what is in the file, and that nobody but its reader notices."""

import os
import shutil
import signal
import subprocess

from lab import eventually, main, ringspan_only
from lab.pcapng import IN, OUT, read
from lab.wire import TPID_C, frame_of_length, tag

PAUSE = "01:80:c2:00:00:01"


class Capturing:
    """`ringspan capture ARGUMENTS -w FILE`, from when it has begun until it is interrupted."""

    def __init__(self, lab, *arguments, name="capture.pcapng"):
        self.path = os.path.join(os.path.dirname(lab.switch.config), name)
        self.process = subprocess.Popen(
            [lab.switch.client, "-S", lab.switch.socket, "capture", *arguments, "-w", self.path],
            stderr=subprocess.PIPE, text=True)
        eventually(lambda: os.path.exists(self.path) and os.path.getsize(self.path) > 0,
                   "a capture that has begun")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.process.kill()
            self.process.wait()
            return
        self.process.send_signal(signal.SIGINT)
        self.finish()

    def finish(self):
        _, self.said = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, self.said
        self.file = read(self.path)


def check_with_tshark(path, packets):
    """No warning, and the same number of packets."""
    if not shutil.which("tshark"):
        print("SKIPPED: there is no tshark to open {} with".format(os.path.basename(path)))
        return
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.packet_id"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Running as")]
    assert not complaints, complaints
    assert done.stdout.split() == [str(packet.id) for packet in packets], done.stdout


@ringspan_only
def test_frames_and_copies_have_one_id(lab):
    hosts = lab.start_with_hosts(3)
    a, b, c = hosts
    lab.teach(*hosts)
    with Capturing(lab) as capture:
        known, flood = a.frame(b.mac, b"known"), a.sentinel()
        dropped = a.frame(PAUSE, b"pause")
        a.wire.send(known, dropped, flood)
        b.wire.receive_until_sentinel(flood)
        c.wire.receive_until_sentinel(flood)
    file = capture.file
    arrived = {packet.raw: packet for packet in file.of(a.port, IN)}
    assert list(arrived) == [known, dropped, flood]
    assert arrived[known].comment == "unicast to " + b.port
    assert arrived[flood].comment == "flooded to 2 ports"
    assert arrived[dropped].verdict == "mac_control"
    assert arrived[dropped].comment.startswith("dropped (mac_control): 01:80:c2:00:00:01")
    copies = [(packet.raw, packet.id) for packet in file.of(b.port, OUT)]
    assert copies == [(known, arrived[known].id), (flood, arrived[flood].id)]
    assert [packet.id for packet in file.of(c.port, OUT)] == [arrived[flood].id]
    assert len({packet.id for packet in arrived.values()}) == 3
    assert all(packet.verdict == "sent" for packet in file.of(b.port, OUT))
    times = [arrived[raw].time for raw in (known, dropped, flood)]
    assert times == sorted(times) and times[-1] <= file.of(c.port, OUT)[0].time
    assert file.statistics[a.port]["received"] == 3
    assert file.statistics[a.port]["comment"] == "1 dropped by the switch"
    assert "6 packets captured, 0 lost" in capture.said, capture.said
    check_with_tshark(capture.path, file.packets)


@ringspan_only
def test_selections(lab):
    hosts = lab.start_with_hosts(3)
    a, b, c = hosts
    lab.teach(*hosts)
    with Capturing(lab, "--port", b.port, "--snaplen", "20", name="b") as of_b, \
            Capturing(lab, "--drops-only", name="drops") as drops, \
            Capturing(lab, "--reason", "same_port", name="reason") as reason, \
            Capturing(lab, "-c", "2", "--bridge", "lab0", name="two") as two:
        a.wire.send(a.frame(b.mac, b"known"), a.frame(PAUSE), a.frame(a.mac), a.frame(c.mac))
        last = a.sentinel()
        a.wire.send(last)
        c.wire.receive_until_sentinel(last)
        two.finish()
    assert [(packet.port, len(packet.raw), packet.length) for packet in of_b.file.packets] == \
        [(b.port, 19, 19), (b.port, 20, len(last))]
    assert [packet.verdict for packet in drops.file.packets] == ["mac_control", "same_port"]
    assert [packet.verdict for packet in reason.file.packets] == ["same_port"]
    assert len(two.file.packets) == 2
    assert [each["name"] for each in two.file.interfaces] == [host.port for host in hosts]


@ringspan_only
def test_tags_are_in_place(lab):
    hosts = lab.add_hosts(3)
    lab.capture_everywhere()
    modes = [{"mode": "trunk", "allowed": [10]}, {"mode": "access", "pvid": 10},
             {"mode": "access", "pvid": 20}]
    lab.switch.write_bridges({"name": "lab0", "vlan_aware": True, "ports": [
        {"name": host.port, "vlan": vlan} for host, vlan in zip(hosts, modes)]})
    lab.switch.launch()
    for host in hosts:
        lab.wait_connected(host)
    a, b, _ = hosts
    with Capturing(lab) as capture:
        tagged = frame_of_length(b.mac, a.mac, 100, [tag(TPID_C, 10, 5)])
        stray = frame_of_length(b.mac, a.mac, 100, [tag(TPID_C, 20)])
        a.wire.send(stray, tagged)
        b.wire.receive_until_sentinel(tagged[:12] + tagged[16:])
    assert [packet.raw for packet in capture.file.of(a.port, IN)] == [stray, tagged]
    assert [packet.raw for packet in capture.file.of(b.port, OUT)] == [tagged[:12] + tagged[16:]]
    assert capture.file.of(a.port, IN)[0].verdict == "vlan_not_allowed"


main()
