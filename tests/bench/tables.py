# SPDX-License-Identifier: ISC
"""A result as text for people: one table per workload, the damage, and the verdicts.

The same Markdown is printed at the end of a run and stands in the report.
"""

import analysis
import targets
from works import UNPINNED

NOTEWORTHY = 1.05

def number(value):
    """Three digits that count, and no exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return "%.0f" % value
    return "%.*f" % (2 if abs(value) < 10 else 1, value)


def spread(summary):
    if summary is None:
        return "–"
    if summary.low == summary.high:
        return number(summary[0])
    return "%s (%s–%s)" % (number(summary[0]), number(summary.low), number(summary.high))


def markdown(header, rows):
    lines = [header, ["---"] * len(header)] + rows
    return "\n".join("| %s |" % " | ".join(cells) for cells in lines)


def rounds_line(result):
    counts = [result[key] for key in ("rounds", "rounds_wide", "rounds_others")]
    how_many = "%d alternated rounds" % counts[0]
    if len(set(counts)) > 1:
        how_many += " of work that is judged (%d where figures spread widely), %d of other work" % (
            counts[1], counts[2])
    return "%s (`%s`): medians, in brackets the lowest and the highest." % (
        how_many, result["plan"])


def effort_line(result):
    """How long what was measured took: not nearly what the RFCs ask for."""
    effort = result["effort"]
    return ("Open loop, round trips: %s s; TCP: %s s each way; each trial of a search: %s s, where RFC "
            "2544 wants 60, until the rate is known to %.0f %%." % (
                effort["seconds"], effort["tcp"], effort["trial"], 100 * effort["resolution"]))


def heading(result):
    """What was measured, on what, with which versions and settings."""
    machine = result["machine"]
    build = ", ".join("%s=%s" % pair for pair in sorted(result["build"].items())) or "elsewhere"
    lines = ["Linux %s, %s, %d CPUs (%s), %d MiB; %s; built with %s." % (
        machine["kernel"], machine["distribution"], machine["cpus"], machine["cpu"],
        machine["memory_mib"], machine["iperf3"], build),
             rounds_line(result), effort_line(result), ""]
    rows = [["`%s`" % name, engine["title"], engine["version"] or "–", engine["settings"]]
            for name, engine in result["engines"].items()]
    return "\n".join(lines) + "\n" + markdown(["name", "switch", "version", "settings"], rows)


def _reference(result, work):
    """The kernel's bridge, or who else there is."""
    tried = analysis.engines_of(result, work)
    return analysis.REFERENCE if analysis.REFERENCE in tried else None


def work_table(result, work):
    """One row per switch; the first figure also as a ratio to the kernel's bridge."""
    figures = result["works"][work]["figures"]
    reference = _reference(result, work)
    rows = []
    for engine in analysis.engines_of(result, work):
        cells = [spread(analysis.summary(result, work, engine, figure)) for figure in figures]
        if reference:
            ratio = analysis.ratio(result, (work, engine, figures[0]),
                                   (work, reference, figures[0]))
            cells.insert(1, "" if engine == reference else spread(ratio))
        failed = analysis.failures(result, work, engine)
        rows.append([engine + (" (%d failed)" % len(failed) if failed else "")] + cells)
    header = ["switch"] + [analysis.unit(figure) for figure in figures]
    if reference:
        header.insert(2, "against `%s`" % reference)
    return markdown(header, rows)


def work_section(result, work):
    about = result["works"][work]
    return "**`%s`**: %s; %s; rounds: %d.\n\n%s" % (
        work, about["title"], about["placement"], analysis.rounds_of(result, work),
        work_table(result, work))


def damage_table(result):
    total = analysis.damage(result)
    kinds = list(next(iter(total.values()), {}))
    rows = [[name] + [str(counts[kind]) for kind in kinds] for name, counts in total.items()]
    return markdown(["switch"] + kinds, rows)


def target_table(result):
    rows = []
    for verdict in targets.judge(result):
        target = verdict.target
        value = "–"
        if verdict.value is not None:
            value = number(verdict.value)
            if verdict.low != verdict.high:
                value += " (%s–%s)" % (number(verdict.low), number(verdict.high))
        rows.append([target.text, number(target.floor), number(target.aim), value,
                     str(verdict.n) if target.is_timed else "–", verdict.word])
    return markdown(["work", "floor", "aim", "measured", "rounds", "verdict"], rows)


def kernel_table(result):
    """Work that the kernel's bridge does better than we by more than a twentieth, the most first."""
    found = []
    for work in analysis.works_of(result):
        about = result["works"][work]
        figure = about["figures"][0]
        ours, theirs = (work, targets.US, figure), (work, analysis.REFERENCE, figure)
        ratio = analysis.ratio(result, ours, theirs)
        if ratio is None or ratio.value == 0:
            continue
        factor = 1 / ratio.value if analysis.more_is_better(figure) else ratio.value
        if factor > NOTEWORTHY:
            cells = [spread(analysis.summary(result, *side)) for side in (ours, theirs)]
            title = about["title"]
            if about["placement"] != UNPINNED:
                title += "; " + about["placement"]
            found.append((factor, [title, analysis.unit(figure), *cells, number(factor)]))
    found.sort(key=lambda pair: -pair[0])
    return markdown(["work", "unit", "Ringspan", "Linux bridge", "times better"],
                    [cells for _, cells in found])


def configurations(result):
    return "\n\n".join("`%s`:\n\n```\n%s\n```" % pair
                       for pair in result["configurations"].items() if pair[1]) or "not recorded"


CEILING = """Over a direct veth pair whoever sends a frame also delivers it: the receiving host's
work is done in the sender's time, as it is for a bridge in the kernel. A switch that is a process
takes frames out of a queue and delivers them in its own time; so the generator can offer it more
than stands here, and does where it drops most of them."""


def ceiling_table(result):
    ceiling = result["ceiling"]
    if not ceiling:
        return "not measured"
    rows = [["%d" % (row["size"] + 4), number(row["tx_pps"] / 1e3), number(row["rx_pps"] / 1e3)]
            for row in ceiling["ceiling"]]
    return markdown(["bytes", "kframes/s sent", "kframes/s received"], rows) + "\n\n" + CEILING


MICRO_FIGURES = ("benchmark", "operation", "ns", "ns_min", "ns_max", "rounds")


def micro_row(row):
    of = ", ".join("%s %s" % pair for pair in row.items() if pair[0] not in MICRO_FIGURES)
    ns = number(row["ns"])
    if "ns_min" in row:
        ns += " (%s–%s)" % (number(row["ns_min"]), number(row["ns_max"]))
    return [row["benchmark"], row["operation"], of, ns]


def micro_table(result):
    if not result["micro"]:
        return "not measured"
    return markdown(["benchmark", "operation", "of", "ns"], list(map(micro_row, result["micro"])))


def bullets(texts):
    return "\n".join("- " + text for text in texts) or "- none"


def parts(result):
    """Who takes part in what, as far as that needs a word."""
    texts = ["`%s` %s." % (name, engine["part"])
             for name, engine in result["engines"].items() if engine.get("part")]
    texts += ["`%s` is not in %s: %s." % (engine, ", ".join("`%s`" % work for work in works), why)
              for (engine, why), works in analysis.absences(result).items()]
    return bullets(texts)


def summary(result):
    """What is printed at the end of a run."""
    texts = [work_section(result, work) for work in analysis.works_of(result)]
    texts += ["Configurations, as each says itself:\n\n" + configurations(result),
              "The generator by itself, over a direct veth pair:\n\n" + ceiling_table(result),
              "Damage in all trials:\n\n" + damage_table(result),
              "What we want to reach:\n\n" + target_table(result),
              "Who takes part:\n" + parts(result),
              "Left out:\n" + bullets(result["skipped"]),
              "To know beside the figures:\n" + bullets(analysis.notes(result))]
    return "\n" + "\n\n".join(texts)
