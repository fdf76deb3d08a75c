#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The JSON Schema and the parser judge alike, as far as a schema can say it.

usage: config_schema.py RINGSPAN JUDGE SCHEMA CORPUS_FOLDER EXAMPLES_FOLDER
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import unittest

RINGSPAN, JUDGE, SCHEMA, CORPUS, EXAMPLES = (pathlib.Path(path) for path in sys.argv[1:6])

# What is said about a text that no schema can refuse; config_schema.h lists the same.
BEYOND_A_SCHEMA = re.compile(
    r"the rate is in packets and the burst in bytes|is for ports of type|is for bridges that|a wire|of this mode|is taken by|is used by|this bridge has no port|static entries are too many"
    r"|ports are too many|matches nothing|without its ']'|before it begins"
    r"|the byte 0xA0|expected an integer, not (\d+\.0|3e2)$"
    r"|'.*[^\0-\x7f].*' has \d+ bytes"
    r"|runs backwards|transparent to tags|of a VLAN-aware bridge needs|^the mode '.*' needs"
    r"|^a port of mode|has another VID outside|not allowed on this port|nothing to translate"
    r"|has no VID outside|is not in VLAN"
    r"|is the output_port of|is a source of this mirror already|is where the copies go")

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


# ---- as much of draft-07 as the schema uses ----

def is_a(value, name):
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name]) and isinstance(value, bool) == (name == "boolean")


def matches(pattern, text):
    # ECMA's $ is the end of the text, Python's may be before a last line break.
    return re.search(pattern.replace("$", r"\Z"), text) is not None


RULES = {
    "type": lambda value, rule: is_a(value, rule),
    "const": lambda value, rule: value == rule,
    "enum": lambda value, rule: value in rule,
    "minimum": lambda value, rule: not is_a(value, "integer") or value >= rule,
    "maximum": lambda value, rule: not is_a(value, "integer") or value <= rule,
    "minLength": lambda value, rule: not is_a(value, "string") or len(value) >= rule,
    "maxLength": lambda value, rule: not is_a(value, "string") or len(value) <= rule,
    "pattern": lambda value, rule: not is_a(value, "string") or matches(rule, value),
    "uniqueItems": lambda value, rule: not is_a(value, "array") or len(set(map(str, value))) == len(value),
    "minItems": lambda value, rule: not is_a(value, "array") or len(value) >= rule,
    "maxItems": lambda value, rule: not is_a(value, "array") or len(value) <= rule,
    "patternProperties": lambda value, rule: not is_a(value, "object") or all(
        accepts(rule[p], value[key]) for p in rule for key in value if matches(p, key)),
    "maxProperties": lambda value, rule: not is_a(value, "object") or len(value) <= rule,
    "items": lambda value, rule: not is_a(value, "array") or all(accepts(rule, v) for v in value),
    "not": lambda value, rule: not accepts(rule, value),
    "anyOf": lambda value, rule: any(accepts(each, value) for each in rule),
    "oneOf": lambda value, rule: sum(accepts(each, value) for each in rule) == 1,
    "allOf": lambda value, rule: all(accepts(each, value) for each in rule),
    "dependencies": lambda value, rule: not is_a(value, "object") or all(
        accepts({"required": rule[key]} if is_a(rule[key], "array") else rule[key], value)
        for key in value if key in rule),
    "required": lambda value, rule: not is_a(value, "object") or all(key in value for key in rule),
    "properties": lambda value, rule: not is_a(value, "object") or all(
        accepts(rule[key], value[key]) for key in value if key in rule),
}
ANNOTATIONS = {"$schema", "title", "description", "default"}


def accepts(schema, value):
    rules = schema.keys() - ANNOTATIONS - {"additionalProperties"}
    if not all(RULES[rule](value, schema[rule]) for rule in rules):  # KeyError: teach it the rule
        return False
    if schema.get("additionalProperties", True) is not False or not is_a(value, "object"):
        return True
    patterns = schema.get("patternProperties", {})
    return all(key in schema.get("properties", {}) or any(matches(p, key) for p in patterns)
               for key in value)


# ---- the parser ----

class Judge:
    """The parser, in a process (config_judge.c) that takes one text after the other."""

    def __init__(self):
        self.process = subprocess.Popen([JUDGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def errors_of(self, text):
        """What it says about a text; [] if it takes it."""
        self.process.stdin.write(b"%d\n%s" % (len(text), text))
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def finish(self):
        """Its exit status: a sanitizer may have something to say."""
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def checked(path):
    """What `ringspan check` says about a file."""
    result = subprocess.run([RINGSPAN, "-j", "check", path], capture_output=True, check=False)
    return [error["message"] for error in json.loads(result.stdout)]


def refuse_constant(name):
    raise ValueError(name)


def refuse_repeated_keys(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def load(text):
    """What an editor has in its hands before it looks at a schema; ValueError if it has nothing."""
    return json.loads(text.decode(), object_pairs_hook=refuse_repeated_keys,
                      parse_constant=refuse_constant)


# ---- texts ----

def unescape(text):
    return re.sub(rb"\\x(..)", lambda match: bytes.fromhex(match[1].decode()), text)


def corpus():
    """(name, text) of each case; the format is test_config_corpus.c's."""
    for path in sorted(CORPUS.glob("*.txt")):
        for case in re.split(rb"^=== ", path.read_bytes(), flags=re.MULTILINE)[1:]:
            name, _, rest = case.partition(b"\n")
            text = rest[:rest.index(b"---")].removesuffix(b"\n")
            yield name.decode(), unescape(text) if name.endswith(b"(escaped)") else text


RESERVED = {"preset": "all", "stp": "drop", "pause": "forward", "lacp": "consume", "dot1x": "drop",
            "lldp": "forward", "other": "drop", "cisco": "consume", "description": "d"}
LIMIT = {"rate": "10mbit", "burst": "64KiB", "description": "d"}
STORM_CONTROL = {"broadcast": LIMIT, "multicast": LIMIT, "unknown_unicast": LIMIT, "description": "d"}
POLICING = {"ingress": LIMIT, "egress": LIMIT, "description": "d"}

FULL = {
    "$schema": "x", "version": 1, "description": "d",
    "bridges": [{"name": "b", "description": "d", "aging_time": 300, "mode": "switch", "reserved": RESERVED,
                 "vlan_aware": True, "ethertype": "0x8100",
                 "isolate_host": False, "latency": {"every": 64, "description": "d"},
                 "fdb": {"max_entries": 65536, "description": "d",
                         "move_limit": {"max": 5, "interval": 60, "hold": 60, "description": "d"},
                         "static": [{"mac": "02:00:00:00:00:01", "vlan": 8, "port": "p", "sticky": True,
                                     "description": "d"}]},
                 "ports": [{"name": "p", "ifname": "i", "type": "tap", "qdisc_bypass": True, "gro": "on",
                            "admin_state": "down", "netns": "n", "description": "d", "owner": "o",
                            "group": "g", "mtu": 1500, "mac": "02:00:00:00:00:01",
                            "speed": 10000, "persist": True, "isolate_host": True,
                            "reserved": RESERVED, "storm_control": STORM_CONTROL, "policing": POLICING,
                            "learning": False, "hairpin": True, "isolation_group": 7,
                            "mac_limit": {"max": 5, "action": "shutdown", "recovery": 60,
                                          "description": "d"},
                            "flood": {"unknown_unicast": False, "multicast": True,
                                      "broadcast": False, "description": "d"},
                            "vlan": {"mode": "native_tagged", "pvid": 1, "allowed": [5, "7-9"],
                                     "acceptable_frame_types": "all", "description": "d"},
                            "translate": {"5": 8}},
                           {"match": "e*", "max": 5, "vlan": {"mode": "access", "pvid": 5}},
                           {"name": "q"}],
                 "flood_vlans": [5, "7-9"],
                 "mirror": [{"name": "m", "from": [{"port": "p", "direction": "ingress"}, {"match": "e?"}],
                             "direction": "egress",
                             "vlans": [5, "7-9"], "output_port": "q", "snaplen": 64, "description": "d"},
                            {"name": "n", "output_vlan": 10}]}],
    "defaults": {"description": "d", "port": {
        "type": "tap", "netns": "n", "isolate_host": False, "qdisc_bypass": True, "gro": "off",
        "admin_state": "up", "description": "d", "owner": "o", "group": "g", "mtu": 1500,
        "speed": 10000, "persist": True, "reserved": RESERVED,
        "learning": False, "hairpin": True, "isolation_group": 7,
        "mac_limit": {"max": 5, "action": "shutdown", "recovery": 60, "description": "d"},
        "storm_control": STORM_CONTROL, "policing": POLICING,
        "flood": {"unknown_unicast": False, "multicast": True, "broadcast": False,
                  "description": "d"},
        "vlan": {"mode": "native_tagged", "pvid": 1, "allowed": [5, "7-9"],
                 "acceptable_frame_types": "all", "description": "d"}}},
    "daemon": {"description": "d", "control": {"socket": "/s", "group": "g", "description": "d"},
               "log": {"level": "info", "description": "d"}, "cpu": [0, "2-3"],
               "metrics": {"listen": "127.0.0.1:9955", "description": "d"},
               "recorder": {"memory": "16MiB", "triggers": ["drop:runt"], "after": 5, "description": "d"}},
}


def siblings(path):
    """The paths of all elements of a list, of one of which this is the path."""
    is_element = path and isinstance(path[-1], int)
    return [(*path[:-1], i) for i in range(len(at(FULL, path[:-1])))] if is_element else [path]


def holder(path, key):
    """Not all keys go together: the element that has this one."""
    return next((each for each in siblings(path) if key in at(FULL, each)), path)


def places(schema, path=()):
    """(path in FULL, schema) of everything."""
    yield path, schema
    for key, value in schema.get("properties", {}).items():
        yield from places(value, (*holder(path, key), key))
    if "items" in schema:
        yield from places(schema["items"], (*path, 0))
    for each in schema.get("oneOf", []):
        yield from places(each, path)
    if {"type": "null"} in schema.get("anyOf", []):
        yield from places(schema["anyOf"][0], path)


def at(document, path):
    for step in path:
        document = document[step]
    return document


def without_what_names_ports():
    """FULL where the ports may be others, or none."""
    document = copy.deepcopy(FULL)
    del document["bridges"][0]["fdb"]["static"]
    return document


def elements_of(path, n):
    if path[-1] == "static":
        return [{"mac": f"02:00:00:00:{i >> 8:02x}:{i & 255:02x}", "vlan": 5, "port": "p"}
                for i in range(n)]
    if path[-1] == "triggers":
        recorder = json.loads(SCHEMA.read_text())["properties"]["daemon"]["properties"]["recorder"]
        return (recorder["properties"]["triggers"]["items"]["enum"] * 2)[:n]
    if path[-1] == "from":
        return [{"port": f"x{i}"} for i in range(n)]
    if path[-1] == "mirror":
        return [{"name": f"x{i}", "output_port": "q"} for i in range(n)]
    if path[-1] in ("allowed", "vlans", "flood_vlans"):
        return [i % 4094 + 1 for i in range(n)]
    return [{"name": f"x{i}"} for i in range(n)]


def changed(path, value, document=FULL):
    """The document with another value at a place."""
    document = copy.deepcopy(document)
    if not path:
        return value
    at(document, path[:-1])[path[-1]] = value
    return document


ODD_TEXTS = ["", ".", "..", "...", "lo", "lo0", "xlo", "/", "//", "/a", "/a/", "/a/b", "a/b", "-", "-a",
             "a-", "a,b", "a:b", "a%d", "é", "日本", "\u00a0", "a\n", "\n"]
ODD_MACS = ["00:00:00:00:00:00", "01:00:00:00:00:00", "0a:bC:dE:f0:12:34", "0F:00:00:00:00:00",
            "02:00:00:00:00", "02:00:00:00:00:00:00", "02-00-00-00-00-01", "ff:ff:ff:ff:ff:ff", "2:0:0:0:0:1"]
ODD_CHARACTERS = [*range(1, 0x30), 0x3a, 0x40, 0x5c, 0x7f, 0x80, 0x9f, 0xa1]


class Schema(unittest.TestCase):
    def setUp(self):
        self.schema = json.loads(SCHEMA.read_text())
        self.judge = Judge()

    def tearDown(self):
        self.assertEqual(self.judge.finish(), 0)

    def agree(self, text, about):
        """Both judge alike, or the parser has reasons that no schema can have. Returns the schema's
        verdict."""
        errors = self.judge.errors_of(text)
        try:
            value = load(text)
        except (ValueError, RecursionError):
            self.assertTrue(errors, about)
            return False
        expected = all(BEYOND_A_SCHEMA.search(error) for error in errors)
        self.assertEqual(accepts(self.schema, value), expected, (about, text, errors))
        return expected

    def agree_on(self, document):
        return self.agree(json.dumps(document).encode(), "generated")

    def test_what_is_installed_is_what_is_printed(self):
        printed = subprocess.run([RINGSPAN, "schema"], capture_output=True, check=True).stdout
        self.assertEqual(SCHEMA.read_bytes(), printed)

    def test_corpus(self):
        verdicts = [self.agree(text, name) for name, text in corpus()]
        self.assertGreater(verdicts.count(True), 30)
        self.assertGreater(verdicts.count(False), 120)

    def test_examples(self):
        examples = sorted(EXAMPLES.glob("*.json"))
        self.assertGreater(len(examples), 2)
        for path in examples:
            self.assertTrue(self.agree(path.read_bytes(), path.name))
            self.assertEqual(checked(path), [], path.name)

    def test_a_document_with_everything(self):
        self.assertEqual(self.judge.errors_of(json.dumps(FULL).encode()), [])
        self.assertTrue(self.agree_on(FULL))
        for path, schema in places(self.schema):
            if "patternProperties" in schema:
                continue
            if "oneOf" in schema or "anyOf" in schema or not is_a(at(FULL, path), schema.get("type", "object")):
                continue
            keys = [set(at(FULL, each)) for each in siblings(path) if is_a(at(FULL, each), "object")]
            self.assertEqual(set().union(*keys), set(schema.get("properties", {})), path)

    def test_types(self):
        for path, schema in places(self.schema):
            for value in ({}, [], "", "5", 5, 5.5, True, None, [1], ["x"]):
                self.agree_on(changed(path, value))

    def test_ranges_and_words(self):
        for path, schema in places(self.schema):
            inside = [schema[key] for key in ("const", "minimum", "maximum", "default") if key in schema]
            inside += schema.get("enum", [])
            outside = [schema["minimum"] - 1, schema["maximum"] + 1] if "minimum" in schema else []
            outside += [schema["const"] + 1] if "const" in schema else []
            outside += [word.upper() for word in schema.get("enum", [])]
            for value in inside:
                self.assertTrue(self.agree_on(changed(path, value)), (path, value))
            for value in outside:
                self.assertFalse(self.agree_on(changed(path, value)), (path, value))

    def test_keys(self):
        for path, schema in places(self.schema):
            if "properties" not in schema:
                continue
            self.assertFalse(self.agree_on(changed((*path, "unknown"), 1)), path)
            for key in schema["properties"]:
                document = without_what_names_ports() if key == "ports" else copy.deepcopy(FULL)
                del at(document, holder(path, key))[key]
                needed = schema["required"] + [each["required"][0] for one in schema.get("allOf", [])
                                               for each in one["anyOf"]]
                self.assertEqual(self.agree_on(document), key not in needed, (path, key))

    def test_text(self):
        rules = set()
        for path, schema in places(self.schema):
            rule = schema.get("pattern"), schema.get("maxLength")
            if schema.get("type") != "string" or "enum" in schema or rule in rules:
                continue
            rules.add(rule)
            texts = ODD_TEXTS + ODD_MACS + [f"/a{chr(c)}b" for c in ODD_CHARACTERS]
            texts += [f"a{chr(c)}b" for c in ODD_CHARACTERS]
            if schema["maxLength"] < 1000:
                texts += ["/" + "a" * (schema["maxLength"] - 1), "/" + "a" * schema["maxLength"],
                          "a" * schema["maxLength"], "a" * (schema["maxLength"] + 1)]
            for text in texts:
                self.agree_on(changed(path, text))

    def test_lists(self):
        for path, schema in places(self.schema):
            if schema.get("type") != "array":
                continue
            for n in (0, 1, schema["maxItems"], schema["maxItems"] + 1):
                document = without_what_names_ports() if path[-1] == "ports" else FULL
                verdict = self.agree_on(changed(path, elements_of(path, n), document))
                self.assertEqual(verdict, schema["minItems"] <= n <= schema["maxItems"], (path, n))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
