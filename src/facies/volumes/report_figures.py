"""Figures of a segmented volume: a map of codes with transformed copies, clusters against classes, training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facies.methods.voxels.model import VoxelModel
from facies.report.palette import group_style
from facies.report.svg import INK, PAGE_WIDTH, new_figure, style_axes, svg_markup
from facies.volumes.dense import read_with_halo
from facies.volumes.geometry import Box, Shape
from facies.volumes.invariance import TransformedCopies
from facies.volumes.label_colours import label_colours
from facies.volumes.value_range import GreyRange
from facies.volumes.volume import Volume

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

N_BOXES, ROWS_A_BOX = 8, 90
_PERPLEXITY = 30.0


def draw_history(history: Sequence[Mapping[str, float]]) -> Markup | None:
    """Draw each loss by step; None if nothing was trained."""
    if not history:
        return None
    names = [name for name in history[0] if name != "step"]
    figure = new_figure(PAGE_WIDTH, 2.6)
    for number, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), number + 1)
        style_axes(axes, title=name, x="step")
        axes.plot(
            [row["step"] for row in history], [row[name] for row in history], color=group_style(number).colour, lw=1.2
        )
    return svg_markup(figure, "Training curves")


def draw_confusion(counts: NDArray[np.int64], classes: Sequence[str]) -> Markup:
    """Draw clusters (rows) against classes (columns), once as shares of each cluster and once as shares of each class.

    Parameters
    ----------
    counts : ndarray of shape (n_clusters, n_classes)
        Voxels they have in common.
    classes : sequence of str
        What the columns are called.
    """
    figure = new_figure(PAGE_WIDTH, 1.2 + 0.26 * len(counts))
    for number, (title, axis) in enumerate((("of each cluster", 1), ("of each class", 0))):
        shares = counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)
        axes = figure.add_subplot(1, 2, number + 1)
        style_axes(axes, title=f"share {title}", x="class", y="cluster")
        axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        axes.set_xticks(range(len(classes)), [str(each) for each in classes])
        axes.set_yticks(range(len(counts)), [str(each + 1) for each in range(len(counts))])
        for (row, column), value in np.ndenumerate(shares):
            share = float(value)
            shade = "white" if share > 0.6 else "black"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=7.5, color=shade)
    return svg_markup(figure, "Clusters against classes")


def draw_codes(
    volume: Volume, model: VoxelModel, grey_range: GreyRange, copies: TransformedCopies, k: int, seed: int = 0
) -> Markup:
    """Draw a t-SNE map of random voxels in the colours of their labels, and of voxels with their transformed copies joined by lines.

    A network with further dimensions that are not clustered gets a second map, of those.

    Parameters
    ----------
    volume, model, grey_range
        The volume, and what labelled it.
    copies : TransformedCopies
        Of the same volume.
    k : int
        By which labels random voxels are coloured.
    seed : int
        Of the random voxels and the map.
    """
    rows = _random_codes(volume, model, grey_range, np.random.default_rng([seed, 2]))
    n = copies.n_clustered
    labels = model.clusters.predict(rows[:, :n])[k]
    parts = [(f"dimensions 1 to {n}, which are clustered", slice(n))]
    if copies.ratio_of_others is not None:
        parts.append((f"dimensions {n + 1} to {rows.shape[1]}, which are not", slice(n, None)))
    figure = new_figure(PAGE_WIDTH, 3.6 if len(parts) == 2 else 4.4)
    for number, (title, part) in enumerate(parts):
        axes = figure.add_subplot(1, len(parts), number + 1)
        style_axes(axes, title=title)
        axes.set_xticks([])
        axes.set_yticks([])
        _draw_map(axes, rows[:, part], labels, copies.codes[..., part], k, seed)
    return svg_markup(figure, "Codes of voxels")


def _draw_map(
    axes: Axes, rows: NDArray[np.float32], labels: NDArray[np.int64], codes: NDArray[np.float32], k: int, seed: int
) -> None:
    from sklearn.manifold import TSNE

    together = np.concatenate([rows, codes.reshape(-1, codes.shape[-1])])
    perplexity = min(_PERPLEXITY, (len(together) - 1) / 3)
    start = "pca" if together.shape[1] > 1 else "random"
    map_ = TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(together)
    colours = np.array([colour["rgba"][:3] for colour in label_colours(k)])[1:] / 255
    axes.scatter(
        map_[: len(rows), 0], map_[: len(rows), 1], s=5, c=colours[labels], linewidths=0, alpha=0.8, rasterized=True
    )
    places = map_[len(rows) :].reshape(*codes.shape[:2], 2)
    for place in places:
        for copy in place[1:]:
            axes.plot([place[0, 0], copy[0]], [place[0, 1], copy[1]], color=INK, lw=0.7)
    axes.scatter(places[:, 0, 0], places[:, 0, 1], s=16, color=INK, linewidths=0)
    axes.scatter(places[:, 1:, 0], places[:, 1:, 1], s=7, color=INK, linewidths=0)


def _random_codes(
    volume: Volume, model: VoxelModel, grey_range: GreyRange, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Codes of random voxels of random boxes without padding, (n, all dimensions)."""
    method = model.method
    side = _side(volume.shape, (2, 24, 24) if method.grid.is_slices else (12, 12, 12))
    rows: list[NDArray[Any]] = []
    for _ in range(N_BOXES):
        start = [
            int(rng.integers(0, (size - each) // factor + 1)) * factor
            for size, each, factor in zip(volume.shape, side, method.grid.factors, strict=True)
        ]
        z, y, x = start
        box = Box((z, y, x), (z + side[0], y + side[1], x + side[2]))
        values, missing, _ = read_with_halo(volume, box, method.halo, grey_range)
        inner = tuple(slice(more, size - more) for more, size in zip(method.halo, values.shape, strict=True))
        useful = np.flatnonzero(~missing & (values[inner] > 0))
        codes = method.embed_with_others(values)
        chosen = rng.choice(useful, min(len(useful), ROWS_A_BOX), replace=False)
        rows.append(codes.reshape(len(codes), -1)[:, chosen].T)
    return np.concatenate(rows)


def _side(shape: Shape, wanted: Shape) -> Shape:
    z, y, x = (min(one, other) for one, other in zip(shape, wanted, strict=True))
    return z, y, x
