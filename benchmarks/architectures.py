"""Which network draws grains best that it has not learnt from: encoders of `focal-vae` by their error on held-out stacks.

    python benchmarks/architectures.py --seeds 0 1 2
    python benchmarks/architectures.py --encoders conv-8 resnet18 --seeds 0 --size 64 --epochs 20

Golikov et al. (2022) chose the architecture by the mean squared error of the reconstructions (eq. 1), and took ResNet-152. Here a
tenth of the stacks of SYNTHETIC plates (`benchmarks/grains.py`) is left out of the training (`held_out`), whole stacks, the same
ones for all encoders of a seed; batches are of 16, as in the paper's preset, and all else is the preset `quick`. No label is read. Residual networks begin with random weights, for
the machine has no network; the paper's begin with ImageNet's. K-means is given ten groups, for it is not what is measured.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import record
from grains import Grains

HELD_OUT = 0.1
STACKS, BATCH = 200, 16
ENCODERS: dict[str, dict[str, Any]] = {
    "conv-4": {"encoder": "conv", "filters": 4},
    "conv-8": {"encoder": "conv", "filters": 8},
    "conv-16": {"encoder": "conv", "filters": 16},
    "conv-8, code of 32": {"encoder": "conv", "filters": 8, "latent_size": 32},
    "conv-8, a branch a layer": {"encoder": "conv", "filters": 8, "encoder.share_branches": False},
    "resnet18": {"encoder": "resnet18", "filters": 8},
    "resnet50": {"encoder": "resnet50", "filters": 8},
    "resnet152": {"encoder": "resnet152", "filters": 8},
}


def measured(grains: Any, encoder: str, seed: int, size: int, epochs: int) -> dict[str, Any]:
    """Errors of one fit on the stacks that it learnt from, and on the others."""
    from facies.methods import make_method

    began = time.monotonic()
    method = make_method(
        "focal-vae",
        "quick",
        {
            "random_state": seed,
            "n_clusters": 10,
            "n_init": 1,
            "image_size": size,
            "training.epochs": epochs,
            "training.batch_size": BATCH,
            "held_out": HELD_OUT,
            **ENCODERS[encoder],
        },
    ).fit(grains)
    network = method.autoencoder_
    return {
        "encoder": encoder,
        "seed": seed,
        **method.held_out_,
        "active": int(method.active_.sum()),
        "weights": sum(weight.numel() for weight in network.encoder.parameters()),
        "seconds": time.monotonic() - began,
    }


def main() -> None:
    """Measure the fits that are not kept yet, a seed after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", nargs="+", choices=list(ENCODERS), default=list(ENCODERS), metavar="ENCODER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    parser.add_argument("--epochs", type=int, default=20)
    wanted = parser.parse_args()
    result = record.load("architectures") or {"size": wanted.size, "epochs": wanted.epochs, "rows": []}
    if (result["size"], result["epochs"]) != (wanted.size, wanted.epochs):
        parser.error(f"{record.RESULTS / 'architectures.json'} was measured with other sizes or epochs: move it away")
    grains = Grains.of("crops", 400, "even").images
    stacks = grains.table["stack"]
    grains = grains.subset(np.flatnonzero(stacks.isin(sorted(stacks.unique())[:STACKS])))
    for seed in wanted.seeds:
        for encoder in wanted.encoders:
            if any((row["encoder"], row["seed"]) == (encoder, seed) for row in result["rows"]):
                continue
            row = measured(grains, encoder, seed, wanted.size, wanted.epochs)
            result["rows"].append({**row, "machine": record.machine()})
            record.keep("architectures", result)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
