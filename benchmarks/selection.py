"""Whether a score without labels follows the accuracy: all candidates of ten sets.

    python benchmarks/selection.py            # all sets, resumable; rows go to results/selection.json

The candidates are those of `facies select` that need no training: pixels and EfficientNet-Lite0, each grouped in three ways,
on at most 1,000 images a set. True labels are read after all scores are known, and only to be compared with them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import record
from numpy.typing import NDArray
from scipy.stats import spearmanr

from facies.images import ImageSet, open_images
from facies.metrics import accuracy, nmi
from facies.metrics.without_labels import judge, look_at
from facies.workflows import default_candidates
from facies.workflows.candidates import best_first

N_IMAGES = 1000
WITHIN = 0.03
SETS = ("digits", "usps", "mnist", "fashion", "microfossils", "pollen", "zoo", "rice", "sand", "faces")
FILES = {
    "usps": "usps/usps.npz",
    "mnist": "mnist/mnist.npz",
    "fashion": "fashion-mnist/fashion_mnist.npz",
    "pollen": "real-images/pollen96.npz",
    "zoo": "real-images/zoo96.npz",
    "rice": "real-images/rice96.npz",
    "sand": "sand/sand_sieve_tiles64.npz",
}
TRAINED = ("contrastive", "moe-vae")


def load(name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Images and labels of a set, at most 1,000 drawn at random."""
    if name == "digits":
        from sklearn.datasets import load_digits

        digits = load_digits()
        images, labels = (digits.images * 15.9).astype(np.uint8), digits.target
    elif name == "faces":
        import skimage.data

        # Photographs of a hundred faces and of a hundred other things, which come with scikit-image.
        images = np.load(Path(skimage.data.__file__).parent / "lfw_subset.npy", allow_pickle=False)
        images, labels = (255 * images / images.max()).astype(np.uint8), np.repeat([0, 1], 100)
    elif name == "microfossils":
        with np.load(record.SHARED / "microfossils" / "rcos_microfossil.npz", allow_pickle=False) as found:
            images, labels = found["particle_crops"], found["particle_labels"]
    else:
        with np.load(record.SHARED / FILES[name], allow_pickle=False) as found:
            images, labels = found["images"], found["labels"]
    rows = np.sort(np.random.default_rng(0).permutation(len(images))[:N_IMAGES])
    return images[rows], np.asarray(labels[rows], np.int64)


def measure(images: ImageSet, labels: NDArray[np.int64], seed: int) -> list[dict[str, Any]]:
    """Score and accuracy of each candidate."""
    fitted = []
    for candidate in default_candidates():
        if candidate.method not in TRAINED:
            print(f"  {candidate.name}", flush=True)
            fitted.append((candidate, candidate.make("quick", seed).fit(images)))
    embeddings = {candidate.encoder: method.embedding_ for candidate, method in fitted}
    views = {encoder: look_at(embedding, seed) for encoder, embedding in embeddings.items()}
    judged = [
        judge(method.labels_, views[candidate.encoder], [v for e, v in views.items() if e != candidate.encoder])
        for candidate, method in fitted
    ]
    return [
        {
            "candidate": candidate.name,
            "n_groups": int(method.n_clusters_),
            "accuracy": accuracy(labels, method.labels_),
            "nmi": nmi(labels, method.labels_),
            **scores,
        }
        for (candidate, method), scores in zip(fitted, judged, strict=True)
    ]


def summary(sets: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Rank correlation of score and accuracy, in each set and over all, and how far the chosen one lies below the best."""
    correlation, regret = {}, {}
    by_name = {candidate.name: candidate for candidate in default_candidates()}
    for name, rows in sets.items():
        scores, accuracies = ([row[key] for row in rows] for key in ("score", "accuracy"))
        correlation[name] = float(np.nan_to_num(spearmanr(scores, accuracies)[0], nan=1.0))
        known = [
            {**row, "encoder": by_name[row["candidate"]].encoder, "finds_level": by_name[row["candidate"]].finds_level}
            for row in rows
        ]
        regret[name] = max(accuracies) - accuracies[best_first(known)[0]]
    everything = [row for rows in sets.values() for row in rows]
    return {
        "rank_correlation_over_all": float(
            spearmanr(*([row[k] for row in everything] for k in ("score", "accuracy")))[0]
        ),
        "mean_rank_correlation_in_a_set": float(np.mean(list(correlation.values()))),
        "rank_correlation": correlation,
        "below_the_best": regret,
        "sets_within_0.03": sum(value <= WITHIN for value in regret.values()),
    }


def main() -> None:
    """Measure the sets that are not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    result = record.load("selection") or {"sets": {}}
    for name in arguments.sets:
        if name in result["sets"]:
            continue
        print(name, flush=True)
        images, labels = load(name)
        result["sets"][name] = measure(open_images(images), labels, arguments.seed)
        result |= {"seed": arguments.seed, "machine": record.machine(), "summary": summary(result["sets"])}
        record.keep("selection", result)
    for name, value in result["summary"].items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
