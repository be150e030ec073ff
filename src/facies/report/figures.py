"""Figures of a run: the projection, and the training curves. Drawn without any global state of matplotlib."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.report.palette import NOISE_LOOK, Look, look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_POINTS", "figure_bytes", "history_figure", "projection_figure", "svg_markup"]

MOST_POINTS = 50_000
"""More points than this are thinned out at random."""

# Stand-ins, which svg_markup turns into the colours of the page, light or dark.
_INK, _PAPER = "#010203", "#fdfcfb"
_FONTS = ["DejaVu Sans"]
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "facies",
    "font.family": "sans-serif",
    "font.sans-serif": _FONTS,
    "font.size": 9,
}


def drawn_points(groups: NDArray[np.int64], most: int = MOST_POINTS, seed: int = 0) -> NDArray[np.int64]:
    """Return which images are drawn: all, or ``most`` of them at random, in the order of the images."""
    if len(groups) <= most:
        return np.arange(len(groups))
    return np.sort(np.random.default_rng(seed).choice(len(groups), most, replace=False))


def projection_figure(points: NDArray[np.float32], groups: NDArray[np.int64], *, most: int = MOST_POINTS) -> Figure:
    """Draw the projection, coloured by group, each group's number at its middle.

    Parameters
    ----------
    points : ndarray of float32, shape (N, 2)
        The projection.
    groups : ndarray of int, shape (N,)
        Groups 0..K-1, and -1 for noise, which is grey and lies below.
    most : int
        How many points are drawn at most.

    Returns
    -------
    Figure
        matplotlib's, without axes: the directions of a projection mean nothing.
    """
    from matplotlib.figure import Figure

    drawn = drawn_points(groups, most)
    size = float(np.clip(24_000 / max(1, len(drawn)), 1.5, 28))
    figure = Figure(figsize=(7.4, 5.6), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="datalim")
    chosen = groups[drawn]
    noise = drawn[chosen < 0]
    _draw_points(axes, points[noise], NOISE_LOOK, size * 0.5)
    looks = {group: look_of(group) for group in np.unique(chosen[chosen >= 0]).tolist()}
    for look in dict.fromkeys(looks.values()):
        alike = [group for group in looks if looks[group] == look]
        _draw_points(axes, points[drawn[np.isin(chosen, alike)]], look, size)
    for group in np.unique(groups[groups >= 0]).tolist():
        _write_number(axes, points[groups == group], group)
    return figure


def _draw_points(axes: Axes, points: NDArray[np.float32], look: Look, size: float) -> None:
    axes.scatter(
        points[:, 0], points[:, 1], s=size, c=look.colour, marker=look.marker, alpha=0.8, linewidths=0, rasterized=True
    )


def _write_number(axes: Axes, members: NDArray[np.float32], group: int) -> None:
    from matplotlib.patheffects import withStroke

    # The member nearest to the median: a ring's or a crescent's own middle lies outside of it.
    middle = np.median(members, axis=0)
    x, y = members[np.square(members - middle).sum(1).argmin()]
    axes.text(
        x, y, str(group), ha="center", va="center", fontsize=11, fontweight="bold", color=_INK,
        path_effects=[withStroke(linewidth=3, foreground=_PAPER)],
    )  # fmt: skip


def history_figure(history: pd.DataFrame) -> Figure | None:
    """Draw the training curves, one panel a stage, one line a loss term.

    Parameters
    ----------
    history : DataFrame
        Columns ``stage``, ``epoch``, and one column a loss term.

    Returns
    -------
    Figure or None
        None if there is nothing to draw.
    """
    from matplotlib.figure import Figure

    numbers = history.drop(columns=["stage", "epoch"], errors="ignore").select_dtypes("number")
    curves = [
        (str(stage), rows["epoch"], numbers.loc[rows.index].dropna(axis="columns", how="all"))
        for stage, rows in history.groupby("stage", sort=False)
    ]
    curves = [curve for curve in curves if curve[2].shape[1]]
    if not curves:
        return None
    columns = min(2, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(7.4, 2.6 * rows), layout="constrained")
    figure.patch.set_alpha(0)
    for number, (stage, epochs, losses) in enumerate(curves):
        _draw_curves(figure.add_subplot(rows, columns, number + 1), stage, epochs, losses)
    return figure


def _draw_curves(axes: Axes, stage: str, epochs: pd.Series, losses: pd.DataFrame) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.patch.set_alpha(0)
    for number, name in enumerate(losses):
        values = losses[name].dropna()
        marker = "o" if len(values) == 1 else None
        axes.plot(epochs[values.index], values, label=_plain(name), color=look_of(number).colour, lw=1.4, marker=marker)
    numbers = losses.to_numpy(float)
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size and numbers.min() > 0 and numbers.max() > 100 * numbers.min():
        axes.set_yscale("log")
    axes.set_title(_plain(stage), loc="left", fontsize=9.5, fontweight="bold", color=_INK)
    axes.set_xlabel("epoch", color=_INK, fontsize=8.5)
    axes.tick_params(colors=_INK, which="both", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_INK)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.legend(frameon=False, labelcolor=_INK, fontsize=8)


def _plain(name: object) -> str:
    """Return a name in which matplotlib finds no formula, nor a label to be hidden."""
    return "\u200b" + str(name).replace("$", r"\$")


def figure_bytes(figure: Figure, kind: str = "png", dpi: int = 200) -> bytes:
    """Return a figure as a PNG, PDF or SVG file with dark ink, for papers and slides.

    Parameters
    ----------
    figure : Figure
        One of this module's.
    kind : {"png", "pdf", "svg"}
        The file's format.
    dpi : int
        Resolution of a PNG, and of the points in a PDF or SVG.

    Returns
    -------
    bytes
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        FigureCanvasAgg(figure).print_figure(buffer, format=kind, dpi=dpi, metadata=_no_metadata(kind))
    return buffer.getvalue()


def _no_metadata(kind: str) -> dict[str, None]:
    # Dates would make two equal figures differ; the addresses of vocabularies are no reader's business.
    keys = {"svg": ("Date", "Creator", "Format", "Type"), "pdf": ("CreationDate", "ModDate")}.get(kind, ())
    return dict.fromkeys(keys)


def svg_markup(figure: Figure, label: str) -> str:
    """Return a figure as SVG to be put into a page: it takes the page's colours and font, and has no addresses in it.

    Parameters
    ----------
    figure : Figure
        One of this module's.
    label : str
        What a screen reader says of it.

    Returns
    -------
    str
        One ``<svg>`` element. Its text is text; its points are a picture inside of it.
    """
    from html import escape

    markup = figure_bytes(figure, "svg", dpi=220).decode("utf-8")
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"\s*<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = re.sub(r'<g id="[^"]*"', "<g", markup)  # two figures in a page would bear the same
    markup = markup.replace(_INK, "currentColor").replace(_PAPER, "var(--paper)")
    markup = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", markup, count=1)
    markup = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", markup, count=1)
    return markup.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
