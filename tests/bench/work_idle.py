# SPDX-License-Identifier: ISC
"""What a switch costs while nothing happens, and how long it takes to get its ports.

Nothing happens, but it did before: the switch has learned addresses, as it has wherever somebody
used it, and what it does about them in its time counts.
"""

import select

import machine
from works import SWITCHES, WITH_MANY_PORTS, Work
from stage import Shape

KNOWN = 512
# In seconds of the effort. In `full` it is longer than Ringspan's aging lets pass from one look at
# its table to the next, 9.1 s; it looks when it is resumed, too, and that does not count.
LENGTH = 6.5


def let_pass(seconds):
    """Time is the thing measured here; nobody is waited for."""
    select.select([], [], [], seconds)


def meet(trial):
    """Frames between two hosts, one of whom has many addresses."""
    trial.traffic("rate", *trial.stage.stream(1, 2), "--dst-macs", KNOWN, "--learn", "--pps",
                  10 * KNOWN, "--seconds", 0.2, "--warmup", 0)


def idle(trial):
    """Wake-ups are context switches of the switch's threads."""
    pids = trial.stage.engine.pids()
    meet(trial)
    let_pass(1.0)  # what the start of the stage and its use left to do
    seconds = LENGTH * trial.effort.seconds
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
WITH_SMALL_RINGS = tuple(name for name in PROCESSES if name != "sendmmsg")
TITLE = "idle, %%d ports, %d addresses known" % KNOWN
NO_PROCESS = {"bridge": "it has no process that could wake up"}

WORKS = [
    Work(name="idle-2", title=TITLE % 2, shape=Shape(2), figures=FIGURES, run=idle,
         engines=PROCESSES, quick=(), once=True, absent=NO_PROCESS),
    Work(name="idle-64", title=TITLE % 64, shape=Shape(64, busy=2), figures=FIGURES,
         run=idle, engines=WITH_SMALL_RINGS, quick=("ringspan",), absent=NO_PROCESS),
    Work(name="idle-1000", title=TITLE % 1000, shape=Shape(1000, busy=2), figures=FIGURES,
         run=idle, engines=("ringspan",), quick=(), once=True,
         absent={**NO_PROCESS, **WITH_MANY_PORTS}),
    Work(name="apply-1000", title="from no port to 1000 ports", shape=Shape(1000, busy=2),
         figures=("seconds",), run=apply, engines=("ringspan", "bridge"), quick=(), opens=False,
         absent=WITH_MANY_PORTS),
]
