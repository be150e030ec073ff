"""The table of consensus and members, and the plot of what its certainty is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from record import where


def consensus(results: dict[str, Any]) -> str:
    """One row a set; the plot is of all images of all sets and seeds."""
    (result,) = results.values()
    rows = result["rows"]
    pooled = pool([each for row in rows for each in row["bins"]])
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
                f"```{{raw}} html\n{plot(pooled, rows)}\n```\n",
                f"Each point is a tenth of certainty, of all {sum(row['n_images'] for row in rows):,} images; its area says how many images are in it, and thin lines are the "
                "single sets. On the diagonal the certainty is the share that is right; below it the consensus is less often right than it says. Where there are fewer groups than kinds, whole kinds are wrong, however sure the partitions are of them, and no certainty that is made of the partitions alone can see a fault that they share.\n",
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


SIDE, MARGIN = 360, 46


def plot(pooled: list[dict[str, float]], rows: list[dict[str, Any]]) -> str:
    """Share of right images over certainty, drawn as SVG: the pooled tenths as discs, each set as a thin line."""
    total = sum(each["images"] for each in pooled)
    parts = [
        f'<rect x="{MARGIN}" y="10" width="{SIDE}" height="{SIDE}" fill="none" stroke="currentColor" opacity="0.5"/>'
    ]
    parts.append(f'<line {ends(place(0, 0), place(1, 1))} stroke="currentColor" opacity="0.5" stroke-dasharray="5 4"/>')
    for name in dict.fromkeys(row["set"] for row in rows):
        own = pool([each for row in rows if row["set"] == name for each in row["bins"]])
        points = " ".join("{:.1f},{:.1f}".format(*place(each["certainty"], each["right"])) for each in own)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="currentColor" opacity="0.3"><title>{name}</title></polyline>'
        )
    for each in pooled:
        x, y = place(each["certainty"], each["right"])
        radius = 3 + 22 * (each["images"] / total) ** 0.5
        told = f"{each['images']} images: certainty {each['certainty']:.2f}, right {each['right']:.2f}"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#2a6f97" opacity="0.75"><title>{told}</title></circle>'
        )
    for tick in (0.0, 0.5, 1.0):
        (x, bottom), (left, y) = place(tick, 0), place(0, tick)
        parts.append(f'<text x="{x:.0f}" y="{bottom + 16:.0f}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{left - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{tick:g}</text>')
    middle = MARGIN + SIDE / 2
    parts.append(f'<text x="{middle:.0f}" y="{SIDE + 44}" text-anchor="middle">certainty of the consensus</text>')
    turned = f'transform="rotate(-90 14 {10 + SIDE / 2:.0f})"'
    parts.append(
        f'<text x="14" y="{10 + SIDE / 2:.0f}" text-anchor="middle" {turned}>share of images that are right</text>'
    )
    size = f'viewBox="0 0 {SIDE + MARGIN + 14} {SIDE + 54}" width="{SIDE + MARGIN + 14}"'
    label = "Share of images that are right, by the certainty of the consensus"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="13" fill="currentColor" role="img" aria-label="{label}">',
            *parts,
            "</svg>",
        ]
    )


def place(certainty: float, right: float) -> tuple[float, float]:
    """Where a point lies in the drawing."""
    return MARGIN + SIDE * certainty, 10 + SIDE * (1 - right)


def ends(one: tuple[float, float], other: tuple[float, float]) -> str:
    """The two ends of a line, as SVG has them."""
    return f'x1="{one[0]:.0f}" y1="{one[1]:.0f}" x2="{other[0]:.0f}" y2="{other[1]:.0f}"'
