"""The page *How far it goes*: what was measured at several sizes, how it grows, and what far more would take at that rate."""

from __future__ import annotations

import math
from typing import Any

import record
from record import where

PLOT = "blocks-memory.svg"
IMAGES, VOXELS, BLOCK, MACHINES = 10**7, 10**12, 128**3, 100


def how_far(results: dict[str, Any]) -> str:
    """Tables of how-far and of blocks without work, and what follows from them."""
    rows = results.get("how-far", {}).get("rows", {})
    lines = ["# Cost by image and by voxel", ""]
    if rows:
        lines += [
            "Each row is one command in processes of its own, start, reading and writing included; memory is that of all its processes together. *Grows as n^*: the exponent "
            "of the time against the row before.", "",
            "| what | count | seconds | a second | grows as n^ | peak MB | written MB |", "|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        before: dict[str, Any] = {}
        for row in rows.values():
            earlier = before.get(row["kind"])
            lines.append(
                f"| {row['kind']} | {row['count']:,} | {row['seconds']:,.1f} | {row['count'] / row['seconds']:,.0f} | {grows(earlier, row)} | {row['peak_mb']:,} | "
                f"{row.get('written_mb', '–')} |"
            )
            before[row["kind"]] = row
        loads = [row["load"] for row in rows.values()]
        lines += ["", f"Load before: {min(loads)} to {max(loads)}. {where(list(rows.values()))}"]
        lines += beyond(rows)
    memory = [row for row in results.get("scale-out", {}).get("rows", []) if row["case"] == "memory"]
    if memory:
        plot(memory)
        lines += [
            "", "## Blocks without work", "", "Memory of the driver, and of Dask's scheduler in it, by blocks that are done.", "",
            f"![Memory by blocks](../images/{PLOT})", "",
        ]  # fmt: skip
        for row in memory:
            middle = row["mb"][:: max(1, len(row["mb"]) // 5)]
            told = ", ".join(f"{mb:.0f} MB after {n:,}" for n, mb in middle)
            lines.append(
                f"- {row['engine']}, {row['n_blocks']:,} blocks in {row['seconds'] / 60:.0f} minutes, {row['missing']} missing: {told}"
            )
        lines += ["", where(memory)]
    return "\n".join(lines) + "\n" if rows or memory else ""


def plot(rows: list[dict[str, Any]]) -> None:
    """Draw the memory of the driver by blocks that are done."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    for row in rows:
        axes.plot(*zip(*row["mb"], strict=True), label=row["engine"])
    axes.set(xlabel="blocks done", ylabel="MB of the driver", ylim=(0, None))
    axes.legend()
    record.keep_plot(PLOT, figure)


def grows(earlier: dict[str, Any] | None, row: dict[str, Any]) -> str:
    if earlier is None:
        return "–"
    return f"{math.log(row['seconds'] / earlier['seconds']) / math.log(row['count'] / earlier['count']):.2f}"


def beyond(rows: dict[str, dict[str, Any]]) -> list[str]:
    """What ten million images and 10¹² voxels would take at the rate between the two largest sizes."""
    lines = [
        "", "## Far more", "",
        f"At the rate between the two largest sizes above, on one such machine, and on {MACHINES} of them that share the blocks and a file system that keeps up. This is "
        "calculated, not measured.", "",
        "| what | one machine | "
        f"{MACHINES} machines |", "|---|---|---|",
    ]  # fmt: skip
    for kind, count in (("digits predicted", IMAGES), ("photographs predicted", IMAGES), ("voxels labelled", VOXELS)):
        own = [row for row in rows.values() if row["kind"] == kind]
        if len(own) < 2:
            continue
        one, two = own[-2:]
        seconds = (two["seconds"] - one["seconds"]) / (two["count"] - one["count"]) * count
        lines.append(f"| {kind}, {count:,} | {duration(seconds)} | {duration(seconds / MACHINES)} |")
        if "written_mb" in two:
            written = two["written_mb"] / two["count"] * count / 2**20
            lines.append(f"| written, TB | {written:,.1f} | |")
            lines.append(f"| blocks | {math.ceil(count / BLOCK):,} | |")
    return lines


def duration(seconds: float) -> str:
    for unit, length in (("years", 365 * 86_400), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"
