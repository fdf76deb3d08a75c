#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A room includes only its own headers and those of rooms below it. usage: ranks.py SOURCE_ROOT

The rooms are those of DESIGN: a new header or folder has to be given a room here first.
"""

import fnmatch
import posixpath
import re

import source

RANKS = {"base": 0, "dataplane": 1, "forward": 2, "port": 3, "lab": 4, "bridge": 5, "control": 6,
         "program": 7}

# Of include/ringspan/, without ".h".
HEADERS = {
    "base": "clock container cpus event glob hash limits log loopback mac netns notify portset rate usage vidset wake "
            "workers",
    "dataplane": "fdb fdb_journal frame ledger meter port_policy reserved segment vlan vlan_table",
    "forward": "forward",
    "port": "gro hearing host_use isolation port port_memory port_packet tap",
    "lab": "bpf capture latency mirror pcapng recorder",
    "bridge": "bridge explain",
    "control": "alarm bus byte_queue changes claims config config_keys config_print config_schema ctl_client ctl_commands "
               "ctl_path ctl_protocol ctl_server daemon fdb_static http_request json_scan json_text json_writer link_watch "
               "metrics metrics_http plan progress reconcile watchdog",
    "program": "cli options process status table",
}

# The first pattern that matches decides. Tests are in no room: they may include what they test.
FOLDERS = (
    ("src/base/*", "base"),
    ("src/dataplane/forward*", "forward"),
    ("src/dataplane/*", "dataplane"),
    ("src/port/*", "port"),
    ("src/lab/*", "lab"),
    ("src/bridge/*", "bridge"),
    ("src/control/*", "control"),
    ("src/cli/*", "program"),
    ("src/main.c", "program"),
    ("tools/*", "program"),
)

ROOM_OF_HEADER = {f"include/ringspan/{name}.h": room
                  for room, names in HEADERS.items() for name in names.split()}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def room_of(path):
    in_folder = (room for pattern, room in FOLDERS if fnmatch.fnmatch(path, pattern))
    return ROOM_OF_HEADER.get(path) or next(in_folder, None)


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
