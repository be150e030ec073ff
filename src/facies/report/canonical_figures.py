"""Figures of canonical images: the groups before and after alignment, examples early and late, and the groups by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.report.canonical import PixelStatistics, group_pixel_statistics
from facies.report.palette import group_style
from facies.report.svg import INK, ReportFigure, escape_label, new_figure, style_axes
from facies.runs import RunFolder, to_thumbnails

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_GROUPS = 12
MAX_EXAMPLES = 16
_LABEL = 1.25  # inches for the words beside the pictures


def canonical_figures(run: RunFolder, groups: NDArray[np.int64]) -> list[ReportFigure]:
    """Draw what the method did to the pose of images, and how the groups changed from epoch to epoch."""
    figures = (group_statistics_figure(run, groups), example_figure(run), agreement_by_epoch(run))
    return [figure for figure in figures if figure is not None]


def group_statistics_figure(run: RunFolder, groups: NDArray[np.int64]) -> ReportFigure | None:
    """Draw mean, standard deviation and variance of each group's pixels, before and after alignment to the canonical pose.

    As figure 4 of Souza and Zanchettin (arXiv:1902.05401), of groups instead of true classes. Beyond twelve groups the
    largest are drawn; the numbers are of all. None if the method of the run has no canonical pose.
    """
    measured = group_pixel_statistics(run, groups)
    if measured is None:
        return None
    numbers, sizes, before, after = measured
    largest = np.sort(np.argsort(-sizes, kind="stable")[:MAX_GROUPS])
    rows = [
        (f"{what}, {when}", picture)
        for what, pictures in _pictures(before, after, largest).items()
        for when, picture in zip(("as they are", "upright"), pictures, strict=True)
    ]
    figure = picture_rows(rows, [f"group {number}" for number in numbers[largest]])
    was, now = before.within(sizes), after.within(sizes)
    change = f"{100 * abs(now / was - 1):.0f} % {'less' if now <= was else 'more'}" if was else "the same"
    caption = (
        "Mean, standard deviation and variance of each pixel over the images of a group, as they are and as the first "
        "spatial transformer sets them; deviations share one scale, and variances another. The mean variance within "
        f"groups, of pixels from 0 to 1, is {was:.4f} before and {now:.4f} after: {change}. It grows where images are "
        f"enlarged; as a share of the whole variance it is {100 * before.share_within(sizes):.1f} % before "
        f"and {100 * after.share_within(sizes):.1f} % after."
    )
    if len(numbers) > MAX_GROUPS:
        caption += f" The {MAX_GROUPS} largest of {len(numbers)} groups are drawn."
    table = {"group": numbers, "images": sizes}
    for name, spread in (("as they are", before), ("upright", after)):
        table[f"variance {name}"] = spread.variance.reshape(len(sizes), -1).mean(axis=1)
    return ReportFigure(
        "upright-groups", "Groups before and after", caption, figure, pd.DataFrame(table), photographic=True
    )


def _pictures(
    before: PixelStatistics, after: PixelStatistics, rows: NDArray[np.int64]
) -> dict[str, list[NDArray[np.float64]]]:
    """Pictures in [0, 1]; both of a pair on one scale."""
    pairs = {
        "mean": (before.mean[rows], after.mean[rows]),
        "deviation": (np.sqrt(before.variance[rows]), np.sqrt(after.variance[rows])),
        "variance": (before.variance[rows], after.variance[rows]),
    }
    highest = {name: 1.0 if name == "mean" else max(float(np.max(pair)), 1e-12) for name, pair in pairs.items()}
    return {name: [part / highest[name] for part in pair] for name, pair in pairs.items()}


def example_figure(run: RunFolder) -> ReportFigure | None:
    """Draw examples as they are, and in their canonical pose after the first and after the last epoch; None if there are none.

    As figure 5 of Souza and Zanchettin.
    """
    import torch

    examples, rows = run.method_array("epoch_examples"), run.method_array("example_rows")
    if examples is None or rows is None or not len(rows):
        return None
    chosen = np.asarray(rows[:MAX_EXAMPLES])
    values = run.thumbnails.index["values"]
    strips = [("as they are", np.stack([run.thumbnails.array(int(row)) for row in chosen]) / 255)]
    for name, images in zip(("first epoch", "last epoch"), examples[:, : len(chosen)], strict=True):
        thumbnails = to_thumbnails(torch.from_numpy(np.array(images, np.float32)), values["black"], values["white"])
        strips.append((name, thumbnails / 255))
    ids = run.images["id"].to_numpy(object)[chosen]
    caption = (
        "Images as they are, and as the first spatial transformer sets them after the first and after the last epoch."
    )
    data = pd.DataFrame({"id": ids, "row": chosen})
    figure = picture_rows(strips, [""] * len(chosen))
    return ReportFigure("upright-examples", "Examples, early and late", caption, figure, data, photographic=True)


def picture_rows(rows: list[tuple[str, NDArray[Any]]], heads: list[str]) -> Figure:
    """Lay out pictures of one size, a row each with its name at the left."""
    n, (height, width) = len(heads), rows[0][1].shape[1:3]
    side, head = min(0.62, (7.4 - _LABEL) / n), 0.25 if any(heads) else 0.0
    figure = new_figure(_LABEL + side * n, side * height / width * len(rows) + head)
    figure.set_layout_engine("none")
    whole, high = figure.get_size_inches()
    across, down = side / whole, side * height / width / high
    for row, (name, pictures) in enumerate(rows):
        bottom = 1 - head / high - (row + 1) * down
        figure.text(0, bottom + down / 2, escape_label(name), va="center", fontsize=7, color=INK)
        for column, picture in enumerate(pictures):
            place = (_LABEL / whole + column * across + 0.03 * across, bottom + 0.03 * down, 0.94 * across, 0.94 * down)
            axes = figure.add_axes(place)
            axes.set_axis_off()
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for column, name in enumerate(heads):
        figure.text(
            _LABEL / whole + (column + 0.5) * across,
            1 - 0.2 / high,
            escape_label(name),
            ha="center",
            fontsize=6.5,
            color=INK,
        )
    return figure


def agreement_by_epoch(run: RunFolder) -> ReportFigure | None:
    """Draw accuracy, NMI and ARI of the partition after each epoch with the true labels; None where either is missing.

    As figure 6 of Souza and Zanchettin; the loss, the threshold and the share of positive pairs are among the training
    curves.
    """
    from matplotlib.ticker import MaxNLocator

    from facies.metrics import accuracy, ari, nmi

    partitions, labels, labelled = run.method_array("epoch_labels"), run.labels, run.labelled
    if partitions is None or labels is None or labelled is None or not len(partitions):
        return None
    measures = {"accuracy": accuracy, "NMI": nmi, "ARI": ari}
    epochs = np.arange(1, len(partitions) + 1)
    curves = {
        name: [measure(labels[labelled], np.asarray(one)[labelled]) for one in partitions]
        for name, measure in measures.items()
    }
    figure = new_figure(4.8, 2.8)
    axes = figure.add_subplot()
    style_axes(axes, x="epoch")
    for number, (name, values) in enumerate(curves.items()):
        marker = "o" if len(epochs) == 1 else None
        axes.plot(epochs, values, label=name, color=group_style(number).colour, lw=1.4, marker=marker)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.legend(frameon=False, labelcolor=INK, fontsize=8)
    caption = "Agreement of the groups after each epoch with the true labels, which served for this figure alone."
    data = pd.DataFrame({"epoch": epochs, **curves})
    return ReportFigure("agreement-by-epoch", "Agreement by epoch", caption, figure, data)
