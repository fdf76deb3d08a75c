# SPDX-License-Identifier: ISC
"""TCP bulk between two hosts: what a lab's users see first."""

from works import EVERYONE, Work
from stage import Shape


def _both_directions(trial, streams):
    left, right = trial.stage.hosts
    there = trial.iperf(left, right, streams)
    back = trial.iperf(left, right, streams, reverse=True)
    return {"gbps": (there + back) / 2, "gbps_there": there, "gbps_back": back}


def bulk(streams, state):
    """Offloads of the hosts are set for each trial: the stage is shared with other work."""
    def run(trial):
        for host in trial.stage.hosts:
            host.set_offloads(state)
        try:
            return _both_directions(trial, streams)
        finally:
            for host in trial.stage.hosts:
                host.set_offloads("on")
    return run


# A superframe does not fit the sendmmsg engine's slots; Open vSwitch needs to be told of them.
WITH_OFFLOADS = tuple(name for name in EVERYONE if name != "sendmmsg") + ("ovs-tso",)
FIGURES = ("gbps", "gbps_there", "gbps_back")
ON, OFF = "default offloads", "host offloads off"

WORKS = [
    Work(name="tcp-1", title="TCP, one stream, " + ON, shape=Shape(2), figures=FIGURES,
         engines=WITH_OFFLOADS, quick=("ringspan", "bridge", "veth"), run=bulk(1, "on"), wide=True),
    Work(name="tcp-4", title="TCP, four streams, " + ON, shape=Shape(2), figures=FIGURES,
         engines=WITH_OFFLOADS, quick=("ringspan", "bridge"), run=bulk(4, "on"), wide=True),
    Work(name="tcp-off-1", title="TCP, one stream, " + OFF, shape=Shape(2), figures=FIGURES,
         engines=EVERYONE, quick=("ringspan", "bridge", "bridge-gro"),
         run=bulk(1, "off"), wide=True),
    Work(name="tcp-off-4", title="TCP, four streams, " + OFF, shape=Shape(2), figures=FIGURES,
         engines=EVERYONE, quick=(), run=bulk(4, "off")),
]
