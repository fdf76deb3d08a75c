# SPDX-License-Identifier: ISC
"""A laboratory for switches: hosts, cables, frames, and what must be true of them.

A test script defines functions test_*(lab) and ends with `main()`. Each function gets an empty
Lab in namespaces of its own, adds hosts, starts the switch, sends frames and says exactly which
ones must arrive where. That a frame does *not* arrive is proved by a sentinel sent after it.
RINGSPAN_TEST_SWITCH=bridge runs the same tests against the kernel's bridge.
"""

from .laboratory import Host, Lab, ringspan_only, time_limit
from .runner import main
from .space import DEADLINE, LabError, SkipTest, eventually, inside, ip, run, spawn

__all__ = ["DEADLINE", "Host", "Lab", "LabError", "SkipTest", "eventually", "inside", "ip", "main",
           "ringspan_only", "run", "spawn", "time_limit"]
