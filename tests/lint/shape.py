#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The shape budget: long functions and long files. usage: shape.py SOURCE_ROOT

Counts on .clang-format: nothing but the braces of a function stands alone in the first column, and
what stands there last before the opening one is the function's signature. The lines of constant
tables are not counted.
"""

import re

import source

FUNCTION_LINES = 80
FILE_LINES = 700
MAIN_LINES = 200

TABLE_START = re.compile(r"^(\s*)(static )?const [^;(]*= \{$")
NAME = re.compile(r"(\w+)\s*\(")


def without_tables(lines):
    """(line number, line) of everything outside of tables."""
    end = None
    for number, line in enumerate(lines, 1):
        match = TABLE_START.match(line)
        if end is None and match:
            end = match[1] + "};"
        elif end is None:
            yield number, line
        elif line == end:
            end = None


def functions(lines):
    """(name, number of its first line, how many lines) of each function, signature included."""
    signature = start = None
    for place, (number, line) in enumerate(lines):
        if line == "{":
            start = signature
        elif line == "}" and start is not None:
            first_place, first_number, first_line = start
            name = NAME.search(first_line)
            yield name[1] if name else "?", first_number, place - first_place + 1
            start = None
        elif line[:1].strip():
            signature = place, number, line


def main():
    root = source.root_from_arguments()
    findings = []
    for path in source.c_files(root):
        lines = list(without_tables(source.code_of(source.read(root, path)).splitlines()))
        limit = MAIN_LINES if path.as_posix() == "src/main.c" else FILE_LINES
        if len(lines) > limit:
            findings.append(f"{path}: {len(lines)} lines, the budget is {limit}")
        for name, start, length in functions(lines):
            if length > FUNCTION_LINES:
                findings.append(f"{path}:{start}: {name}() has {length} lines, the budget is "
                                f"{FUNCTION_LINES}")
    source.verdict(findings)


main()
