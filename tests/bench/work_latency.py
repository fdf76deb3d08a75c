# SPDX-License-Identifier: ISC
"""Round trips of small frames between two hosts, alone and beside other traffic.

Where the hosts run decides as much as the switch does: a switch that sleeps is woken on the CPU of
who sends. So each is measured with nothing pinned, as labs run, and with both hosts on one CPU. A
switch that does not sleep answers sooner and pays with CPU time, so that stands beside it.
"""

from works import SWITCHES, Work
from stage import Shape
from trial import shares

LOAD_PPS = 50000
NO_LIMIT = 10000000  # round trips: time decides
FIGURES = ("p50_us", "p99_us", "cpu_percent", "busy_percent")
ONE_CPU = "both hosts on CPU 0; switch and load unpinned"
PIN = ("--cpu-a", 0, "--cpu-b", 0)


def round_trips(*options):
    def run(trial):
        answer = trial.traffic("latency", *trial.stage.stream(1, 2), "--count", NO_LIMIT,
                               "--seconds", trial.effort.seconds, *options)
        values = {"p50_us": answer["p50"] / 1e3, "p99_us": answer["p99"] / 1e3,
                  **shares(answer, trial.stage.engine)}
        if answer["lost"]:
            trial.notes.append("round trips without an answer, which no percentile has: %d of %d" % (
                answer["lost"], answer["lost"] + answer["count"]))
        if answer["load"]:
            values["load_kpps"] = answer["load"]["rx_pps"] / 1e3
        return values
    return run


def beside_load(*options):
    def run(trial):
        load = ("--load", LOAD_PPS, "--load-stream", trial.stage.stream(3, 4)[1])
        return round_trips(*load, *options)(trial)
    return run


QUICK = ("ringspan", "bridge", "vde")
ALONE, BESIDE = "round trip, alone", "round trip, beside 50 kframes/s of others"

WORKS = [
    Work(name="latency", title=ALONE, shape=Shape(2), figures=FIGURES,
         engines=SWITCHES + ("veth",), quick=QUICK, run=round_trips(), wide=True),
    Work(name="latency-one-cpu", title=ALONE, shape=Shape(2), figures=FIGURES, placement=ONE_CPU,
         engines=SWITCHES + ("veth",), quick=(), run=round_trips(*PIN)),
    Work(name="latency-load", title=BESIDE, shape=Shape(4), figures=FIGURES + ("load_kpps",),
         engines=SWITCHES, quick=QUICK, run=beside_load(), wide=True),
    Work(name="latency-load-one-cpu", title=BESIDE, shape=Shape(4), placement=ONE_CPU,
         figures=FIGURES + ("load_kpps",), engines=SWITCHES, quick=(), run=beside_load(*PIN)),
]
