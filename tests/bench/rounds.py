# SPDX-License-Identifier: ISC
"""Alternated rounds: every engine does the same work in every round, each time in another order.

All stages of a shape stand at once and only the one at work runs, so that the engines' figures of a
round are seconds apart and what the machine does to them it does to all. Works of a family are
compared with each other: their rounds alternate, too. A trial that fails, however it does, is a
finding about an engine, not the end: it is kept, and the engine gets a new stage.
"""

import itertools
import time

from stage import Stage
from tables import number
from trial import Trial
from works import FIGURES


def blocks(works):
    """[[[work, ...], ...]]: neighbours that share stages, and in there those that alternate."""
    shared = [list(group) for _, group in
              itertools.groupby(works, key=lambda work: work.family or work.shape)]
    return [[block] if block[0].family else [[work] for work in block] for block in shared]


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
        self.spoilt = set()  # places of stages that did not close

    def run(self, works):
        for work in works:
            self._tell_who_cannot(work)
        for block in blocks(works):
            self._run_block(block)

    def _tell_who_cannot(self, work):
        for name in self.plan.engines_of(work):
            if name in self.engines and name not in self._engines_for(work):
                self.skip("%s: no %s, which takes %d ports and an MTU of %d at most" % (
                    work.name, name, self.engines[name].max_ports, self.engines[name].max_mtu))

    def _engines_for(self, work):
        return [name for name in self.plan.engines_of(work) if name in self.engines
                and self.engines[name].max_ports >= work.shape.ports
                and self.engines[name].max_mtu >= work.shape.mtu]

    def _run_block(self, block):
        stages = {}
        try:
            for family in block:
                self._run_family(family, stages)
        finally:
            for stage in stages.values():
                self._close(stage)

    def _run_family(self, family, stages):
        """Until each has had its rounds, or the time is up."""
        left = {work.name: work for work in family if self._engines_for(work)}
        longest = dict.fromkeys(left, 0)
        for index in itertools.count() if left else ():
            for work in rotated(list(left.values()), index):
                rounds = self.plan.rounds_of(work)
                started = time.monotonic()
                if index < rounds and started + longest[work.name] <= self.deadline:
                    self._run_round(work, index, stages)
                    longest[work.name] = max(longest[work.name], time.monotonic() - started)
                    continue
                del left[work.name]
                if index < rounds:
                    self.skip("%s: stopped after %d of %d rounds, the time is up" % (
                        work.name, index, rounds))
            if not left:
                break
            self.save()

    def _run_round(self, work, index, stages):
        for name in rotated(self._engines_for(work), index):
            self._run_trial(work, index, name, stages)

    def skip(self, text):
        """Says loudly, and in the result, what is left out."""
        self.result["skipped"].append(text)
        self.say("SKIPPED " + text)

    def _stage(self, work, name, stages):
        """The engine's stage, running; a new one if the work needs that."""
        key = (name, work.shape)
        if key in stages and (work.fresh or not work.opens):
            self._close(stages.pop(key))
        if key not in stages:
            stages[key] = Stage(self.engines[name](), work.shape, self._free_place(name, stages))
            if work.opens:
                stages[key].open()
                self._remember_configuration(name, stages[key])
        elif stages[key].is_paused:
            stages[key].resume()
        return stages[key]

    def _remember_configuration(self, name, stage):
        """As it is on the first stage that the engine gets."""
        if name not in self.result["configurations"]:
            self.result["configurations"][name] = stage.engine.configuration(stage)

    def _free_place(self, name, stages):
        taken = self.spoilt | {stage.place for stage in stages.values()}
        places = (name if n == 0 else "%s.%d" % (name, n) for n in itertools.count())
        return next(place for place in places if place not in taken)

    def _run_trial(self, work, index, name, stages):
        started = time.monotonic()
        sample = {"work": work.name, "engine": name, "round": index}
        try:
            trial = Trial(self._stage(work, name, stages), self.plan.effort)
            values = work.run(trial)
            trial.stage.engine.check()
            sample.update(values=values, damage=trial.damage, notes=trial.notes)
        except Exception as error:  # whatever it is, the others' figures are worth having
            sample["failure"] = "%s: %s" % (type(error).__name__, error)
        self.result["samples"].append(sample)
        self._leave(work, name, stages, "failure" in sample)
        outcome = "FAILED: " + sample["failure"] if "failure" in sample else say_values(values)
        self.say("%-14s %d %-10s %s  (%.1f s)" % (
            work.name, index + 1, name, outcome, time.monotonic() - started))

    def _leave(self, work, name, stages, has_failed):
        stage = stages.get((name, work.shape))
        if stage is None:
            return
        if has_failed or not work.opens:
            self._close(stages.pop((name, work.shape)))
        else:
            stage.pause()

    def _close(self, stage):
        """Its namespaces and processes end with the benchmark at the latest."""
        try:
            stage.close()
        except Exception as error:
            self.spoilt.add(stage.place)
            self.skip("a stage of %s did not close: %s" % (stage.place, error))
