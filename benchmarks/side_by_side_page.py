"""The page of programs of others beside Facies."""

from __future__ import annotations

from typing import Any

import numpy as np
from record import where
from side_by_side import COUNTERPARTS, DEFAULT, PROGRAMS, is_idle


def side_by_side(results: dict[str, Any]) -> str:
    """Methods of the same paper side by side, all others, and genes."""
    lines = [
        "# Beside programs of others\n\nThe same images, one process after another on the same cores, each with its own defaults (of Facies the preset `quick`), "
        "told the number of groups where it takes one; no labels. Mean ± standard deviation over the seeds. Seconds are those of the whole fit, of Facies with the map that it draws; where others used the machine there are none."
    ]
    images = {name: result for name, result in results.items() if name != "side-by-side-genes"}
    for result in images.values():
        lines += [
            f"\n## {result['set']}\n",
            *pairs(result["rows"]),
            *others(result["rows"]),
            "",
            f"- {where(result['rows'])}",
        ]
    if "side-by-side-genes" in results:
        lines += of_genes(results["side-by-side-genes"])
    return "\n".join(lines) + "\n"


def pairs(rows: list[dict[str, Any]]) -> list[str]:
    """A row for each method of ClustPy that Facies has, too."""
    lines = [
        "*To the same*: seconds until the accuracy was first that of the peer's end; *never* where some seed did not reach it. What has no epochs of clustering has its end alone.\n",
        "| ClustPy | Facies | seeds | ACC | ACC of Facies | seconds | seconds of Facies | to the same | of Facies | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for theirs, ours in COUNTERPARTS.items():
        both = [(one, other) for one in of(rows, theirs) for other in of(rows, ours) if one["seed"] == other["seed"]]
        good = [(one, other) for one, other in both if one["error"] is None and other["error"] is None]
        if good:
            lines.append(f"| {theirs} | `{ours}` | {len(good)} | {' | '.join(compared(good))} |")
        lines += [
            f"| {theirs} | `{ours}` | {each['seed']} | {'failed: ' + each['error']} | | | | | | |"
            for pair in both if pair not in good for each in pair if each["error"] is not None
        ]  # fmt: skip
    return lines


def compared(both: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[str]:
    """Accuracies, seconds, seconds to the peer's accuracy, and by how much Facies was there earlier."""
    scores = [mean_of([pair[side]["accuracy"] for pair in both]) for side in (0, 1)]
    if not all(is_idle(row) for pair in both for row in pair):
        return [*scores, "–", "–", "–", "–", "–"]
    found = [*scores, *(mean_of([pair[side]["seconds"] for pair in both], 0) for side in (0, 1))]
    times = [(seconds_to(one, one["accuracy"]), seconds_to(other, one["accuracy"])) for one, other in both]
    reached = [(theirs, ours) for theirs, ours in times if theirs is not None and ours is not None]
    if len(reached) < len(times):
        return [*found, mean_of([theirs for theirs, _ in times if theirs is not None], 0), "never", "–"]
    ratios = [theirs / max(ours, 1e-2) for theirs, ours in reached]
    sides = [mean_of(list(side), 0) for side in zip(*reached, strict=True)]
    return [*found, *sides, f"{np.mean(ratios):.1f} ×"]


def seconds_to(row: dict[str, Any], accuracy: float) -> float | None:
    """When a fit first was as accurate; None if it never was."""
    return next((seconds for seconds, reached in row["curve"] if reached >= accuracy - 5e-5), None)


def others(rows: list[dict[str, Any]]) -> list[str]:
    """A row for every program and method."""
    lines = [
        "\n| program | method | seeds | groups found | ACC | NMI | ARI | seconds | peak GiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for algorithm, program in PROGRAMS.items():
        found = of(rows, algorithm)
        good = [row for row in found if row["error"] is None]
        called = f"`{algorithm}`" if program == "facies" and algorithm != DEFAULT else algorithm
        if good:
            scores = [mean_of([row[name] for row in good]) for name in ("accuracy", "nmi", "ari")]
            groups = ", ".join(str(row["n_groups"]) for row in good)
            peak = max((row["peak_gib"] or 0.0) for row in good)
            seconds = seconds_of(good)
            lines.append(
                f"| {program} | {called} | {len(good)} | {groups} | {' | '.join(scores)} | {seconds} | {peak:.2f} |"
            )
        lines += [
            f"| {program} | {called} | {row['seed']} | failed: {row['error']} | | | | | |"
            for row in found
            if row["error"] is not None
        ]
    return lines


def of_genes(result: dict[str, Any]) -> list[str]:
    """Hotspot and darlc."""
    lines = [
        "\n## Genes\n\nPlanted tissues of 8 patterns (30 genes each, and 120 genes without one). *ARI* among the genes that follow a pattern, those in no group taken together; *darlc* is told the number of groups, which Hotspot finds.\n",
        "| program | seeds | groups found | ARI | in no group, of genes without a pattern | of genes with one | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for algorithm in dict.fromkeys(row["algorithm"] for row in result["rows"]):
        found = of(result["rows"], algorithm)
        good = [row for row in found if row["error"] is None]
        if good:
            scores = [
                mean_of([row[name] for row in good]) for name in ("ari", "unassigned_of_none", "unassigned_of_patterns")
            ]
            groups = ", ".join(str(row["n_groups"]) for row in good)
            lines.append(f"| {algorithm} | {len(good)} | {groups} | {' | '.join(scores)} | {seconds_of(good)} |")
        lines += [
            f"| {algorithm} | {row['seed']} | failed: {row['error']} | | | | |"
            for row in found
            if row["error"] is not None
        ]
    return [*lines, "", f"- {where(result['rows'])}"]


def seconds_of(rows: list[dict[str, Any]]) -> str:
    """Of rows that were measured while nothing else ran."""
    return mean_of([row["seconds"] for row in rows], 0) if all(map(is_idle, rows)) else "–"


def of(rows: list[dict[str, Any]], algorithm: str) -> list[dict[str, Any]]:
    """Its rows, by seed."""
    return sorted((row for row in rows if row["algorithm"] == algorithm), key=lambda row: int(row["seed"]))


def mean_of(values: list[float], digits: int = 3) -> str:
    """Mean ± standard deviation; of one seed the value alone."""
    return f"{np.mean(values):.{digits}f}" + (f" ± {np.std(values):.{digits}f}" if len(values) > 1 else "")
