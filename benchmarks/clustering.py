"""Cluster a labelled benchmark set through the command line, several seeds, and keep what came out.

    python benchmarks/clustering.py usps --seeds 0 1 2
    python benchmarks/clustering.py mnist --preset paper --seeds 0 1 2 3 4     (where a GPU is at hand)
    python benchmarks/clustering.py mnist-10k --method st-dac
    python benchmarks/clustering.py mnist-10k-rotated --set align=true --name=-align
    python benchmarks/clustering.py mnist-10k-rotated --method st-dac --set n_transformers=0 --name=-0-transformers

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


def measure(wanted: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Fit one seed; return its scores by stage, seconds and memory."""
    run = record.WORK / f"{key_of(wanted)}-{seed}"
    options = [part for setting in wanted.settings for part in ("--set", setting)]
    began = time.monotonic()
    facies(
        "cluster", str(input_of(wanted.set)), "-o", str(run), "--method", wanted.method, "--preset", wanted.preset,
        "--seed", str(seed), "--resume", *options,
    )  # fmt: skip
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    manifest = json.loads((run / "run.json").read_text())
    scores = facies("evaluate", str(run))
    two = (run / "partitions" / "density.parquet").exists()
    return {
        "seed": seed,
        "n_groups": scores["n_groups"],
        "scores": scores,
        "density": facies("evaluate", str(run), "--partition", "density") if two else None,
        "seconds": seconds,
        "peak_gib": peak,
        "timings": manifest["timings"],
    }


def key_of(wanted: argparse.Namespace) -> str:
    """What tells results and runs apart; `moe-vae`, the default, is not named."""
    method = "" if wanted.method == "moe-vae" else f"{wanted.method}-"
    return f"{method}{wanted.set}-{wanted.preset}{wanted.name}"


def asked() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--method", default="moe-vae")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--name", default="", help="suffix of the result's name, for a changed setting")
    return parser.parse_args()


def main() -> None:
    """Measure the seeds that are not kept yet."""
    wanted = asked()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    name = f"clustering-{key_of(wanted)}"
    result = record.load(name) or {
        "set": wanted.set,
        "method": wanted.method,
        "preset": wanted.preset,
        "settings": wanted.settings,
        "rows": [],
    }
    for seed in wanted.seeds:
        if any(row["seed"] == seed for row in result["rows"]):
            continue
        row = {**measure(wanted, seed), "machine": record.machine()}
        result["rows"].append(row)
        record.keep(name, result)
        print(
            json.dumps({key: row[key] for key in ("seed", "n_groups", "seconds", "peak_gib")}),
            row["scores"],
            flush=True,
        )
    for score in ("accuracy", "nmi", "ari"):
        values = [row["scores"][score] for row in result["rows"]]
        line = f"{score}: {np.mean(values):.4f} ± {np.std(values):.4f} ({len(values)} seeds)"
        before = [row["density"][score] for row in result["rows"] if row["density"]]
        print(line + (f"; before the experts {np.mean(before):.4f}" if before else ""))


if __name__ == "__main__":
    main()
