# SPDX-License-Identifier: ISC
"""What we want to reach, and how a result stands to it.

Each row names two measured things whose ratio counts (or one, that counts by itself), the least
that is acceptable (floor) and what we aim for. Where less is better the numbers say so: the aim is
below the floor.
"""

import collections

import analysis
import stats


class Target(collections.namedtuple("Target", "text mine theirs floor aim")):
    """A row."""

    @property
    def is_timed(self):
        """Whether it is measured in rounds of a work."""
        return isinstance(self.mine, tuple)


Verdict = collections.namedtuple("Verdict", "target value low high n word")

US = "ringspan"


def _against(text, work, figure, peer, floor, aim):
    return Target(text, (work, US, figure), (work, peer, figure), floor, aim)


def _own(text, work, other, floor, aim):
    return Target(text, (work, US, "kpps"), (other, US, "kpps"), floor, aim)


TARGETS = [
    _against("TCP, default offloads, one stream, against the kernel bridge",
             "tcp-1", "gbps", "bridge", 0.85, 1.0),
    _against("TCP, default offloads, four streams, against the kernel bridge",
             "tcp-4", "gbps", "bridge", 0.5, 0.65),
    _against("TCP, host offloads off, against the kernel bridge as shipped",
             "tcp-off-1", "gbps", "bridge", 1.8, 2.2),
    _against("TCP, host offloads off, against the kernel bridge with GRO on its ports",
             "tcp-off-1", "gbps", "bridge-gro", 0.95, 1.05),
    _against("60-byte unicast, ≤ 0.1 % loss, unpinned, against the kernel bridge",
             "search-64", "kpps", "bridge", 0.95, 1.3),
    _against("the same against VDE", "search-64", "kpps", "vde", 1.6, 2.2),
    _against("the same against Open vSwitch userspace", "search-64", "kpps", "ovs", 3, 6),
    _against("switch CPU per 60-byte frame at overload, against the sendmmsg engine",
             "rate-64", "switch_us", "sendmmsg", 0.82, 0.7),
    _against("switch CPU per 60-byte frame at 100 kpps, against the sendmmsg engine",
             "cpu-100k", "switch_us", "sendmmsg", 0.88, 0.8),
    _against("round trip p50 unloaded, unpinned, against the kernel bridge",
             "latency", "p50_us", "bridge", 2, 1.5),
    _against("round trip p50 beside 50 kpps, unpinned, against the kernel bridge",
             "latency-load", "p50_us", "bridge", 2.5, 1.8),
    _against("round trip p50 unloaded, against VDE", "latency", "p50_us", "vde", 0.9, 0.6),
    _against("8-port flood, copies per second, against Open vSwitch",
             "flood-8", "kpps", "ovs", 1.3, 1.8),
    _against("8-port flood, copies per second, against VDE", "flood-8", "kpps", "vde", 0.8, 1.2),
    _own("frame rate with 256k against 1k addresses", "fdb-256k", "fdb-1k", 0.9, 0.97),
    Target("fdb look-up against uthash on the same keys", "uthash", None, 1.5, 3),
    _against("learning rate against the kernel bridge",
             "learning", "kaddresses_per_s", "bridge", 0.9, 1.5),
    _own("64 ports, 2 busy, against own 2 ports", "ports-64", "ports-2", 0.95, 1.0),
    Target("idle: wake-ups per second", ("idle-64", US, "wakeups_per_s"), None, 1, 0),
    Target("reordered, duplicated, corrupted frames in any run", "damage", None, 0, 0),
]


def judged_works():
    """The names of the works that figures are judged of."""
    sides = [side for target in TARGETS for side in (target.mine, target.theirs)]
    return {side[0] for side in sides if isinstance(side, tuple)}


def _word(target, value):
    is_less = target.aim < target.floor or target.floor == target.aim == 0
    for word, bound in (("aim", target.aim), ("floor", target.floor)):
        if value <= bound if is_less else value >= bound:
            return word
    return "missed"


def _uthash(result):
    """For each size and load, how much longer uthash takes for a look-up that hits."""
    times = {}
    for row in result["micro"]:
        if row.get("operation") in ("lookup_hit", "uthash_hit"):
            key = (row["max_entries"], row["load"])
            times.setdefault(key, {})[row["operation"]] = row["ns"]
    return [both["uthash_hit"] / both["lookup_hit"] for both in times.values() if len(both) == 2]


def _measure(result, target):
    """(value, low, high, n), or None if it was not measured."""
    if target.mine == "damage":
        mine = dict(analysis.damage(result).get(US, {}))
        return (sum(mine.values()),) * 3 + (1,) if mine.pop("received", 0) else None
    if target.mine == "uthash":
        ratios = _uthash(result)
        return stats.summarize(ratios)
    if target.theirs is None:
        found = analysis.summary(result, *target.mine)
    else:
        found = analysis.ratio(result, target.mine, target.theirs)
    return found


def judge(result):
    """[Verdict]; the word is aim, floor, missed, or "not measured"."""
    verdicts = []
    for target in TARGETS:
        measured = _measure(result, target)
        if measured is None:
            verdicts.append(Verdict(target, None, None, None, 0, "not measured"))
        else:
            verdicts.append(Verdict(target, *measured, _word(target, measured[0])))
    return verdicts
