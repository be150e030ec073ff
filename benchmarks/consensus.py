"""Whether a consensus is better than its members, and what its certainty is worth: partitions of the small sets joined.

    python benchmarks/consensus.py                          # all small sets, seed 0
    python benchmarks/consensus.py pollen rice --seeds 1 2

The members are what `facies select` tries without a training: pixels and EfficientNet-Lite0, each grouped in three ways, K
found; they are kept in `benchmarks/work`, so that another consensus of them takes seconds (`--again`). True labels are read after the consensus, and only to measure. An image is *right* if its kind is the commonest of its
group, which is the name that a user would give the group.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import numpy as np
import record
from numpy.typing import NDArray
from sets import input_of
from sklearn.metrics import roc_auc_score

from facies.images import ImageSet
from facies.io import atomic_file

SMALL = ("microfossils-single", "microfossils", "sand-500", "pollen", "rice", "zooplankton", "digits")
TRAINED = ("contrastive", "moe-vae")
BINS = 10


def measure(name: str, seed: int) -> dict[str, Any]:
    """Accuracy of members and consensus, and how often the images of each certainty are right."""
    from facies.cluster import consensus
    from facies.images import open_images
    from facies.metrics import accuracy, nmi

    images = open_images(input_of(name))
    partitions = members_of(name, seed, images)
    joined = consensus(list(partitions.values()))
    labels = np.asarray(images.labels)
    right, certainty = are_right(joined.labels, labels), joined.certainty
    return {
        "members": {
            member: {"accuracy": accuracy(labels, found), "nmi": nmi(labels, found), "weight": float(weight)}
            for (member, found), weight in zip(partitions.items(), joined.weights, strict=True)
        },
        "accuracy": accuracy(labels, joined.labels),
        "nmi": nmi(labels, joined.labels),
        "n_groups": joined.n_groups,
        "n_images": len(labels),
        "bins": bins_of(certainty, right),
        "auc": float(roc_auc_score(right, certainty)) if 0 < right.sum() < len(right) else None,
    }


def members_of(name: str, seed: int, images: ImageSet) -> dict[str, NDArray[np.int64]]:
    """The partitions that are joined; those found before are read again."""
    from facies.workflows import default_candidates

    kept = record.WORK / f"consensus-{name}-{seed}.npz"
    if not kept.exists():
        partitions: dict[str, NDArray[np.int64]] = {}
        for candidate in default_candidates():
            if candidate.method not in TRAINED:
                print(f"  {name}, seed {seed}: {candidate.name}", flush=True)
                partitions[candidate.name] = candidate.make("quick", seed).fit(images).labels_
        with atomic_file(kept) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **partitions)  # type: ignore[arg-type]
    with np.load(kept) as found:
        return {member: found[member] for member in found.files}


def are_right(groups: NDArray[np.int64], labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each image is of the commonest kind of its group; noise is not."""
    right = np.zeros(len(groups), bool)
    for group in np.unique(groups[groups >= 0]):
        members = np.flatnonzero(groups == group)
        kinds, counts = np.unique(labels[members], return_counts=True)
        right[members] = labels[members] == kinds[counts.argmax()]
    return right


def bins_of(certainty: NDArray[np.float32], right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Ten bins of certainty: images, their mean certainty, and the share of them that is right."""
    place = np.minimum((certainty * BINS).astype(int), BINS - 1)
    return [
        {
            "images": int((place == each).sum()),
            "certainty": float(certainty[place == each].mean()),
            "right": float(right[place == each].mean()),
        }
        for each in np.unique(place)
    ]


def main() -> None:
    """Measure the sets and seeds that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SMALL, metavar="SET")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--again", action="store_true", help="forget the rows of these sets and seeds first")
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    result = record.load("consensus") or {"rows": []}
    if wanted.again:
        trials = {(name, seed) for name in wanted.sets for seed in wanted.seeds}
        result["rows"] = [row for row in result["rows"] if (row["set"], row["seed"]) not in trials]
    for seed in wanted.seeds:
        for name in wanted.sets:
            if any((row["set"], row["seed"]) == (name, seed) for row in result["rows"]):
                continue
            row = {"set": name, "seed": seed, **measure(name, seed), "machine": record.machine()}
            result["rows"].append(row)
            record.keep("consensus", result)
            print(json.dumps({key: row[key] for key in ("set", "seed", "accuracy", "nmi", "auc")}), flush=True)


if __name__ == "__main__":
    main()
