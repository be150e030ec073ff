"""The table and the page of a benchmark, made of its rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facies.io import atomic_file
from facies.report.benchmark_table import EXPLANATION, HEADINGS, Row, SetTable, markdown, measured_on, tables_of
from facies.report.palette import group_style
from facies.report.rendering import render_template
from facies.report.svg import INK, PAGE_WIDTH, escape_label, new_figure, style_axes, svg_markup

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure


def write_benchmark_report(rows: Sequence[Row], table: Path, page: Path, title: str) -> None:
    """Write the tables as Markdown, and the tables with their plots as one HTML file that loads nothing.

    Parameters
    ----------
    rows
        One row a run, of one or several sets.
    table, page
        Files to write or to replace.
    title
        Heading of both.
    """
    with atomic_file(table, overwrite=True) as temporary:
        temporary.write_text(markdown(rows, title), "utf-8")
    tables = tables_of(rows)
    context = {
        "title": title,
        "headings": HEADINGS,
        "explanation": EXPLANATION,
        "measured_on": measured_on(rows),
        "counts": _counts(rows),
        "sets": [
            {"table": each, "rows": [line.cells() for line in each.lines], "figures": _figures(each)} for each in tables
        ],
    }
    html = render_template(Path(__file__).parent / "templates" / "benchmark.html.jinja", context)
    with atomic_file(page, overwrite=True) as temporary:
        temporary.write_text(html, "utf-8")


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    good = [row for row in rows if row["error"] is None]
    return {
        "sets": len({row["set"] for row in rows}),
        "methods": len({row["method"] for row in rows}),
        "runs": len(rows),
        "collapsed": sum(bool(row["collapsed"]) for row in good),
        "failed": len(rows) - len(good),
    }


def _figures(table: SetTable) -> list[tuple[str, Markup]]:
    """Caption and figure; none of a set without labels."""
    if all(line.accuracy is None for line in table.lines):
        return []
    time, seeds = f"{table.name}: accuracy against time", f"{table.name}: every seed"
    return [
        (
            "Accuracy against the seconds of a fit. Small points are runs, large ones the means of their method.",
            svg_markup(time_figure(table), time),
        ),
        (
            "Accuracy of every seed; hollow points are collapsed runs, the line is the mean, the diamond the published figure.",
            svg_markup(seeds_figure(table), seeds),
        ),
    ]


def time_figure(table: SetTable) -> Figure:
    """Accuracy of runs and of methods against seconds, which are drawn by their logarithm."""
    figure = new_figure(PAGE_WIDTH, 3.6)
    axes = figure.add_subplot()
    for number, line in enumerate(table.lines):
        points = [(max(row["seconds"], 0.01), row["accuracy"]) for row in line.good if row["accuracy"] is not None]
        if not points:
            continue
        style = group_style(number)
        seconds, accuracies = zip(*points, strict=True)
        mean = sum(seconds) / len(seconds), sum(accuracies) / len(accuracies)
        axes.scatter(seconds, accuracies, s=9, color=style.colour, alpha=0.6, linewidths=0)
        axes.scatter(*mean, s=42, color=style.colour, marker=style.marker, linewidths=0)
        axes.annotate(
            escape_label(line.method), mean, xytext=(5, 3), textcoords="offset points", fontsize=7.5, color=INK
        )
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.08)
    style_axes(axes, x="seconds of a fit", y="accuracy (ACC)")
    return figure


def seeds_figure(table: SetTable) -> Figure:
    """Accuracy of every seed, a line a method."""
    lines = [line for line in table.lines if line.accuracy is not None]
    figure = new_figure(PAGE_WIDTH, 0.9 + 0.24 * len(lines))
    axes = figure.add_subplot()
    for place, line in enumerate(lines):
        for row in line.good:
            if row["accuracy"] is not None:
                face = "none" if row["collapsed"] else group_style(0).colour
                axes.scatter(
                    row["accuracy"], place, s=20, facecolors=face, edgecolors=group_style(0).colour, linewidths=1
                )
        axes.vlines(line.accuracy or 0.0, place - 0.3, place + 0.3, color=INK, linewidth=1.2)
        published = next((row["published"] for row in line.rows if row.get("published") is not None), None)
        if published is not None:
            axes.scatter(published, place, s=22, marker="D", color=group_style(1).colour, linewidths=0)
    axes.set_yticks(range(len(lines)), [escape_label(line.method) for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    style_axes(axes, x="accuracy (ACC)")
    return figure
