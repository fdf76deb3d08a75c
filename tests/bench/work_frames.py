# SPDX-License-Identifier: ISC
"""Frames per second from one host to another, open loop and by RFC 2544's search.

Sizes in names are those of the standards, with the FCS that does not exist on a veth: 64 there is
60 bytes here.
"""

from works import SWITCHES, Work
from stage import Shape
from trial import figures

FCS = 4
SIZES = (64, 128, 256, 512, 1024, 1280, 1518, 9000)
SMALLEST, *OTHERS = SIZES
LOSS = 0.001
FIGURES = ("kpps", "offered_kpps", "loss_percent", "switch_us", "busy_us")
EVERYONE = SWITCHES + ("bridge-gro", "veth")
SEARCHED = ("ringspan", "bridge", "ovs", "vde")


def shape_for(size):
    return Shape(2, mtu=9000 if size > 1518 else 1500)


def one_way(trial, *options):
    return trial.rate(*trial.stage.stream(1, 2), *options)[0]


def open_loop(size):
    return lambda trial: one_way(trial, "--size", size - FCS)


def paced(pps):
    return lambda trial: one_way(trial, "--pps", pps)


def with_ip(trial):
    """Frames that bridge netfilter looks at; the hosts have no use for them."""
    return one_way(trial, "--ip")


def search(size):
    def run(trial):
        answer = trial.traffic("search", *trial.stage.stream(1, 2), "--size", size - FCS,
                               "--loss", LOSS, "--trial-seconds", trial.effort.trial,
                               "--resolution", trial.effort.resolution, "--retries", 1)
        if not answer["found"]:
            trial.notes.append("no rate with so little loss was found")
            return {"kpps": 0.0}
        return figures(answer["best"], trial.stage.engine)
    return run


def family_of(size):
    """If the time is up, all sizes have had one round before any had two."""
    return None if size == SMALLEST else "sizes"


def open_loop_work(size):
    return Work(name="rate-%d" % size, title="unicast, %d bytes, as fast as offered" % size,
                shape=shape_for(size), figures=FIGURES, engines=EVERYONE, family=family_of(size),
                quick=SWITCHES + ("veth",) if size == SMALLEST else (), run=open_loop(size),
                wide=size == SMALLEST)


def search_work(size):
    return Work(name="search-%d" % size, figures=("kpps", "switch_us", "busy_us"), engines=SEARCHED,
                title="unicast, %d bytes, highest rate with <= 0.1 %% loss" % size,
                shape=shape_for(size), quick=SEARCHED if size == SMALLEST else (),
                family=family_of(size), run=search(size))


FIRST = [
    open_loop_work(SMALLEST),
    search_work(SMALLEST),
    Work(name="cpu-100k", title="unicast, 64 bytes at 100 kframes/s", shape=Shape(2),
         figures=("switch_us", "busy_us", "kpps", "loss_percent"), engines=EVERYONE,
         quick=("ringspan", "sendmmsg", "ovs"), run=paced(100000), wide=True),
    Work(name="rate-64-ip", title="unicast, 64 bytes, IPv4 in them", shape=Shape(2),
         figures=FIGURES, engines=("ringspan", "bridge", "bridge-nf"), quick=(), run=with_ip,
         absent=dict.fromkeys(("ovs", "vde"), "it is there for what bridge netfilter costs")),
]
LAST = [open_loop_work(size) for size in OTHERS] + [search_work(size) for size in OTHERS]
