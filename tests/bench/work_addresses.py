# SPDX-License-Identifier: ISC
"""The forwarding table: how many addresses, how fast learned, and what many of them cost."""

from works import LEARNERS, Work
from stage import Shape

CAPACITY_LIMIT = 131072  # nobody's default goes further, or has a limit at all
LEARN_COUNT = 32768      # more than rings and sockets hold: what is learned was learned in time
LEARN_STEP = 1.25
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


def largest(fits, low, high):
    """The largest number for which fits() is true: it is for low, and not for high."""
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def capacity(trial):
    """RFC 2889 5.7. The tester's own address is in the table, too."""
    def fits(count):
        answer = teach(trial, count, "--learn-pps", 50000, "--test-pps", 50000)
        return answer["learned"] == count

    count = 1024
    while count <= CAPACITY_LIMIT and fits(count):
        count *= 2
    if count > CAPACITY_LIMIT:
        trial.notes.append("no limit up to %d addresses" % CAPACITY_LIMIT)
        return {"addresses": CAPACITY_LIMIT}
    return {"addresses": largest(fits, count // 2, count)}


def learning(trial):
    """RFC 2889 5.8: the highest rate at which none of them is flooded afterwards, to a quarter."""
    def attempt(pps):
        answer = teach(trial, LEARN_COUNT, "--learn-pps", pps, "--test-pps", 50000)
        return answer["learned"] == LEARN_COUNT, answer["learn_pps"]

    all_learned, pps = attempt("max")
    while not all_learned and pps > 1000:
        all_learned, pps = attempt(int(pps / LEARN_STEP))
    return {"kaddresses_per_s": pps / 1e3 if all_learned else 0.0}


def _scale_work(name):
    n = MACS[name]
    return Work(name="fdb-" + name, title="unicast, 64 bytes, to %d addresses in turn" % n,
                shape=Shape(3, addresses=2 * n), run=scattered(n), engines=LEARNERS,
                figures=("kpps", "loss_percent", "switch_us", "busy_us", "flooded_percent"),
                quick=("ringspan",) if name in ("1k", "256k") else ())


WORKS = [
    *map(_scale_work, MACS),
    Work(name="learning", title="RFC 2889 address learning rate", run=learning,
         shape=Shape(3, addresses=4 * LEARN_COUNT), figures=("kaddresses_per_s",),
         engines=LEARNERS, quick=("ringspan", "bridge")),
    Work(name="capacity", title="RFC 2889 address caching capacity", shape=Shape(3), run=capacity,
         figures=("addresses",), engines=LEARNERS, quick=(), once=True),
]
