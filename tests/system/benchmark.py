#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The benchmark runs, says what it found, and leaves nothing behind, even when it is killed."""

import json
import os
import re
import subprocess
import sys
import tempfile

from lab import eventually, main, time_limit
from lab.space import kill_at_exit_of_parent
from lab.switch import build_path

DRIVER = os.path.join(os.path.dirname(__file__), "..", "bench", "bench.py")


PROGRAMS = {"RINGSPAND": "src/ringspand", "RINGSPAN": "tools/ringspan",
            "TRAFFIC": "tests/bench/ringspan-traffic"}


def become_the_driver():
    """On one CPU: who moves to another one while the kernel has frames of his to deliver on that of
    before overtakes himself, and no switch can help it."""
    kill_at_exit_of_parent()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def start(*argv):
    """The driver, on this build's programs."""
    ours = {variable: build_path(variable, path) for variable, path in PROGRAMS.items()}
    return subprocess.Popen((sys.executable, DRIVER, *argv), stdin=subprocess.DEVNULL,
                            env=dict(os.environ, **ours), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True,
                            preexec_fn=become_the_driver)


def processes(text):
    """Those whose command line has the text in it."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid) as file:
                command = file.read()
        except OSError:
            continue
        if text in command:
            found.add(int(pid))
    return found


@time_limit(120)
def test_one_round(lab):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/result.json"
        run = start("quick", "--rounds", "1", "--only", "rate-64,latency,idle-2", "--engines",
                    "ringspan,bridge", "-o", path)
        text = run.communicate()[0]
        assert run.returncode == 0, text
        with open(path) as file:
            result = json.load(file)
    assert [(each["work"], each["engine"]) for each in result["samples"]] == [
        ("rate-64", "ringspan"), ("rate-64", "bridge"), ("latency", "ringspan"),
        ("latency", "bridge"), ("idle-2", "ringspan")], text
    assert all("failure" not in each for each in result["samples"]), text
    assert all(each["values"]["kpps"] > 0 for each in result["samples"][:2]), text
    assert ["cpu_percent" in each["values"] for each in result["samples"]] == [
        False, False, True, False, True], text
    assert sum(sum(each["damage"].values()) - each["damage"]["received"]
               for each in result["samples"]) == 0, text
    assert re.search(r"reordered, duplicated, corrupted frames in any run \| 0 \| 0 \| 0 \|.* aim \|$",
                     text, re.MULTILINE), text


@time_limit(120)
def test_killed(lab):
    """The daemon goes with the namespaces, and they with the driver."""
    config = "/run/bench/ringspan.json"
    run = start("quick", "--rounds", "1", "--only", "idle-2", "--engines", "ringspan")
    eventually(lambda: processes(config), "ringspand runs")
    run.kill()
    run.communicate()
    eventually(lambda: not processes(config), "ringspand is gone")


main()
