# SPDX-License-Identifier: ISC
"""Medians, spreads and ratios of samples that were taken in alternated rounds."""

import collections
import statistics

Summary = collections.namedtuple("Summary", "median low high n")
Ratio = collections.namedtuple("Ratio", "value low high n")


def percentile(sorted_values, percent):
    """The nearest-rank percentile of values in ascending order."""
    rank = max(1, -(-len(sorted_values) * percent // 100))
    return sorted_values[int(rank) - 1]


def summarize(values):
    """Median, lowest and highest; None if there is nothing."""
    if not values:
        return None
    return Summary(statistics.median(values), min(values), max(values), len(values))


def ratio(mine, theirs):
    """The ratio of the medians of two {round: value}, and its spread round by round.

    None where one side has nothing in common with the other, or the other's median is zero: a
    ratio to a peer that cannot do the work at all would only look like a number.
    """
    both = sorted(set(mine) & set(theirs))
    if not both:
        return None
    below = statistics.median(theirs[r] for r in both)
    if below == 0:
        return None
    each = [mine[r] / theirs[r] for r in both if theirs[r] != 0]
    value = statistics.median(mine[r] for r in both) / below
    return Ratio(value, min(each), max(each), len(both))
