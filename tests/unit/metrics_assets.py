#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The dashboard and the alert rules speak of metrics, labels and words that there are.

usage: metrics_assets.py PAGE DASHBOARD ALERTS (what there is comes from the page ringspan-metrics(7),
which another test holds to the program)
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PAGE, DASHBOARD, ALERTS = (pathlib.Path(path).read_text() for path in sys.argv[1:4])
ALERTS_PATH = sys.argv[3]
SCRAPED = {"job", "instance"}  # labels that Prometheus adds
# What Grafana fills in: any value does.
VARIABLES = {"$__rate_interval": "5m", "$job": "ringspan", "$instance": "i", "$bridge": ".*",
             "$port": ".*"}

METRIC = re.compile(r"^\*((?:ringspan|process)_\w+)\* \((\w+)(?:: ([\w, ]+))?\)$", re.MULTILINE)
REASON = re.compile(r"^\*(\w+)\* \((receive|transmit), (filtered|lost)\)$", re.MULTILINE)
USE = re.compile(r"\b((?:ringspan|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def metrics():
    """{name: labels}"""
    found = {}
    for name, kind, text in METRIC.findall(PAGE):
        labels = set(text.split(", ")) if text else set()
        if kind == "histogram":
            found |= {name + "_bucket": labels | {"le"}, name + "_count": labels, name + "_sum": labels}
        else:
            found[name] = labels
    return found


def words():
    """{label: the values that it has}, where they are few."""
    reasons = REASON.findall(PAGE)
    def listed(label):
        text = re.search(rf"^\*{label}\*\n\t(.*)$", PAGE, re.MULTILINE)[1]
        return set(re.findall(r"_(\w+?)_", text.split(", see")[0]))
    return {"reason": {reason for reason, _, _ in reasons}, "class": {"filtered", "lost"},
            **{label: listed(label) for label in
               ("ringspan_port_state", "protocol", "result", "sum")}}


def dashboard_expressions():
    for panel in json.loads(DASHBOARD)["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def dashboard_queries():
    for variable in json.loads(DASHBOARD)["templating"]["list"]:
        if variable["type"] == "query":
            yield re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()


def alert_expressions():
    return re.findall(r"^\s+expr: (.*)$", ALERTS, re.MULTILINE)


def fill_in(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


class Assets(unittest.TestCase):
    def check_expression(self, expression):
        uses = USE.findall(expression)
        # A metric's name is a label's, too, for a stateset.
        for name, matchers in uses:
            if name not in metrics():
                self.fail(f"{expression}: there is no {name}")
            for label, _, value in MATCHER.findall(matchers or ""):
                self.assertIn(label, metrics()[name] | SCRAPED, expression)
                self.check_value(label, value, expression)
        return len(uses)

    def check_value(self, label, value, expression):
        if label not in words() or value.startswith("$"):
            return
        for word in value.split("|"):
            self.assertTrue(any(re.fullmatch(word, each) for each in words()[label]),
                            f"{expression}: {label} is never {word}")

    def check_all(self, expressions, least):
        expressions = list(expressions)
        self.assertGreaterEqual(len(expressions), least)
        for expression in expressions:
            uses = self.check_expression(expression)
            self.assertTrue(uses or expression.startswith("up{"), expression)

    def test_page(self):
        self.assertGreater(len(metrics()), 40)
        self.assertGreater(len(words()["reason"]), 20)
        self.assertEqual(words()["result"], {"forwarded", "dropped", "consumed"})
        self.assertEqual(len(words()["ringspan_port_state"]), 7)

    def test_this_test(self):
        for wrong in ("ringspan_ports", 'ringspan_bridges{bridge="x"}',
                      'ringspan_port_receive_drop_total{class="gone"}'):
            with self.assertRaises(AssertionError):
                self.check_expression(wrong)

    def test_dashboard(self):
        self.check_all(dashboard_expressions(), 20)
        for series, label in dashboard_queries():
            self.check_expression(series)
            self.assertIn(label, metrics()[USE.match(series)[1]] | SCRAPED)

    def test_dashboard_is_whole(self):
        document = json.loads(DASHBOARD)
        idents = [panel["id"] for panel in document["panels"]]
        self.assertEqual(len(idents), len(set(idents)))
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in document["panels"]]
        self.assertEqual(len(places), len(set(places)))
        names = {variable["name"] for variable in document["templating"]["list"]}
        for expression in dashboard_expressions():
            used = set(re.findall(r"\$(?!__)\{?(\w+)", expression))
            self.assertLessEqual(used, names)

    def test_alerts(self):
        self.check_all(alert_expressions(), 8)
        names = re.findall(r"- alert: (\w+)", ALERTS)
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(names), len(alert_expressions()))
        # What stands in braces is a label that the expression has left.
        for label in re.findall(r"\$labels\.(\w+)", ALERTS):
            self.assertIn(label, set().union(SCRAPED, *metrics().values()))

    def test_promtool(self):
        """All expressions are PromQL."""
        promtool = shutil.which("promtool")
        if not promtool:
            self.skipTest("SKIPPED: no promtool (Debian: prometheus): nobody has parsed the PromQL")
        with tempfile.TemporaryDirectory() as folder:
            rules = pathlib.Path(folder, "dashboard.yaml")
            rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
                {"record": f"panel:{i}", "expr": fill_in(expression)}
                for i, expression in enumerate(dashboard_expressions())]}]}))
            for path in (ALERTS_PATH, rules):
                done = subprocess.run([promtool, "check", "rules", path], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


unittest.main(argv=sys.argv[:1], verbosity=2)
