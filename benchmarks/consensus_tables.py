"""The table of consensus and members, and the plot of what its certainty is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import record
from record import where

PLOT = record.HERE.parent / "docs" / "benchmarks" / "consensus.svg"


def consensus(results: dict[str, Any]) -> str:
    """One row a set; the plot is of all images of all sets and seeds."""
    (result,) = results.values()
    rows = result["rows"]
    pooled = pool([each for row in rows for each in row["bins"]])
    write_plot(pooled, rows, PLOT)
    lines = [
        "# Consensus\n\nThe partitions that `facies select` makes without a training (pixels and EfficientNet-Lite0, three groupings each, K found) joined by "
        "`facies consensus`, K found. *Mean* and *best* are of the members. *AUC*: how well the certainty tells images that are right, of the commonest kind of "
        "their group, from the others (0.5: not at all). *Off by*: mean distance of certainty and share of right images, over bins of a tenth.\n\n"
        "| set | images | seeds | groups | ACC | mean ACC | best ACC | NMI | mean NMI | AUC | off by |\n|---|---|---|---|---|---|---|---|---|---|---|"
    ]
    names = dict.fromkeys(row["set"] for row in rows)
    lines += [line_of(name, [row for row in rows if row["set"] == name]) for name in names]
    above = [row["accuracy"] >= np.mean([each["accuracy"] for each in row["members"].values()]) for row in rows]
    return (
        "\n".join(
            [
                *lines,
                f"\nThe consensus is at or above the mean of its members in {sum(above)} of {len(above)} trials (ACC).\n",
                "![Share of images that are right, by the certainty of the consensus](consensus.svg)\n",
                f"Each point is a tenth of certainty, of all {sum(row['n_images'] for row in rows):,} images; its area says how many images are in it, and thin lines are the "
                "single sets. On the diagonal the certainty is the share that is right; above it the consensus is surer than it says.\n",
                where(rows),
            ]
        )
        + "\n"
    )


def line_of(name: str, rows: list[dict[str, Any]]) -> str:
    """The row of one set."""
    members = {
        score: [[each[score] for each in row["members"].values()] for row in rows] for score in ("accuracy", "nmi")
    }
    auc = [row["auc"] for row in rows if row["auc"] is not None]
    cells = [
        f"{rows[0]['n_images']:,}",
        str(len(rows)),
        ", ".join(str(row["n_groups"]) for row in rows),
        mean_of([row["accuracy"] for row in rows]),
        mean_of([np.mean(each) for each in members["accuracy"]]),
        mean_of([max(each) for each in members["accuracy"]]),
        mean_of([row["nmi"] for row in rows]),
        mean_of([np.mean(each) for each in members["nmi"]]),
        mean_of(auc) if auc else "–",
        mean_of([off_by(row["bins"]) for row in rows]),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def mean_of(values: list[Any]) -> str:
    """Mean ± standard deviation; of one seed the value alone."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")


def off_by(bins: list[dict[str, float]]) -> float:
    """Σ n |right − certainty| / N."""
    n = [each["images"] for each in bins]
    return float(np.average([abs(each["right"] - each["certainty"]) for each in bins], weights=n))


def pool(bins: list[dict[str, float]]) -> list[dict[str, float]]:
    """Bins of the same tenth as one."""
    pooled = []
    for tenth in range(10):
        own = [each for each in bins if min(int(each["certainty"] * 10), 9) == tenth]
        if own:
            n = [each["images"] for each in own]
            pooled.append(
                {
                    "images": sum(n),
                    **{k: float(np.average([e[k] for e in own], weights=n)) for k in ("certainty", "right")},
                }
            )
    return pooled


def write_plot(pooled: list[dict[str, float]], rows: list[dict[str, Any]], path: Path) -> None:
    """Share of right images over certainty, as an SVG without a date, so that equal results give equal files."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "facies", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(5.2, 4.4), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
        for name in dict.fromkeys(row["set"] for row in rows):
            own = pool([each for row in rows if row["set"] == name for each in row["bins"]])
            axes.plot([each["certainty"] for each in own], [each["right"] for each in own], color="0.75", linewidth=0.8)
        size = 12 + 400 * np.array([each["images"] for each in pooled]) / sum(each["images"] for each in pooled)
        axes.scatter(
            [each["certainty"] for each in pooled],
            [each["right"] for each in pooled],
            s=size,
            color="#2a6f97",
            zorder=3,
        )
        axes.set(
            xlim=(0, 1.02), ylim=(0, 1.02), xlabel="certainty of the consensus", ylabel="share of images that are right"
        )
        figure.savefig(path, format="svg", metadata={"Date": None})
