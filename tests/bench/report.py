# SPDX-License-Identifier: ISC
"""The report: Markdown with plots, out of a result file and nothing else."""

import json
import os

import analysis
import plots
import tables

READING = """A figure is the median of the rounds, in brackets the lowest and the highest. A ratio
is that of the medians over the same rounds, in brackets the lowest and the highest ratio of one
round. Switches that have no turn are stopped. `switch CPU` is the run time of the switch's
threads, what the kernel does in their name included (on a veth that is the delivery to the
receiving host, too); a switch in the kernel works in its senders' name and makes them wait, so
for all of them the whole machine's CPU time per frame stands beside it, source and sink of the
traffic included. Frame sizes are those of RFC 2544, with an FCS that a veth does not have: 64
means 60. A trial that failed counts neither as zero nor as a figure, but it is listed."""


def _plot_lines(result, directory):
    drawn = [plot for plot in plots.PLOTS
             if plots.draw(result, plot, os.path.join(directory, plot.name + ".svg"))]
    return "\n".join("![%s](%s.svg)" % (plot.title, plot.name) for plot in drawn)


def markdown(result, pictures, command):
    """The whole text."""
    sections = [
        "# Benchmark", "Made by `%s`." % command, tables.heading(result), READING,
        "## What we want to reach", tables.target_table(result),
        "## Pictures", pictures, "## Figures",
        *[tables.work_section(result, work) for work in analysis.works_of(result)],
        "## Damage", "Over all trials.", tables.damage_table(result),
        "## The generator by itself", "Over a direct veth pair, unpinned.",
        tables.ceiling_table(result),
        "## Microbenchmarks", tables.micro_table(result),
        "## Left out", tables.bullets(result["skipped"]),
        "## To know beside the figures", tables.bullets(analysis.notes(result))]
    return "\n\n".join(sections) + "\n"


def write(path, directory):
    """DIRECTORY/benchmark.md and its plots."""
    with open(path) as file:
        result = json.load(file)
    os.makedirs(directory, exist_ok=True)
    command = "tools/bench %s -o RESULT && tools/bench report RESULT DIRECTORY" % result["plan"]
    text = markdown(result, _plot_lines(result, directory), command)
    with open(os.path.join(directory, "benchmark.md"), "w") as file:
        file.write(text)
    print("wrote " + os.path.join(directory, "benchmark.md"))
