# SPDX-License-Identifier: ISC
"""What the lint scripts share: walking a source tree, C without its comments, and the verdict."""

import pathlib
import re
import sys

FOLDERS = ("src", "include", "tools", "tests")
SCRIPT_SUFFIXES = {".py", ".sh"}
SKIPPED = 77  # meson's exit code for a skipped test

COMMENT_OR_LITERAL = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE)


def files(root):
    """Every file below the source folders, in a stable order, as paths relative to @root."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def c_files(root):
    return (path for path in files(root) if path.suffix in (".c", ".h"))


def is_script(root, path):
    """Python or shell, by its name or by its first line."""
    if path.suffix:
        return path.suffix in SCRIPT_SUFFIXES
    with open(root / path, "rb") as stream:
        return stream.read(2) == b"#!"


def read(root, path):
    return (root / path).read_text(encoding="utf-8")


def code_of(text):
    """@text with comments and literals blanked, so that every line keeps its number."""
    def blank(match):
        filler = '""' if match.group().startswith('"') else " "
        return filler + "\n" * match.group().count("\n")

    return COMMENT_OR_LITERAL.sub(blank, text)


def verdict(findings):
    """Prints the findings; exits 1 if there are any."""
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


def root_from_arguments():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} SOURCE_ROOT")
    return pathlib.Path(sys.argv[1])
