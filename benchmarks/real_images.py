"""Photographs of things: pixels, their principal components, a frozen encoder, and the default command, side by side.

    python benchmarks/real_images.py pollen --seeds 0 1 2
    python benchmarks/real_images.py rice --rows pretrained pretrained+k-means

Each row and seed is kept as it is measured, and a killed benchmark goes on where it was. The true number of groups is given
to the rows "… + k-means" alone. Labels are read after the fit, to score it. Seconds are those of this machine, with the
features of the encoder found anew in the first seed of a set and kept after that.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import record
from sets import SETS, input_of

DEFAULT = "default command"
ROWS = ("pixels + k-means", "PCA + k-means", "pretrained + k-means", DEFAULT)
MORE = ("pretrained",)
"""Of use where the default command takes another method."""
COMPONENTS = 50


def pixels(name: str, row: str, seed: int) -> dict[str, Any]:
    """K-means on the pixels, or on their principal components."""
    from sklearn.decomposition import PCA

    from facies.cluster import KMeans
    from facies.images import open_images

    images = open_images(input_of(name))
    flat = np.concatenate([batch.flatten(1).numpy() for batch in images.batches()])
    if row.startswith("PCA"):
        flat = PCA(min(COMPONENTS, *flat.shape), random_state=seed).fit_transform(flat).astype(np.float32)
    assert images.labels is not None
    return score(KMeans(kinds(name), random_state=seed).fit(flat).labels_, images.labels)


def command(name: str, row: str, seed: int) -> dict[str, Any]:
    """`facies cluster` in a process of its own."""
    run = record.WORK / f"real-{name}-{row.replace(' ', '')}-{seed}"
    arguments = ["cluster", str(input_of(name)), "-o", str(run), "--seed", str(seed), "--overwrite", "--json"]
    if row != DEFAULT:
        arguments += ["--method", "pretrained"]
    if row.endswith("k-means"):
        arguments += ["--set", "grouping.method=k-means", "--set", f"grouping.n_clusters={kinds(name)}"]
    subprocess.run([sys.executable, "-m", "facies.cli", *arguments], check=True, stdout=subprocess.PIPE)
    done = subprocess.run(
        [sys.executable, "-m", "facies.cli", "evaluate", str(run), "--json"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = json.loads(done.stdout)
    manifest = json.loads((run / "run.json").read_text())
    return {
        "accuracy": found["accuracy"],
        "nmi": found["nmi"],
        "n_groups": found["n_groups"],
        "method": manifest["method"],
        "timings": manifest["timings"],
    }


def kinds(name: str) -> int:
    """The true number of groups."""
    with np.load(input_of(name)) as held:
        return len(np.unique(held["labels"]))


def score(found: Any, labels: Any) -> dict[str, Any]:
    """Accuracy and mutual information of groups."""
    from facies.metrics import accuracy, nmi

    return {"accuracy": accuracy(labels, found), "nmi": nmi(labels, found), "n_groups": len(np.unique(found))}


def main() -> None:
    """Measure the rows and seeds that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument("--rows", nargs="+", choices=(*ROWS, *MORE), default=ROWS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    wanted = parser.parse_args()
    for name in wanted.sets:
        result = record.load(f"real-images-{name}") or {"set": name, "kinds": kinds(name), "rows": []}
        for row in wanted.rows:
            for seed in wanted.seeds:
                if any((each["row"], each["seed"]) == (row, seed) for each in result["rows"]):
                    continue
                began = time.monotonic()
                found = (pixels if "pixels" in row or "PCA" in row else command)(name, row, seed)
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
                measured = {"row": row, "seed": seed, "seconds": time.monotonic() - began, "peak_gib": peak}
                result["rows"].append({**measured, **found, "machine": record.machine()})
                record.keep(f"real-images-{name}", result)
                print(name, row, seed, {key: found[key] for key in ("accuracy", "nmi", "n_groups")}, flush=True)


if __name__ == "__main__":
    main()
