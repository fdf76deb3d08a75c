#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""C is laid out as .clang-format says. usage: format.py SOURCE_ROOT

Versions of clang-format differ in what they make of the same file; the one that decides is named
here, and any other is no judge.
"""

import re
import shutil
import subprocess
import sys

import source

VERSION = "14"


def find_formatter():
    """The path of the clang-format that decides, or None and what stands in the way."""
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path is None:
            continue
        text = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        match = re.search(r"version (\d+)", text)
        if match and match.group(1) == VERSION:
            return path, None
        return None, f"clang-format {VERSION} decides, this is: {text.strip()}"
    return None, "there is no clang-format"


def main():
    root = source.root_from_arguments()
    formatter, obstacle = find_formatter()
    if formatter is None:
        print(f"SKIPPED: {obstacle}")
        sys.exit(source.SKIPPED)
    paths = [str(path) for path in source.c_files(root)]
    sys.exit(subprocess.run([formatter, "--dry-run", "-Werror", *paths], cwd=root,
                            check=False).returncode)


main()
