"""Figures of a run: the projection, and the training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.report.palette import NOISE_STYLE, Style, group_style
from facies.report.svg import INK, PAPER, escape_label, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_POINTS = 50_000
"""More points than this are thinned out at random."""


def drawn_points(groups: NDArray[np.int64], max_points: int = MAX_POINTS, seed: int = 0) -> NDArray[np.int64]:
    """Return which images are drawn: all, or ``max_points`` of them at random, in the order of the images."""
    if len(groups) <= max_points:
        return np.arange(len(groups))
    return np.sort(np.random.default_rng(seed).choice(len(groups), max_points, replace=False))


def projection_figure(
    points: NDArray[np.float32], groups: NDArray[np.int64], *, max_points: int = MAX_POINTS
) -> Figure:
    """Draw the projection (N, 2), coloured by group, each group's number at its middle; noise (−1) is grey and lies below."""
    drawn = drawn_points(groups, max_points)
    size = float(np.clip(24_000 / max(1, len(drawn)), 1.5, 28))
    figure = new_figure(7.4, 5.6)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="datalim")
    chosen = groups[drawn]
    noise = drawn[chosen < 0]
    _draw_points(axes, points[noise], NOISE_STYLE, size * 0.5)
    styles = {group: group_style(group) for group in np.unique(chosen[chosen >= 0]).tolist()}
    for style in dict.fromkeys(styles.values()):
        alike = [group for group in styles if styles[group] == style]
        _draw_points(axes, points[drawn[np.isin(chosen, alike)]], style, size)
    for group in np.unique(groups[groups >= 0]).tolist():
        _write_number(axes, points[groups == group], group)
    return figure


def _draw_points(axes: Axes, points: NDArray[np.float32], style: Style, size: float) -> None:
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=size,
        c=style.colour,
        marker=style.marker,
        alpha=0.8,
        linewidths=0,
        rasterized=True,
    )


def _write_number(axes: Axes, members: NDArray[np.float32], group: int) -> None:
    from matplotlib.patheffects import withStroke

    # The member nearest to the median: a ring's or a crescent's own middle lies outside of it.
    middle = np.median(members, axis=0)
    x, y = members[np.square(members - middle).sum(1).argmin()]
    axes.text(
        x, y, str(group), ha="center", va="center", fontsize=11, fontweight="bold", color=INK,
        path_effects=[withStroke(linewidth=3, foreground=PAPER)],
    )  # fmt: skip


def history_figure(history: pd.DataFrame) -> Figure | None:
    """Draw the training curves, one panel a ``stage``, one line a loss term over the ``epoch``; None if there are none."""
    numbers = history.drop(columns=["stage", "epoch", "seconds"], errors="ignore").select_dtypes("number")
    curves = [
        (str(stage), rows["epoch"], numbers.loc[rows.index].dropna(axis="columns", how="all"))
        for stage, rows in history.groupby("stage", sort=False)
    ]
    curves = [curve for curve in curves if curve[2].shape[1]]
    if not curves:
        return None
    columns = min(2, len(curves))
    rows = -(-len(curves) // columns)
    figure = new_figure(7.4, 2.6 * rows)
    for number, (stage, epochs, losses) in enumerate(curves):
        _draw_curves(figure.add_subplot(rows, columns, number + 1), stage, epochs, losses)
    return figure


def _draw_curves(axes: Axes, stage: str, epochs: pd.Series, losses: pd.DataFrame) -> None:
    from matplotlib.ticker import MaxNLocator

    style_axes(axes, title=stage, x="epoch")
    for number, name in enumerate(losses):
        values = losses[name].dropna()
        marker = "o" if len(values) == 1 else None
        axes.plot(
            epochs[values.index],
            values,
            label=escape_label(name),
            color=group_style(number).colour,
            lw=1.4,
            marker=marker,
        )
    numbers = losses.to_numpy(float)
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size and numbers.min() > 0 and numbers.max() > 100 * numbers.min():
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.legend(frameon=False, labelcolor=INK, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0)
