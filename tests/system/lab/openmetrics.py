# SPDX-License-Identifier: ISC
"""A strict reader of OpenMetrics 1.0 text, and of the text format 0.0.4: what is not said in the
standard is an error here. Only what a switch tells: no timestamps or exemplars."""

import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
HELP = re.compile(r'(?:[^\\\n"]|\\[\\n"])+')
SUFFIXES = {"counter": {"_total"}, "info": {"_info"}, "gauge": {""}, "stateset": {""},
            "histogram": {"_bucket", "_count", "_sum"}}
TYPES = {True: set(SUFFIXES), False: {"counter", "gauge", "histogram"}}


class MetricsError(Exception):
    pass


def need(condition, *what):
    if not condition:
        raise MetricsError(*what)


def unescape(text):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), text)


def parse_labels(text):
    labels = {}
    at = 0
    while at < len(text):
        match = LABEL.match(text, at)
        need(match and match[1] not in labels, "labels", text)
        labels[match[1]] = unescape(match[2])
        at = match.end()
        need(at == len(text) or (text[at] == "," and at + 1 < len(text)), "labels", text)
        at += 1
    return labels


def parse_sample(line):
    match = re.fullmatch(r"([^{ ]+)(?:\{(.+)\})? ([^ ]+)", line)
    need(match and NAME.fullmatch(match[1]) and NUMBER.fullmatch(match[3]), "sample", line)
    return match[1], parse_labels(match[2] or ""), float(match[3])


class Family:
    def __init__(self, name):
        self.name = name
        self.type = self.unit = self.help = None
        self.labels = None
        self.samples = {}

    def take_comment(self, keyword, rest):
        need(not self.samples, "a comment behind samples", self.name)
        need(getattr(self, keyword.lower()) is None, "a comment twice", self.name, keyword)
        if keyword == "HELP":
            need(HELP.fullmatch(rest), "help", rest)
        setattr(self, keyword.lower(), rest)

    def take_sample(self, name, labels, value, is_open):
        need(self.type in TYPES[is_open], "no known type before a sample", name)
        suffixes = SUFFIXES[self.type] if is_open or self.type == "histogram" else {""}
        need(name.startswith(self.name) and name[len(self.name):] in suffixes, "name", name, self.type)
        if self.type == "histogram":
            need((name == self.name + "_bucket") == ("le" in labels), "le", name, labels)
            labels = labels | {"sample": name[len(self.name):]}
        key = tuple(sorted(labels.items()))
        need(key not in self.samples, "twice", name, labels)
        names = labels.keys() - {"le"} if self.type == "histogram" else labels.keys()
        need(self.labels in (None, names), "other labels than before", name, labels)
        self.labels = names
        if self.type == "stateset" and is_open:
            need(self.name in labels and value in (0, 1), "state", labels, value)
        if self.type == "info":
            need(value == 1, "info", value)
        self.samples[key] = value

    def finish(self, is_open):
        need(self.type in TYPES[is_open], "type", self.name, self.type)
        need(self.help, "no help", self.name)
        need(not self.name.endswith(("_info", "_created", "_bucket")) or not is_open, self.name)
        need(self.name.endswith("_total") == (self.type == "counter") or is_open, self.name)
        need(not is_open or not self.name.endswith("_total"), self.name)
        need(not self.unit or self.name.endswith("_" + self.unit), self.name, self.unit)


def parse(text, is_open=True):
    """{family: Family}; MetricsError if there is anything wrong."""
    families = {}
    current = None
    need(text.endswith("\n"), "no line feed at the end")
    lines = text[:-1].split("\n")
    if is_open:
        need(lines.pop() == "# EOF", "no # EOF at the end")
    for line in lines:
        match = re.fullmatch(r"# (HELP|TYPE|UNIT) ([^ ]+) (.+)", line)
        if line.startswith("#"):
            need(match and NAME.fullmatch(match[2]), "comment", line)
            need(is_open or match[1] != "UNIT", line)
            if current is None or current.name != match[2]:
                need(match[2] not in families, "a family in two places", match[2])
                current = families[match[2]] = Family(match[2])
            current.take_comment(match[1], match[3])
        else:
            name, labels, value = parse_sample(line)
            need(current, "a sample before any family", line)
            current.take_sample(name, labels, value, is_open)
    for family in families.values():
        family.finish(is_open)
    check_states(families, is_open)
    for family in families.values():
        if family.type == "histogram":
            check_histogram(family)
    return families


def check_histogram(family):
    """Buckets are in order, count what those before them do, and the last one everything."""
    series = {}
    for key, number in family.samples.items():
        labels = dict(key)
        kind, bound = labels.pop("sample"), labels.pop("le", None)
        one = series.setdefault(tuple(labels.items()), {"_bucket": [], "_count": [], "_sum": []})
        one[kind].append(number if bound is None else (float(bound), number))
    for labels, one in series.items():
        need(len(one["_count"]) == len(one["_sum"]) == 1, "a count and a sum", family.name, labels)
        need(len(one["_bucket"]) > 1 and one["_bucket"] == sorted(one["_bucket"]), "order", one)
        numbers = [number for _, number in one["_bucket"]]
        need(numbers == sorted(numbers), "buckets do not add up", one)
        need(one["_bucket"][-1] == (float("inf"), one["_count"][0]), "the last bucket", one)


def check_states(families, is_open):
    """Of a set of states that exclude each other exactly one is."""
    for family in families.values():
        if family.type != "stateset" or not is_open:
            continue
        sums = {}
        for key, value in family.samples.items():
            rest = tuple(pair for pair in key if pair[0] != family.name)
            sums[rest] = sums.get(rest, 0) + value
        need(all(value == 1 for value in sums.values()), "states", family.name)


def value(families, family, **labels):
    """Of the one sample that has these labels."""
    found = [number for key, number in families[family].samples.items()
             if labels.items() <= dict(key).items()]
    need(len(found) == 1, "not one sample", family, labels, found)
    return found[0]


def turns_of(switch):
    """How many turns its loop has had: a daemon that spins has one every few microseconds."""
    return value(parse(switch.call("metrics").stdout), "ringspan_loop_turns")
