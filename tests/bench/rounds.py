# SPDX-License-Identifier: ISC
"""Alternated rounds: every engine does the same work in every round, each time in another order.

All stages of a shape stand at once and only the one at work runs, so that the engines' figures of a
round are seconds apart and what the machine does to them it does to all. A trial that fails is a
finding about an engine, not the end: it is kept, and the engine gets a new stage.
"""

import itertools
import time

from lab import LabError
from stage import Stage
from tables import number
from trial import Trial
from works import FIGURES

FAILURES = (LabError, AssertionError, OSError)


def by_shape(works):
    """[(shape, [work, ...])]: neighbours that have the same stage share it."""
    return [(shape, list(group)) for shape, group in
            itertools.groupby(works, key=lambda work: work.shape)]


def rotated(items, by):
    by %= len(items)
    return items[by:] + items[:by]


def say_values(values):
    return ", ".join("%s %s" % (number(value), FIGURES[key][0]) for key, value in values.items())


class Session:
    """One run of the benchmark; `result` is what is written to the file."""

    def __init__(self, plan, engines, result, save, say=print):
        self.plan = plan
        self.engines = engines
        self.result = result
        self.save = save
        self.say = say
        self.deadline = time.monotonic() + plan.limit

    def run(self, works):
        for shape, group in by_shape(works):
            self._run_shape(shape, group)

    def _engines_for(self, work):
        return [name for name in self.plan.engines_of(work) if name in self.engines
                and self.engines[name].max_ports >= work.shape.ports
                and self.engines[name].max_mtu >= work.shape.mtu]

    def _run_shape(self, shape, group):
        stages = {}
        try:
            for work in group:
                self._run_work(work, stages)
        finally:
            for stage in stages.values():
                stage.close()

    def _run_work(self, work, stages):
        names = self._engines_for(work)
        if not names:
            return
        rounds = 1 if work.once else self.plan.rounds
        longest = 0
        for index in range(rounds):
            started = time.monotonic()
            if started + longest > self.deadline:
                self.skip("%s: stopped after %d of %d rounds, the time is up" % (
                    work.name, index, rounds))
                break
            for name in rotated(names, index):
                self._run_trial(work, index, name, stages)
            longest = max(longest, time.monotonic() - started)
        self.save()

    def skip(self, text):
        """Says loudly, and in the result, what is left out."""
        self.result["skipped"].append(text)
        self.say("SKIPPED " + text)

    def _stage(self, work, name, stages):
        """The engine's stage, running; a new one if the work needs that."""
        if name in stages and (work.fresh or not work.opens):
            stages.pop(name).close()
        if name not in stages:
            stages[name] = Stage(self.engines[name](), work.shape)
            if work.opens:
                stages[name].open()
        elif stages[name].is_paused:
            stages[name].resume()
        return stages[name]

    def _run_trial(self, work, index, name, stages):
        started = time.monotonic()
        sample = {"work": work.name, "engine": name, "round": index}
        try:
            trial = Trial(self._stage(work, name, stages), self.plan.effort)
            sample["values"] = work.run(trial)
            sample["damage"] = trial.damage
            sample["notes"] = trial.notes
            trial.stage.engine.expect_alive()
        except FAILURES as error:
            sample["failure"] = str(error)
        self.result["samples"].append(sample)
        self._leave(work, name, stages, "failure" in sample)
        self.say("%-14s %d %-10s %s  (%.1f s)" % (
            work.name, index + 1, name, sample.get("failure") or say_values(sample["values"]),
            time.monotonic() - started))

    @staticmethod
    def _leave(work, name, stages, has_failed):
        if name not in stages:
            return
        if has_failed or not work.opens:
            stages.pop(name).close()
        else:
            stages[name].pause()
