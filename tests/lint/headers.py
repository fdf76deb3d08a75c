#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Each public header compiles alone, and twice. usage: headers.py SOURCE_ROOT COMPILER [ARG...]"""

import subprocess
import sys

import source

FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wundef", "-Wno-unused-parameter",
         "-Werror", "-fsyntax-only", "-x", "c", "-"]


def main():
    root = source.root_from_arguments()
    compiler = sys.argv[2:]
    include = root / "include"
    findings = []
    for header in sorted(include.rglob("*.h")):
        name = header.relative_to(include).as_posix()
        result = subprocess.run([*compiler, f"-I{include}", *FLAGS], text=True, check=False,
                                input=f'#include "{name}"\n' * 2, capture_output=True)
        if result.returncode != 0:
            findings.append(f"include/{name}: does not compile alone\n{result.stderr}")
    source.verdict(findings)


main()
