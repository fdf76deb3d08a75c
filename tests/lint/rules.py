#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Rules about single lines and files. usage: rules.py SOURCE_ROOT

- An SPDX line opens every file.
- Time is read in src/base/clock.c and nowhere else: the data plane gets it as an argument.
- Nobody sleeps: a test polls a condition with a deadline. (The one pause of such a poll is marked
  "lint: poll" in its line; a process that only has to exist may "sleep infinity".)
- The pipeline is pure: no allocation, no log, no clock, no system call.
"""

import re

import source

SPDX = "SPDX-License-Identifier: ISC"

CLOCK_HOME = "src/base/clock.c"
CLOCK = re.compile(r"\b(clock_gettime|clock_getres|gettimeofday|timespec_get|times|ftime|time|clock)"
                   r"\s*\(|\bCLOCK_REALTIME\w*|\b__rdtsc\b|__builtin_ia32_rdtsc")

SLEEP_C = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep|thrd_sleep)\s*\(")
SLEEP_PYTHON = re.compile(r"(?<!def )\bsleep\s*\(")
SLEEP_SHELL = re.compile(r"(^|[;&|({`]|\b(do|then|else)\b)\s*(command\s+)?u?sleep\s+(?!inf)")
SLEEP_MARK = "lint: poll"

PURE = ("src/dataplane/forward.c", "src/dataplane/frame.c")
IMPURE = re.compile(
    r"\b(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|free|strn?dup|v?asprintf|"
    r"alloca|mmap|munmap|v?f?printf|puts|perror|syslog|log_\w+|clock_\w+|event_\w+|workers_\w+|"
    r"syscall|ioctl|[gs]etsockopt|socket|open|close|read|write|readv|writev|send|sendto|sendmsg|"
    r"sendmmsg|recv|recvfrom|recvmsg|recvmmsg|poll|epoll_\w+|getrandom|rand|random)\s*\("
    r"|#\s*include\s*[<\"](stdio|stdlib|malloc|unistd|fcntl|poll|time|pthread|syslog"
    r"|sys/\w+|ringspan/(log|clock|event|workers))\.h")


def matches(pattern, text):
    """(line number, line) of each line in which @pattern is found."""
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.search(line):
            yield number, line


def check_spdx(path, text):
    if SPDX not in "\n".join(text.splitlines()[:2]):
        yield f"{path}: no line '{SPDX}' at its top"


def check_c(path, text):
    code = source.code_of(text)
    if path != CLOCK_HOME:
        for number, line in matches(CLOCK, code):
            yield f"{path}:{number}: reads time; only {CLOCK_HOME} does: {line.strip()}"
    for number, line in matches(SLEEP_C, code):
        yield f"{path}:{number}: sleeps: {line.strip()}"
    if path in PURE:
        # Names of included headers are literals to code_of(): look at the lines themselves.
        directives = "\n".join(line if line.lstrip().startswith("#") else stripped for line, stripped
                               in zip(text.splitlines(), code.splitlines()))
        for number, line in matches(IMPURE, directives):
            yield f"{path}:{number}: the pipeline is pure: {line.strip()}"


def check_script(path, text):
    is_python = path.endswith(".py") or "python" in text.partition("\n")[0]
    for number, line in matches(SLEEP_PYTHON if is_python else SLEEP_SHELL, text):
        if SLEEP_MARK not in line and not line.lstrip().startswith("#"):
            yield f"{path}:{number}: sleeps: {line.strip()}"


def check_file(root, path):
    is_c = path.suffix in (".c", ".h")
    is_script = not is_c and source.is_script(root, path)
    if not (is_c or is_script or path.name == "meson.build"):
        return
    text = source.read(root, path)
    yield from check_spdx(path, text)
    if is_c:
        yield from check_c(path.as_posix(), text)
    # This folder talks about sleeping, and has a test that it does not.
    if is_script and path.parts[:2] != ("tests", "lint"):
        yield from check_script(path.as_posix(), text)


def main():
    root = source.root_from_arguments()
    findings = []
    for path in source.files(root):
        findings += check_file(root, path)
    source.verdict(findings)


main()
