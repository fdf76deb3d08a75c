#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A room includes only its own headers and those of rooms below it. usage: ranks.py SOURCE_ROOT

The rooms are those of DESIGN: a new header or folder has to be given a room here first.
"""

import fnmatch
import posixpath
import re

import source

RANKS = {"base": 0, "dataplane": 1, "forward": 2, "port": 3, "bridge": 4, "control": 5,
         "program": 6}

# The first pattern that matches decides. Tests may include whatever they test.
ROOMS = (
    ("include/ringspan/clock.h", "base"),
    ("include/ringspan/event.h", "base"),
    ("include/ringspan/hash.h", "base"),
    ("include/ringspan/limits.h", "base"),
    ("include/ringspan/log.h", "base"),
    ("include/ringspan/mac.h", "base"),
    ("include/ringspan/portset.h", "base"),
    ("include/ringspan/workers.h", "base"),
    ("include/ringspan/frame.h", "dataplane"),
    ("include/ringspan/vlan.h", "dataplane"),
    ("include/ringspan/fdb.h", "dataplane"),
    ("include/ringspan/ledger.h", "dataplane"),
    ("include/ringspan/reserved.h", "dataplane"),
    ("include/ringspan/forward.h", "forward"),
    ("include/ringspan/port.h", "port"),
    ("include/ringspan/port_*.h", "port"),
    ("include/ringspan/bridge.h", "bridge"),
    ("include/ringspan/config.h", "control"),
    ("include/ringspan/json_scan.h", "control"),
    ("include/ringspan/reconcile.h", "control"),
    ("include/ringspan/link_watch.h", "control"),
    ("include/ringspan/daemon.h", "control"),
    ("include/ringspan/ctl_*.h", "control"),
    ("include/ringspan/cli*.h", "program"),
    ("src/base/*", "base"),
    ("src/dataplane/forward*", "forward"),
    ("src/dataplane/*", "dataplane"),
    ("src/port/*", "port"),
    ("src/bridge/*", "bridge"),
    ("src/control/*", "control"),
    ("src/cli/*", "program"),
    ("src/main.c", "program"),
    ("tools/*", "program"),
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def room_of(path):
    return next((room for pattern, room in ROOMS if fnmatch.fnmatch(path, pattern)), None)


def target_of(path, bracket, name):
    """What an #include names, relative to the root; None for a system header."""
    if name.startswith("ringspan/"):
        return "include/" + name
    if bracket == "<":
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def check_file(root, path):
    room = room_of(path)
    if room is None:
        yield f"{path}: belongs to no room: add it to the table in tests/lint/ranks.py"
        return
    text = source.read(root, path)
    for match in INCLUDE.finditer(text):
        target = target_of(path, *match.groups())
        if target is None:
            continue
        line = text.count("\n", 0, match.start()) + 1
        target_room = room_of(target)
        if target_room is None:
            yield f"{path}:{line}: includes {target}, which belongs to no room"
        elif target_room != room and RANKS[target_room] >= RANKS[room]:
            yield (f"{path}:{line}: {room} (rank {RANKS[room]}) includes {target} of "
                   f"{target_room} (rank {RANKS[target_room]})")


def main():
    root = source.root_from_arguments()
    findings = []
    for path in source.c_files(root):
        if path.parts[0] != "tests":
            findings += check_file(root, path.as_posix())
    source.verdict(findings)


main()
