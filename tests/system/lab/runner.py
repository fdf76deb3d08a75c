# SPDX-License-Identifier: ISC
"""Runs the test_* functions of a script, each in namespaces of its own.

The outer process starts one inner process per test under unshare(1), with its own network, mount
and process namespaces: whatever happens to the inner one, its links, hosts and daemons go with it.
"""

import os
import signal
import subprocess
import sys
import time
import traceback

from . import space
from .laboratory import Lab

SKIPPED = 77
TIME_LIMIT = 60
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")


def why_not_here():
    """The reason that no test can run on this machine, or None."""
    if os.geteuid() != 0:
        return "not root"
    done = subprocess.run(UNSHARE + ("true",), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    return "no namespaces: " + done.stderr.strip() if done.returncode != 0 else None


def prepare_namespaces():
    space.run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/lab")
    space.ip("link", "set", "lo", "up")
    # A switch is no host: nothing of its own on the ports that it serves.
    for key in ("all", "default"):
        space.set_sysctl("net.ipv6.conf.%s.disable_ipv6" % key, 1)
    for variable in ("NOTIFY_SOCKET", "JOURNAL_STREAM"):
        os.environ.pop(variable, None)


def limit_time(seconds):
    def too_late(signo, stack):
        raise AssertionError("the test takes longer than {} s".format(seconds))
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)


def run_inside(test):
    """In the new namespaces: the exit code of one test."""
    prepare_namespaces()
    lab = Lab()
    if getattr(test, "ringspan_only", False) and not lab.switch.is_ringspan:
        print("only for ringspand")
        return SKIPPED
    limit_time(getattr(test, "time_limit", TIME_LIMIT))
    try:
        test(lab)
        lab.finish()
    except space.SkipTest as reason:
        print(reason)
        return SKIPPED
    except BaseException:
        traceback.print_exc()
        limit_time(TIME_LIMIT)
        lab.explain()
        return 1
    return 0


def run_outside(script, name):
    started = time.monotonic()
    code = subprocess.run(UNSHARE + (sys.executable, script, "--inside", name),
                          stdin=subprocess.DEVNULL,
                          preexec_fn=space.kill_at_exit_of_parent).returncode
    word = {0: "ok", SKIPPED: "skipped"}.get(code, "FAILED (%d)" % code)
    print("{} {} ({:.1f} s)".format(name, word, time.monotonic() - started), flush=True)
    return code


def summary(codes):
    if any(code not in (0, SKIPPED) for code in codes):
        return 1
    return SKIPPED if all(code == SKIPPED for code in codes) else 0


def main():
    """The last line of a test script. Arguments: names of tests; none means all."""
    module = sys.modules["__main__"]
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    if sys.argv[1:2] == ["--inside"]:
        code = run_inside(tests[sys.argv[2]])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # threads of the laboratory may still wait for frames
    reason = why_not_here()
    if reason:
        print("skipped:", reason)
        sys.exit(SKIPPED)
    sys.exit(summary([run_outside(module.__file__, name) for name in sys.argv[1:] or tests]))
