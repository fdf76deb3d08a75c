# SPDX-License-Identifier: ISC
"""Many hosts: RFC 2889's patterns of traffic, and ports that stand idle beside two busy ones."""

from work_frames import FIGURES, SMALLEST, open_loop
from works import SWITCHES, WITH_MANY_PORTS, Work
from stage import Shape

HOL_PPS = 5000     # of each stream; the shaped port is offered three of them, and takes two
HOL_LIMIT = 10000
HOL_SIZE = 512
CALM_PPS = 1000
QUICK = ("ringspan", "bridge", "ovs", "vde")


def mesh(trial):
    ends = trial.stage.ends(*range(1, trial.stage.shape.ports + 1))
    return trial.rate("--mesh", ",".join(ends))[0]


def incast(*options):
    """All hosts but the first to the first."""
    def run(trial):
        streams = [word for n in range(2, trial.stage.shape.ports + 1)
                   for word in trial.stage.stream(n, 1)]
        return trial.rate(*streams, *options)[0]
    return run


def broadcast(trial):
    first, *others = trial.stage.ends(*range(1, trial.stage.shape.ports + 1))
    return trial.rate("--from", first, "--to", ",".join(others), command="broadcast")[0]


def broadcast_latency(trial):
    """RFC 2889 5.9, at a rate that nobody finds hard. Skew: from the first copy to the last."""
    first, *others = trial.stage.ends(*range(1, trial.stage.shape.ports + 1))
    answer = trial.rate("--from", first, "--to", ",".join(others), "--pps", CALM_PPS,
                        "--burst", 1, command="broadcast")[1]
    return {"skew_p50_us": answer["skew_ns"]["p50"] / 1e3,
            "skew_p99_us": answer["skew_ns"]["p99"] / 1e3,
            "one_way_p50_us": answer["one_way_ns"]["p50"] / 1e3,
            "one_way_p99_us": answer["one_way_ns"]["p99"] / 1e3}


def head_of_line(trial):
    """RFC 2889 5.5. Port 4 is shaped, and offered one and a half times what it takes.

    The first host sends half to it and half to the third; the third must not lose a frame. A
    bridge in the kernel makes the senders wait, as a full queue does locally: they offer less.
    """
    stage = trial.stage
    shaper = "tc qdisc replace dev p4 root tbf rate %dbit burst 64kb limit 128kb" % (
        HOL_LIMIT * HOL_SIZE * 8)
    stage.run_in_switch(*shaper.split())
    streams = stage.stream(1, 3) + stage.stream(1, 4) + stage.stream(2, 4) + stage.stream(5, 4)
    values, answer = trial.rate(*streams, "--pps", HOL_PPS, "--size", HOL_SIZE, "--burst", 8)
    innocent = [row for row in answer["streams"] if row["to"].startswith(stage.hosts[2].netns)]
    crowded = [row for row in answer["streams"] if row["to"].startswith(stage.hosts[3].netns)]
    return {"innocent_loss_percent": loss_percent(innocent),
            "congested_loss_percent": loss_percent(crowded),
            "offered_kpps": values["offered_kpps"]}


def loss_percent(streams):
    expected = sum(row["expected"] for row in streams)
    return 100 * sum(row["lost"] for row in streams) / expected if expected else 0.0


WORKS = [
    *[Work(name="mesh-%d" % n, title="RFC 2889 fully meshed, %d ports" % n, shape=Shape(n),
           figures=FIGURES, engines=SWITCHES, quick=(), run=mesh) for n in (4, 8, 16)],
    Work(name="incast", title="RFC 2889 many to one: four hosts to a fifth", shape=Shape(5),
         figures=FIGURES, engines=SWITCHES, quick=(), run=incast()),
    Work(name="incast-burst", title="bursts of 256 frames from each of seven hosts to an eighth",
         shape=Shape(8), figures=("loss_percent", "kpps"), engines=SWITCHES, quick=(),
         run=incast("--pps", 5000, "--burst", 256)),
    Work(name="hol", title="RFC 2889 congestion: head-of-line blocking", shape=Shape(5),
         figures=("innocent_loss_percent", "congested_loss_percent", "offered_kpps"),
         engines=("ringspan", "bridge", "ovs", "sendmmsg"), quick=(), run=head_of_line, fresh=True,
         absent={"vde": "hosts have its taps themselves; it has no interface that could be shaped"}),
    Work(name="flood-8", title="broadcast, 64 bytes, copies to seven ports", shape=Shape(8),
         figures=FIGURES, engines=SWITCHES, quick=QUICK, run=broadcast),
    Work(name="flood-latency", title="broadcast, 64 bytes, 1000 a second to seven ports",
         shape=Shape(8), engines=SWITCHES, quick=(), run=broadcast_latency,
         figures=("skew_p50_us", "skew_p99_us", "one_way_p50_us", "one_way_p99_us")),
    *[Work(name="ports-%d" % n, title="unicast, 64 bytes, %d ports of which two are busy" % n,
           shape=Shape(n, busy=2), figures=FIGURES,
           engines=SWITCHES if n < 1000 else ("ringspan", "bridge"),
           quick=("ringspan",) if n < 1000 else (), run=open_loop(SMALLEST), wide=True,
           family="ports" if n < 1000 else None,
           absent={} if n < 1000 else WITH_MANY_PORTS)
      for n in (2, 64, 1000)],
]
