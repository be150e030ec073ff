"""The tables of volumes: Dice without labels and after clicks, invariance, thin slices, speed of the voxel method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from record import where

Spread = Callable[..., str]


def volume_page(results: dict[str, Any], spread: Spread) -> str:
    """The page on volumes."""
    rows = [row for row in results["volumes"].values() if row["split"] == "test"]
    lines = [*dice(rows, spread), "", where(rows)]
    for name, render in (("probe", clicks), ("invariance", invariance)):
        own = [row for row in rows if name in row]
        if own:
            lines += [*render(own, spread), "", where(own)]
    alone = list(results.get("volume-reach", {}).values())
    for case, render in (("anisotropy", thinned), ("ratio", ratio), ("training", training)):
        own = [row for row in alone if row["case"] == case]
        if own:
            lines += [*render(own, spread), "", where(own)]
    return "\n".join(lines) + "\n"


def dice(rows: list[dict[str, Any]], spread: Spread) -> list[str]:
    """One row a method and what clusters its embedding."""
    lines = [
        "# Volumes", "",
        "em-vnc (section electron microscopy of a fly, 45 × 4.6 × 4.6 nm): learnt from slices 0 to 8, scored on the whole of 9 to 13. Classes: membrane "
        "with synapse, glia, mitochondria, intracellular. Dice: means over the classes; *merged*: clusters merged by their commonest class; "
        "*Hungarian*: one cluster a class. Mean ± standard deviation over the seeds. Labels score, and choose nothing.", "",
        "| method, clusters | seeds | merged, k = 8 | merged, mean of k = 4 to 10 | Hungarian, mean of k | membrane, k = 8 | glia | mitochondria | intracellular |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in dict.fromkeys(row["row"] for row in rows):
        own = [row for row in rows if row["row"] == name]
        cells = [
            spread([row[column] for row in own]) for column in ("majority_k8", "majority_over_k", "hungarian_over_k")
        ]
        cells += [spread([row["by_class_k8"][each] for row in own], 2) for each in own[0]["by_class_k8"]]
        lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} |")
    return lines


def clicks(rows: list[dict[str, Any]], spread: Spread) -> list[str]:
    """Dice after clicks."""
    found = [row["probe"] for row in rows]
    return [
        "", "## A few clicks", "",
        f"The default method, {found[0]['clicks_a_class']} random voxels a class clicked in slices 9 to 13: mean Dice {spread([each['dice'] for each in found])}, "
        f"{spread([each['above_unsupervised_k8'] for each in found])} above that without labels at k = 8, in {spread([each['seconds'] for each in found], 1)} s "
        f"on the stored embedding of the five slices; load before {max(row['load'] for row in rows)}.",
    ]  # fmt: skip


def invariance(rows: list[dict[str, Any]], spread: Spread) -> list[str]:
    """How invariant codes are."""
    lines = [
        "", "## Invariance", "",
        "Mean distance of a voxel's code to those of its turned, scaled and shifted copies, over that of two voxels.", "",
        "| method, clusters | seeds | dimensions that are clustered | others |", "|---|---|---|---|",
    ]  # fmt: skip
    for name in dict.fromkeys(row["row"] for row in rows):
        own = [row["invariance"] for row in rows if row["row"] == name]
        others = [each["ratio_of_others"] for each in own if each["ratio_of_others"] is not None]
        lines.append(f"| {name} | {len(own)} | {spread([each['ratio'] for each in own], 2)} | {spread(others, 2)} |")
    return lines


def thinned(rows: list[dict[str, Any]], spread: Spread) -> list[str]:
    """A phantom and every sixth slice of it."""
    lines = [
        "", "## Thick slices", "",
        "A phantom of four textures, and every sixth slice of it, as if six times as thick: mean Dice, clusters merged by majority.", "",
        "| volume | seeds | k = 8 | mean of k = 4 to 10 |", "|---|---|---|---|",
    ]  # fmt: skip
    for name in ("isotropic", "thinned"):
        cells = [spread([row[name][column] for row in rows]) for column in ("k8", "over_k")]
        lines.append(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
    return lines


def ratio(rows: list[dict[str, Any]], _spread: Spread) -> list[str]:
    """Dense against patch by patch."""
    lines = ["", "## Dense against patch by patch", ""]
    for row in rows:
        what = (
            "The default method, filters included,"
            if "convolutions" not in row["what"]
            else "The network of `--preset convolutions` alone"
        )
        lines += [
            f"{what} over a block of {row['block']}³ voxels in one pass: {row['dense_voxels_per_s']:,} voxels/s; each voxel's patch by itself: "
            f"{row['patchwise_voxels_per_s']:,}. Ratio {row['ratio']:,.0f}; greatest difference of codes {row['greatest_difference']:.1e}. Medians of turns in one "
            f"process, {row['threads']} threads, load before {row['load']}.", "",
        ]  # fmt: skip
    return lines[:-1]


def training(rows: list[dict[str, Any]], _spread: Spread) -> list[str]:
    """Patches a second."""
    told = "; ".join(f"{row['volume']}: {row['patches_per_s']:,} patches/s" for row in rows)
    return [
        "", "## Training", "",
        f"Forward and backward, drawing patches included, default network: {told}; {rows[-1]['threads']} threads, load before {rows[-1]['load']}.",
    ]  # fmt: skip
