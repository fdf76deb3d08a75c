# SPDX-License-Identifier: ISC
"""What the machine says about itself and about what a switch costs it.

Two figures for CPU, because they answer different questions. A switch that is a process is charged
with the run time of its threads (/proc/PID/task/*/schedstat, nanoseconds), in which is all that the
kernel does in their name: veth delivers in the sender's context, so this includes delivery to the
receiving host. A switch in the kernel has no process; what is comparable between all of them is how
long the machine's CPUs were busy at all (/proc/stat), traffic's source and sink included.
"""

import os
import platform
import re
import subprocess

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGESIZE")


def _read(path):
    with open(path) as file:
        return file.read()


def _tasks(pid):
    try:
        return ["/proc/%d/task/%s" % (pid, task) for task in os.listdir("/proc/%d/task" % pid)]
    except FileNotFoundError:
        return []


def run_time_us(pids):
    """CPU time of all threads of the processes so far."""
    return sum(int(_read(task + "/schedstat").split()[0])
               for pid in pids for task in _tasks(pid)) / 1e3


def switches(pids):
    """How often their threads were put to work: context switches, wanted and not."""
    texts = [_read(task + "/status") for pid in pids for task in _tasks(pid)]
    return sum(int(n) for text in texts for n in re.findall(r"ctxt_switches:\s*(\d+)", text))


def rss_bytes(pids):
    return sum(int(_read("/proc/%d/statm" % pid).split()[1]) * PAGE_BYTES for pid in pids)


def ring_bytes(pids):
    """Memory of packet sockets that the processes have mapped."""
    total = 0
    for pid in pids:
        for line in _read("/proc/%d/maps" % pid).splitlines():
            if "socket:[" in line:
                first, last = line.split()[0].split("-")
                total += int(last, 16) - int(first, 16)
    return total


def busy_us():
    """(busy, softirq): CPU time of all CPUs so far."""
    user, nice, system, _, _, irq, softirq = map(int, _read("/proc/stat").split()[1:8])
    return (user + nice + system + irq + softirq) * TICK_US, softirq * TICK_US


class Meter:
    """What a stretch of work cost: differences from its construction on."""

    def __init__(self, pids):
        self.pids = pids
        self.start = self._now()

    def _now(self):
        return (run_time_us(self.pids), switches(self.pids)) + busy_us()

    def cost(self):
        names = ("switch_us", "wakeups", "busy_us", "softirq_us")
        return {name: after - before
                for name, before, after in zip(names, self.start, self._now())}


def first_line(*command):
    """Of what a command prints; None if there is no such command."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        return None
    return (done.stdout.strip().splitlines() or [""])[0]


def _cpu_model():
    match = re.search(r"model name\s*:\s*(.*)", _read("/proc/cpuinfo"))
    return match.group(1) if match else platform.machine()


def _distribution():
    match = re.search(r'PRETTY_NAME="?([^"\n]*)', _read("/etc/os-release"))
    return match.group(1) if match else "?"


def describe():
    """Nothing in here names the machine: results are there to be published."""
    return {"kernel": platform.release(), "distribution": _distribution(), "cpu": _cpu_model(),
            "cpus": len(os.sched_getaffinity(0)),
            "memory_mib": os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES >> 20,
            "python": platform.python_version(), "iperf3": first_line("iperf3", "--version")}
