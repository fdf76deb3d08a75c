# SPDX-License-Identifier: ISC
"""One trial: a piece of work on one stage, and the tools that make the traffic."""

import collections
import json
import subprocess

from engines import build_path
from lab import LabError, eventually

# Late is what came so far behind that nobody can tell whether it came once or twice.
DAMAGE = ("reordered", "duplicated", "corrupted", "late", "misdelivered")
COUNTED = ("received",) + DAMAGE

# How long things take: seconds of a measurement, of one trial of a search, of a TCP stream
# (whole ones, iperf3 takes no other), and the step at which a search is content.
Effort = collections.namedtuple("Effort", "seconds trial tcp resolution")
QUICK = Effort(seconds=0.8, trial=0.3, tcp=1, resolution=0.1)
FULL = Effort(seconds=1.5, trial=0.4, tcp=1, resolution=0.04)

IPERF_PORT = 5201
SHORT = 0.9          # of what was intended: less than that is told
TRAFFIC_LIMIT = 120  # seconds of one run of the generator


class Trial:
    """What a workload gets to work with. Keeps account of the damage that it sees."""

    def __init__(self, stage, effort):
        self.stage = stage
        self.effort = effort
        self.damage = dict.fromkeys(COUNTED, 0)
        self.notes = []

    def take(self, answer):
        """Keeps what was wrong. A search tells the damage of all its trials, not of the best."""
        for part in (answer, answer.get("load") or {}):
            for key in COUNTED:
                self.damage[key] += part.get(key, 0)
        for part in (answer, answer.get("best") or {}, answer.get("load") or {}):
            self.notes += shortfalls(part)
        return answer

    def traffic(self, command, *options):
        """Runs ringspan-traffic; its answer."""
        watched = [word for pid in self.stage.engine.pids() for word in ("--watch-pid", str(pid))]
        program = build_path("TRAFFIC", "tests/bench/ringspan-traffic")
        argv = [program, command, *map(str, options)]
        if command not in ("learn", "self"):
            argv += watched
        done = run_limited(argv)
        if done.returncode != 0:
            raise LabError("%s: exit %d: %s" % (" ".join(argv), done.returncode, done.stderr))
        return self.take(json.loads(done.stdout.splitlines()[-1]))

    def rate(self, *options, command="rate"):
        """Open loop; the figures that every such measurement has."""
        answer = self.traffic(command, "--seconds", self.effort.seconds, *options)
        return figures(answer, self.stage.engine), answer

    def iperf(self, sender, receiver, streams, reverse=False):
        """Gbit/s that arrived; 0 if the connection cannot be made or carries nothing."""
        server = receiver.spawn("iperf3", "-s", "-1", "-p", str(IPERF_PORT))
        try:
            eventually(lambda: "LISTEN" in receiver.run("ss", "-Hltn", "sport = :%d" % IPERF_PORT),
                       "iperf3 listens")
            limit = self.effort.tcp + 5
            client = sender.spawn("timeout", str(limit), "iperf3", "-J", "-c", receiver.v4, "-p",
                                  str(IPERF_PORT), "-t", str(self.effort.tcp), "-P", str(streams),
                                  "--connect-timeout", "2000", *(["-R"] if reverse else []),
                                  stdout=subprocess.PIPE)
            text = client.communicate()[0]
        finally:
            server.kill()
            server.wait()
        if not received_gbps(text):
            self.notes.append("TCP carried nothing: " + broken_off(text))
        return received_gbps(text)


def shortfalls(answer):
    """What the generator could not do, so that the switch is not blamed for it."""
    texts = []
    if answer.get("sink_dropped"):
        texts.append("the generator's own sink lost frames")
    if answer.get("untaught"):
        texts.append("the switch could not be taught all addresses")
    if answer.get("tx_pps", 0) < SHORT * answer.get("intended_pps", 0):
        texts.append("less was offered than intended")
    return texts


def received_gbps(text):
    """Of iperf3's JSON. A test that broke off has no sum, and nothing counts as carried."""
    try:
        return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e9
    except (ValueError, KeyError):
        return 0.0


def broken_off(text):
    """Why, as iperf3 says it."""
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError):
        return "iperf3 does not say why"


def run_limited(argv):
    """A generator that hangs costs a trial, not the benchmark."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=TRAFFIC_LIMIT)
    except subprocess.TimeoutExpired:
        raise LabError("%s: not within %d s" % (" ".join(argv), TRAFFIC_LIMIT))


def figures(answer, engine):
    """kpps, loss and CPU time per frame that arrived out of the generator's answer."""
    frames = answer["rx_pps"] * answer["steady_ns"] / 1e9
    values = {"kpps": answer["rx_pps"] / 1e3, "offered_kpps": answer["tx_pps"] / 1e3,
              "loss_percent": answer["loss"] * 100}
    if frames:
        cpu = answer["cpu"]
        values["busy_us"] = cpu["busy_ns"] / frames / 1e3
        if not engine.in_kernel:
            values["switch_us"] = cpu["watched_ns"] / frames / 1e3
    return values


def shares(answer, engine):
    """CPU time that round trips cost, of one CPU: the switch's, and that of the whole machine."""
    elapsed, cpu = answer["elapsed_ns"], answer["cpu"]
    values = {"busy_percent": 100 * cpu["busy_ns"] / elapsed}
    if not engine.in_kernel:
        values["cpu_percent"] = 100 * cpu["watched_ns"] / elapsed
    return values
