#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`ringspan graph` draws what is there: ports, and what is behind them."""

import json
import re
import shutil
import subprocess

from lab import eventually, ip, main, ringspan_only, run
from lab.space import ip_batch

USAGE, OK = 1, 0
STATEMENT = re.compile(r'(?:(\w+) \[label="((?:[^"\\]|\\.)*)"\]|(\w+) -- (\w+));')


def draw(lab, *words):
    done = lab.switch.call("graph", *words)
    assert done.returncode == OK, done.stderr
    return done.stdout


def parse(dot):
    """({node: label}, {(node, node)}) of what we write, of which nothing may be left over."""
    nodes, edges = {}, set()
    depth = 0
    for line in dot.splitlines():
        line = line.strip()
        match = STATEMENT.fullmatch(line)
        if match and match[1]:
            assert match[1] not in nodes, line
            nodes[match[1]] = match[2]
        elif match:
            assert (match[3], match[4]) not in edges, line
            edges.add((match[3], match[4]))
        elif line.endswith("{"):
            depth += 1
        elif line == "}":
            depth -= 1
        else:
            assert re.fullmatch(r'label="((?:[^"\\]|\\.)*)";|rankdir=LR;|node \[.*\];', line), line
    assert depth == 0
    assert all(end in nodes for edge in edges for end in edge), "an edge to nothing"
    return nodes, edges


def peers(lab):
    return {row["name"]: row["peer"] for row in lab.switch.query("graph")}


def check_with_graphviz(dot):
    if not shutil.which("dot"):
        print("SKIPPED: no dot (Debian: graphviz): only our own parser has read the picture")
        return
    done = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


@ringspan_only
def test_peers(lab):
    """Hosts in namespaces, a cable between ports, a tap, an interface here, and one that is not there."""
    lab.add_hosts(2)
    ip_batch(["link add c1 type veth peer name c2", "link add here1 type veth peer name here2",
              *["link set dev {} up".format(name) for name in ("c1", "c2", "here1", "here2")]])
    device = lab.add_tap("tap1")
    lab.switch.write_bridges(
        {"name": "lab0", "ports": [{"name": name} for name in ("p1", "p2", "c1", "here1")]
         + [{"name": "vm", "ifname": "tap1", "type": "tap"}, {"name": "late"}]},
        {"name": "lab1", "ports": [{"name": "c2"}]})
    lab.switch.launch(wait=False)
    lab.switch.wait("p1", "p2", "c1", "c2", "here1", "vm")
    found = peers(lab)
    assert (found["p1"]["ifname"], found["p1"]["netns"]) == ("eth0", "h1"), found
    assert (found["p2"]["ifname"], found["p2"]["netns"]) == ("eth0", "h2"), found
    assert found["c1"]["port"] == "c2" and found["c2"]["port"] == "c1", found
    assert (found["here1"]["ifname"], found["here1"]["netns"]) == ("here2", None), found
    assert found["vm"]["process"].startswith("python"), found
    assert found["late"] is None, found
    dot = draw(lab)
    nodes, edges = parse(dot)
    check_with_graphviz(dot)
    node_of = {label.split("\\n")[0]: node for node, label in nodes.items()}
    assert nodes[node_of["p1"]] == "p1\\nforwarding"
    assert nodes[node_of["late"]] == "late\\nwaiting"
    assert (node_of["lab0"], node_of["p1"]) in edges and (node_of["lab1"], node_of["c2"]) in edges
    assert (node_of["c1"], node_of["c2"]) in edges and (node_of["c2"], node_of["c1"]) not in edges
    assert (node_of["here1"], node_of["here2"]) in edges
    assert dot.count('label="netns h1"') == 1
    assert device


@ringspan_only
def test_elsewhere(lab):
    """Ports in other namespaces than the daemon, and ends in namespaces without a name."""
    lab.add_hosts(1)
    run("ip", "netns", "add", "far")
    sleeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    eventually(lambda: open("/proc/%d/comm" % sleeper.pid).read() == "sleep\n", "it is there")
    ip_batch(["link add f1 netns far type veth peer name eth9 netns h1",
              "link add n1 type veth peer name inner netns %d" % sleeper.pid, "link set dev n1 up"])
    ip("-n", "far", "link", "set", "dev", "f1", "up")
    ip("-n", "h1", "link", "set", "dev", "eth9", "up")
    lab.switch.write_bridges({"name": "lab0", "ports": [{"name": "p1"}, {"name": "n1"},
                                                        {"name": "f1", "netns": "far"}]})
    lab.switch.launch(wait=False)
    lab.switch.wait("p1", "f1")
    lab.switch.wait_state("n1", "down")
    found = peers(lab)
    assert (found["f1"]["ifname"], found["f1"]["netns"]) == ("eth9", "h1"), found
    assert found["p1"]["netns"] == "h1", found
    assert found["n1"]["netns"] == "of {} (pid {})".format("sleep", sleeper.pid), found
    assert found["n1"]["ifname"] == "inner", found
    sleeper.kill()
    sleeper.wait()


@ringspan_only
def test_hosts(lab):
    """What was learned hangs behind its port; of many there are some, and a number."""
    a, b = lab.start_with_hosts(2)
    lab.teach(a)
    for number in range(20):
        b.wire.send(bytes.fromhex("ffffffffffff0200000007%02x88b5" % number) + bytes(46))
    eventually(lambda: len(lab.switch.fdb()) == 21, "they are learned")
    dot = draw(lab, "--hosts")
    nodes, edges = parse(dot)
    check_with_graphviz(dot)
    node_of = {label: node for node, label in nodes.items()}
    eth0 = next(node for node, label in nodes.items() if label == "eth0" and (
        node_of["p1\\nforwarding"], node) in edges)
    assert (eth0, node_of[a.mac]) in edges
    assert "and 4 more" in node_of
    assert a.mac not in draw(lab)
    assert a.mac not in json.dumps(lab.switch.query("graph"))
    rows = lab.switch.query("graph", "--hosts")
    assert [row["n_hosts"] for row in rows] == [1, 20], rows


@ringspan_only
def test_names_and_words(lab):
    """Whatever an interface is called stays within its quotes; and what is not understood is said."""
    names = ['a"]b', "b\\", "<c>&", "d#`;", "\\n\\N"]
    for number, name in enumerate(names):
        ip("link", "add", "name", name, "type", "veth", "peer", "name", "peer%d" % number)
    lab.switch.write_bridges({"name": 'l"a\\b', "ports": [{"name": name} for name in names]})
    lab.switch.launch(wait=False)
    dot = draw(lab)
    nodes, _ = parse(dot)
    check_with_graphviz(dot)
    labels = {re.sub(r"\\(.)", r"\1", label.split("\\ndown")[0]).replace("&amp;", "&")
              for node, label in nodes.items() if node.startswith("p")}
    assert labels == set(names), labels
    mermaid = draw(lab, "--format", "mermaid")
    assert mermaid.startswith("graph LR\n")
    for line in mermaid.splitlines()[1:]:
        assert re.fullmatch(r' *(subgraph \w+\["[^"]*"\]|end|\w+\["[^"]*"\]|\w+ --- \w+)', line), line
    for words in (("--format", "svg"), ("nonsense",), ("--format", "dot", "-j"), ("bridge",)):
        done = lab.switch.call("graph", *words)
        assert done.returncode == USAGE and done.stderr and not done.stdout, words
    assert lab.switch.call("graph", "bridge", "lab9").returncode == 2
    assert lab.switch.call("port", "--hosts").returncode == USAGE
    # Who may not look is told so, and gets the rest.
    if shutil.which("setpriv"):
        done = subprocess.run(["setpriv", "--bounding-set=-sys_ptrace,-sys_admin", "--inh-caps=-all",
                               lab.switch.client, "-S", lab.switch.socket, "graph"],
                              capture_output=True, text=True)
        assert done.returncode == OK and parse(done.stdout)[0], done


if __name__ == "__main__":
    main()
