"""Whether the latent size that is found depends on the size of the code it is found in (thesis, figure 3.2).

    python benchmarks/latent_size.py usps --images 1000 --epochs 50

The autoencoder of the preset `paper` is trained with codes of several sizes, and the principal components of each code are counted. A
row is one seed of one size; a killed benchmark goes on where it was. No label is read.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import record
from ablations import learn
from sets import SETS, input_of

from facies.cluster import latent_dimension
from facies.images import open_images

SHARES = (0.90, 0.95)


def measure(images: object, code: int, seed: int, epochs: int) -> dict[str, int]:
    """Latent size that each share of the variance asks for, in a trained code of `code` numbers."""
    _, outputs = learn(images, "paper", seed, {"autoencoder.latent_size": code, "autoencoder.epochs": epochs})
    embedding = outputs["first_embedding"]
    return {f"{share:.2f}": latent_dimension(embedding, explained_variance=share) for share in SHARES}


def main() -> None:
    """Measure the rows that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument(
        "--images", type=int, default=1000, help="how many, drawn without a look at the labels (seed 0)"
    )
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--codes", type=int, nargs="+", default=[40, 50, 300])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    wanted = parser.parse_args()
    whole = open_images(input_of(wanted.set))
    count = min(wanted.images, len(whole))
    images = whole.subset(np.sort(np.random.default_rng(0).choice(len(whole), count, replace=False)))
    name = f"latent-size-{wanted.set}-{wanted.epochs}"
    result = record.load(name) or {
        "set": wanted.set,
        "images": count,
        "preset": "paper",
        "epochs": wanted.epochs,
        "rows": [],
    }
    for seed in wanted.seeds:
        for code in wanted.codes:
            if any((row["code"], row["seed"]) == (code, seed) for row in result["rows"]):
                continue
            row = {"code": code, "seed": seed, "found": measure(images, code, seed, wanted.epochs)}
            result["rows"].append({**row, "machine": record.machine()})
            record.keep(name, result)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
