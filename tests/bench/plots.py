# SPDX-License-Identifier: ISC
"""Plots of a result, as gnuplot draws them: the same result gives the same bytes."""

import collections
import subprocess

import analysis

# works: the groups of bars, each with what stands below it.
Plot = collections.namedtuple("Plot", "name title figure works")

SIZES = (64, 128, 256, 512, 1024, 1280, 1518, 9000)

PLOTS = [
    Plot("tcp", "TCP bulk, mean of both directions", "gbps", {
        "tcp-1": "1 stream", "tcp-4": "4 streams", "tcp-off-1": "1 stream,\\noffloads off",
        "tcp-off-4": "4 streams,\\noffloads off"}),
    Plot("lossless", "Highest rate with ≤ 0.1 % loss, by bytes per frame", "kpps", {
        "search-%d" % size: str(size) for size in SIZES}),
    Plot("open-loop", "Frames that arrive when more are offered than fit", "kpps", {
        "rate-%d" % size: str(size) for size in SIZES}),
    Plot("switch-cpu", "CPU time of the switch's process for a 64-byte frame", "switch_us", {
        "rate-64": "at overload", "cpu-100k": "at 100 kframes/s"}),
    Plot("latency", "Round trip, median", "p50_us", {
        "latency": "alone", "latency-load": "beside 50 kframes/s",
        "latency-one-cpu": "alone,\\nhosts on one CPU",
        "latency-load-one-cpu": "beside 50 kframes/s,\\nhosts on one CPU"}),
    Plot("patterns", "Patterns of RFC 2889, 64 bytes, frames that arrive", "kpps", {
        "flood-8": "broadcast\\nto 7", "mesh-4": "mesh of 4", "mesh-8": "mesh of 8",
        "mesh-16": "mesh of 16", "incast": "4 to 1"}),
    Plot("addresses", "64-byte frames to so many known addresses in turn", "kpps", {
        "fdb-" + n: n for n in ("1k", "16k", "64k", "256k")}),
    Plot("ports", "64-byte frames between two ports of so many", "kpps", {
        "ports-%d" % n: str(n) for n in (2, 64, 1000)}),
]

PREAMBLE = """set terminal svg size 860,380 font "sans-serif,12" background "#ffffff"
set output '{path}'
set title "{title}"
set ylabel "{unit}"
set yrange [0:*]
set xrange [-0.6:{last}]
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set bmargin 3.5
set key outside right top
set datafile missing "?"
set style data histogram
set style histogram errorbars gap 1.5 lw 1
set style fill solid 0.9 border -1
set errorbars 0.5
"""

# One colour for each, whoever else takes part.
COLOURS = {"ringspan": "#0060ad", "bridge": "#555555", "bridge-nf": "#bbbbbb",
           "bridge-gro": "#888888", "ovs": "#dd8800", "ovs-tso": "#eebb66", "vde": "#338833",
           "sendmmsg": "#88bbdd", "veth": "#eeeeee"}


def _block(result, plot, works, engine, index):
    """The figures of an engine: median, lowest, highest."""
    lines = ["$d%d << EOD" % index]
    for work in works:
        found = analysis.summary(result, work, engine, plot.figure)
        numbers = "%.6g %.6g %.6g" % found[:3] if found else "? ? ?"
        lines.append('"%s" %s' % (plot.works[work], numbers))
    return "\n".join(lines + ["EOD", ""])


def _curve(engine, index):
    return "$d%d using 2:3:4:xtic(1) title '%s' lc rgb '%s'" % (index, engine, COLOURS[engine])


def script(result, plot, path):
    """What gnuplot is told; None if nobody did any of that."""
    works = [work for work in plot.works if work in analysis.works_of(result)]
    engines = [engine for engine in result["engines"] if any(
        analysis.summary(result, work, engine, plot.figure) for work in works)]
    if not engines:
        return None
    blocks = [_block(result, plot, works, engine, i) for i, engine in enumerate(engines)]
    curves = [_curve(engine, i) for i, engine in enumerate(engines)]
    preamble = PREAMBLE.format(path=path, title=plot.title, unit=analysis.unit(plot.figure),
                               last=len(works) - 0.4)
    return preamble + "".join(blocks) + "plot " + ", ".join(curves) + "\n"


def draw(result, plot, path):
    """Whether there was something to draw."""
    text = script(result, plot, path)
    if text:
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
    return text is not None
