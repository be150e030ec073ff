"""Figures of size and shape: cumulative curves, histograms, boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.report.palette import Style, depth_colours
from facies.report.svg import INK, PAPER, ReportFigure, escape_label, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALL = Style("#5c6470", "o", "●")
_MAX_SAMPLES = 8
_MAX_POINTS = 500
_MIN_GRAINS = 10
_UM_TICKS = (31.25, 63, 125, 250, 500, 1000, 2000, 4000)
_FINER_UM_TICKS = (45, 63, 90, 125, 180, 250, 355, 500, 710, 1000, 1400, 2000, 2800, 4000)
_SHAPES = (
    ("circularity", "circularity 4πA/P²"),
    ("aspect_ratio", "aspect ratio"),
    ("solidity", "solidity"),
    ("roundness", "roundness"),
)


def cumulative_curves(
    grains: pd.DataFrame,
    styles: Mapping[str, Style],
    *,
    scaled: bool,
    limits_um: tuple[float | None, float | None] = (None, None),
) -> ReportFigure | None:
    """Draw the cumulative curves of size, coarse first: by class, and by sample where they are few.

    The measured grains have ``sample``, ``class`` and ``diameter``: in µm if `scaled`, and then the axis is φ with µm
    above, else in pixels. The limits are the sieve's. Returns None with fewer than two grains.
    """
    from matplotlib.colors import to_hex

    grains = grains[grains["diameter"] > 0]
    if len(grains) < 2:
        return None
    samples = list(dict.fromkeys(grains["sample"]))
    panels = 2 if 1 < len(samples) <= _MAX_SAMPLES else 1
    figure = new_figure(7.4 if panels == 2 else 4.8, 3.5)
    all_axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    by_class, by_sample = all_axes[0], all_axes[-1]
    curves = [
        _draw_curve(by_class, grains["diameter"], "all", _ALL, scaled=scaled, width=1.8),
        _draw_curve(by_class, grains["diameter"], "all, by d³", _ALL, scaled=scaled, width=1.4, cubed=True),
    ]
    for name, style in styles.items():
        members = grains.loc[grains["class"] == name, "diameter"]
        if len(members) >= _MIN_GRAINS:
            curves.append(_draw_curve(by_class, members, name, style, scaled=scaled))
    if panels == 2:
        tones = depth_colours()(np.linspace(0, 1, len(samples)))
        for tone, sample in zip(tones, samples, strict=True):
            members, style = grains.loc[grains["sample"] == sample, "diameter"], Style(to_hex(tone), "o", "●")
            curves.append(_draw_curve(by_sample, members, sample, style, scaled=scaled))
    for axes, title in zip(all_axes, ("By class", "By sample"), strict=False):
        _size_axis(axes, title, scaled=scaled, limits_um=limits_um)
        axes.legend(frameon=False, fontsize=7.5, labelcolor=INK, loc="lower right")
    all_axes[0].set_ylabel("coarser (%)", color=INK, fontsize=8.5)
    caption = (
        "Share of the grains coarser than the size below, by number; dashed: each grain weighted by d³, as a sieve or a "
        "laser would weigh it. Grey: beyond the sieve. Classes of fewer than ten grains are not drawn."
    )
    return ReportFigure("cumulative-curves", "Cumulative curves", caption, figure, pd.concat(curves, ignore_index=True))


def _draw_curve(
    axes: Axes,
    diameters: pd.Series,
    title: str,
    style: Style,
    *,
    scaled: bool,
    width: float = 1.3,
    cubed: bool = False,
) -> pd.DataFrame:
    """Draw a cumulative curve, dashed if each grain weighs d³, and return its points."""
    sizes, percent = _coarser(diameters.to_numpy(float), cubed=cubed)
    axes.plot(
        _axis_values(sizes, scaled=scaled), percent, drawstyle="steps-post", color=style.colour, lw=width,
        ls="--" if cubed else "-", label=escape_label(title),
    )  # fmt: skip
    return pd.DataFrame(
        {
            "curve": title,
            "weighting": "d3" if cubed else "number",
            f"d_{'um' if scaled else 'px'}": sizes,
            "percent_coarser": percent,
        }
    )


def _coarser(diameters: NDArray[np.float64], *, cubed: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes from coarse to fine, and the percentage of the weight at least as coarse as each.

    Of many grains some hundreds are taken, evenly by number and by weight: no eye, and no file, needs more.
    """
    sizes = np.sort(diameters)[::-1]
    weights = sizes**3 if cubed else np.ones_like(sizes)
    percent = 100 * np.cumsum(weights) / weights.sum()
    by_number = np.linspace(0, len(sizes) - 1, _MAX_POINTS).astype(int)
    by_weight = np.searchsorted(percent, np.linspace(0, 100, _MAX_POINTS)).clip(max=len(sizes) - 1)
    rows = np.unique([by_number, by_weight])
    return sizes[rows], percent[rows]


def _axis_values(sizes: NDArray[np.float64], *, scaled: bool) -> NDArray[np.float64]:
    return -np.log2(sizes / 1000 if scaled else sizes)


def _size_axis(axes: Axes, title: str, *, scaled: bool, limits_um: tuple[float | None, float | None]) -> None:
    style_axes(axes, title=title, x="φ" if scaled else "size (pixels)")
    low, high = axes.get_xlim()
    axes.set_ylim(0, 101)
    axes.grid(color=INK, alpha=0.12, lw=0.6)
    if not scaled:
        steps = np.arange(np.ceil(2 * low) / 2, high, 0.5)
        axes.set_xticks(steps, [f"{2**-step:.0f}" for step in steps])
        return
    axes.title.set_y(1.16)
    above = axes.secondary_xaxis("top")
    above.set_xticks(*_um_ticks(low, high))
    above.tick_params(colors=INK, labelsize=7.5, width=0.7)
    above.spines["top"].set(color=INK, linewidth=0.7)
    above.set_xlabel("µm", color=INK, fontsize=8)
    finest, coarsest = limits_um
    if finest:
        axes.axvspan(-np.log2(finest / 1000), max(high, -np.log2(finest / 1000)), color=INK, alpha=0.07, lw=0)
    if coarsest:
        axes.axvspan(min(low, -np.log2(coarsest / 1000)), -np.log2(coarsest / 1000), color=INK, alpha=0.07, lw=0)
    axes.set_xlim(low, high)


def _um_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return places in φ and labels in µm: whole φ, and half of them where the axis is short."""
    chosen = _UM_TICKS if high - low > 3 else _FINER_UM_TICKS
    ticks = [um for um in chosen if low <= -np.log2(um / 1000) <= high]
    return [float(-np.log2(um / 1000)) for um in ticks], [f"{um:g}" for um in ticks]


def size_histograms(grains: pd.DataFrame, styles: Mapping[str, Style], *, scaled: bool) -> ReportFigure | None:
    """Draw how many grains of each class have which size, one panel a class, the same sizes in all.

    The arguments are those of `cumulative_curves`. Returns None without a grain of a class.
    """
    grains = grains[(grains["diameter"] > 0) & grains["class"].isin(list(styles))]
    names = [name for name in styles if (grains["class"] == name).any()]
    if not names:
        return None
    x = _axis_values(grains["diameter"].to_numpy(float), scaled=scaled)
    edges = np.arange(np.floor(4 * x.min()) / 4, np.ceil(4 * x.max()) / 4 + 0.25, 0.25)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(max(3.6, 2.5 * columns), 1.9 * rows + 0.2)
    all_axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    counted = [
        _draw_histogram(axes, x[(grains["class"] == name).to_numpy()], edges, name, styles[name], scaled=scaled)
        for axes, name in zip(all_axes, names, strict=False)
    ]
    for axes in all_axes[len(names) :]:
        axes.set_axis_off()
    for axes in all_axes[max(0, len(names) - columns) : len(names)]:
        axes.set_xlabel("diameter (µm)" if scaled else "diameter (pixels)", color=INK, fontsize=8.5)
    for axes in all_axes[: len(names) : columns]:
        axes.set_ylabel("grains", color=INK, fontsize=8.5)
    caption = f"Grains in bins of a quarter {'φ' if scaled else 'octave'}, coarse at the left."
    return ReportFigure("size-histograms", "Sizes by class", caption, figure, pd.concat(counted, ignore_index=True))


def _draw_histogram(
    axes: Axes, x: NDArray[np.float64], edges: NDArray[np.float64], name: str, style: Style, *, scaled: bool
) -> pd.DataFrame:
    """Draw the histogram of a class, and return its bins."""
    from matplotlib.ticker import MaxNLocator

    heights, _ = np.histogram(x, edges)
    axes.bar(edges[:-1], heights, width=0.25, align="edge", color=style.colour, edgecolor=PAPER, lw=0.5)
    style_axes(axes, title=name)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.title.set_fontsize(8.5)
    axes.text(
        0.98, 0.96, f"n = {heights.sum():,}", transform=axes.transAxes, ha="right", va="top", fontsize=7.5, color=INK
    )  # fmt: skip
    axes.tick_params(labelbottom=True)
    _bin_ticks(axes, edges, scaled=scaled)
    sizes = 2.0**-edges * (1000 if scaled else 1)
    unit = "um" if scaled else "px"
    return pd.DataFrame({"class": name, f"from_{unit}": sizes[1:], f"to_{unit}": sizes[:-1], "n": heights})


def _bin_ticks(axes: Axes, edges: NDArray[np.float64], *, scaled: bool) -> None:
    if scaled:
        axes.set_xticks(*_um_ticks(edges[0], edges[-1]))
        return
    steps = np.arange(np.ceil(edges[0]), edges[-1] + 0.01, 1.0 if edges[-1] - edges[0] > 2 else 0.5)
    axes.set_xticks(steps, [f"{2**-step:.0f}" for step in steps])


def shape_boxes(grains: pd.DataFrame, styles: Mapping[str, Style]) -> ReportFigure | None:
    """Draw the shape measures of each class as boxes: median, quartiles, whiskers from the 5th to the 95th percentile.

    Returns None without a shape.
    """
    measures = [(column, title) for column, title in _SHAPES if column in grains and grains[column].notna().any()]
    names = [name for name in styles if (grains["class"] == name).any()]
    if not measures or not names:
        return None
    figure = new_figure(7.4, 0.9 + 0.3 * len(names))
    all_axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    rows: list[dict[str, object]] = []
    for axes, (column, title) in zip(all_axes, measures, strict=True):
        style_axes(axes, x=title)
        for place, name in enumerate(names):
            values = grains.loc[grains["class"] == name, column].dropna().to_numpy(float)
            if not len(values):
                continue
            percentiles = _draw_box(axes, place, values, styles[name])
            rows.append({"class": name, "measure": column, "n": len(values), **percentiles})
        axes.grid(axis="x", color=INK, alpha=0.12, lw=0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    all_axes[0].set_yticks(range(len(names)), [escape_label(name) for name in names])
    all_axes[0].set_ylim(len(names) - 0.4, -0.6)
    caption = "Median, quartiles, and whiskers from the 5th to the 95th percentile; measured on the native outlines."
    return ReportFigure("shapes", "Shapes by class", caption, figure, pd.DataFrame(rows))


def _draw_box(axes: Axes, place: int, values: NDArray[np.float64], style: Style) -> dict[str, float]:
    """Draw a box, and return its percentiles."""
    marks = np.percentile(values, [5, 25, 50, 75, 95])
    axes.bxp(
        [dict(zip(("whislo", "q1", "med", "q3", "whishi"), marks, strict=True))],
        positions=[place], vert=False, widths=0.55, showfliers=False, showcaps=False, patch_artist=True,
        boxprops={"facecolor": style.colour + "80", "edgecolor": style.colour, "linewidth": 1.0},
        medianprops={"color": INK, "lw": 1.4},
        whiskerprops={"color": style.colour, "lw": 1.2},
    )  # fmt: skip
    return dict(zip(("p5", "p25", "median", "p75", "p95"), marks.tolist(), strict=True))
