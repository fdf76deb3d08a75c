# SPDX-License-Identifier: ISC
"""The forwarding table: how many addresses, how fast learned, and what many of them cost."""

from works import LEARNERS, Work
from stage import Shape

CAPACITY_LIMIT = 98304   # nobody's default goes further, or has a limit at all
CAPACITY_FIRST = 1024
CAPACITY_STEPS = 32      # to a 32nd is near enough
LOST_PARTS = 128         # one of so many may be lost on the way
CAPACITY_RATES = (40000, 10000)  # per second
LEARN_COUNT = 32768      # more than rings and sockets hold: what is learned was learned in time
LEARN_SLOWEST = 4000     # per second; slower than that is not looked for
MACS = {"1k": 1024, "16k": 16384, "64k": 65536, "256k": 262144}


def scattered(n):
    """As fast as offered, to n known addresses in turn; a third host sees what is flooded."""
    def run(trial):
        values, answer = trial.rate(*trial.stage.stream(1, 2), "--dst-macs", n, "--learn",
                                    "--learn-pps", 100000, "--listen", *trial.stage.ends(3))
        sent = answer["sent"]
        values["flooded_percent"] = 100 * answer["flooded"] / sent if sent else 0.0
        return values
    return run


def teach(trial, count, *options):
    """Into an empty table."""
    trial.stage.engine.flush(trial.stage)
    learner, tester, monitor = trial.stage.ends(1, 2, 3)
    return trial.traffic("learn", "--learner", learner, "--tester", tester, "--monitor", monitor,
                         "--count", count, *options)


def largest(fits, low, high, steps):
    """Nearly the largest number for which fits() is true: it is for low, and not for high.

    Not further from it than a part in `steps`.
    """
    while high - low > max(1, low // steps):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def capacity_of(learned, rates=CAPACITY_RATES):
    """How many addresses are all learned; None if no limit is found.

    learned(count, pps) says how many of so many are. How fast a switch learns is another question:
    what it misses at one rate is tried at the next lower one, for as long as that brings more.
    """
    rates = list(rates)

    def fits(count):
        found = learned(count, rates[0])
        while found < count and len(rates) > 1:
            slower = learned(count, rates[1])
            if slower < found + count // CAPACITY_STEPS:
                del rates[1:]
            else:
                found = slower
                del rates[0]
        return found == count

    low, high = 0, CAPACITY_FIRST
    while fits(high):
        if high == CAPACITY_LIMIT:
            return None
        low, high = high, min(2 * high, CAPACITY_LIMIT)
    return largest(fits, low, high, CAPACITY_STEPS) if low else 0


def known(answer):
    """An address is not known if a frame to it is flooded. One that is lost says nothing, and of a
    slow switch a few are; of many it cannot be told."""
    has_all = answer["learning_received"] == answer["learning_sent"] and not answer["flooded"]
    is_slow = answer["lost"] <= answer["count"] // LOST_PARTS
    return answer["count"] if has_all and is_slow else answer["learned"]


def capacity(trial):
    """RFC 2889 5.7. The tester's own address is in the table, too."""
    def learned(count, pps):
        return known(teach(trial, count, "--learn-pps", pps, "--test-pps", pps))

    found = capacity_of(learned)
    if found is None:
        trial.notes.append("no limit up to %d addresses" % CAPACITY_LIMIT)
        return {"addresses": CAPACITY_LIMIT}
    if found == 0:
        trial.notes.append("not even %d addresses are learned" % CAPACITY_FIRST)
    return {"addresses": found}


def highest_rate(attempt):
    """What attempt(pps) achieves when it succeeds: halved until it does, then half as much more.

    attempt() returns (whether it succeeded, frames per second that it achieved).
    """
    succeeded, pps = attempt("max")
    if succeeded:
        return pps
    while not succeeded:
        if pps < 2 * LEARN_SLOWEST:
            return 0
        succeeded, pps = attempt(int(pps / 2))
    more, higher = attempt(int(pps * 1.4))
    return higher if more else pps


def learning(trial):
    """RFC 2889 5.8: the highest rate at which none of them is flooded afterwards."""
    def attempt(pps):
        answer = teach(trial, LEARN_COUNT, "--learn-pps", pps, "--test-pps", 50000)
        return answer["learned"] == LEARN_COUNT, answer["learn_pps"]

    best = highest_rate(attempt)
    if not best:
        trial.notes.append("not even at %d addresses a second are all learned" % LEARN_SLOWEST)
    return {"kaddresses_per_s": best / 1e3}


def _scale_work(name):
    n = MACS[name]
    return Work(name="fdb-" + name, title="unicast, 64 bytes, to %d addresses in turn" % n,
                shape=Shape(3, addresses=2 * n), run=scattered(n), engines=LEARNERS,
                figures=("kpps", "loss_percent", "switch_us", "busy_us", "flooded_percent"),
                quick=("ringspan",) if name in ("1k", "256k") else (), family="addresses",
                wide=name in ("1k", "256k"))


WORKS = [
    *map(_scale_work, MACS),
    Work(name="learning", title="RFC 2889 address learning rate", run=learning,
         shape=Shape(3, addresses=4 * LEARN_COUNT), figures=("kaddresses_per_s",),
         engines=LEARNERS, quick=("ringspan", "bridge")),
    Work(name="capacity", title="RFC 2889 address caching capacity", shape=Shape(3), run=capacity,
         figures=("addresses",), engines=LEARNERS, quick=(), once=True),
]
