#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The benchmark's driver without its namespaces: figures, verdicts, the report, its arguments."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "system"))

import analysis
import bench
import micro
import peers
import plots
import report
import rounds
import stage
import stats
import tables
import targets
import trial
import work_addresses
import work_idle
import work_latency
import works


def sample(work, engine, number, damage=0, **values):
    return {"work": work, "engine": engine, "round": number, "notes": [], "values": values,
            "damage": {"received": 1000, "reordered": 0, "duplicated": 0, "corrupted": damage}}


def result(*samples):
    """As a run would have written it."""
    names = ("ringspan", "bridge", "vde")
    return {
        "format": 1, "plan": "quick", "effort": trial.QUICK._asdict(), "rounds": 3, "rounds_wide": 9, "rounds_others": 2,
        "configurations": {"vde": "vde_switch -x"}, "seconds": 1, "build": {"buildtype": "plain"},
        "machine": {"kernel": "6.1", "distribution": "Debian", "cpu": "a CPU", "cpus": 2,
                    "memory_mib": 1024, "iperf3": "iperf 3"},
        "engines": {name: {"title": name.title(), "version": None, "settings": "defaults",
                           "in_kernel": name == "bridge"} for name in names},
        "works": {work.name: {"title": work.title, "placement": work.placement,
                              "figures": work.figures, "absent": work.absent} for work in works.all_works()},
        "samples": list(samples), "skipped": [], "micro": [], "ceiling": None}


def verdict(found, text):
    return next(each for each in targets.judge(found) if each.target.text.startswith(text))


class Stats(unittest.TestCase):
    def test_summary(self):
        self.assertEqual(stats.summarize([3, 1, 2]), (2, 1, 3, 3))
        self.assertEqual(stats.summarize([4, 1, 2, 3]), (2.5, 1, 4, 4))
        self.assertIsNone(stats.summarize([]))

    def test_ratio_is_of_the_medians_and_its_spread_of_rounds(self):
        mine, theirs = {0: 10, 1: 20, 2: 60}, {0: 10, 1: 10, 2: 20}
        self.assertEqual(stats.ratio(mine, theirs), (2, 1, 3, 3))

    def test_ratio_takes_only_rounds_that_both_did(self):
        self.assertEqual(stats.ratio({0: 1, 1: 8, 2: 9}, {1: 4}), (2, 2, 2, 1))

    def test_no_ratio_to_nothing(self):
        self.assertIsNone(stats.ratio({0: 1}, {}))
        self.assertIsNone(stats.ratio({0: 1}, {0: 0}))


class Verdicts(unittest.TestCase):
    def words(self, mine, theirs):
        """Of round trips, of which less is better: floor 2, aim 1.5."""
        found = result(sample("latency", "ringspan", 0, p50_us=mine),
                       sample("latency", "bridge", 0, p50_us=theirs))
        return verdict(found, "round trip p50 unloaded, unpinned").word

    def test_less_is_better(self):
        self.assertEqual([self.words(mine, 10) for mine in (15, 16, 20, 21)],
                         ["aim", "floor", "floor", "missed"])

    def test_more_is_better(self):
        found = [result(sample("tcp-1", "ringspan", 0, gbps=mine),
                        sample("tcp-1", "bridge", 0, gbps=100)) for mine in (100, 99, 85, 84)]
        self.assertEqual([verdict(each, "TCP, default offloads, one").word for each in found],
                         ["aim", "floor", "floor", "missed"])

    def test_shortfall_of_the_generator_is_told(self):
        short = trial.shortfalls({"intended_pps": 1000, "tx_pps": 800, "sink_dropped": 3})
        self.assertEqual(len(short), 2)
        self.assertEqual(trial.shortfalls({"intended_pps": 0, "tx_pps": 800}), [])

    def test_what_was_not_measured_is_not_judged(self):
        self.assertEqual({each.word for each in targets.judge(result())}, {"not measured"})

    def test_damage_of_all_trials_counts(self):
        good, bad = sample("rate-64", "ringspan", 0), sample("rate-64", "ringspan", 1, damage=1)
        theirs = sample("rate-64", "vde", 0, damage=5)
        self.assertEqual(verdict(result(good, theirs), "reordered").word, "aim")
        found = result(good, bad, theirs)
        self.assertEqual(verdict(found, "reordered")[1:], (1, 1, 1, 1, "missed"))
        self.assertEqual(analysis.damage(found)["vde"]["corrupted"], 5)

    def test_uthash(self):
        found = result()
        found["micro"] = [
            {"operation": operation, "max_entries": 1024, "load": load, "ns": ns}
            for operation, load, ns in (("lookup_hit", 1, 10), ("uthash_hit", 1, 31),
                                        ("lookup_hit", 0.5, 10), ("uthash_hit", 0.5, 20))]
        self.assertEqual(verdict(found, "fdb look-up")[1:], (2.55, 2, 3.1, 2, "floor"))


class Report(unittest.TestCase):
    def setUp(self):
        self.result = result(
            sample("tcp-1", "ringspan", 0, gbps=9), sample("tcp-1", "ringspan", 1, gbps=11),
            sample("tcp-1", "bridge", 0, gbps=10), sample("tcp-1", "bridge", 1, gbps=10),
            {"work": "tcp-1", "engine": "vde", "round": 0, "failure": "it ended"})

    def test_work_table(self):
        rows = tables.work_table(self.result, "tcp-1").splitlines()
        self.assertIn("| ringspan | 10.0 (9.00–11.0) | 1.00 (0.90–1.10) |", rows[2])
        self.assertIn("| vde (1 failed) | – | – |", rows[4])

    def test_markdown_has_all_parts(self):
        text = report.markdown(self.result, "", "tools/bench")
        for part in ("Linux 6.1, Debian, 2 CPUs", "not measured", "nothing pinned",
                     "- tcp-1, vde: it ended", "| vde | 0 | 0 | 0 |"):
            self.assertIn(part, text)

    def test_who_takes_part(self):
        self.result["samples"] += [sample("hol", "ringspan", 0), sample("idle-2", "ringspan", 0),
                                   sample("idle-64", "ringspan", 0)]
        self.result["engines"]["vde"]["part"] = "sleeps"
        self.assertEqual(tables.parts(self.result).splitlines(), [
            "- `vde` sleeps.",
            "- `bridge` is not in `idle-2`, `idle-64`: it has no process that could wake up.",
            "- `vde` is not in `hol`: hosts have its taps themselves; it has no interface that could be "
            "shaped."])

    def test_a_run_ends_with_what_it_ran(self):
        self.assertIn("vde_switch -x", tables.summary(self.result))

    def test_the_ceiling_stands_beside_what_was_measured(self):
        self.result["ceiling"] = {"ceiling": [{"size": 60, "tx_pps": 9e5, "rx_pps": 8e5}]}
        text = tables.summary(self.result)
        self.assertIn("| 64 | 900 | 800 |\n\nOver a direct veth pair whoever sends", text)

    def test_how_long_trials_were(self):
        self.assertIn("each trial of a search: 0.3 s", tables.heading(self.result))

    def test_of_something_else(self):
        for text in ("", "{", "[]", '{"format": 2}'):
            with tempfile.TemporaryDirectory() as folder:
                path = folder + "/result.json"
                with open(path, "w") as file:
                    file.write(text)
                with self.assertRaisesRegex(report.NoResult, "result.json is no result"):
                    report.write(path, folder + "/report")

    def test_where_the_kernel_is_better(self):
        self.result["samples"] += [sample("latency", "ringspan", 0, p50_us=30),
                                   sample("latency", "bridge", 0, p50_us=12),
                                   sample("tcp-4", "ringspan", 0, gbps=5),
                                   sample("tcp-4", "bridge", 0, gbps=10)]
        rows = tables.kernel_table(self.result).splitlines()[2:]
        self.assertEqual([row.split(" | ")[-1] for row in rows], ["2.50 |", "2.00 |"])

    def test_readme_takes_the_tables_of_the_report(self):
        text = report.markdown(self.result, "![TCP](tcp.svg)\n![Idle](idle.svg)", "tools/bench")
        block = report.readme_block(text, "docs/bench")
        self.assertIn(tables.target_table(self.result), block)
        self.assertIn(tables.kernel_table(self.result), block)
        self.assertIn("![TCP](docs/bench/tcp.svg)", block)
        self.assertNotIn("idle.svg", block)

    def test_readme_is_changed_between_its_marks_only(self):
        before, after = "# X\n\n" + report.BEGIN, report.END + "\nmore\n"
        with tempfile.TemporaryDirectory() as folder:
            readme = folder + "/README.md"
            for _ in range(2):
                with open(readme, "w") as file:
                    file.write(before + "old\n" + after)
                text = report.markdown(self.result, "", "tools/bench")
                with contextlib.redirect_stdout(io.StringIO()):
                    report.update_readme(readme, text, folder + "/docs/bench")
                with open(readme) as file:
                    found = report.in_readme(file.read())
                self.assertEqual((found[0], found[2]), (before, after))
                self.assertEqual(found[1].strip(),
                                 report.readme_block(text, "docs/bench").strip())

    def test_plots_only_what_was_measured(self):
        drawn = {plot.name for plot in plots.PLOTS if plots.script(self.result, plot, "x")}
        self.assertEqual(drawn, {"tcp"})

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_same_result_same_bytes(self):
        contents = []
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):
                self.assertTrue(plots.draw(self.result, plots.PLOTS[0], folder + "/x.svg"))
                with open(folder + "/x.svg") as file:
                    contents.append(file.read())
        self.assertIn("ringspan", contents[0])
        self.assertEqual(contents[0], contents[1])


class Committed(unittest.TestCase):
    """What the README says is what the committed report says, and nothing if there is none."""

    def test_readme(self):
        root = os.path.join(HERE, "..", "..")
        with open(os.path.join(root, "README.md")) as file:
            _, shown, _ = report.in_readme(file.read())
        folder = "docs/bench"
        path = os.path.join(root, folder, report.NAME)
        wanted = ""
        if os.path.exists(path):
            with open(path) as file:
                wanted = report.readme_block(file.read(), folder)
        self.assertEqual(shown.strip(), wanted.strip())
        for name in re.findall(r"\((docs/bench/[^)]*)\)", shown):
            self.assertTrue(os.path.exists(os.path.join(root, name)), name)


class Arguments(unittest.TestCase):
    def plan(self, *argv):
        return bench.make_plan(bench.parse(argv))

    def test_quick_and_full(self):
        _, quick = self.plan("quick")
        self.assertEqual(len(self.plan("quick", "--engines", "ringspan")[1]), len(quick))
        plan, full = self.plan("full", "--rounds", "7")
        self.assertLess(len(quick), len(full))
        self.assertEqual(len(full), len(works.all_works()))
        self.assertEqual(plan.rounds, 7)

    def test_only_and_engines(self):
        plan, picked = self.plan("quick", "--only", "mesh-4,tcp-1", "--engines", "vde,bridge")
        self.assertEqual([work.name for work in picked], ["mesh-4", "tcp-1"])
        self.assertEqual(plan.engines_of(picked[0]), ["vde", "bridge"])

    def test_what_is_not_in_quick_can_be_asked_for(self):
        plan, (work,) = self.plan("quick", "--only", "mesh-4")
        self.assertEqual(tuple(plan.engines_of(work)), work.engines)

    def test_unknown_names(self):
        for argv in (("quick", "--only", "mesh-5"), ("full", "--engines", "hub")):
            with self.assertRaises(bench.Usage):
                self.plan(*argv)

    def test_refused(self):
        for argv in ((), ("fast",), ("quick", "--rounds", "0"), ("quick", "--rounds", "-1"),
                     ("report", "result.json")):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                bench.parse(argv)


class FakeStage:
    """Of which it is told when it closes, and what it is called."""

    def __init__(self, engine, shape, place):
        self.engine, self.shape, self.place = engine, shape, place
        self.is_paused = False

    def open(self):
        self.engine.opened.append(self.place)

    def pause(self):
        self.is_paused = True

    def resume(self):
        self.is_paused = False

    def close(self):
        if self.engine.cannot_close:
            raise OSError("busy")


class FakeEngine:
    max_ports, max_mtu = 64, 9000
    cannot_close = False
    opened = []

    def check(self):
        pass

    def configuration(self, stage):
        return "like " + stage.place


class BadEngine(FakeEngine):
    cannot_close = True
    opened = []


class Rounds(unittest.TestCase):
    def setUp(self):
        self.real, rounds.Stage = rounds.Stage, FakeStage
        self.order, self.said, self.saved = [], [], []
        FakeEngine.opened, BadEngine.opened = [], []
        self.result = {"samples": [], "skipped": [], "configurations": {}}
        plan = bench.PLANS["full"]._replace(
            rounds=2, others=2, wide=2, engines_of=lambda work: work.engines)
        self.session = rounds.Session(plan, {"good": FakeEngine, "bad": BadEngine}, self.result,
                                      lambda: self.saved.append(len(self.result["samples"])),
                                      self.said.append)

    def tearDown(self):
        rounds.Stage = self.real

    def work(self, name, run=None, **fields):
        def measure(trial):
            self.order.append((name, trial.stage.engine.__class__))
            return run(trial) if run else {"kpps": 1}
        return works.Work(name=name, title=name, shape=fields.pop("shape", 2), figures=("kpps",),
                          engines=("good", "bad"), quick=(), run=measure, **fields)

    def run_works(self, *listed):
        shapes = {2: stage.Shape(2), 64: stage.Shape(64)}
        self.session.run([work._replace(shape=shapes[work.shape]) for work in listed])

    def test_a_failure_of_whatever_kind_is_one_trial(self):
        def fail(trial):
            if isinstance(trial.stage.engine, BadEngine):
                raise KeyError("rx_pps")
            return {"kpps": 1}
        self.run_works(self.work("a", fail), self.work("b"))
        self.assertEqual(len(self.order), 8)
        failed = [each for each in self.result["samples"] if "failure" in each]
        self.assertEqual([each["engine"] for each in failed], ["bad", "bad"])
        self.assertIn("KeyError", failed[0]["failure"])
        self.assertTrue(any("FAILED" in text for text in self.said))

    def test_what_did_not_close_is_not_used_again(self):
        self.run_works(self.work("a", fresh=True), self.work("b"))
        self.assertEqual(FakeEngine.opened, ["good", "good"])
        self.assertEqual(len(set(BadEngine.opened)), len(BadEngine.opened))

    def test_saved_after_each_round(self):
        self.run_works(self.work("a"), self.work("b"))
        self.assertEqual([n for n in self.saved if n], [2, 4, 6, 8])
        self.assertEqual(self.result["configurations"], {"good": "like good", "bad": "like bad"})

    def test_who_cannot_do_it_is_left_out_loudly(self):
        self.session.run([self.work("a")._replace(shape=stage.Shape(128, mtu=9216))])
        self.assertEqual(self.order, [])
        self.assertEqual(self.result["skipped"], [
            "a: no good, which takes 64 ports and an MTU of 9000 at most",
            "a: no bad, which takes 64 ports and an MTU of 9000 at most"])

    def test_a_family_alternates_and_its_stages_stand_together(self):
        self.run_works(self.work("a", family="f"), self.work("b", family="f", shape=64))
        self.assertEqual([name for name, _ in self.order], list("aabbbbaa"))
        self.assertEqual(FakeEngine.opened, ["good", "good.1"])

    def test_interrupted(self):
        def interrupt(trial):
            raise KeyboardInterrupt
        arguments = bench.parse(("full", "--only", "mesh-4"))
        listed = [self.work("a"), self.work("b", interrupt)]
        shaped = [work._replace(shape=stage.Shape(2)) for work in listed]
        bench.measure(arguments, shaped, self.result, self.session)
        self.assertEqual(len(self.result["samples"]), 4)
        self.assertIn("interrupted", self.result["skipped"][-1])


class Pieces(unittest.TestCase):
    def test_names_fit(self):
        for work in works.all_works():
            self.assertLessEqual(set(work.quick), set(work.engines), work.name)
            self.assertLessEqual(set(work.engines), set(bench.ENGINES), work.name)
            self.assertLessEqual(set(work.figures), set(works.FIGURES), work.name)

    def test_nobody_is_left_out_without_a_word(self):
        for work in works.all_works():
            self.assertEqual(set(work.absent), {"bridge", "ovs", "vde"} - set(work.engines), work.name)
        for name in set(bench.ENGINES) - {"ringspan", "bridge", "vde"}:
            self.assertTrue(bench.ENGINES[name].part, name)

    def test_everybody_has_a_colour_of_his_own(self):
        self.assertEqual(set(plots.COLOURS), set(bench.ENGINES))
        self.assertEqual(len(set(plots.COLOURS.values())), len(plots.COLOURS))

    def test_open_vswitch_is_told_of_segments_before_it_starts(self):
        asked = []
        for engine in (peers.OpenVSwitch(), peers.OpenVSwitchTso()):
            engine.place = "x"
            engine.vsctl = lambda *words: asked.append(words[1])
            engine._spawn = lambda *words: asked.append(words[0])
            with mock.patch.multiple(peers, run=mock.DEFAULT, eventually=mock.DEFAULT), \
                    mock.patch("os.makedirs"):
                engine.start(stage.Stage(engine, stage.Shape(2)))
        plain = ["ovsdb-server", "init", "ovs-vswitchd", "br0"]
        self.assertEqual(asked, plain + plain[:2] + ["set"] + plain[2:])

    def test_targets_name_figures_that_exist(self):
        table = {work.name: work for work in works.all_works()}
        for target in targets.TARGETS:
            for side in (target.mine, target.theirs):
                if isinstance(side, tuple):
                    work, engine, figure = side
                    self.assertIn(figure, table[work].figures)
                    self.assertIn(engine, table[work].engines)

    def test_rotation_gives_everybody_each_place(self):
        order = [rounds.rotated(["a", "b", "c"], number) for number in range(3)]
        self.assertEqual([set(place) for place in zip(*order)], [{"a", "b", "c"}] * 3)

    def test_judged_work_is_in_quick_and_gets_most_rounds(self):
        table = {work.name: work for work in works.all_works()}
        full = bench.PLANS["full"]
        for name in bench.JUDGED:
            self.assertTrue(table[name].quick, name)
            self.assertGreaterEqual(full.rounds_of(table[name]), 5, name)
        self.assertEqual(full.rounds_of(table["ports-64"]), full.wide)
        self.assertEqual(full.rounds_of(table["mesh-4"]), full.others)
        self.assertEqual(full.rounds_of(table["idle-2"]), 1)

    def test_largest(self):
        for limit in (1, 2, 500, 1023):
            self.assertEqual(work_addresses.largest(lambda n: n <= limit, 1, 1024, 1024), limit)
            found = work_addresses.largest(lambda n: n <= limit, 1, 1024, 16)
            self.assertLessEqual(found, limit)
            self.assertGreaterEqual(found, limit - limit // 16)

    def test_capacity_is_no_question_of_speed(self):
        def switch(room, pps_at_most=10**9):
            return lambda count, pps: min(count, room) * min(pps, pps_at_most) // pps
        for room in (1500, 8191, 65535):
            for pps in (10**9, 12000):
                found = work_addresses.capacity_of(switch(room, pps))
                self.assertLessEqual(found, room)
                self.assertGreaterEqual(found, room - room // work_addresses.CAPACITY_STEPS)
        self.assertIsNone(work_addresses.capacity_of(switch(10**6, 12000)))
        self.assertEqual(work_addresses.capacity_of(switch(100)), 0)

    def test_how_many_fit_is_not_asked_too_often(self):
        """Each question is a switch that forgets all and learns tens of thousands again."""
        asked = []
        def learned(count, _):
            asked.append(count)
            return min(count, 65535)
        work_addresses.capacity_of(learned)
        self.assertLessEqual(len(asked), 13)

    def test_slow_rates_are_not_tried_in_vain(self):
        asked = []
        def learned(count, pps):
            asked.append(pps)
            return min(count, 65535)
        work_addresses.capacity_of(learned)
        self.assertEqual([pps for pps in asked if pps != 40000], [10000])

    def test_what_is_flooded_is_not_known(self):
        def answer(**counts):
            return work_addresses.known(dict({
                "count": 1280, "learning_sent": 1280, "learning_received": 1280, "flooded": 0,
                "lost": 0, "learned": 1280 - sum(counts.values())}, **counts))
        self.assertEqual(answer(), 1280)
        self.assertEqual(answer(lost=10), 1280)
        self.assertEqual(answer(lost=11), 1269)
        self.assertEqual(answer(flooded=1), 1279)

    def test_highest_rate(self):
        for limit, wanted in ((200000, 160000), (100000, 80000), (150000, 112000), (9000, 7000), (3000, 0)):
            def attempt(pps):
                achieved = 160000 if pps == "max" else pps
                return achieved <= limit, achieved
            self.assertEqual(work_addresses.highest_rate(attempt), wanted)

    def test_damage_of_a_search_is_that_of_all_its_trials(self):
        watched = trial.Trial(None, trial.QUICK)
        watched.take({"received": 50, "duplicated": 3, "late": 1, "best": None, "load": None})
        watched.take({"received": 50, "corrupted": 2, "best": {
            "received": 20, "corrupted": 1, "intended_pps": 100, "tx_pps": 50}})
        watched.take({"count": 9, "lost": 0, "load": {"received": 7, "reordered": 4}})
        self.assertEqual(watched.damage, {"received": 107, "reordered": 4, "duplicated": 3,
                                          "corrupted": 2, "late": 1, "misdelivered": 0})
        self.assertEqual(watched.notes, ["less was offered than intended"])

    def test_round_trips_have_their_price(self):
        class Stub(trial.Trial):
            def traffic(self, command, *options):
                return {"p50": 40000, "p99": 90000, "lost": 0, "count": 9, "load": None,
                        "elapsed_ns": 10**9, "cpu": {"watched_ns": 6 * 10**8, "busy_ns": 13 * 10**8}}

        def values(engine):
            shown = stage.Stage(engine(), stage.Shape(2))
            return work_latency.round_trips()(Stub(shown, trial.QUICK))
        ours, kernels = values(bench.Ringspan), values(bench.Bridge)
        self.assertEqual((ours["cpu_percent"], ours["busy_percent"]), (60, 130))
        self.assertEqual((kernels.get("cpu_percent"), kernels["busy_percent"]), (None, 130))

    def test_idle_is_who_has_something_to_forget(self):
        done = []

        class Stub(trial.Trial):
            def traffic(self, command, *options):
                done.append(options[options.index("--dst-macs") + 1])
        shown = stage.Stage(bench.Ringspan(), stage.Shape(2))
        with mock.patch.object(work_idle, "let_pass", done.append):
            values = work_idle.idle(Stub(shown, trial.FULL))
        self.assertEqual(done, [512, 1, 9.75])
        self.assertEqual(values["wakeups_per_s"], 0)

    def test_iperf_that_broke_off_carried_nothing(self):
        self.assertEqual(trial.broken_off('{"error": "unable to connect"}'), "unable to connect")
        self.assertIn("does not say", trial.broken_off(""))
        self.assertEqual(trial.received_gbps('{"error": "unable to connect"}'), 0)
        self.assertEqual(trial.received_gbps(""), 0)
        self.assertEqual(
            trial.received_gbps('{"end": {"sum_received": {"bits_per_second": 2e9}}}'), 2)

    def test_micro_row(self):
        row = {"benchmark": "fdb", "operation": "x", "of": 5, "ns": 9, "ns_min": 8, "ns_max": 20}
        self.assertEqual(tables.micro_row(row), ["fdb", "x", "of 5", "9.00 (8.00–20.0)"])

    def test_micro_log(self):
        printed = '{"operation": "x", "ns": 1.5}\nend\n'
        printed += json.dumps({"skipped": "no uthash"})
        log = json.dumps({"name": "bench / fdb", "stdout": printed})
        self.assertEqual(micro.parse_log(log), (
            [{"operation": "x", "ns": 1.5, "benchmark": "fdb"}], ["fdb: no uthash"]))


class Help(unittest.TestCase):
    """Nothing is installed or built for it: there is not even a compiler to be found."""

    def test_it_is_said_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("dirname", "python3"):
                os.symlink(shutil.which(name), os.path.join(folder, name))
            done = subprocess.run(
                ["/bin/bash", os.path.join(HERE, "..", "..", "tools", "bench"), "quick", "--help"],
                env={"PATH": folder}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("usage: tools/bench quick", done.stdout)


if __name__ == "__main__":
    unittest.main()
