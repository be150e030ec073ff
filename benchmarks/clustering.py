"""Cluster a labelled benchmark set through the command line, several seeds, and keep what came out.

    python benchmarks/clustering.py usps --seeds 0 1 2
    python benchmarks/clustering.py mnist --preset paper --seeds 0 1 2 3 4     (where a GPU is at hand)

Each seed is one `facies cluster` in a process of its own, so just-in-time compilation counts. A killed benchmark goes on
where it was. Labels are read after the fit, by `facies evaluate` alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import record
from sets import SETS, input_of


def facies(*arguments: str) -> Any:
    """Run a command of facies and return what its --json printed."""
    command = [sys.executable, "-m", "facies.cli", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def measure(name: str, preset: str, seed: int, settings: list[str], suffix: str = "") -> dict[str, Any]:
    """Fit one seed; return its scores by stage, seconds and memory."""
    run = record.WORK / f"{name}-{preset}{suffix}-{seed}"
    options = [part for setting in settings for part in ("--set", setting)]
    began = time.monotonic()
    facies(
        "cluster", str(input_of(name)), "-o", str(run), "--preset", preset, "--seed", str(seed), "--resume", *options
    )
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    manifest = json.loads((run / "run.json").read_text())
    scores = facies("evaluate", str(run))
    density = facies("evaluate", str(run), "--partition", "density")
    return {
        "seed": seed,
        "n_groups": scores["n_groups"],
        "scores": scores,
        "density": density,
        "seconds": seconds,
        "peak_gib": peak,
        "timings": manifest["timings"],
    }


def main() -> None:
    """Measure the seeds that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--name", default="", help="suffix of the result's name, for a changed setting")
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    name = f"clustering-{wanted.set}-{wanted.preset}{wanted.name}"
    result = record.load(name) or {"set": wanted.set, "preset": wanted.preset, "settings": wanted.settings, "rows": []}
    for seed in wanted.seeds:
        if any(row["seed"] == seed for row in result["rows"]):
            continue
        row = {**measure(wanted.set, wanted.preset, seed, wanted.settings, wanted.name), "machine": record.machine()}
        result["rows"].append(row)
        record.keep(name, result)
        print(
            json.dumps({key: row[key] for key in ("seed", "n_groups", "seconds", "peak_gib")}),
            row["scores"],
            flush=True,
        )
    for score in ("accuracy", "nmi", "ari"):
        values = [row["scores"][score] for row in result["rows"]]
        before = [row["density"][score] for row in result["rows"]]
        print(
            f"{score}: {np.mean(values):.4f} ± {np.std(values):.4f} ({len(values)} seeds); before the experts {np.mean(before):.4f}"
        )


if __name__ == "__main__":
    main()
