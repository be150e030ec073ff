"""`moe-vae` on 1,500 images of 64 × 64: seconds, memory and groups, with `auto` epochs and with half of them.

    python benchmarks/larger_images.py                               # all sets, seed 0
    python benchmarks/larger_images.py rendered-objects --epochs half

*half*: the epochs of small images times 32/side, which would be quicker. Sets: turning things drawn by
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
EPOCHS = ("auto", "half")


def half_epochs(n_images: int) -> dict[str, int]:
    """Fewer epochs for images of 64 pixels, by parameter."""
    from facies.methods.autoencoder import automatic_epochs

    usual = automatic_epochs(n_images, 64)
    shares = {"autoencoder": 1.0, "manager": 1 / 3, "mixture": 1 / 8, "experts": 1 / 8}
    return {f"{training}.epochs": max(1, round(share * usual)) for training, share in shares.items()}


def measure(name: str, epochs: str, seed: int) -> dict[str, Any]:
    """One fit by the command, and its scores."""
    with np.load(input_of(name)) as held:
        n_images = len(held["images"])
    run = record.WORK / f"larger-{name}-{epochs}-{seed}"
    shutil.rmtree(run, ignore_errors=True)
    settings = half_epochs(n_images) if epochs == "half" else {}
    words = [word for each in settings.items() for word in ("--set", "{}={}".format(*each))]
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
    parser.add_argument("--epochs", nargs="+", choices=EPOCHS, default=EPOCHS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    wanted = parser.parse_args()
    record.WORK.mkdir(exist_ok=True)
    result = record.load("larger-images") or {"rows": []}
    for seed in wanted.seeds:
        for name in wanted.sets:
            for epochs in wanted.epochs:
                key = {"set": name, "epochs": epochs, "seed": seed}
                if any(all(row[part] == value for part, value in key.items()) for row in result["rows"]):
                    continue
                result["rows"].append({**key, **measure(name, epochs, seed), "machine": record.machine()})
                record.keep("larger-images", result)
                print(json.dumps(result["rows"][-1]), flush=True)


if __name__ == "__main__":
    main()
