# SPDX-License-Identifier: ISC
"""What is measured without a switch: our data structures by themselves, and the generator."""

import json
import os
import subprocess

from engines import BUILD, Veth
from lab import LabError
from stage import Shape, Stage
from trial import Trial

OPTIONS = ("buildtype", "optimization", "b_ndebug")


def _meson(*argv):
    done = subprocess.run(("meson",) + argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout if done.returncode == 0 else ""


def build_options():
    """How what is measured was built; empty if it is another build's."""
    if os.environ.get("RINGSPAND"):
        return {}
    text = _meson("introspect", "--buildoptions", os.path.normpath(BUILD))
    return {row["name"]: row["value"] for row in json.loads(text or "[]") if row["name"] in OPTIONS}


def parse_log(text):
    """([{benchmark, ...}], [what was skipped]): the JSON lines that the benchmarks printed."""
    rows, skipped = [], []
    for entry in map(json.loads, text.splitlines()):
        name = entry["name"].split(" / ")[-1]
        for line in entry.get("stdout", "").splitlines():
            row = json.loads(line) if line.startswith("{") else {}
            if "skipped" in row:
                skipped.append("%s: %s" % (name, row["skipped"]))
            elif row:
                rows.append(dict(row, benchmark=name))
    return rows, skipped


def _benchmarks():
    build = os.path.normpath(BUILD)
    if not os.path.exists(build):
        return [], ["microbenchmarks: there is no build-bench"]
    _meson("test", "-C", build, "--no-rebuild", "--benchmark", "--num-processes", "1",
           "--logbase", "benchmarklog")
    with open(build + "/meson-logs/benchmarklog.json") as file:
        return parse_log(file.read())


def _ceiling(effort):
    stage = Stage(Veth(), Shape(2, mtu=9000))
    stage.open()
    try:
        trial = Trial(stage, effort)
        seconds = ["--seconds", effort.seconds]
        return trial.traffic("self", *stage.stream(1, 2), *seconds)
    finally:
        stage.close()


def collect(result, session):
    session.say("microbenchmarks, and the generator's own ceiling")
    result["micro"], skipped = _benchmarks()
    for text in skipped:
        session.skip(text)
    try:
        result["ceiling"] = _ceiling(session.plan.effort)
    except LabError as error:
        session.skip("the generator's ceiling: %s" % error)
    for row in (result["ceiling"] or {}).get("ceiling", []):
        session.say("  direct veth, %4d bytes: %.0f kframes/s" % (row["size"], row["rx_pps"] / 1e3))
