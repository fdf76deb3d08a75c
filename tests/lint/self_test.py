#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Each lint script passes a good tree and fails on each of these bad ones.

usage: self_test.py COMPILER [ARG...]
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
COMPILER = []

SPDX = "/* SPDX-License-Identifier: ISC */\n"
GOOD = {
    ".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 4\nBreakBeforeBraces: Linux\n"
                     "AllowShortFunctionsOnASingleLine: None\n",
    "include/ringspan/fdb.h": SPDX + '#include "ringspan/hash.h"\nstruct fdb;\n',
    "include/ringspan/hash.h": SPDX + "#include <stdint.h>\nuint64_t hash(void);\n",
    "src/base/clock.c": SPDX + "void f(void)\n{\n    clock_gettime(0, 0);\n}\n",
    "src/control/link_table.h": SPDX,
    "src/control/link_watch.c": SPDX + '#include "link_table.h"\n',
    "src/dataplane/forward.c": SPDX + '#include "ringspan/fdb.h"\n/* malloc() is not for us */\n',
    "src/main.c": SPDX + "const char *text = \"sleep(1), time(NULL)\";\n",
    "tests/run.sh": "#!/bin/sh\n# SPDX-License-Identifier: ISC\n"
                    "sleep infinity &\nsleep 0.1 # lint: poll\n",
    "tools/demo": "#!/bin/sh\n# SPDX-License-Identifier: ISC\necho no sleep\n",
}


def function(lines):
    return "void f(void)\n{\n" + "    g();\n" * (lines - 3) + "}\n"


def table(lines):
    return "static const int table[] = {\n" + "    1,\n" * (lines - 2) + "};\n"


class Lint(unittest.TestCase):
    def run_script(self, script, changes):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**GOOD, **changes}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return subprocess.run([sys.executable, HERE / script, folder, *COMPILER],
                                  capture_output=True, text=True, check=False)

    def passes(self, script, name=None, text=""):
        result = self.run_script(script, {name: text} if name else {})
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)

    def fails(self, script, name, text, about):
        result = self.run_script(script, {name: text})
        self.assertEqual(result.returncode, 1, (name, text, result.stdout))
        self.assertIn(about, result.stdout + result.stderr)

    def test_ranks(self):
        self.passes("ranks.py")
        self.fails("ranks.py", "src/base/log.c", '#include "ringspan/fdb.h"\n', "log.c:1")
        self.fails("ranks.py", "src/base/log.c", '# include <ringspan/fdb.h>\n', "log.c:1")
        self.fails("ranks.py", "include/ringspan/fdb.h", '\n#include "ringspan/port.h"\n', "fdb.h:2")
        self.fails("ranks.py", "src/dataplane/fdb.c", '#include "ringspan/forward.h"\n', "fdb.c:1")
        self.fails("ranks.py", "src/port/tap.c", '#include "../bridge/bridge_private.h"\n', "tap.c:1")
        self.fails("ranks.py", "src/control/daemon.c", '#include "ringspan/cli.h"\n', "daemon.c:1")
        self.fails("ranks.py", "src/control/daemon.c", '#include "../cli/cli_rows.h"\n', "daemon.c:1")
        self.fails("ranks.py", "include/ringspan/novel.h", "", "belongs to no room")
        self.fails("ranks.py", "src/novel/novel.c", "", "belongs to no room")
        self.fails("ranks.py", "src/base/log.c", '#include "ringspan/novel.h"\n', "no room")
        self.passes("ranks.py", "tests/unit/test_x.c", '#include "ringspan/bridge.h"\n')

    def test_headers(self):
        self.passes("headers.py")
        self.fails("headers.py", "include/ringspan/fdb.h", "uint32_t n(void);\n", "fdb.h")
        self.fails("headers.py", "include/ringspan/fdb.h", "enum unguarded { A };\n", "fdb.h")

    def test_format(self):
        if self.run_script("format.py", {}).returncode == 77:
            self.skipTest("no clang-format that decides")
        self.passes("format.py")
        self.fails("format.py", "src/main.c", "int  main(void) { return 0; }\n", "main.c")

    def test_format_is_skipped_aloud(self):
        with tempfile.TemporaryDirectory() as nothing:
            result = subprocess.run([sys.executable, HERE / "format.py", nothing], text=True,
                                    capture_output=True, check=False, env={"PATH": nothing})
        self.assertEqual(result.returncode, 77)
        self.assertIn("SKIPPED", result.stdout)

    def test_spdx(self):
        self.passes("rules.py")
        for name in ("src/main.c", "tests/run.sh", "tools/demo", "src/meson.build"):
            self.fails("rules.py", name, "#!/bin/sh\n", name)

    def test_clock(self):
        for line in ("clock_gettime(CLOCK_MONOTONIC, &ts);", "time(NULL);", "x = clock ();",
                     "timerfd_create(CLOCK_REALTIME, 0);", "gettimeofday(&tv, 0);"):
            self.fails("rules.py", "src/base/event.c", SPDX + line + "\n", "event.c:2")
        self.passes("rules.py", "src/base/event.c",
                    SPDX + "timerfd_create(CLOCK_MONOTONIC, 0);\nclock_now();\nset_time(1);\n")

    def test_sleep(self):
        hash_spdx = "# SPDX-License-Identifier: ISC\n"
        for line in ("sleep(1);", "usleep(1);", "nanosleep(&ts, NULL);"):
            self.fails("rules.py", "tests/unit/test_x.c", SPDX + line + "\n", "test_x.c:2")
        self.fails("rules.py", "tests/x.py", hash_spdx + "time.sleep(1)\n", "x.py:2")
        self.fails("rules.py", "tests/x.py", hash_spdx + "from time import sleep; sleep(1)\n", "x.py:2")
        for line in ("sleep 1", "  sleep 0.1", "true && sleep 1", "while :; do sleep 1; done"):
            self.fails("rules.py", "tests/x.sh", hash_spdx + line + "\n", "x.sh:2")
            self.fails("rules.py", "tools/demo", "#!/bin/sh\n" + hash_spdx + line + "\n", "demo:3")
        self.passes("rules.py", "tests/x.py", hash_spdx + "time.sleep(0.1)  # lint: poll\n")

    def test_purity(self):
        for line in ("p = malloc(1);", 'log_info("x");', "now = clock_now();", "send(fd, 0, 0, 0);",
                     '#include "ringspan/log.h"', "#include <unistd.h>"):
            self.fails("rules.py", "src/dataplane/forward.c", SPDX + line + "\n", "forward.c:2")
            self.fails("rules.py", "src/dataplane/frame.c", SPDX + line + "\n", "frame.c:2")
        self.passes("rules.py", "src/dataplane/fdb.c", SPDX + "p = malloc(1);\n")

    def test_shape(self):
        self.passes("shape.py", "src/base/log.c", SPDX + function(80) + function(80))
        self.fails("shape.py", "src/base/log.c", SPDX + function(81), "log.c:2: f() has 81 lines")
        self.fails("shape.py", "src/base/log.c", "/* x */\n" * 701, "701 lines")
        self.fails("shape.py", "src/main.c", "int a;\n" * 201, "201 lines")
        self.passes("shape.py", "src/base/log.c", table(900) + function(80))
        self.fails("shape.py", "src/base/log.c", table(900) + function(81), "81 lines")


if __name__ == "__main__":
    COMPILER = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
