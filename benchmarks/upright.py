"""By how much `canonical` reduces the pixel variance within true classes: of runs that are there, or of new fits.

    python benchmarks/upright.py run RUN [RUN …]
    python benchmarks/upright.py fit st-dac --seeds 0 1 2
    python benchmarks/upright.py fit moe-vae --set align=true --name=-align

A fit is of `mnist-10k-rotated`, by `facies cluster` in a process of its own. The true labels are read after it, and only to
measure. Reading between pixels smooths an image and enlarging it changes its variance, whatever the pose; so the share of
the whole variance that lies within classes is told, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import record
from clustering import facies, key_of
from sets import input_of

from facies.report.canonical import group_pixel_statistics
from facies.runs import RunFolder

SET = "mnist-10k-rotated"


def reduction(run: RunFolder) -> dict[str, float]:
    """Mean variance of a pixel (from 0 to 1) within classes, before and after, and its share of the whole variance."""
    if run.labels is None or run.canonical_thumbnails is None:
        sys.exit(f"{run.path}: needs true labels, and a method that sets images upright")
    found = group_pixel_statistics(run, np.asarray(run.labels))
    assert found is not None
    _, sizes, before, after = found
    was, now = before.within(sizes), after.within(sizes)
    return {
        "within_before": was,
        "within_after": now,
        "reduction": 1 - now / was,
        "share_before": before.share_within(sizes),
        "share_after": after.share_within(sizes),
    }


def measure(method: str, preset: str, seed: int, settings: list[str], suffix: str) -> dict[str, Any]:
    """Fit one seed, or take the run that is there already, of `clustering.py` too."""
    wanted = argparse.Namespace(set=SET, method=method, preset=preset, name=suffix)
    path = record.WORK / f"{key_of(wanted)}-{seed}"
    options = [part for setting in settings for part in ("--set", setting)]
    facies(
        "cluster", str(input_of(SET)), "-o", str(path), "--method", method, "--preset", preset,
        "--seed", str(seed), "--resume", *options,
    )  # fmt: skip
    return {"seed": seed, **reduction(RunFolder(path)), "scores": facies("evaluate", str(path))}


def main() -> None:
    """Measure the runs, or the seeds that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    of_runs = kinds.add_parser("run")
    of_runs.add_argument("runs", type=Path, nargs="+")
    of_fits = kinds.add_parser("fit")
    of_fits.add_argument("method")
    of_fits.add_argument("--preset", default="quick")
    of_fits.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    of_fits.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    of_fits.add_argument("--name", default="", help="suffix of the result's name, for a changed setting")
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if wanted.kind == "run":
        for path in wanted.runs:
            print(path, json.dumps(reduction(RunFolder(path))))
        return
    name = f"upright-{wanted.method}-{wanted.preset}{wanted.name}"
    result = record.load(name) or {
        "set": SET,
        "method": wanted.method,
        "preset": wanted.preset,
        "settings": wanted.settings,
        "rows": [],
    }
    for seed in wanted.seeds:
        if any(row["seed"] == seed for row in result["rows"]):
            continue
        row = measure(wanted.method, wanted.preset, seed, wanted.settings, wanted.name)
        result["rows"].append({**row, "machine": record.machine()})
        record.keep(name, result)
        print(json.dumps(row), flush=True)
    found = [row["reduction"] for row in result["rows"]]
    print(f"{SET}: variance within classes reduced by {np.mean(found):.1%} ± {np.std(found):.1%} ({len(found)} seeds)")


if __name__ == "__main__":
    main()
