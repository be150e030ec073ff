"""The results of a run in short, as ``facies cluster`` and ``facies demo`` print them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies.cli.console import format_group_sizes, print_line, print_table

if TYPE_CHECKING:
    from facies.runs import RunFolder


def run_summary(run: RunFolder) -> dict[str, Any]:
    """Return the results of a run in short, fit for JSON."""
    from facies.report.doubts import doubts

    sizes: dict[Any, int] = run.partition()[0]["group"].value_counts().sort_index().to_dict()
    manifest = run.manifest
    return {
        "run": run.path,
        **{name: manifest[name] for name in ("method", "preset", "seed")},
        "n_images": len(run),
        "n_groups": manifest["n_groups"],
        "n_noise": sizes.get(-1, 0),
        "group_sizes": {group: size for group, size in sizes.items() if group >= 0},
        **{name: manifest[name] for name in ("left_out", "metrics", "timings", "notes")},
        "reliability": manifest.get("reliability"),
        "doubts": [{"says": text, "try": command} for text, command in doubts(manifest, run.path.name)],
    }


def print_run_summary(run: RunFolder, *, next_commands: bool = True) -> None:
    """Print the results of a run in short, and the commands that can come next."""
    from facies.report.formatting import METRICS, format_duration, format_metric

    summary = run_summary(run)
    rows = [
        ("images", format_metric(len(run))),
        ("groups found", format_metric(summary["n_groups"])),
        ("images a group", format_group_sizes(summary["group_sizes"])),
    ]
    if summary["n_noise"]:
        rows.append(("in no group", format_metric(summary["n_noise"])))
    if summary["left_out"]:
        first = summary["left_out"][0]
        rows.append(("left out", f"{len(summary['left_out']):,} (the first: {first['source']}: {first['reason']})"))
    if run.manifest["input"]["labelled"]:
        metrics = summary["metrics"]
        rows += [(METRICS[name][0], format_metric(float(metrics[name]))) for name in METRICS if name in metrics]
    rows.append(("time", format_duration(sum(summary["timings"].values()))))
    print_table(rows)
    for note in summary["notes"]:
        print_line(f"note: {note}")
    for doubt in summary["doubts"]:
        print_line(f"the groups may say little: {doubt['says']}; try")
        print_line(f"  {doubt['try']}")
    print_line(f"run: {run.path}")
    if next_commands:
        print_line("next:")
        here = Path.cwd()
        path = shlex.quote(str(run.path.relative_to(here) if run.path.is_relative_to(here) else run.path))
        print_line(f"  facies atlas {path}")
        print_line(f"  facies report {path} -o report.html")
        print_line(f"  facies export {path} --to csv -o groups.csv")
        print_line(f"  facies predict {path} NEW -o new.csv")
