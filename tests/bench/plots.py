# SPDX-License-Identifier: ISC
"""Plots of a result, as gnuplot draws them: the same result gives the same bytes."""

import collections
import subprocess

import analysis

# works: the groups of bars, or the places on the x axis; each with what stands below it.
Plot = collections.namedtuple("Plot", "name title figure works kind")

SIZES = (64, 128, 256, 512, 1024, 1280, 1518, 9000)
MACS = {"1k": 1024, "16k": 16384, "64k": 65536, "256k": 262144}

PLOTS = [
    Plot("tcp", "TCP bulk, mean of both directions", "gbps", {
        "tcp-1": "1 stream", "tcp-4": "4 streams", "tcp-off-1": "1 stream,\\noffloads off",
        "tcp-off-4": "4 streams,\\noffloads off"}, "bars"),
    Plot("lossless", "Highest rate with ≤ 0.1 % loss, by bytes per frame", "kpps", {
        "search-%d" % size: str(size) for size in SIZES}, "bars"),
    Plot("open-loop", "Frames that arrive when more are offered than fit", "kpps", {
        "rate-%d" % size: str(size) for size in SIZES}, "bars"),
    Plot("switch-cpu", "CPU time of the switch's process for a 64-byte frame", "switch_us", {
        "rate-64": "at overload", "cpu-100k": "at 100 kframes/s"}, "bars"),
    Plot("latency", "Round trip, median", "p50_us", {
        "latency": "alone", "latency-load": "beside 50 kframes/s",
        "latency-one-cpu": "alone,\\nhosts on one CPU",
        "latency-load-one-cpu": "beside 50 kframes/s,\\nhosts on one CPU"}, "bars"),
    Plot("patterns", "Patterns of RFC 2889, 64 bytes, frames that arrive", "kpps", {
        "flood-8": "broadcast\\nto 7", "mesh-4": "mesh of 4", "mesh-8": "mesh of 8",
        "mesh-16": "mesh of 16", "incast": "4 to 1"}, "bars"),
    Plot("addresses", "64-byte frames to so many known addresses in turn", "kpps", {
        "fdb-" + name: n for name, n in MACS.items()}, "lines"),
    Plot("ports", "64-byte frames between two ports of so many", "kpps", {
        "ports-2": 2, "ports-64": 64, "ports-1000": 1000}, "lines"),
]

PREAMBLE = """set terminal svg size 860,380 font "sans-serif,12" background "#ffffff"
set output '{path}'
set title "{title}"
set ylabel "{unit}"
set yrange [0:*]
set grid y lc rgb "#dddddd"
set border 3
set tics nomirror
set key outside right top
set datafile missing "?"
"""
BARS = """set style data histogram
set style histogram errorbars gap 1.5 lw 1
set style fill solid 0.9 border -1
set errorbars 0.5
"""
LINES = """set logscale x 2
set xrange [*:*] noextend
set style data yerrorlines
"""

# One colour for each, whoever else takes part.
COLOURS = {"ringspan": "#0060ad", "bridge": "#555555", "bridge-nf": "#bbbbbb",
           "bridge-gro": "#888888", "ovs": "#dd8800", "vde": "#338833", "sendmmsg": "#88bbdd",
           "veth": "#eeeeee"}


def _row(result, work, engine, figure, place):
    found = analysis.summary(result, work, engine, figure)
    numbers = "%.6g %.6g %.6g" % found[:3] if found else "? ? ?"
    return ('"%s" ' if isinstance(place, str) else "%d ") % place + numbers


def _block(result, plot, works, engine, index):
    rows = [_row(result, work, engine, plot.figure, plot.works[work]) for work in works]
    return "$d%d << EOD\n%s\nEOD\n" % (index, "\n".join(rows))


def _curve(plot, engine, index):
    columns = "2:3:4:xtic(1)" if plot.kind == "bars" else "1:2:3:4:xtic(1)"
    return "$d%d using %s title '%s' lc rgb '%s'" % (
        index, columns, engine, COLOURS[engine])


def script(result, plot, path):
    """What gnuplot is told; None if nobody did any of that."""
    works = [work for work in plot.works if work in analysis.works_of(result)]
    engines = [engine for engine in result["engines"] if any(
        analysis.summary(result, work, engine, plot.figure) for work in works)]
    if not engines or (plot.kind == "lines" and len(works) < 2):
        return None
    text = PREAMBLE.format(path=path, title=plot.title, unit=analysis.unit(plot.figure))
    text += BARS if plot.kind == "bars" else LINES
    text += "".join(_block(result, plot, works, engine, i) for i, engine in enumerate(engines))
    return text + "plot " + ", ".join(_curve(plot, engine, i)
                                      for i, engine in enumerate(engines)) + "\n"


def draw(result, plot, path):
    """Whether there was something to draw."""
    text = script(result, plot, path)
    if text:
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
    return text is not None
