# SPDX-License-Identifier: ISC
"""What a workload is, and the table of all of them."""

import collections

EVERYONE = ("ringspan", "bridge", "bridge-nf", "bridge-gro", "ovs", "vde", "sendmmsg", "veth")
SWITCHES = ("ringspan", "bridge", "ovs", "vde", "sendmmsg")
LEARNERS = ("ringspan", "bridge", "ovs", "vde")

UNPINNED = "nothing pinned"
BY_HAND = ("a thousand ports take it %d seconds to set up and take away; tried by hand, of %s kframes/s "
           "between two of them %s arrived")
WITH_MANY_PORTS = {"ovs": BY_HAND % (20, "214", "0.7"), "vde": BY_HAND % (37, "1,248", "8")}

# shape: the stage that it runs on. figures: what run(trial) returns, the first is the one that is
# compared. engines, quick: who takes part in `full` and in `quick` (nobody: it is not in it).
# opens: whether it wants the stage open. fresh: a new switch for each trial. once: one round is
# enough, because it does not measure time. family: works whose rounds alternate with each other's,
# because they are compared. wide: its figures spread so much that it takes more rounds. absent:
# which of the kernel's bridge, Open vSwitch and VDE are not in `engines`, and why.
Work = collections.namedtuple(
    "Work", "name title shape figures engines quick run placement opens fresh once family wide "
    "absent", defaults=(UNPINNED, True, False, False, None, False, {}))

# (unit, whether more is better)
FIGURES = {
    "gbps": ("Gbit/s", True), "gbps_there": ("Gbit/s, first to second host", True),
    "gbps_back": ("Gbit/s, second to first host", True),
    "kpps": ("kframes/s", True), "offered_kpps": ("kframes/s offered", True),
    "loss_percent": ("% lost", False), "switch_us": ("switch CPU µs/frame", False),
    "busy_us": ("CPU µs/frame, whole machine", False),
    "p50_us": ("µs round trip, p50", False), "p99_us": ("µs round trip, p99", False),
    "load_kpps": ("kframes/s of load that arrived", True),
    "innocent_loss_percent": ("% lost at the receiver that is not congested", False),
    "congested_loss_percent": ("% lost at the congested receiver", False),
    "flooded_percent": ("% flooded", False),
    "skew_p50_us": ("µs from first to last copy, p50", False),
    "skew_p99_us": ("µs from first to last copy, p99", False),
    "one_way_p50_us": ("µs one way, p50", False), "one_way_p99_us": ("µs one way, p99", False),
    "oversized_percent": ("% of frames larger than the MTU forwarded", False),
    "group_source_percent": ("% of frames from a group address forwarded", False),
    "no_source_percent": ("% of frames from 00:00:00:00:00:00 forwarded", False),
    "undersized_percent": ("% of frames of 42 bytes forwarded", True),
    "addresses": ("addresses", True), "kaddresses_per_s": ("k addresses/s without a flood", True),
    "wakeups_per_s": ("wake-ups/s", False), "cpu_percent": ("switch CPU, % of a CPU", False),
    "busy_percent": ("CPU, whole machine, % of a CPU", False),
    "rss_mib": ("MiB resident", False), "ring_kib_per_port": ("KiB of rings per port", False),
    "seconds": ("s", False),
}


def all_works():
    """In the order in which they run: if the time is up, what is least looked for is missing."""
    import work_addresses
    import work_errors
    import work_frames
    import work_idle
    import work_latency
    import work_patterns
    import work_tcp
    modules = (work_tcp, work_idle, work_latency, work_patterns, work_addresses, work_errors)
    lists = [work_frames.FIRST] + [module.WORKS for module in modules] + [work_frames.LAST]
    return [work for each in lists for work in each]
