"""`moe-vae` on 1,500 images of 64 × 64: seconds, memory and groups, of reduced images and of whole ones.

    python benchmarks/larger_images.py                               # all sets, seed 0
    python benchmarks/larger_images.py rendered-objects --images whole

*reduced* to 32 pixels, as the quick preset has it, and *whole* (`image_size=null`). Sets: turning things drawn by
`benchmarks/rendered_objects.py`, as COIL has them; rice; and 1,500 images of Fashion-MNIST, enlarged. The command is `facies
cluster`, in a process of its own on all cores. Each row is kept as it is measured. Labels are read after the fit, to score it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from typing import Any

import numpy as np
import record
from sets import input_of

SETS = ("rendered-objects", "rice-64", "fashion-64")
IMAGES = ("reduced", "whole")


def measure(name: str, images: str, seed: int) -> dict[str, Any]:
    """One fit by the command, and its scores."""
    with np.load(input_of(name)) as held:
        n_images = len(held["images"])
    run = record.WORK / f"larger-{name}-{images}-{seed}"
    shutil.rmtree(run, ignore_errors=True)
    words = ["--set", "image_size=null"] if images == "whole" else []
    command = [sys.executable, "-m", "facies.cli"]
    began = time.monotonic()
    subprocess.run(
        [*command, "cluster", str(input_of(name)), "-o", str(run), "--method", "moe-vae", "--seed", str(seed), *words],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    done = subprocess.run([*command, "evaluate", str(run), "--json"], check=True, stdout=subprocess.PIPE, text=True)
    scores = json.loads(done.stdout)
    manifest = json.loads((run / "run.json").read_text())
    return {
        "seconds": seconds,
        "peak_gib": peak,
        "timings": manifest["timings"],
        **{score: scores[score] for score in ("accuracy", "nmi", "n_groups")},
        "n_images": n_images,
        "load_before": os.getloadavg()[2],
    }


def main() -> None:
    """Measure the rows that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=IMAGES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    wanted = parser.parse_args()
    record.WORK.mkdir(exist_ok=True)
    result = record.load("larger-images") or {"rows": []}
    for seed in wanted.seeds:
        for name in wanted.sets:
            for images in wanted.images:
                key = {"set": name, "images": images, "seed": seed}
                if any(all(row[part] == value for part, value in key.items()) for row in result["rows"]):
                    continue
                result["rows"].append({**key, **measure(name, images, seed), "machine": record.machine()})
                record.keep("larger-images", result)
                print(json.dumps(result["rows"][-1]), flush=True)


if __name__ == "__main__":
    main()
