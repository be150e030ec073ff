"""Figures down the core: each indicator against depth, and the shares of the classes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.report.palette import Style, group_style
from facies.report.svg import INK, PAPER, ReportFigure, escape_label, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEGEND_WIDTH = 6.0  # inches
_PANELS_A_ROW = 5
DEPTH_LABELS = {"depth_cm": "depth in core (cm)", "age_ka": "age (ka)"}


def sample_order(samples: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the samples from the top of the core down, and the column of their depth or age.

    They are ordered by ``core``, then by ``depth_cm`` or ``age_ka``; where neither is known of every sample they keep
    their own order, and the column is "".
    """
    for column in ("depth_cm", "age_ka"):
        if column in samples and len(samples) and samples[column].notna().all():
            by = [*(["core"] if "core" in samples else []), column]
            return samples.sort_values(by, kind="stable").reset_index(drop=True), column
    return samples.reset_index(drop=True), ""


def sample_titles(ordered: pd.DataFrame, column: str) -> list[str]:
    """Return the name of each sample with its depth or age, as `sample_order` returned them."""
    if not column:
        return ordered["sample"].astype(str).tolist()
    unit = column.rsplit("_", 1)[1]
    return [f"{name} · {at:g} {unit}" for name, at in zip(ordered["sample"], ordered[column], strict=True)]


def downcore(indicators: pd.DataFrame, samples: pd.DataFrame) -> ReportFigure | None:
    """Draw each indicator against depth, or age, with its interval.

    Returns None with fewer than two samples, or without a value.
    """
    ordered, column = sample_order(samples)
    values = indicators[indicators["value"].notna() & np.isfinite(indicators["value"].astype(float))]
    names = list(dict.fromkeys(values["indicator"]))
    if len(ordered) < 2 or not names:
        return None
    rows = -(-len(names) // _PANELS_A_ROW)
    columns = -(-len(names) // rows)
    figure = new_figure(max(3.4, 1.75 * columns), float(np.clip(0.2 * len(ordered), 2.9, 6)) * rows)
    places = ordered[column].to_numpy(float) if column else np.arange(len(ordered), dtype=float)
    at = dict(zip(ordered["sample"], places, strict=True))
    cores = dict(zip(ordered["sample"], ordered["core"] if "core" in ordered else [""] * len(ordered), strict=True))
    for number, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, number + 1)
        _downcore_panel(axes, values[values["indicator"] == name], at, cores)
        _depth_axis(axes, ordered, column, first=number % columns == 0)
    data = values.merge(ordered[["sample", *([column] if column else [])]], on="sample", how="left")
    bars = "Bars: intervals of the tables; very wide ones go on beyond the panel. Infinite ratios are not drawn."
    audited = " Open, dashed: corrected by the audit." if values["basis"].str.contains("audited").any() else ""
    return ReportFigure("down-core", "Down the core", bars + audited + _mixed_sieves(ordered), figure, data)


def _downcore_panel(axes: Axes, rows: pd.DataFrame, at: Mapping[str, float], cores: Mapping[str, str]) -> None:
    unit = str(rows["unit"].iloc[0] or "")
    values = rows.loc[~rows["basis"].str.contains("area"), "value"].to_numpy(float)
    # A single wide interval must not press all values to the axis; it goes on beyond the panel.
    highest = rows["high"].to_numpy(float)
    right = 1.04 * max(
        1e-9, min(np.max(highest, initial=0, where=np.isfinite(highest)), 2.2 * values.max()), values.max()
    )
    style_axes(axes, title=_wrapped(str(rows["indicator"].iloc[0])), x=unit)
    axes.title.set_fontsize(8.5)
    known = list(dict.fromkeys(map(str, cores.values())))
    for basis, part in rows.groupby("basis", sort=False):
        if "area" in str(basis):
            continue
        audited = "audited" in str(basis)
        placed = part.assign(at=part["sample"].map(at)).sort_values("at")
        for core, line in placed.groupby(placed["sample"].map(cores).astype(str), sort=False):
            value = line["value"].to_numpy(float)
            errors = np.abs(np.stack([value - line["low"].to_numpy(float), line["high"].to_numpy(float) - value]))
            style = group_style(known.index(str(core)))
            axes.errorbar(
                value, line["at"], xerr=np.nan_to_num(errors), color=style.colour, marker=style.marker, ms=4.2, lw=1.1,
                ls="--" if audited else "-", mfc=PAPER if audited else style.colour, mew=1, elinewidth=0.9, capsize=1.6,
                label=escape_label(core),
            )  # fmt: skip
    if unit != "%" and values.min() > 0 and values.max() > 30 * values.min():
        axes.set_xscale("log")
    elif values.min() >= 0:
        axes.set_xlim(0, right)
    axes.grid(axis="x", color=INK, alpha=0.12, lw=0.6)
    if len(known) > 1:
        axes.legend(frameon=False, fontsize=7, labelcolor=INK)


def _depth_axis(axes: Axes, ordered: pd.DataFrame, column: str, *, first: bool) -> None:
    axes.invert_yaxis()
    if not column:
        axes.set_yticks(range(len(ordered)), [escape_label(name) for name in ordered["sample"]] if first else [])
        axes.set_ylim(len(ordered) - 0.5, -0.5)
        return
    axes.set_ylabel(DEPTH_LABELS[column] if first else "")
    if not first:
        axes.tick_params(labelleft=False)


def _mixed_sieves(samples: pd.DataFrame) -> str:
    limits = [name for name in ("sieve_lower_um", "sieve_upper_um") if name in samples]
    mixed = any(len(samples[name].unique()) > 1 for name in limits)
    return " The samples were sieved to different limits: compare them with care." if mixed else ""


def _wrapped(text: str, width: int = 18) -> str:
    return "\n".join(textwrap.wrap(text, width)) or text


def composition(counts: pd.DataFrame, samples: pd.DataFrame, styles: Mapping[str, Style]) -> ReportFigure | None:
    """Draw the shares of the classes in each sample as stacked bars, the top of the core above.

    The counts have ``sample, class, percent``. Returns None without a count.
    """
    table = counts.pivot_table(index="sample", columns="class", values="percent", aggfunc="sum").fillna(0.0)
    table = table.loc[:, table.sum() > 0]
    if table.empty:
        return None
    ordered, column = sample_order(samples[samples["sample"].isin(table.index)])
    table = table.loc[ordered["sample"], [name for name in styles if name in table]]
    figure = new_figure(7.4, float(np.clip(1.0 + 0.27 * len(table), 1.7, 11)))
    axes = figure.add_subplot()
    style_axes(axes, x="share of the grains counted (%)")
    _stacked_bars(axes, table, styles)
    every = -(-len(table) // 60)
    titles = [escape_label(title) for title in sample_titles(ordered, column)]
    axes.set_yticks(range(0, len(table), every), titles[::every])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _legend_above(axes, [str(name) for name in table])
    caption = "Shares of the named grains in each sample, as counted." + _mixed_sieves(ordered)
    return ReportFigure("composition", "Composition", caption, figure, table.reset_index())


def _stacked_bars(axes: Axes, table: pd.DataFrame, styles: Mapping[str, Style]) -> None:
    left = np.zeros(len(table))
    for name in table:
        share = table[name].to_numpy(float)
        style = styles[str(name)]
        axes.barh(
            range(len(table)), share, left=left, height=0.78, color=style.colour, edgecolor=PAPER, lw=0.8,
            label=escape_label(name),
        )  # fmt: skip
        for row in np.flatnonzero(share >= 7).tolist():
            axes.text(
                left[row] + share[row] / 2, row, f"{share[row]:.0f}", ha="center", va="center", fontsize=7,
                color=_readable(style.colour),
            )  # fmt: skip
        left = left + share


def _legend_above(axes: Axes, names: Sequence[str]) -> None:
    # Inches, for letters of 8 points: a legend wider than the figure would be cut, not wrapped.
    width = 0.45 + 0.068 * max(map(len, names))
    columns = int(np.clip(_LEGEND_WIDTH // width, 1, min(5, len(names))))
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=8,
        labelcolor=INK, borderaxespad=0.2, handlelength=1, columnspacing=1.4,
    )  # fmt: skip


def _readable(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return "#111111" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "#ffffff"
