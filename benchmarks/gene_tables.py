"""The page of genes: planted patterns, tissues, agreement of sections, ablations, sparse digits, time and memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from record import keep_plot, where

Rows = list[dict[str, Any]]
PLOT = "spots-seconds.svg"

PARTS: tuple[tuple[str, str, str, Sequence[tuple[str, str]]], ...] = (
    (
        "genes-planted",
        "Planted patterns",
        "Eight smooth patterns with noise and drop-out, and genes without any. *ARI* among genes with a pattern; the two shares are of genes that the test of a pattern left unassigned.",
        (("ari", "ARI"), ("unassigned_of_none", "of genes without, unassigned"), ("unassigned_of_patterns", "of genes with, unassigned")),
    ),
    (
        "genes-tissues",
        "Tissues",
        "Davies-Bouldin index of the images (less is better) in their Euclidean distance and in that of Pearson; families are HLA, ribosomal, mitochondrial, collagen and immunoglobulin genes; regions are the variance of group means that the pathologist's regions explain. *Largest*: share of the genes in the largest group.",
        (("dbie", "DBIE"), ("dbip", "DBIP"), ("n_groups", "groups"), ("largest", "largest"), ("families_ari", "families, ARI"), ("regions", "regions")),
    ),
    (
        "genes-agreement",
        "The same genes in other sections",
        "Adjusted Rand index of the groups of A1 with those of another section, and with those of B1 after its spots were shuffled, gene by gene.",
        (("ari her2-B1", "B1"), ("ari her2-D1", "D1"), ("ari shuffled B1", "B1, shuffled")),
    ),
    (
        "genes-ablations",
        "One piece left out",
        "`darlc` without one piece each.",
        (("dbie", "DBIE"), ("dbip", "DBIP"), ("ari", "ARI")),
    ),
    (
        "genes-sparse",
        "Digits and clothes of which nine pixels in ten are hidden",
        "Ten groups; one mask for all. `darlc:contrast` is `darlc` without its contrast.",
        (("nmi", "NMI"), ("ari", "ARI")),
    ),
)  # fmt: skip


def genes(results: dict[str, Any]) -> str:
    """All parts for which there are rows."""
    parts = [
        "# Genes\n\nGroups of gene images, by every method on the same images (`benchmarks/genes.py`). Mean ± standard deviation over the seeds; labels and families are read after a fit."
    ]
    for name, title, about, columns in PARTS:
        rows: Rows = results.get(name, {}).get("rows", [])
        if rows:
            parts.append(f"## {title}\n\n{about}\n\n{table(rows, columns)}\n\n{where(rows)}")
    quick, spots = (results.get(name, {}).get("rows", []) for name in ("genes-quick", "genes-spots"))
    if quick or spots:
        draw_time(quick, spots)
        parts.append(f"## Time by spots\n\n![Seconds by spots](../images/{PLOT})")
    if quick:
        lines = [
            f"| {row['spots']:,} | {row['seconds'] / 60:.1f} | {row['peak_gb']:.2f} | {row['ari']:.3f} |"
            for row in quick
        ]
        parts.append(
            "2,000 planted genes by the preset quick of `darlc`; images have at most 128 pixels a side.\n\n| spots | minutes | peak GiB | ARI |\n|---|---|---|---|\n"
            + "\n".join(lines)
            + f"\n\n{where(quick)}"
        )
    if spots:
        lines = [f"| {row['spots']:,} | {row['seconds']:.1f} | {row['peak_gb']:.2f} |" for row in spots]
        parts.append(
            "Images and patterns of 2,000 sparse genes, without groups.\n\n| spots | seconds | peak GiB |\n|---|---|---|\n"
            + "\n".join(lines)
            + f"\n\n{where(spots)}"
        )
    if "denoiser" in results:
        parts.append(denoiser(results["denoiser"]))
    return "\n\n".join(parts) + "\n"


def draw_time(quick: Rows, spots: Rows) -> None:
    """Draw seconds by spots, both on logarithmic axes, with a line of what grows as the spots do."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for rows, title in ((quick, "darlc, preset quick"), (spots, "images and patterns alone")):
        if rows:
            count, seconds = ([row[name] for row in rows] for name in ("spots", "seconds"))
            (drawn,) = axes.loglog(count, seconds, "o-", label=title)
            axes.loglog(count, [seconds[0] * each / count[0] for each in count], ":", color=drawn.get_color())
    axes.set(xlabel="spots", ylabel="seconds, 2,000 genes; dotted: as the spots")
    axes.legend()
    keep_plot(PLOT, figure)


def table(rows: Rows, columns: Sequence[tuple[str, str]]) -> str:
    """One line a set and method, in the order in which they were measured."""
    titles = ["set", "method", "seeds", *(title for _, title in columns)]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for key in dict.fromkeys((row.get("set", "A1"), row["method"]) for row in rows):
        own = [row for row in rows if (row.get("set", "A1"), row["method"]) == key]
        lines.append(f"| {' | '.join([*key, str(len(own)), *(mean_of(own, name) for name, _ in columns)])} |")
    return "\n".join(lines)


def mean_of(rows: Rows, name: str) -> str:
    """Mean ± standard deviation of a figure; a dash where it was not measured."""
    values = [row[name] for row in rows if row.get(name) is not None]
    if not values:
        return "–"
    digits = 0 if all(isinstance(value, int) for value in values) else 3
    return f"{np.mean(values):.{digits}f}" + (f" ± {np.std(values):.{digits}f}" if len(values) > 1 else "")


def denoiser(result: dict[str, Any]) -> str:
    """The denoiser beside the same network in torch-geometric."""
    lines = [
        f"| {row['side']} × {row['side']} | {row['images_per_s']['facies']:.0f} | {row['images_per_s']['torch_geometric']:.0f} | {row['ratio']:.1f} |"
        for row in result["rows"]
    ]
    return (
        f"## The denoiser beside torch-geometric {result['torch_geometric']}\n\nForward and backward, images a second, each side at its best batch, one process, in turns; both give the same images to 1e-4.\n\n"
        "| image | Facies | torch-geometric | ratio |\n|---|---|---|---|\n"
        + "\n".join(lines)
        + f"\n\n{where([result])}"
    )
