"""The tables of the first minute, and of larger images: seconds and memory."""

from __future__ import annotations

from typing import Any

from real_tables import mean_of
from record import where

LARGEST_STAGES = 5
ABOUT = {
    "photographs": "photographs of 64–256 pixels, a folder of PNG and JPEG files",
    "memory": "images of 64 × 64, one .npy file",
}


def first_minute(results: dict[str, Any]) -> str:
    """One row a number of images."""
    (result,) = results.values()
    lines = [
        "# The first minute\n\n`facies cluster INPUT -o RUN` as a user types it, on all cores of the machine, from the command to the groups that it prints, without kept features. *Images a second*: how fast "
        "the encoder looked at them. *Memory* is the most that all processes of the command held together: all that was in memory, pages of mapped files included, which the system takes back when it needs them; and of it what it cannot take back.\n\n"
        "| images | method | seconds | images a second | memory, GiB | not to be taken back, GiB | longest stages |\n|---|---|---|---|---|---|---|",
        *(line_of(row) for row in result["rows"]),
        "",
        *(f"- {row['n']:,} {row['what']}: {where([row])}" for row in result["rows"]),
    ]
    return "\n".join(lines) + "\n"


def line_of(row: dict[str, Any]) -> str:
    """One number of images."""
    longest = sorted(row["stages"].items(), key=lambda stage: -stage[1])[:LARGEST_STAGES]
    stages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in longest)
    rate = (row.get("encoder") or {}).get("images_per_second")
    return (
        f"| {row['n']:,} {ABOUT[row['what']]} | `{row['method']}` | {row['seconds']:,.0f} | {f'{rate:,.0f}' if rate else '–'} | "
        f"{row['peak_gib']:.2f} | {row['peak_own_gib']:.2f} | {stages} |"
    )


def larger_images(results: dict[str, Any]) -> str:
    """One row a set, of reduced and of whole images."""
    (result,) = results.values()
    rows = result["rows"]
    lines = [
        "# Larger images\n\n`moe-vae`, preset `quick`, on grey images of 64 × 64, on all cores of the machine; the whole command. *Reduced* to 32 pixels, as the preset has it, and *whole*. "
        "*Rendered objects* are turning things made of ellipsoids, 20 kinds, as COIL has them.\n\n"
        "| set | images | shown | seeds | groups found | ACC | NMI | minutes | peak GiB |\n|---|---|---|---|---|---|---|---|---|"
    ]
    for name, shown in dict.fromkeys((row["set"], row["images"]) for row in rows):
        own = [row for row in rows if (row["set"], row["images"]) == (name, shown)]
        scores = " | ".join(mean_of([row[score] for row in own]) for score in ("accuracy", "nmi"))
        minutes = mean_of([row["seconds"] / 60 for row in own])
        groups = ", ".join(str(row["n_groups"]) for row in own)
        lines.append(
            f"| {name} | {own[0]['n_images']:,} | {shown} | {len(own)} | {groups} | {scores} | {minutes} | {max(row['peak_gib'] for row in own):.2f} |"
        )
    return "\n".join([*lines, "", where(rows)]) + "\n"
