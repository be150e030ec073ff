"""Plates of typical grains: each class in native proportions, all at one scale, with a scale bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.report.native_images import NativeImages
from facies.report.svg import INK, ReportFigure, escape_label, new_figure

MAX_GRAINS = 24
"""Grains on a plate at most."""

_WIDTH = 2220  # pixels of a plate, 7.4 inches at 300 dpi
_GAP = 26
_NUMBER = 34  # room for the number below a grain
_LARGEST = 3.0  # a pixel of the photograph is drawn so large at most
_BLOCK = 16_384


def typical_rows(
    embedding: NDArray[np.float32], groups: NDArray[np.int64], rows: NDArray[np.int64], n_grains: int = MAX_GRAINS
) -> NDArray[np.int64]:
    """Choose typical members of a class among its rows, at most `n_grains`, the nearest to its centre first.

    The centre is the mean of the members' embeddings, which may be a memory map, (N, D). The places are shared among
    the groups, (N,), by their numbers of members (largest remainders); within a group the nearest to the centre are
    taken.
    """
    if not len(rows):
        return rows
    sums = np.zeros(embedding.shape[1], np.float64)
    for start in range(0, len(rows), _BLOCK):
        sums += np.asarray(embedding[rows[start : start + _BLOCK]], np.float64).sum(0)
    distance = np.concatenate(
        [
            np.linalg.norm(embedding[rows[start : start + _BLOCK]] - sums / len(rows), axis=1)
            for start in range(0, len(rows), _BLOCK)
        ]
    )
    order = np.argsort(distance, kind="stable")
    if len(rows) > n_grains:
        _, members, counts = np.unique(groups[rows], return_inverse=True, return_counts=True)
        places = _proportional_shares(counts, n_grains)
        nearer = np.zeros(len(counts), np.int64)  # how many of its group are nearer, so far
        chosen = np.zeros(len(rows), bool)
        for i in order:
            chosen[i] = nearer[members[i]] < places[members[i]]
            nearer[members[i]] += 1
        order = order[chosen[order]]
    return rows[order]


def _proportional_shares(counts: NDArray[np.int64], places: int) -> NDArray[np.int64]:
    exact = counts / counts.sum() * places
    given = np.minimum(np.floor(exact).astype(np.int64), counts)
    for i in np.argsort(-(exact - given), kind="stable"):
        if given.sum() == places:
            break
        given[i] += given[i] < counts[i]
    return given


def plate(
    name: str, title: str, rows: Sequence[int], images: NativeImages, table: pd.DataFrame, um_per_px: float | None
) -> ReportFigure:
    """Draw the grains of some rows at one scale, the tallest first, numbered, with a scale bar in µm or pixels.

    The table has one row an image, with at least ``id``: what the data of the figure hold of each grain.
    """
    sizes = {row: images.native_size(row) for row in rows}
    ordered = sorted(rows, key=lambda row: -sizes[row][1])
    zoom = _zoom([sizes[row] for row in ordered])
    places, height = _shelves([sizes[row] for row in ordered], zoom)
    bar_room = 110
    sheet = np.zeros((height + bar_room, _WIDTH, 4), np.uint8)
    for row, (left, top, width, tall) in zip(ordered, places, strict=True):
        sheet[top : top + tall, left : left + width, :3] = np.asarray(images.picture(row, (width, tall)))
        sheet[top : top + tall, left : left + width, 3] = 255
    figure = new_figure(7.4, 7.4 * len(sheet) / _WIDTH)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(sheet, extent=(0, _WIDTH, len(sheet), 0), aspect="auto", interpolation="none")
    for number, (left, top, _, tall) in enumerate(places, 1):
        axes.text(left, top + tall + 5, str(number), fontsize=6.5, color=INK, va="top")
    _scale_bar(axes, zoom, um_per_px, len(sheet))
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(len(sheet), 0)
    data = _plate_table(ordered, images, table)
    listing = "; ".join(f"{number} {identity}" for number, identity in zip(data["number"], data["id"], strict=True))
    return ReportFigure(name, title, f"{listing}.", figure, data, photographic=True)


def _plate_table(rows: Sequence[int], images: NativeImages, table: pd.DataFrame) -> pd.DataFrame:
    columns = ("id", "sample", "group", "class", "state", "photograph", "diameter")
    data = table.iloc[list(rows)][[column for column in columns if column in table]].reset_index(drop=True)
    data.insert(0, "number", range(1, len(rows) + 1))
    data["width_px"], data["height_px"] = zip(*(images.native_size(row) for row in rows), strict=True)
    data["layer"] = [images.best_layer(row) for row in rows]
    return data


def _shelves(sizes: Sequence[tuple[int, int]], zoom: float) -> tuple[list[tuple[int, int, int, int]], int]:
    """Return left, top, width and height of each grain, in rows from left to right, and the height of all."""
    places: list[tuple[int, int, int, int]] = []
    left = top = tallest = 0
    for size in sizes:
        width, tall = (max(1, round(side * zoom)) for side in size)
        if left and left + width > _WIDTH:
            left, top, tallest = 0, top + tallest + _NUMBER + _GAP, 0
        places.append((left, top, width, tall))
        left += width + _GAP
        tallest = max(tallest, tall)
    return places, top + tallest + _NUMBER


def _zoom(sizes: Sequence[tuple[int, int]]) -> float:
    """Return the greatest zoom at which the grains fit the width and about half as much height."""
    widest = max(width for width, _ in sizes)
    for zoom in np.geomspace(_LARGEST, 0.01, 240).tolist():
        if widest * zoom <= _WIDTH and _shelves(sizes, zoom)[1] <= 0.58 * _WIDTH:
            return float(zoom)
    return 0.01


def _scale_bar(axes: Any, zoom: float, um_per_px: float | None, height: int) -> None:
    unit = um_per_px or 1.0
    target = 0.14 * _WIDTH / zoom * unit
    power = 10 ** np.floor(np.log10(target))
    length = max(step * power for step in (1, 2, 5) if step * power <= target)
    pixels = length / unit * zoom
    axes.plot([0, pixels], [height - 62] * 2, color=INK, lw=2, solid_capstyle="butt")
    label = escape_label(f"{length:g} {'µm' if um_per_px else 'px'}")
    axes.text(pixels + 16, height - 62, label, fontsize=8, color=INK, va="center")
