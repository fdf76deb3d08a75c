#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What Prometheus reads is right, strictly in its formats, and costs no frame."""

import json
import re
import shutil
import socket
import subprocess
import time

from lab import DEADLINE, eventually, ip, main, ringspan_only, time_limit
from lab.openmetrics import MetricsError, parse, value
from lab.space import set_sysctl
from lab.wire import frame

ADDRESS = "127.0.0.1:9955"
ADDRESS6 = "[::1]:9955"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus sends.
PROMETHEUS = ("application/openmetrics-text;version=1.0.0;q=0.8,"
              "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
N_CLIENTS = 8
N_WAITING = 1000


def start(lab, listen=ADDRESS, waiting=0, every=None):
    """A bridge lab0 with a port for each host, and metrics by HTTP."""
    ports = [{"name": host.port} for host in lab.hosts]
    ports += [{"name": "w%d" % number} for number in range(waiting)]
    write(lab, ports, listen, every)
    lab.switch.launch(wait=False)
    lab.switch.wait(*[host.port for host in lab.hosts])


def write(lab, ports, listen, every=None):
    daemon = {"control": {"socket": lab.switch.socket}}
    if listen:
        daemon["metrics"] = {"listen": listen}
    bridge = {"name": "lab0", "ports": ports}
    if every:
        bridge["latency"] = {"every": every}
    lab.switch.write_text(json.dumps({"version": 1, "bridges": [bridge], "daemon": daemon}))


def dial(address=ADDRESS, **options):
    host, port = address.rsplit(":", 1)
    family = socket.AF_INET6 if "[" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    if "receive" in options:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive"])
    client.settimeout(DEADLINE)
    client.connect((host.strip("[]"), int(port)))
    return client


def hear(client):
    """Everything up to the end."""
    parts = []
    while part := client.recv(1 << 16):
        parts.append(part)
    client.close()
    return b"".join(parts)


def ask(request, address=ADDRESS):
    """(status, fields, body) of what is answered to these bytes."""
    client = dial(address)
    client.sendall(request)
    return split(hear(client))


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *rows = head.decode().split("\r\n")
    version, status, _ = line.split(" ", 2)
    assert version == "HTTP/1.1", line
    fields = dict(row.split(": ", 1) for row in rows)
    if fields.get("Transfer-Encoding") == "chunked":
        body = dechunk(body)
    if "Content-Length" in fields:
        assert len(body) == int(fields["Content-Length"]), fields
    return int(status), fields, body.decode()


def dechunk(body):
    parts = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        at = end + 2 + size
        parts.append(body[end + 2:at])
        assert body[at:at + 2] == b"\r\n", "a chunk does not end where it should"
        at += 2
        if size == 0:
            assert at == len(body), "bytes behind the last chunk"
            return b"".join(parts)


def get(accept=None, address=ADDRESS, version="1.1", path="/metrics"):
    field = "Accept: %s\r\n" % accept if accept else ""
    return ask("GET {} HTTP/{}\r\nHost: x\r\n{}\r\n".format(path, version, field).encode(), address)


def scrape(lab):
    return parse(lab.switch.call("metrics").stdout)


def assert_is_wrong(text):
    try:
        parse(text)
    except MetricsError:
        return
    raise AssertionError("taken for right: " + text)


def test_this_test(lab):
    """The checker finds what is wrong."""
    good = "# HELP a x\n# TYPE a counter\na_total{l=\"v\"} 1\n# EOF\n"
    assert value(parse(good), "a", l="v") == 1
    for old, new in (("# EOF\n", ""), ("a_total", "a"), (" 1\n", " 01\n"), (" 1\n", " x\n"),
                     ("a_total", "b_total"), ("counter", "count"), ('"v"', '"v'), ('"v"', '"\\v"'),
                     ('l="v"', 'l="v",l="w"'), ('l="v"', 'l="v",'), ("# HELP a x\n", ""),
                     ("# EOF", "a_total{l=\"v\"} 2\n# EOF"), ("# EOF", "a_total{m=\"v\"} 2\n# EOF"),
                     ("# EOF", "# HELP a x\n# EOF"), ("# EOF", "\n# EOF")):
        assert old in good
        assert_is_wrong(good.replace(old, new, 1))
    good = ("# HELP h x\n# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\n"
            "h_count 3\nh_sum 7.5\n# EOF\n")
    assert value(parse(good), "h", sample="_bucket", le="+Inf") == 3
    for old, new in (("h_count 3\n", ""), ("h_sum 7.5\n", ""), ("h_count 3", "h_count 4"),
                     ('le="0.5"} 1', 'le="0.5"} 4'), ('h_bucket{le="+Inf"} 3\n', ""),
                     ('{le="0.5"} 1', ' 1'), ("h_sum", "h_total")):
        assert old in good
        assert_is_wrong(good.replace(old, new, 1))


@ringspan_only
def test_numbers(lab):
    """Those of the ledger, exactly; in both formats."""
    a, b, _ = lab.add_hosts(3)
    lab.capture_everywhere()
    start(lab)
    lab.teach(a, b)
    lab.expect(a, [a.frame(b, b"x" * 100) for _ in range(7)], [b])
    lab.expect(a, [frame("01:80:c2:00:00:02", a.mac, b"lacp" * 20)], lab.hosts[1:])
    a.wire.send(frame("01:80:c2:00:00:01", a.mac, b"pause" * 20))
    lab.expect(a, [a.frame(b)], [b])
    ip("link", "set", lab.hosts[2].port, "down")
    lab.switch.wait_state(lab.hosts[2].port, "down")
    families = scrape(lab)
    text = get()[2]
    for host in lab.hosts:
        labels = {"bridge": "lab0", "port": host.port}
        into, out = (lab.switch.counters(host.port, direction) for direction in ("in", "out"))
        for name, row, key in (("receive_packets", into, "received"), ("receive_bytes", into, "bytes"),
                               ("receive_segments", into, "segments"),
                               ("receive_unicast_packets", into, "unicast"),
                               ("receive_flooded_packets", into, "flooded"),
                               ("receive_consumed_packets", into, "consumed"),
                               ("transmit_packets", out, "accepted"), ("transmit_bytes", out, "bytes"),
                               ("transmit_decided_packets", out, "decided")):
            number = value(families, "ringspan_port_" + name, **labels)
            assert number == row[key], (host.port, name, number, row)
            line = 'ringspan_port_{}_total{{bridge="lab0",port="{}"}} {}\n'.format(
                name, host.port, row[key])
            assert line in text, line
        for family, row in (("receive_drop", into), ("transmit_drop", out)):
            drops = {dict(key)["reason"]: number for key, number in
                     families["ringspan_port_" + family].samples.items() if ("port", host.port) in key}
            assert len(drops) > 5
            assert {reason: n for reason, n in drops.items() if n} == row["dropped"], (drops, row)
    assert value(families, "ringspan_port_receive_drop", port=a.port, reason="mac_control") == 1
    assert value(families, "ringspan_port_reserved_packets", port=a.port, protocol="lacp",
                 result="forwarded") == 1
    assert value(families, "ringspan_port_state", port=lab.hosts[2].port, ringspan_port_state="down") == 1
    assert value(families, "ringspan_bridge_fdb_entries", bridge="lab0") == len(lab.switch.fdb())
    assert value(families, "ringspan_bridge_fdb_max_entries", bridge="lab0") == 65536
    assert all(number == 0 for number in families["ringspan_bridge_ledger_imbalances"].samples.values())
    assert value(families, "process_start_time_seconds") <= time.time()
    assert 0 < value(families, "process_cpu_seconds") < 60
    assert not re.search("(?i)([0-9a-f]{2}:){5}", text), "an address of a host"


def latency(lab):
    return lab.switch.query("bridge", "show")[0]["latency"]


def while_nothing_crosses(lab):
    """What is told of latency, how many frames crossed, and all metrics, if these fit together."""
    told = latency(lab)
    rows = [lab.switch.counters(host.port, "in") for host in lab.hosts]
    families = scrape(lab)
    n = sum(row["unicast"] + row["flooded"] for row in rows)
    return (told, n, families) if latency(lab) == told else None


@ringspan_only
def test_latency(lab):
    """Every frame of which a copy left is timed, and each reader is told the same; a sample is about
    as many as it should be. It goes with the key."""
    a, b = lab.add_hosts(2, addresses=True)
    ports = [{"name": host.port} for host in (a, b)]
    start(lab, None, every=1)
    print(a.run("ping", "-n", "-q", "-c", "50", "-i", "0.002", "-W", "5", b.v4).splitlines()[-1])
    lab.check()
    told, n, families = eventually(lambda: while_nothing_crosses(lab), "nothing crosses")
    print({key: number for key, number in told.items() if key != "buckets"})
    assert n >= 100, n
    assert told["count"] == n == sum(bucket["count"] for bucket in told["buckets"]), (n, told)
    assert told["skewed"] == 0
    assert 0 < told["p50_ns"] <= told["p90_ns"] <= told["p99_ns"] <= told["max_ns"] < DEADLINE * 1e9
    assert told["max_ns"] <= told["sum_ns"] <= told["count"] * told["max_ns"]
    name = "ringspan_bridge_latency_seconds"
    assert value(families, name, sample="_count") == n
    assert value(families, name, sample="_bucket", le="+Inf") == n
    assert round(value(families, name, sample="_sum") * 1e9) == told["sum_ns"]
    assert value(families, "ringspan_bridge_latency_skewed_packets") == 0
    write(lab, ports, None, every=8)
    assert [step["key"] for step in lab.switch.query("reload")] == ["latency.every"]
    before = latency(lab)["count"]
    assert before >= n
    a.wire.send(*[a.frame(b) for _ in range(4000)])
    eventually(lambda: lab.switch.counters(b.port, "out")["accepted"] >= 4000, "they have crossed")
    assert 300 < latency(lab)["count"] - before < 700, (before, latency(lab))
    print(lab.switch.call("-s", "bridge").stdout)
    write(lab, ports, None)
    lab.switch.query("reload")
    assert latency(lab) is None
    assert not scrape(lab)[name].samples


@ringspan_only
def test_other_readers(lab):
    """Programs that did not learn the formats from us."""
    lab.add_hosts(2)
    start(lab, None)
    write(lab, [{"name": host.port} for host in lab.hosts], None, every=1)
    lab.switch.query("reload")
    text = lab.switch.call("metrics").stdout
    assert "ringspan_bridge_latency_seconds_bucket" in text
    names = len(parse(text))
    found = 0
    python = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys\n"
         "try: from prometheus_client.openmetrics.parser import text_string_to_metric_families as p\n"
         "except ImportError: sys.exit(77)\n"
         "print(len(list(p(sys.stdin.read()))))"], input=text, capture_output=True, text=True)
    if python.returncode != 77:
        assert python.stdout.strip() == str(names), python
        found += 1
    else:
        print("SKIPPED: no python3-prometheus-client")
    promtool = shutil.which("promtool")
    if promtool:
        found += 1  # it reads the other format, in test_formats
    else:
        print("SKIPPED: no promtool (Debian: prometheus)")
    if not found:
        print("SKIPPED: nobody but our own checker has read the text")


@ringspan_only
def test_formats(lab):
    """Who names OpenMetrics and likes it best gets it."""
    lab.add_hosts(1)
    start(lab)
    for accept, is_open in ((PROMETHEUS, True), (None, False), ("*/*", False), ("text/plain", False),
                            ("application/openmetrics-text", True),
                            ("Application/OpenMetrics-Text ; Version=1.0.0", True),
                            ("application/openmetrics-text;version=2.0.0", False),
                            ("application/openmetrics-text;q=0", False),
                            ("text/plain;q=0.9,application/openmetrics-text;q=0.8", False),
                            ("text/plain;q=0.8, application/openmetrics-text;q=0.9", True),
                            ("application/openmetrics-text;q=nonsense", False), (";;,,=", False)):
        for version in ("1.1", "1.0"):
            status, fields, body = get(accept, version=version)
            assert status == 200, (accept, status)
            assert fields["Content-Type"] == (OPENMETRICS if is_open else TEXT), (accept, fields)
            assert ("Transfer-Encoding" in fields) == (version == "1.1")
            parse(body, is_open)
    assert get(path="/metrics?x=y")[0] == 200
    promtool = shutil.which("promtool")
    if promtool:
        done = subprocess.run([promtool, "check", "metrics"], input=get()[2], capture_output=True, text=True)
        # It has an opinion on names, too; an error begins like this.
        assert "error while linting" not in done.stderr, done.stderr


@ringspan_only
def test_other_requests(lab):
    """Each is answered with what is wrong about it, and nothing breaks."""
    set_sysctl("net.ipv6.conf.lo.disable_ipv6", 0)
    lab.add_hosts(1)
    start(lab, ADDRESS6)
    for request, status in ((b"GET / HTTP/1.1\r\n\r\n", 404), (b"GET /metricsx HTTP/1.1\r\n\r\n", 404),
                            (b"GET /../metrics HTTP/1.1\r\n\r\n", 404),
                            (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
                            (b"HEAD /metrics HTTP/1.1\r\n\r\n", 405), (b"get /metrics HTTP/1.1\r\n\r\n", 405),
                            (b"GET /metrics HTTP/2.0\r\n\r\n", 505), (b"GET /metrics\r\n\r\n", 400),
                            (b"\r\n\r\n", 400), (b"GET  /metrics HTTP/1.1\r\n\r\n", 400),
                            (b"GET /metrics HTTP/1.1 \r\n\r\n", 400),
                            (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400),
                            (b"GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n", 400),
                            (b"GET /metrics HTTP/1.1\r\nName : x\r\n\r\n", 400),
                            (b"GET /metrics HTTP/1.1\nHost: x\r\n\r\n", 400),
                            (b"GET /met\0rics HTTP/1.1\r\n\r\n", 400), (b"\xff\xfe\xfd\r\n\r\n", 400),
                            (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400),
                            (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 8300, 431)):
        got = ask(request, ADDRESS6)
        assert got[0] == status, (request[:60], got)
        assert "GET /metrics" in got[2], got
        assert ("Allow" in got[1]) == (status == 405)
    # The last bytes of a request may take their time, and what follows is nobody's business.
    client = dial(ADDRESS6)
    for byte in b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n":
        client.send(bytes([byte]))
    client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 100)
    status, _, body = split(hear(client))
    assert status == 200
    parse(body, False)
    lab.check()


@ringspan_only
def test_clients_that_say_nothing(lab):
    """They have their places until somebody else wants one, and for five seconds otherwise."""
    a, b = lab.add_hosts(2, addresses=True)
    start(lab, waiting=N_WAITING)
    before = lab.switch.descriptors()
    began = time.monotonic()
    with lab.switch.stopped():  # they come in one turn of its loop, in this order
        silent = [dial() for _ in range(N_CLIENTS)]
        silent[0].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        late = dial()
        late.sendall(b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n")
    status, _, body = split(hear(late))
    assert status == 200
    families = parse(body)
    assert len(families["ringspan_port_admin_up"].samples) == N_WAITING + 2
    assert [split(hear(client))[0] for client in silent] == [503] + [408] * (N_CLIENTS - 1)
    assert time.monotonic() - began > 4
    eventually(lambda: lab.switch.descriptors() == before, "all descriptors are closed")
    a.ping(b.v4)
    lab.check()


@ringspan_only
def test_clients_that_take_nothing(lab):
    """So many are served; who does not read is cut, and then others are served."""
    lab.add_hosts(2)
    start(lab, waiting=N_WAITING)
    before = lab.switch.descriptors()
    is_cut = lambda: "too slow to read: cut" in lab.switch.read_log()
    with lab.switch.stopped():
        slow = [dial(receive=4096) for _ in range(N_CLIENTS)]
        for client in slow:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        late = dial()
        late.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert late.recv(1, socket.MSG_PEEK)
    assert is_cut(), "a ninth client is served"
    assert split(hear(late))[0] == 200
    # Of a slow one's answer there is what the kernel had room for, and an end that says so.
    for client in slow:
        try:
            assert not hear(client).endswith(b"0\r\n\r\n")
        except ConnectionResetError:
            pass
    eventually(lambda: lab.switch.descriptors() == before, "all descriptors are closed")
    lab.check()


@ringspan_only
@time_limit(120)
def test_no_frame_is_late(lab):
    """While thousands of ports are told to several clients, frames cross, and all of them do."""
    a, b = lab.add_hosts(2, addresses=True)
    start(lab, waiting=N_WAITING)
    a.ping(b.v4)
    clients = [dial() for _ in range(4)]
    for client in clients:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    out = a.run("ping", "-n", "-q", "-c", "200", "-i", "0.002", "-W", "5", b.v4)
    answers = [split(hear(client)) for client in clients]
    print(out.splitlines()[-1])
    assert " 0% packet loss" in out, out
    for status, _, body in answers:
        assert status == 200
        assert body.count('ringspan_port_admin_up{bridge="lab0"') == N_WAITING + 2
    lab.check()


@ringspan_only
def test_reload(lab):
    """The listener comes, moves, and goes with the file; an address that is taken is tried again."""
    a, b = lab.add_hosts(2)
    start(lab, None)
    ports = [{"name": host.port} for host in (a, b)]

    def refuses(address):
        try:
            dial(address).close()
        except ConnectionRefusedError:
            return True
        return False

    assert refuses(ADDRESS)
    write(lab, ports, ADDRESS)
    steps = lab.switch.query("reload")
    assert [(step["key"], step["disruption"]) for step in steps] == [("daemon.metrics.listen", "none")]
    eventually(lambda: not refuses(ADDRESS), "it listens")
    taken = socket.create_server(("127.0.0.1", 9956))
    write(lab, ports, "127.0.0.1:9956")
    lab.switch.query("reload")
    eventually(lambda: "cannot listen on 127.0.0.1:9956" in lab.switch.read_log(), "it says so")
    assert refuses(ADDRESS)
    taken.close()
    eventually(lambda: "served at http://127.0.0.1:9956/metrics" in lab.switch.read_log(), "it listens")
    assert get(address="127.0.0.1:9956")[0] == 200
    write(lab, ports, None)
    lab.switch.query("reload")
    eventually(lambda: refuses("127.0.0.1:9956"), "it listens no more")
    write(lab, ports, "0.0.0.0:9955")
    assert lab.switch.call("reload").returncode == 4


@ringspan_only
def test_names(lab):
    """An interface may be called almost anything; a text of metrics stays one."""
    names = ['a"b', "back\\slash", "c{d}", "gr\u00fcn"]
    for name in names:
        ip("link", "add", "name", name, "type", "veth", "peer", "name", "peer%d" % names.index(name))
    raw = b"raw\xff\xfe"
    subprocess.run([b"ip", b"link", b"add", b"name", raw, b"type", b"veth", b"peer", b"name", b"raw1"], check=True)
    lab.switch.write_text(json.dumps({
        "version": 1, "bridges": [{"name": "lab0", "ports": [{"match": "*[!0-9]", "max": 20}]}],
        "daemon": {"control": {"socket": lab.switch.socket}}}))
    lab.switch.launch(wait=False)
    eventually(lambda: set(names) <= {row["name"] for row in lab.switch.query("port")},
               "the ports are there")
    families = scrape(lab)
    found = {dict(key)["port"] for key in families["ringspan_port_admin_up"].samples}
    assert set(names) <= found, found
    if any("raw" in name for name in found):
        assert "raw\\xff\\xfe" in found, found


if __name__ == "__main__":
    main()
