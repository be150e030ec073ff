"""Draw docs/images/demo.png, the picture of the README, from the run that `make demo` leaves.

python docs/images/draw_demo.py demo/run docs/images/demo.png
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

from facies.report import choose_images
from facies.runs import RunFolder

COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]

GAP = 4  # pixels between images


def draw(run: RunFolder, shown: int = 14) -> Figure:
    """The map on the left, nearest images of each group on the right."""
    points, _ = run.projection()
    partition, _ = run.partition()
    groups = partition["group"].to_numpy()
    found = [group for group in np.unique(groups) if group >= 0]
    figure = Figure(figsize=(11, 4.6), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    for group in found:
        of = groups == group
        colour = COLOURS[group % len(COLOURS)]
        left.scatter(*points[of].T, s=3, color=colour, linewidths=0)
        left.annotate(str(group), np.median(points[of], axis=0), fontsize=12, weight="bold", ha="center", va="center")
    left.set_axis_off()
    rows = []
    for group in found:
        nearest = choose_images(partition, group, n_images=shown).nearest[:shown]
        thumbnails = [np.pad(run.thumbnails.array(i), GAP, constant_values=255) for i in nearest]
        rows.append(np.concatenate(thumbnails, axis=1))
    width = min(row.shape[1] for row in rows)
    sheet = np.concatenate([row[:, :width] for row in rows])
    right.imshow(sheet, cmap="gray")
    height = len(sheet) / len(found)
    for number, group in enumerate(found):
        right.text(
            -width / 60, (number + 0.5) * height, str(group), ha="right", va="center", weight="bold", fontsize=11
        )
        colour = COLOURS[group % len(COLOURS)]
        right.plot([-2, -2], [number * height + 2, (number + 1) * height - 2], color=colour, linewidth=3)
    right.set_axis_off()
    return figure


if __name__ == "__main__":
    draw(RunFolder(sys.argv[1])).savefig(sys.argv[2])
