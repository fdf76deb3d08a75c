# SPDX-License-Identifier: ISC
"""What a switch costs while nothing happens, and how long it takes to get its ports."""

import select

import machine
from works import SWITCHES, Work
from stage import Shape


def let_pass(seconds):
    """Time is the thing measured here; nobody is waited for."""
    select.select([], [], [], seconds)


def idle(trial):
    """Wake-ups are context switches of the switch's threads."""
    pids = trial.stage.engine.pids()
    let_pass(1.0)  # what the start of the stage left to do
    seconds = max(2.0, 3 * trial.effort.seconds)
    meter = machine.Meter(pids)
    let_pass(seconds)
    cost = meter.cost()
    return {"wakeups_per_s": cost["wakeups"] / seconds,
            "cpu_percent": cost["switch_us"] / seconds / 1e4,
            "rss_mib": machine.rss_bytes(pids) / 2**20,
            "ring_kib_per_port": machine.ring_bytes(pids) / 2**10 / trial.stage.shape.ports}


def apply(trial):
    """From a switch without ports to all ports forwarding; the interfaces are there before."""
    trial.stage.lay_out()
    trial.stage.plug_in()
    return {"seconds": trial.stage.engine.apply(trial.stage)}


FIGURES = ("wakeups_per_s", "cpu_percent", "rss_mib", "ring_kib_per_port")
PROCESSES = tuple(name for name in SWITCHES if name != "bridge")

WORKS = [
    Work(name="idle-2", title="idle, 2 ports", shape=Shape(2), figures=FIGURES, run=idle,
         engines=PROCESSES, quick=(), once=True),
    Work(name="idle-64", title="idle, 64 ports", shape=Shape(64, busy=2), figures=FIGURES,
         run=idle, engines=PROCESSES, quick=("ringspan",), once=True),
    Work(name="idle-1000", title="idle, 1000 ports", shape=Shape(1000, busy=2), figures=FIGURES,
         run=idle, engines=("ringspan",), quick=(), once=True),
    Work(name="apply-1000", title="from no port to 1000 ports", shape=Shape(1000, busy=2),
         figures=("seconds",), run=apply, engines=("ringspan", "bridge"), quick=(), opens=False),
]
