"""The tables of real images and of the rule that chooses the default method."""

from __future__ import annotations

from typing import Any

import numpy as np
from record import where

ORDER = ("pixels + k-means", "PCA + k-means", "pretrained + k-means", "pretrained", "default command")


def real_images(results: dict[str, Any]) -> str:
    """One row a set and way, with the groups found by each seed."""
    lines = [
        "# Real images\n\nPhotographs of things and, to compare, digits: ways to group them side by side. The true number of groups is given to the rows *… + k-means* alone; *pretrained* and *default command* find it. "
        "*default command* is `facies cluster` without `--method`; *chose* is the method that it took, without labels. Mean ± standard deviation over the seeds; one seed has no spread.\n\n"
        "| set | kinds | way | chose | seeds | groups found | ACC | NMI |\n|---|---|---|---|---|---|---|---|"
    ]
    measured = [result for result in results.values() if result["rows"]]
    for result in measured:
        for way in ORDER:
            rows = [row for row in result["rows"] if row["row"] == way]
            if rows:
                lines.append(real_row(result, way, rows))
    notes = [f"- {result['set']}: {where(result['rows'])}" for result in measured]
    return "\n".join([*lines, "", *notes]) + "\n"


def real_row(result: dict[str, Any], way: str, rows: list[dict[str, Any]]) -> str:
    """One way to group one set."""
    chose = ", ".join(sorted({row.get("method", "–") for row in rows})) if way == "default command" else "–"
    groups = ", ".join(str(row["n_groups"]) for row in rows)
    scores = " | ".join(mean_of([row[name] for row in rows]) for name in ("accuracy", "nmi"))
    return f"| {result['set']} | {result['kinds']} | {way} | {chose} | {len(rows)} | {groups} | {scores} |"


def mean_of(values: list[float]) -> str:
    """Mean ± standard deviation; of one seed the value alone."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")


def default_method(results: dict[str, Any]) -> str:
    """What was measured on each set, and what was chosen."""
    (result,) = results.values()
    limits = result["limits"]
    lines = [
        "# The default method\n\nWhat `facies cluster` without `--method` measures on images, and what it chooses ([why so](../notes/default-method.md)). *Shading* is the share of a figure that is even middle grey, *thickness* the "
        f"largest disc within it over its length, both medians. `moe-vae` is for images of at most {limits['shading']:.2f} and {limits['thickness']:.2f}, and for images of fewer than 16 pixels.\n\n"
        "| images | shape | shading | thickness | chosen |\n|---|---|---|---|---|"
    ]
    for row in result["rows"]:
        shape = " × ".join(map(str, row["shape"]))
        lines.append(f"| {row['set']} | {shape} | {row['shading']:.2f} | {row['thickness']:.2f} | `{row['method']}` |")
    return "\n".join([*lines, "", where([result])]) + "\n"
