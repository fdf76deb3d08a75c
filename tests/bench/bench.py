#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Ringspan and its peers, side by side, on the same work. See HACKING.md; tools/bench starts this.

The outer process reads the arguments and starts the inner one in namespaces of its own, with which
all links, hosts and daemons go, whatever happens to either.
"""

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "system"))

import machine
import micro
import report
import tables
import targets
import trial
from engines import Bridge, BridgeGro, BridgeNetfilter, Ringspan, Sendmmsg, Veth, WORK, build_path
from lab import runner, space
from peers import OpenVSwitch, OpenVSwitchTso, Vde
from rounds import Session
from works import all_works

ENGINES = {engine.name: engine for engine in (
    Ringspan, Bridge, BridgeNetfilter, BridgeGro, OpenVSwitch, OpenVSwitchTso, Vde, Sendmmsg,
    Veth)}

JUDGED = targets.judged_works()


class Plan(collections.namedtuple("Plan", "name rounds wide others effort limit engines_of")):
    """Rounds of works that are judged, of those of them whose figures spread widely, and of others;
    seconds after which no round begins; who does what.
    """

    def rounds_of(self, work):
        if work.once:
            return 1
        if work.name not in JUDGED:
            return self.others
        return self.wide if work.wide else self.rounds


PLANS = {
    "quick": Plan("quick", 3, 3, 1, trial.QUICK, 270, lambda work: work.quick),
    "full": Plan("full", 5, 7, 2, trial.FULL, 3000, lambda work: work.engines),
}


class Usage(Exception):
    """The arguments make no sense."""


def parse(argv):
    parser = argparse.ArgumentParser(prog="tools/bench", description=(
        "Measures Ringspan beside the kernel's bridge, Open vSwitch, VDE and a direct cable."))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in (("quick", "the main figures, within 5 minutes"),
                       ("full", "all of them, within an hour")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--only", metavar="WORK[,WORK]", help="these workloads (see `list`)")
        command.add_argument("--engines", metavar="NAME[,NAME]", help="these switches")
        command.add_argument("--rounds", type=positive, help="alternated rounds of each")
        command.add_argument("-o", "--output", metavar="FILE", help="the result, JSON")
        command.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    command = commands.add_parser("report", help="Markdown and SVG plots out of a result")
    command.add_argument("result")
    command.add_argument("directory")
    command.add_argument("--readme", metavar="FILE", help="where its tables are shown, too")
    commands.add_parser("list", help="workloads and switches")
    return parser.parse_args(argv)


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("not a number of rounds: " + text)
    return int(text)


def chosen(text, known, what):
    """The names in a list with commas, all of which must be known; None for no list."""
    if text is None:
        return None
    names = text.split(",")
    for name in names:
        if name not in known:
            raise Usage("there is no %s '%s'; `tools/bench list` has all" % (what, name))
    return names


def chooser(plan, engines, is_named):
    """Who does which work. Who names a workload gets it, whether or not it is part of the plan."""
    def choose(work):
        planned = plan.engines_of(work) or (work.engines if is_named else ())
        return [name for name in engines or planned if planned and name in work.engines]
    return choose


def make_plan(arguments):
    """(plan, works)."""
    plan = PLANS[arguments.command]
    works = {work.name: work for work in all_works()}
    names = chosen(arguments.only, works, "workload")
    choose = chooser(plan, chosen(arguments.engines, ENGINES, "switch"), names is not None)
    if arguments.rounds:
        plan = plan._replace(**dict.fromkeys(("rounds", "wide", "others"), arguments.rounds))
    plan = plan._replace(engines_of=choose)
    return plan, [works[name] for name in names or works if choose(works[name])]


def open_output(path):
    """Before anything is measured: a mistake in the path should not cost an hour."""
    if path is None:
        return None
    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)


def run_outside(arguments, argv):
    output = open_output(arguments.output)
    reason = runner.why_not_here()
    if reason:
        sys.exit("tools/bench: cannot make namespaces: " + reason)
    inside = [] if output is None else [output]
    command = runner.UNSHARE + (sys.executable, os.path.abspath(__file__), *argv, "--inside",
                                str(output if inside else -1))
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=inside,
                             preexec_fn=space.kill_at_exit_of_parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it concerns the inner one, who writes the result
    sys.exit(child.wait())


def available(names):
    """({name: engine}, [why others are missing])."""
    missing = {name: ENGINES[name].why_not() for name in names}
    return ({name: ENGINES[name] for name in names if not missing[name]},
            ["%s: %s" % (name, why) for name, why in missing.items() if why])


def describe_engine(engine):
    return {"title": engine.title, "version": engine.version(), "settings": engine.settings,
            "in_kernel": engine.in_kernel, "part": engine.part}


def new_result(plan, works, engines):
    return {
        "format": 1, "plan": plan.name, "rounds": plan.rounds, "effort": plan.effort._asdict(),
        "machine": machine.describe(), "build": micro.build_options(),
        "engines": {name: describe_engine(engine) for name, engine in engines.items()},
        "works": {work.name: {"title": work.title, "placement": work.placement,
                              "figures": work.figures, "absent": work.absent} for work in works},
        "rounds_wide": plan.wide, "rounds_others": plan.others, "configurations": {},
        "samples": [], "skipped": [], "micro": [], "ceiling": None}


def saver(fd, result):
    """Writes the result so far: what was measured is not lost when somebody has enough."""
    def save():
        if fd >= 0:
            text = (json.dumps(result) + "\n").encode()
            os.ftruncate(fd, 0)
            os.pwrite(fd, text, 0)
    return save


def measure(arguments, works, result, session):
    """All that was asked for, or as much of it as somebody has time for."""
    try:
        if not arguments.only:
            micro.collect(result, session)
        session.run(works)
    except KeyboardInterrupt:
        session.skip("all that would have come after somebody interrupted")


def run_inside(arguments):
    runner.prepare_namespaces()
    os.makedirs(WORK)
    plan, works = make_plan(arguments)
    engines, skipped = available([name for name in ENGINES
                                  if any(name in plan.engines_of(work) for work in works)])
    result = new_result(plan, works, engines)
    print(tables.heading(result), flush=True)
    started = time.monotonic()
    save = saver(arguments.inside, result)
    session = Session(plan, engines, result, save, say=lambda text: print(text, flush=True))
    for text in skipped:
        session.skip(text)
    measure(arguments, works, result, session)
    result["seconds"] = round(time.monotonic() - started)
    save()
    print(tables.summary(result), flush=True)


def list_names():
    for work in all_works():
        print("%-22s %s%s" % (work.name, work.title, " (quick)" if work.quick else ""))
    print()
    for engine in ENGINES.values():
        print("%-22s %s: %s" % (engine.name, engine.title, engine.settings))


def main(argv):
    arguments = parse(argv)
    if arguments.command == "list":
        list_names()
    elif arguments.command == "report":
        report.write(arguments.result, arguments.directory, arguments.readme)
    elif arguments.inside is None:
        make_plan(arguments)
        run_outside(arguments, argv)
    else:
        run_inside(arguments)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Usage, report.NoResult, OSError) as mistake:
        sys.exit("tools/bench: %s" % mistake)
    except KeyboardInterrupt:
        sys.exit("tools/bench: interrupted; what was measured by then is in the result")
