"""Figures of the classes: three of them in a triangle, all on the map, and the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.grains.report.downcore_figures import DEPTH_LABELS, sample_order
from facies.report.figures import drawn_points
from facies.report.palette import NOISE_STYLE, Style, depth_colours
from facies.report.svg import INK, PAPER, ReportFigure, escape_label, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def ternary(shares: pd.DataFrame, samples: pd.DataFrame) -> ReportFigure | None:
    """Draw each sample in a triangle of three parts, coloured by depth or age.

    The shares have the index ``sample`` and three columns of counts, which become the corners left, right and top. They
    are brought to 100 % of their sum; a point lies at ``x = right + top / 2, y = top √3 / 2``. Returns None if no
    sample has any.
    """
    total = shares.sum(axis=1)
    parts = shares[total > 0].div(total[total > 0], axis=0)
    if parts.empty:
        return None
    ordered, column = sample_order(samples[samples["sample"].isin(parts.index)])
    parts = parts.loc[ordered["sample"]]
    figure = new_figure(5.4, 4.2)
    axes = figure.add_subplot()
    _triangle(axes, [str(name) for name in parts])
    x, y = _in_triangle(parts.to_numpy(float))
    values = ordered[column].to_numpy(float) if column else np.arange(len(parts), dtype=float)
    points = axes.scatter(
        x, y, c=values, cmap=depth_colours(), s=34, edgecolors=PAPER, linewidths=0.7, zorder=3, clip_on=False
    )
    if column:
        bar = figure.colorbar(points, ax=axes, shrink=0.55, aspect=18, pad=0.02)
        bar.set_label(DEPTH_LABELS[column], color=INK, fontsize=8)
        bar.ax.tick_params(colors=INK, labelsize=7.5)
        bar.ax.invert_yaxis()
        bar.outline.set_visible(False)
    if not column and len(parts) <= 12:
        for name, along, up in zip(parts.index, x, y, strict=True):
            axes.annotate(
                escape_label(name), (along, up), xytext=(5, 4), textcoords="offset points", fontsize=7.5, color=INK
            )
    caption = f"{', '.join(map(str, parts))}: each sample’s counts of the three, brought to 100 %."
    data = (100 * parts).reset_index()
    return ReportFigure("ternary", "Three parts", caption, figure, data)


def _in_triangle(parts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return parts[:, 1] + parts[:, 2] / 2, parts[:, 2] * np.sqrt(3) / 2


def _triangle(axes: Axes, names: Sequence[str]) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-0.16, 1.16)
    axes.set_ylim(-0.11, 0.95)
    corners = np.eye(3)
    for step in np.arange(0.2, 1, 0.2):
        for i in range(3):
            ends = np.stack([corners[i] * step + corners[j] * (1 - step) for j in ((i + 1) % 3, (i + 2) % 3)])
            axes.plot(*_in_triangle(ends), color=INK, alpha=0.16, lw=0.6, zorder=1)
    axes.plot(*_in_triangle(corners[[0, 1, 2, 0]]), color=INK, lw=0.9, zorder=2)
    for percent in (20, 40, 60, 80):
        step = percent / 100
        # The share of each part is read along the side that leads to its own corner.
        for i, (dx, dy) in ((0, (-0.02, 0.0)), (1, (0.0, -0.03)), (2, (0.02, 0.0))):
            before = (i + 2) % 3
            along, up = _in_triangle((corners[i] * step + corners[before] * (1 - step))[None])
            axes.text(
                along[0] + dx, up[0] + dy, str(percent), fontsize=6.5, color=INK, alpha=0.7,
                ha=("right", "center", "left")[i], va=("center", "top", "center")[i],
            )  # fmt: skip
    for name, x, y, ha, va in (
        (names[0], -0.02, -0.05, "center", "top"),
        (names[1], 1.02, -0.05, "center", "top"),
        (names[2], 0.5, float(np.sqrt(3) / 2 + 0.03), "center", "bottom"),
    ):
        axes.text(x, y, escape_label(name), fontsize=9, fontweight="bold", color=INK, ha=ha, va=va)


def class_map(
    points: NDArray[np.float32], names: NDArray[np.object_], styles: Mapping[str, Style], ids: Sequence[str]
) -> ReportFigure:
    """Draw the projection, (N, 2), coloured by class; what has none, "", is grey and lies below."""
    from matplotlib.collections import PathCollection

    drawn = drawn_points(np.zeros(len(points), np.int64))
    size = float(np.clip(24_000 / max(1, len(drawn)), 1.5, 28))
    figure = new_figure(7.4, 5.6)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="datalim")
    for name, style in {"": NOISE_STYLE, **styles}.items():
        rows = drawn[names[drawn] == name]
        if len(rows):
            axes.scatter(
                points[rows, 0], points[rows, 1], s=size * (1 if name else 0.5), c=style.colour, marker=style.marker,
                alpha=0.8, linewidths=0, rasterized=True, label=escape_label(name or "not named"),
            )  # fmt: skip
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8.5, labelcolor=INK, handletextpad=0.3
    )
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([30])
            handle.set_alpha(1)
    data = pd.DataFrame({"id": list(ids), "x": points[:, 0], "y": points[:, 1], "class": names})
    caption = "Each point is a grain; near points look alike to the method. Colour and marker give the class."
    return ReportFigure("map-of-classes", "Map of the classes", caption, figure, data)


def confusion_matrix(confusion: pd.DataFrame) -> ReportFigure | None:
    """Draw which classes (index) the audited grains were assigned to and which (columns) they truly were.

    Returns None without an audit.
    """
    if confusion.empty:
        return None
    counts = confusion.to_numpy(float)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    height, width = counts.shape
    figure = new_figure(1.9 + 0.62 * width, 1.2 + 0.4 * height)
    axes = figure.add_subplot()
    style_axes(axes, x="true class (audit)", y="assigned class")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        axes.text(
            column, row, f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=8,
            color="#ffffff" if shares[row, column] > 0.6 else "#111111",
        )  # fmt: skip
    axes.set_xticks(range(width), [escape_label(name) for name in confusion.columns], rotation=35, ha="right")
    axes.set_yticks(range(height), [escape_label(name) for name in confusion.index])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    caption = "Grains of the blind audit; shaded by the share of the row."
    data = confusion.rename_axis("assigned").reset_index()
    return ReportFigure("audit-confusion", "Assigned and true", caption, figure, data)
