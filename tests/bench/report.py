# SPDX-License-Identifier: ISC
"""The report: Markdown with plots, out of a result file and nothing else."""

import json
import os

import analysis
import plots
import tables

NAME = "benchmark.md"

READING = """A figure is the median of the rounds, in brackets the lowest and the highest. A ratio
is that of the medians over the same rounds, in brackets the lowest and the highest ratio of one
round. Switches that have no turn are stopped. `switch CPU` is the run time of the switch's
threads, what the kernel does in their name included (on a veth that is the delivery to the
receiving host, too); a switch in the kernel works in its senders' name and makes them wait, so
for all of them the whole machine's CPU time per frame stands beside it, source and sink of the
traffic included. Frame sizes are those of RFC 2544, with an FCS that a veth does not have: 64
means 60. A trial that failed counts neither as zero nor as a figure, but it is listed."""


GOALS = "What we want to reach"
KERNEL = "Where the kernel's bridge is better"
PICTURES = "Pictures"

# In the README, between these: what readme_block() makes of the report, and nobody edits.
BEGIN = "<!-- by tools/bench report -->\n"
END = "<!-- end -->\n"
README_PICTURES = ("tcp", "lossless", "latency", "patterns")


def _plot_lines(result, directory):
    drawn = [plot for plot in plots.PLOTS
             if plots.draw(result, plot, os.path.join(directory, plot.name + ".svg"))]
    return "\n".join("![%s](%s.svg)" % (plot.title, plot.name) for plot in drawn)


def markdown(result, pictures, command):
    """The whole text."""
    sections = [
        "# Benchmark", "Made by `%s`, in %d minutes." % (command, round(result.get("seconds", 0) / 60)),
        tables.heading(result), READING,
        "## " + GOALS, tables.target_table(result),
        "## " + KERNEL, "By the first figure of each work.", tables.kernel_table(result),
        "## " + PICTURES, pictures, "## Figures",
        *[tables.work_section(result, work) for work in analysis.works_of(result)],
        "## Damage", "Over all trials.", tables.damage_table(result),
        "## The generator by itself", "Over a direct veth pair, unpinned.",
        tables.ceiling_table(result),
        "## Microbenchmarks", tables.micro_table(result),
        "## Configurations", "As each says itself, with two ports.", tables.configurations(result),
        "## Who takes part", tables.parts(result),
        "## Left out", tables.bullets(result["skipped"]),
        "## To know beside the figures", tables.bullets(analysis.notes(result))]
    return "\n\n".join(sections) + "\n"


def _section(text, title):
    """What stands below a title of the report."""
    return text.split("\n## %s\n\n" % title, 1)[1].split("\n\n## ", 1)[0]


def _table(text):
    return "\n".join(line for line in text.splitlines() if line.startswith("|"))


def readme_block(report, folder):
    """What the README shows of a report that stands in a folder beside it."""
    machine = report.split("\n\n")[2]
    pictures = [line.replace("](", "](%s/" % folder)
                for line in _section(report, PICTURES).splitlines()
                if any("(%s.svg)" % name in line for name in README_PICTURES)]
    link = "All figures, settings and plots of the run: [%s/%s](%s/%s)." % ((folder, NAME) * 2)
    return "\n\n".join([
        machine, link, _table(_section(report, GOALS)), "\n".join(pictures),
        KERNEL + ":", _table(_section(report, KERNEL))]) + "\n"


def in_readme(readme):
    """(what is before the block, the block, what is behind it)."""
    before, rest = readme.split(BEGIN, 1)
    block, after = rest.split(END, 1)
    return before + BEGIN, block, END + after


def update_readme(path, report, directory):
    with open(path) as file:
        before, _, after = in_readme(file.read())
    folder = os.path.relpath(directory, os.path.dirname(os.path.abspath(path)))
    with open(path, "w") as file:
        file.write(before + "\n" + readme_block(report, folder) + "\n" + after)
    print("wrote " + path)


class NoResult(Exception):
    """The file is something else, or nobody got so far as to write it."""


def read(path):
    with open(path) as file:
        try:
            result = json.load(file)
        except ValueError as mistake:
            raise NoResult("%s is no result: %s" % (path, mistake)) from mistake
    if not isinstance(result, dict) or result.get("format") != 1:
        raise NoResult("%s is no result of tools/bench" % path)
    return result


def write(path, directory, readme=None):
    """DIRECTORY/benchmark.md and its plots, and what a README shows of it."""
    result = read(path)
    os.makedirs(directory, exist_ok=True)
    command = "tools/bench %s -o RESULT && tools/bench report RESULT DIRECTORY" % result["plan"]
    text = markdown(result, _plot_lines(result, directory), command)
    with open(os.path.join(directory, NAME), "w") as file:
        file.write(text)
    print("wrote " + os.path.join(directory, NAME))
    if readme:
        update_readme(readme, text, directory)
