#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Captures: what is in the file, and that nobody but its reader notices."""

import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess

from lab import DEADLINE, SkipTest, eventually, main, ringspan_only, run
from lab.switch import build_path
from lab.pcapng import IN, OUT, Capture, read
from lab.segments import check_segments, superframe
from lab.space import stop
from lab.wire import BROADCAST, TPID_C, Wire, frame, frame_of_length, pattern, tag

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
        _, self.said = self.process.communicate(timeout=DEADLINE)
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
    assert arrived[dropped].comment.startswith("dropped (mac_control): ")
    copies = [(packet.raw, packet.id) for packet in file.of(b.port, OUT)]
    assert copies == [(known, arrived[known].id), (flood, arrived[flood].id)]
    assert [packet.id for packet in file.of(c.port, OUT)] == [arrived[flood].id]
    assert len({packet.id for packet in arrived.values()}) == 3
    assert all(packet.verdict == "sent" for packet in file.of(b.port, OUT))
    times = [arrived[raw].time for raw in (known, dropped, flood)]
    assert times == sorted(times) and times[-1] <= file.of(c.port, OUT)[0].time
    assert file.statistics[a.port]["received"] == 3
    assert file.statistics[a.port]["comment"] == "1 dropped by the switch"
    assert {each["speed"] for each in file.interfaces} == {10 * 10 ** 9}  # as all veth say
    assert file.interfaces[0]["description"].startswith("port {} of bridge lab0, ".format(a.port))
    assert "6 packets captured, 0 lost" in capture.said, capture.said
    check_with_tshark(capture.path, file.packets)


def spawn_client(lab, *argv, **kwargs):
    return subprocess.Popen([lab.switch.client, "-S", lab.switch.socket, *argv],
                            stderr=subprocess.PIPE, text=True, **kwargs)


@ringspan_only
def test_lines(lab):
    a, b = hosts = lab.start_with_hosts(2)
    lab.teach(*hosts)
    lines = spawn_client(lab, "capture", "--drops-only", stdout=subprocess.PIPE)
    objects = spawn_client(lab, "-j", "capture", "-c", "3", "-x", stdout=subprocess.PIPE)
    sent = []

    def has_begun():
        """Nothing else says when they have."""
        sent.append(a.frame(PAUSE, str(len(sent)).encode()))
        a.wire.send(sent[-1], a.frame(b.mac, b"known"))
        return select.select([lines.stdout], [], [], 0)[0] and objects.poll() is not None
    eventually(has_begun, "lines of both")
    lines.send_signal(signal.SIGINT)
    said, complaints = lines.communicate(timeout=DEADLINE)
    assert "{} packets captured, 0 lost".format(len(said.splitlines())) in complaints, complaints
    expected = r"\d\d:\d\d:\d\d\.\d{{6}} #\d+ {} In  {} > {}, 0x88b5, length {}: dropped \(mac_control\): .*".format(
        a.port, a.mac, PAUSE, len(sent[0]))
    assert all(re.fullmatch(expected, line) for line in said.splitlines()), (said, expected)
    rows = [json.loads(line) for line in objects.communicate(timeout=DEADLINE)[0].splitlines()]
    assert len(rows) == 3 and "mac_control" in [row["verdict"] for row in rows], rows
    assert [row["bytes"] for row in rows if row["verdict"] == "mac_control"][0] in \
        [raw.hex() for raw in sent]
    refused = lab.switch.call("capture", "-x", "-w", "-")
    assert refused.returncode == 1 and "-x is for lines" in refused.stderr, refused.stderr
    gone = spawn_client(lab, "capture", stdout=subprocess.PIPE)
    gone.stdout.close()
    eventually(lambda: a.wire.send(a.frame(b.mac)) or gone.poll() is not None, "the end of a pipe")
    assert gone.returncode == 0, gone.stderr.read()


def room_of(size):
    """In a child: no file of it grows beyond that, which is an error, as a full disk is."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


@ringspan_only
def test_a_file_without_room_ends_with_a_whole_packet(lab):
    a, b = hosts = lab.start_with_hosts(2)
    lab.teach(*hosts)
    path = os.path.join(os.path.dirname(lab.switch.config), "full")
    capture = spawn_client(lab, "capture", "-w", path, preexec_fn=room_of(50001))

    def is_over():
        a.wire.send(*[frame_of_length(b.mac, a.mac, 1500)] * 10)
        return capture.poll() is not None
    eventually(is_over, "an end of the room")
    assert capture.returncode == 2 and "File too large" in capture.stderr.read()
    packets = read(path).packets
    check_with_tshark(path, packets)


@ringspan_only
def test_a_reader_that_stopped_makes_nobody_deaf(lab):
    a, _ = lab.start_with_hosts(2)
    capture = spawn_client(lab, "capture", "-w", "-", stdout=subprocess.PIPE)
    monitor = spawn_client(lab, "-j", "monitor", "fdb", stdout=subprocess.PIPE)
    strangers = iter(range(2000))

    def send_one():
        number = next(strangers)
        mac = "02:01:00:00:{:02x}:{:02x}".format(number >> 8, number & 255)
        a.wire.send(frame(BROADCAST, mac, bytes(1000)))
    for process in capture, monitor:
        eventually(lambda: send_one() or select.select([process.stdout], [], [], 0)[0], "a first one")
    for _ in range(1000):  # more than a pipe holds
        send_one()
    for process in capture, monitor:
        process.terminate()
    assert capture.wait(DEADLINE) == 2 and "nobody takes the rest" in capture.stderr.read()
    assert monitor.wait(DEADLINE) == 0, monitor.stderr.read()


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


@ringspan_only
def test_filter(lab):
    hosts = lab.start_with_hosts(2)
    a, b = hosts
    lab.teach(*hosts)
    refused = lab.switch.call("capture", "--filter", "udp porn 53", "-w", os.devnull)
    if "without libpcap" in refused.stderr:
        raise SkipTest("there is no libpcap to compile filters with")
    assert refused.returncode == 1 and "can't parse" in refused.stderr, refused.stderr
    with Capturing(lab, "--filter", "vlan 10 and ether src " + a.mac, name="vlan") as vlan, \
            Capturing(lab, "--filter", "ether[14:4] = 0x6b6e6f77", name="bytes") as some:
        frames = [a.frame(b.mac, b"known"), a.frame(b.mac, b"other"),
                  frame_of_length(b.mac, a.mac, 100, [tag(TPID_C, 10)]),
                  frame_of_length(b.mac, a.mac, 100, [tag(TPID_C, 11)])]
        a.wire.send(*frames)
        last = a.sentinel()
        a.wire.send(last)
        b.wire.receive_until_sentinel(last)
    assert [packet.raw for packet in vlan.file.packets] == [frames[2]] * 2
    assert [packet.raw for packet in some.file.packets] == [frames[0]] * 2
    assert some.file.statistics[a.port]["received"] == 5
    assert some.file.statistics[a.port]["accepted"] == 1


@ringspan_only
def test_segments(lab):
    hosts = lab.start_with_hosts(2)
    a, b = hosts
    lab.teach(*hosts)
    payload, tags = pattern(20000), [tag(TPID_C, 7)]
    vnet, raw = superframe(b.mac, a.mac, payload, 1400, tags=tags)
    with Capturing(lab, "--segment", name="cut") as cut, Capturing(lab, name="whole") as whole:
        Wire("eth0", netns=a.name, vnet=True).send(vnet + raw)
        last = a.sentinel()
        a.wire.send(last)
        b.wire.receive_until_sentinel(last)
    for port, direction in ((a.port, IN), (b.port, OUT)):
        assert [packet.raw for packet in whole.file.of(port, direction)] == [raw, last]
        segments = cut.file.of(port, direction)[:-1]
        check_segments([packet.raw for packet in segments], payload, 1400, b.mac, a.mac, tags)
        assert {packet.id for packet in segments} == {whole.file.packets[0].id}
    check_with_tshark(cut.path, cut.file.packets)


def dial(lab, **params):
    """What a program gets that asks by itself: the descriptor that the file is read from."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(lab.switch.socket)
        request = {"jsonrpc": "2.0", "id": 1, "method": "capture.start", "params": params}
        control.sendall(json.dumps(request).encode() + b"\n")
        answer, fds, _, _ = socket.recv_fds(control, 4096, 1)
        assert b"result" in answer, answer
        return socket.socket(fileno=fds[0])


def read_to_the_end(stream):
    stream.shutdown(socket.SHUT_WR)
    raw = b"".join(iter(lambda: stream.recv(1 << 20), b""))
    stream.close()
    return Capture(raw)


@ringspan_only
def test_slow_readers_lose_and_nobody_else_does(lab):
    hosts = lab.start_with_hosts(2)
    a, b = hosts
    lab.teach(*hosts)
    slow = dial(lab, buffer=1 << 20)
    gone = dial(lab)
    frames = [frame_of_length(b.mac, a.mac, 1500)[:-4] + i.to_bytes(4, "big") for i in range(3000)]
    with Capturing(lab, "--port", b.port) as quick:
        for i in range(0, len(frames), 100):  # what the quick reader has taken is no matter of luck
            a.wire.send(*frames[i:i + 100])
            got = [b.wire.receive() for _ in range(100)]
            assert got == frames[i:i + 100], i
            eventually(lambda: os.path.getsize(quick.path) > (i + 100) * 1500, "they are in the file")
            if i == 1000:
                gone.close()
    assert [packet.raw for packet in quick.file.packets] == frames
    assert "3000 packets captured, 0 lost" in quick.said, quick.said
    lab.check()
    file = read_to_the_end(slow)
    for port, direction in ((a.port, IN), (b.port, OUT)):
        counted = file.statistics[port]
        assert counted["received"] == counted["accepted"] == 3000
        assert counted["lost"] > 1000 and counted["delivered"] + counted["lost"] == 3000, counted
        packets = file.of(port, direction)
        assert len(packets) == counted["delivered"]
        numbers = [frames.index(packet.raw) for packet in packets]
        assert numbers == sorted(numbers)
        assert sum(packet.lost for packet in packets) == numbers[-1] + 1 - len(numbers)


def stream(sender, receiver):
    return "{}/eth0:{}>{}/eth0:{}".format(sender.name, sender.mac, receiver.name, receiver.mac)


def forward(*streams):
    """4000 frames per second of each for a second, judged one by one."""
    words = [word for each in streams for word in ("--stream", each)]
    text = run(build_path("TRAFFIC", "tests/bench/ringspan-traffic"), "rate", *words, "--pps", "4000",
               "--seconds", "1", "--size", "1514")
    return json.loads(text.splitlines()[-1])


def seen_of(lab, port):
    """Frames that a capture of the port would have, with copies."""
    return lab.switch.counters(port, "in")["received"] + lab.switch.counters(port, "out")["decided"]


@ringspan_only
def test_a_reader_that_is_stopped_slows_nobody(lab):
    a, b, c, d = hosts = lab.start_with_hosts(4)
    lab.teach(*hosts)
    before = seen_of(lab, a.port)
    with Capturing(lab, "--port", a.port) as capture:
        capture.process.send_signal(signal.SIGSTOP)
        result = forward(stream(a, b), stream(b, a), stream(c, d))
        lab.check()
        capture.process.send_signal(signal.SIGCONT)
    for each in result["streams"]:
        assert each["received"] == each["sent"] > 0, result
        assert not any(each[bad] for bad in ("lost", "duplicated", "reordered", "corrupted")), result
    assert result["sink_dropped"] == 0, result
    file = capture.file
    assert [interface["name"] for interface in file.interfaces] == [a.port]
    counted = file.statistics[a.port]
    assert counted["received"] == counted["accepted"] == seen_of(lab, a.port) - before, counted
    assert counted["lost"] > 1000, counted
    assert counted["delivered"] + counted["lost"] == counted["received"], counted
    assert counted["delivered"] == len(file.packets), counted
    assert counted["dropped"] == 0, "the ring was full"
    assert "{} packets captured, {} lost".format(len(file.packets), counted["lost"]) in capture.said


@ringspan_only
def test_buffer_of_a_reader(lab):
    """What is not read yet is lost or not, as the memory for it goes."""
    a, b = hosts = lab.start_with_hosts(2)
    lab.teach(*hosts)
    frames = [frame_of_length(b.mac, a.mac, 1500)] * 100
    with Capturing(lab, "--port", b.port, "--buffer", "64MiB", name="large") as large, \
         Capturing(lab, "--port", b.port, "--buffer", "1024KiB", name="small") as small:
        stop(large.process)
        stop(small.process)
        for _ in range(30):
            a.wire.send(*frames)
            assert [b.wire.receive() for _ in frames] == frames
        large.process.send_signal(signal.SIGCONT)
        small.process.send_signal(signal.SIGCONT)
    assert len(large.file.packets) == 3000 and "3000 packets captured, 0 lost" in large.said
    assert large.file.statistics[b.port]["lost"] == 0
    assert small.file.statistics[b.port]["lost"] > 1000, small.file.statistics
    for size, status, complaint in (("4194304", 1, "'4194304' is no size"), ("4packets", 1, "is no size"),
                                    ("1KiB", 2, "1048576"), ("65MiB", 2, "67108864")):
        done = lab.switch.call("capture", "--buffer", size, "-w", os.devnull)
        assert done.returncode == status and complaint in done.stderr, (size, done.stderr)


@ringspan_only
def test_captures_are_bounded_and_end_with_the_daemon(lab):
    lab.start_with_hosts(1)
    ended = Capturing(lab)
    streams = [dial(lab) for _ in range(15)]
    refused = lab.switch.call("capture", "-w", os.devnull)
    assert refused.returncode == 2 and "16 captures already" in refused.stderr, refused.stderr
    leaves_files_alone(lab, 2)
    streams.pop().close()

    def starts():
        return lab.switch.call("capture", "-c", "1", "--reason", "none", "-w", os.devnull).stderr
    assert "no reason" in starts()
    eventually(lambda: try_to_dial(lab), "a place for another one")
    lab.switch.stop()
    for stream in streams:
        assert Capture(b"".join(iter(lambda: stream.recv(1 << 20), b""))).statistics
    assert ended.process.wait(DEADLINE) == 3 and "hung up" in ended.process.stderr.read()
    assert read(ended.path).statistics
    leaves_files_alone(lab, 3)


def leaves_files_alone(lab, status):
    """A capture that does not come about makes no file, and empties none."""
    new, old = (os.path.join(os.path.dirname(lab.switch.config), name) for name in ("new", "old"))
    with open(old, "w", encoding="utf-8") as stream:
        stream.write("dear to somebody")
    for path in (new, old):
        assert lab.switch.call("capture", "-w", path).returncode == status
    assert not os.path.exists(new)
    with open(old, encoding="utf-8") as stream:
        assert stream.read() == "dear to somebody"


def try_to_dial(lab):
    try:
        dial(lab).close()
    except AssertionError:
        return False
    return True


@ringspan_only
def test_ports_come_and_go(lab):
    hosts = lab.start_with_hosts(3)
    a, b, c = hosts
    lab.teach(*hosts)
    with Capturing(lab) as capture:
        for _ in range(2):
            assert lab.switch.call("port", "del", c.port).returncode == 0
            assert lab.switch.call("port", "add", c.port, "bridge", lab.switch.name).returncode == 0
            lab.wait_connected(c)
            last = a.sentinel()
            a.wire.send(last)
            c.wire.receive_until_sentinel(last)
    file = capture.file
    assert [each["name"] for each in file.interfaces] == [host.port for host in hosts]
    assert len(file.of(c.port, OUT)) == 2 and file.statistics[c.port]["received"] == 2


def start_recorded(lab, memory, count, **bridge):
    hosts = lab.add_hosts(count)
    lab.capture_everywhere()
    write_recorded(lab, memory, **bridge)
    lab.switch.launch()
    for host in hosts:
        lab.wait_connected(host)
    return hosts


def write_recorded(lab, memory, triggers=None, **bridge):
    ports = [{"name": host.port} for host in lab.hosts]
    document = {"version": 1, "daemon": {"control": {"socket": lab.switch.socket}},
                "bridges": [{"name": "lab0", **bridge, "ports": ports}]}
    if memory:
        document["daemon"]["recorder"] = {"memory": memory}
    if triggers:
        document["daemon"]["recorder"].update(triggers=triggers, after=0)
    lab.switch.write_text(json.dumps(document))


def recorded(lab):
    """What the recorder has; who asks for it waits for nothing and nobody."""
    path = os.path.join(os.path.dirname(lab.switch.config), "recorded")
    done = lab.switch.call("capture", "--recorder", "-w", path)
    assert done.returncode == 0, done.stderr
    return read(path)


@ringspan_only
def test_recorder(lab):
    a, b = hosts = start_recorded(lab, "1MiB", 2)
    lab.teach(*hosts)
    a.wire.send(a.frame(PAUSE, b"before"))
    frames = [frame_of_length(b.mac, a.mac, 1500)[:-4] + i.to_bytes(4, "big") for i in range(1000)]
    a.wire.send(*frames[:10])
    assert [b.wire.receive() for _ in range(10)] == frames[:10]
    file = recorded(lab)
    assert [packet.raw for packet in file.of(a.port, IN)][-10:] == frames[:10]
    assert "mac_control" in [packet.verdict for packet in file.packets]
    assert [each["name"] for each in file.interfaces] == [host.port for host in hosts]
    assert {each["speed"] for each in file.interfaces} == {10 * 10 ** 9}
    assert all(each["description"].endswith(", MTU 1500") for each in file.interfaces)
    for i in range(10, 1000, 90):
        a.wire.send(*frames[i:i + 90])
        assert [b.wire.receive() for _ in range(90)] == frames[i:i + 90]
    file = recorded(lab)
    assert len(file.packets) > 600, "1 MiB of memory for {} packets".format(len(file.packets))
    kept = [packet.raw for packet in file.of(b.port, OUT)]
    assert kept == frames[-len(kept):], "not the last ones"
    assert file.statistics[b.port]["delivered"] == len(kept)
    refused = lab.switch.call("capture", "--recorder", "--drops-only", "-w", os.devnull)
    assert refused.returncode == 2 and "filter the file" in refused.stderr, refused.stderr
    write_recorded(lab, None)
    assert lab.switch.call("reload").returncode == 0
    refused = lab.switch.call("capture", "--recorder", "-w", file.path)
    assert refused.returncode == 2 and "there is no recorder" in refused.stderr, refused.stderr
    assert read(file.path).packets == file.packets, "what was there before is gone"
    write_recorded(lab, "2MiB")
    assert lab.switch.call("reload").returncode == 0
    last = a.sentinel()
    a.wire.send(last)
    b.wire.receive_until_sentinel(last)
    assert [packet.raw for packet in recorded(lab).packets] == [last, last]
    schema = lab.switch.call("schema").stdout
    every = list(dict.fromkeys(re.findall(r'"(drop:[a-z_]+|link_down|move)"', schema)))
    write_recorded(lab, "2MiB", triggers=every)
    assert lab.switch.call("reload").returncode == 0
    assert len(every) > 30 and recorder(lab)["triggers"] == every
    assert "\ntriggers  {}\n".format(",".join(every)) in lab.switch.call("recorder").stdout


def recorder(lab):
    status, = lab.switch.query("recorder")
    return status


def wait_frozen(lab, trigger, port, count=1):
    """Frozen by that alone, which is told everywhere."""
    eventually(lambda: recorder(lab)["state"] == "frozen", "a recorder that is frozen")
    status = recorder(lab)
    assert (status["trigger"], status["port"]) == (trigger, port), status
    assert status["counts"] == {trigger: count}, status
    text = lab.switch.call("recorder").stdout
    assert "trigger   {} on port {} at 2".format(trigger, port) in text, text
    metrics = lab.switch.call("metrics").stdout
    assert "\nringspan_recorder_frozen 1\n" in metrics
    assert '\nringspan_recorder_triggers_total{{trigger="{}"}} {}\n'.format(trigger, count) in metrics
    return status


@ringspan_only
def test_drop_freezes_the_recorder(lab):
    a, b = hosts = start_recorded(lab, "1MiB", 2, triggers=["drop:mac_control", "move"])
    lab.teach(*hosts)
    assert recorder(lab)["state"] == "armed"
    monitor = spawn_client(lab, "-j", "monitor", "snapshot", "recorder", stdout=subprocess.PIPE)
    assert json.loads(monitor.stdout.readline())["event"] == "end"
    waiting = os.path.join(os.path.dirname(lab.switch.config), "waiting")
    waiter = spawn_client(lab, "capture", "--recorder", "--wait", "-w", waiting)
    assert lab.switch.call("recorder", "arm").returncode == 0  # what taught is forgotten
    frames = [frame_of_length(b.mac, a.mac, 100 + i) for i in range(10)]
    for i, raw in enumerate(frames):
        a.wire.send(raw)
        assert b.wire.receive() == raw, i
    cause = a.frame(PAUSE, b"it was me")
    a.wire.send(cause)
    status = wait_frozen(lab, "drop:mac_control", a.port)
    last = a.sentinel()
    a.wire.send(a.frame(PAUSE, b"me, too"), last)
    b.wire.receive_until_sentinel(last)
    file = recorded(lab)
    assert [packet.raw for packet in file.of(a.port, IN)] == frames + [cause]
    assert [packet.raw for packet in file.of(b.port, OUT)] == frames
    assert len(file.packets) == status["packets"] == 21
    assert abs(file.packets[-1].time / 1e9 - status["triggered_at"]) < 1e-5, status
    assert file.comment.startswith("frozen by drop:mac_control on port {}, at ".format(a.port))
    check_with_tshark(file.path, file.packets)
    assert waiter.wait(timeout=DEADLINE) == 0
    assert [packet.raw for packet in read(waiting).packets] == [each.raw for each in file.packets]
    assert lab.switch.call("recorder", "arm").returncode == 0
    events = [json.loads(monitor.stdout.readline()) for _ in range(4)]
    assert [event["event"] for event in events] == ["arm", "trigger", "freeze", "arm"], events
    assert events[1]["trigger"] == "drop:mac_control" and events[1]["port"] == a.port
    assert events[2]["packets"] == 21 and events[3]["packets"] == 0
    monitor.terminate()
    monitor.wait()
    monitor.stdout.close()


@ringspan_only
def test_link_and_moves_freeze_the_recorder(lab):
    a, b = hosts = start_recorded(lab, "1MiB", 2, triggers=["link_down"],
                                  fdb={"move_limit": {"max": 2}})
    lab.teach(*hosts)
    assert lab.switch.call("port", "set", b.port, "down").returncode == 0  # no link that went down
    assert lab.switch.call("port", "set", b.port, "up").returncode == 0
    run("ip", "link", "add", "spare", "type", "veth", "peer", "name", "end")
    for ifname in ("spare", "end"):
        run("ip", "link", "set", "dev", ifname, "up")
    for ifname in ("spare", b.port):
        assert lab.switch.call("port", "set", b.port, "ifname", ifname).returncode == 0
        eventually(lambda: lab.switch.port(b.port)["ifname"] == ifname, "another interface")
        lab.switch.wait(b.port)
    lab.wait_connected(b)
    assert recorder(lab)["state"] == "armed"
    assert lab.switch.call("recorder", "arm").returncode == 0
    last = a.sentinel()
    a.wire.send(last)
    b.wire.receive_until_sentinel(last)
    assert recorder(lab)["state"] == "armed"
    b.ip("link", "set", "dev", "eth0", "down")
    wait_frozen(lab, "link_down", b.port)
    assert [packet.raw for packet in recorded(lab).packets] == [last, last]
    write_recorded(lab, "1MiB", triggers=["move"], fdb={"move_limit": {"max": 2}})
    assert lab.switch.call("reload").returncode == 0
    assert recorder(lab)["state"] == "frozen"
    b.ip("link", "set", "dev", "eth0", "up")
    lab.wait_connected(b)
    lab.teach(*hosts)
    assert lab.switch.call("recorder", "arm").returncode == 0
    moving = [frame_of_length(BROADCAST, "02:00:00:00:77:01", 100 + i) for i in range(4)]
    for raw, sender, receiver in zip(moving, (a, b, a, b), (b, a, b, a)):
        sender.wire.send(raw)
        assert receiver.wire.receive() == raw
    eventually(lambda: recorder(lab)["state"] == "frozen", "a recorder that is frozen")
    status = recorder(lab)
    assert (status["trigger"], status["port"]) == ("move", b.port), status
    assert status["counts"] == {"link_down": 1, "move": 1}, status
    assert [packet.raw for packet in recorded(lab).of(b.port, IN)] == [moving[1], moving[3]]


@ringspan_only
def test_recorder_goes_on_while_it_is_read(lab):
    a, b = hosts = start_recorded(lab, "4MiB", 2)
    lab.teach(*hosts)
    frames = [frame_of_length(b.mac, a.mac, 1500)[:-4] + i.to_bytes(4, "big") for i in range(4000)]
    stream = None
    for i in range(0, 4000, 100):
        if i == 1500:
            stream = dial(lab, recorder=True, buffer=1 << 20)
        a.wire.send(*frames[i:i + 100])
        assert [b.wire.receive() for _ in range(100)] == frames[i:i + 100]
    file = Capture(b"".join(iter(lambda: stream.recv(1 << 20), b"")))
    counted = file.statistics[b.port]
    kept = [frames.index(packet.raw) for packet in file.of(b.port, OUT) if packet.raw in frames]
    # Not one unbroken run: while the reader's thread has no CPU, frames are forgotten ahead of it.
    assert kept == sorted(set(kept)) and kept[-1] < 1500, kept
    assert counted["lost"] > 0 and counted["lost"] + len(kept) == 1500 - kept[0], (counted, kept)


@ringspan_only
def test_what_the_daemon_cuts_off_says_so(lab):
    a, b = hosts = start_recorded(lab, "1MiB", 2, triggers=["link_down"])
    lab.teach(*hosts)
    waiting = os.path.join(os.path.dirname(lab.switch.config), "waiting")
    waiter = spawn_client(lab, "capture", "--recorder", "--wait", "-w", waiting)
    eventually(lambda: os.path.exists(waiting), "somebody who waits for the recorder")
    capture = Capturing(lab, "--port", a.port)
    lines = spawn_client(lab, "capture", "--port", a.port, stdout=subprocess.PIPE)
    raw = frame_of_length(b.mac, a.mac, 1500)

    def has_line():
        """Nothing else says when it has begun."""
        a.wire.send(raw)
        return select.select([lines.stdout], [], [], 0)[0]
    eventually(has_line, "a line of a frame")
    eventually(lambda: os.path.getsize(capture.path) > len(raw), "a frame in the file")
    lab.switch.process.kill()
    assert lab.switch.process.wait(DEADLINE) != 0
    for process in (capture.process, waiter, lines):
        _, said = process.communicate(timeout=DEADLINE)
        assert process.returncode == 3, (process.args, process.returncode, said)
        assert "packets captured, nobody knows how many were lost" in said, said
        assert "the daemon hung up" in said, said
    file = read(capture.path)
    assert set(file.statistics) == {a.port}
    assert file.statistics[a.port]["comment"] == "cut off before its end"
    assert "lost" not in file.statistics[a.port], file.statistics
    assert set(packet.raw for packet in file.packets) == {raw}
    check_with_tshark(capture.path, file.packets)
    file = read(waiting)
    assert not file.packets and file.comment == "cut off before its end", file.comment


def wireshark_environment(lab):
    return dict(os.environ, RINGSPAN=lab.switch.client, RINGSPAN_SOCKET=lab.switch.socket)


def extcap(lab, *arguments):
    """What Wireshark is told."""
    return subprocess.run([lab.switch.extcap, *arguments], env=wireshark_environment(lab),
                          stdout=subprocess.PIPE, text=True, check=True).stdout


@ringspan_only
def test_wireshark_asks_for_interfaces(lab):
    a, b = hosts = lab.start_with_hosts(2)
    prefix = "ringspan:" + lab.switch.socket
    lines = extcap(lab, "--extcap-interfaces", "--extcap-version=4.0").splitlines()
    assert lines[0].startswith("extcap {version=0."), lines
    values = [line.split("{value=")[1].split("}")[0] for line in lines[1:]]
    assert values == [prefix + rest for rest in (
        ":all:", ":drops:", ":bridge:lab0", *(":port:" + host.port for host in hosts))]
    assert extcap(lab, "--extcap-interface", values[0], "--extcap-dlts") == \
        "dlt {number=1}{name=EN10MB}{display=Ethernet}\n"
    assert extcap(lab, "--extcap-interface", values[0], "--extcap-config").count("arg {number=") == 3
    for expression, wrong in (("udp port 53", ""), ("udp porn 53", "--filter: ")):
        said = extcap(lab, "--extcap-interface", values[0], "--extcap-capture-filter", expression)
        if "without libpcap" in said:
            break
        assert wrong in said and bool(wrong) == bool(said), (expression, said)
    lab.teach(*hosts)
    fifo = os.path.join(os.path.dirname(lab.switch.config), "fifo")
    os.mkfifo(fifo)
    capturing = subprocess.Popen(
        [lab.switch.extcap, "--capture", "--extcap-interface", values[1], "--fifo", fifo,
         "--reason="], env=wireshark_environment(lab), stderr=subprocess.PIPE)
    with open(fifo, "rb") as file:
        begun = file.read(28)
        a.wire.send(a.frame(b.mac), a.frame(PAUSE))
        last = a.sentinel()
        a.wire.send(last)
        b.wire.receive_until_sentinel(last)
        capturing.terminate()
        packets = Capture(begun + file.read()).packets
    assert [packet.verdict for packet in packets] == ["mac_control"]
    assert capturing.wait(timeout=DEADLINE) == 0
    assert capturing.stderr.read() == b"", "Wireshark takes that for an error"


def install_for_wireshark(script):
    """In this test's mount namespace only. Root has no other place where tshark would look."""
    folders = run("tshark", "-G", "folders")
    path, = (line.split("\t")[-1] for line in folders.splitlines() if line.startswith("Extcap path"))
    run("mount", "-t", "tmpfs", "tmpfs", path)
    shutil.copy(script, path)


@ringspan_only
def test_wireshark_captures(lab):
    if not shutil.which("tshark"):
        raise SkipTest("there is no tshark to capture with")
    a, b = hosts = lab.start_with_hosts(2)
    lab.teach(*hosts)
    environment = wireshark_environment(lab)
    install_for_wireshark(lab.switch.extcap)
    listed = subprocess.run(["tshark", "-D"], env=environment, text=True, check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    assert "(Ringspan port {})".format(a.port) in listed, listed
    wanted = "ringspan:{}:port:{}".format(lab.switch.socket, b.port)
    tshark = subprocess.Popen(["tshark", "-l", "-i", wanted, "-c", "1", "-T", "fields", "-e",
                               "frame.comment"], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        eventually(lambda: sends_once_more(a, b, tshark), "a frame that tshark has seen")
        said, complaints = tshark.communicate(timeout=DEADLINE)
        assert said == "sent, from {}\n".format(a.port), (said, complaints)
    finally:
        tshark.kill()
        tshark.wait()


def sends_once_more(a, b, tshark):
    """It takes tshark a while to begin, and nothing says when it has."""
    a.wire.send(a.frame(b.mac))
    return tshark.poll() is not None


if __name__ == "__main__":
    main()
