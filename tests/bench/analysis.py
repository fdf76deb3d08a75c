# SPDX-License-Identifier: ISC
"""Questions to a result: pure, so that a result of long ago answers as one of today."""

import stats
from trial import COUNTED
from works import FIGURES

REFERENCE = "bridge"


def by_round(result, work, engine, figure):
    """{round: value} of the trials that did not fail."""
    return {sample["round"]: sample["values"][figure] for sample in result["samples"]
            if sample["work"] == work and sample["engine"] == engine
            and figure in sample.get("values", {})}


def summary(result, work, engine, figure):
    return stats.summarize(list(by_round(result, work, engine, figure).values()))


def ratio(result, mine, theirs):
    """Of two (work, engine, figure)."""
    return stats.ratio(by_round(result, *mine), by_round(result, *theirs))


def engines_of(result, work):
    """Those that tried, in the order of the result's table of engines."""
    tried = {sample["engine"] for sample in result["samples"] if sample["work"] == work}
    return [name for name in result["engines"] if name in tried]


def works_of(result):
    tried = {sample["work"] for sample in result["samples"]}
    return [name for name in result["works"] if name in tried]


def failures(result, work, engine):
    return [sample["failure"] for sample in result["samples"] if sample["work"] == work
            and sample["engine"] == engine and "failure" in sample]


def damage(result):
    """{engine: {kind: frames}} over all trials; `received` says out of how many."""
    total = {name: dict.fromkeys(COUNTED, 0) for name in result["engines"]}
    for sample in result["samples"]:
        for kind, count in sample.get("damage", {}).items():
            total[sample["engine"]][kind] += count
    return total


def notes(result):
    """What must be known beside a figure, once each, in order."""
    texts = ["%s, %s: %s" % (sample["work"], sample["engine"], note)
             for sample in result["samples"]
             for note in sample.get("notes", []) + [sample[key] for key in ("failure",)
                                                    if key in sample]]
    return list(dict.fromkeys(texts))


def absences(result):
    """{(engine, why): [work, ...]} of works that were measured."""
    found = {}
    for work in works_of(result):
        for engine, why in result["works"][work].get("absent", {}).items():
            found.setdefault((engine, why), []).append(work)
    return found


def rounds_of(result, work):
    """How many a work had, of whichever engine had most."""
    numbers = [sample["round"] for sample in result["samples"] if sample["work"] == work]
    return max(numbers, default=-1) + 1


def more_is_better(figure):
    return FIGURES[figure][1]


def unit(figure):
    return FIGURES[figure][0]
