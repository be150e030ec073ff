"""What `facies refine` does to the groups of `focal-vae`: which images it moves, and whether that is right.

    python benchmarks/refinement.py                       (all sets, seeds 0 1 2)
    python benchmarks/refinement.py digits --seeds 0

Every set is grouped twice from one code: with the hundred groups of the preset, of a dozen or two images each, and with ten times
fewer. A group is named after its most common kind *before* refining, as an expert would have done, and a moved image is right if
the name of its new group is its kind. Labels are read after the fact alone. Beside it stands what the classifier alone says, which
is what `facies refine` did until 0.2.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import pandas as pd
import record
from numpy.typing import NDArray

SETS = ("digits", "usps", "mnist", "fashion-mnist", "crops", "crops-even")
N_IMAGES = 2000
STACKS = 400
GROUPS = 100


def labelled(name: str) -> tuple[Any, NDArray[Any]]:
    """Images of a set, 2,000 of it drawn without a look at the labels (seed 0), and their labels; rendered grains whole."""
    from facies.images import open_images

    if name.startswith("crops"):
        from grains import Grains

        grains = Grains.of("crops", STACKS, "even" if name.endswith("even") else "keep")
        return grains.images.subset(grains.known), grains.kinds[grains.known]
    from sets import input_of

    with np.load(input_of(name)) as file:
        labels = file["labels"]
    rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:N_IMAGES])
    return open_images(input_of(name)).subset(rows), labels[rows]


def code_of(name: str, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[Any]]:
    """Code and groups of a fit, made once, and the labels."""
    from facies.methods import make_method

    file = record.WORK / f"refinement-{name}-{seed}.npz"
    if not file.exists():
        images, labels = labelled(name)
        smaller = {"image_size": 32} if name.startswith("crops") else {}
        method = make_method("focal-vae", "quick", {"random_state": seed, "n_clusters": GROUPS, **smaller}).fit(images)
        np.savez(file, embedding=method.embedding_, labels=method.labels_, kinds=labels.astype(str))
    with np.load(file) as kept:
        return kept["embedding"], kept["labels"], kept["kinds"]


def rows_of(name: str, seed: int) -> list[dict[str, Any]]:
    """Accuracy before and after, and what became of the images that moved or that the classifier alone would have moved."""
    from facies.cluster import KMeans

    embedding, labels, kinds = code_of(name, seed)
    rows = []
    for count in (GROUPS, GROUPS // 10):
        groups = labels if count == GROUPS else KMeans(count, n_init=3, random_state=seed).fit_predict(embedding)
        rows.append({"set": name, "seed": seed, "k": count, **judged(embedding, groups, kinds, seed)})
    return rows


def judged(
    embedding: NDArray[np.float32], groups: NDArray[np.int64], kinds: NDArray[Any], seed: int
) -> dict[str, float | int]:
    """What refining did to groups named after their most common kind before it."""
    from facies.cluster import refine
    from facies.cluster.neighbours import self_neighbours
    from facies.cluster.regroup import Demands, proposals

    names = pd.crosstab(groups, kinds).idxmax(axis=1)
    found = refine(embedding, groups, random_state=seed)
    scaled = ((embedding - embedding.mean(axis=0)) / embedding.std()).astype(np.float32)
    numbers, nearest = np.unique(groups), self_neighbours(scaled, 21)[0][:, 1:]
    proposed = numbers[proposals(scaled, groups, numbers, nearest, Demands(), seed)[0].argmax(axis=1)]

    def right(of: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(names.reindex(of).to_numpy() == kinds)

    before, alone, after = right(groups), right(proposed), right(found.labels)
    would, moved = proposed != groups, found.labels != groups
    return {
        "n": len(groups),
        "accuracy": float(before.mean()),
        "accuracy_classifier": float(alone.mean()),
        "accuracy_refined": float(after.mean()),
        "reliable": int(str(found.about["reliable"])),
        "classifier_moves": int(would.sum()),
        "classifier_right_before": int(before[would].sum()),
        "classifier_right_after": int(alone[would].sum()),
        "moved": int(moved.sum()),
        "moved_right_before": int(before[moved].sum()),
        "moved_right_after": int(after[moved].sum()),
    }


def main() -> None:
    """Judge the fits that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all without")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    wanted = parser.parse_args()
    if unknown := set(wanted.sets) - set(SETS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}")
    record.WORK.mkdir(exist_ok=True)
    result = record.load("refinement") or {"rows": []}
    for seed in wanted.seeds:
        for name in wanted.sets or SETS:
            if any((row["set"], row["seed"]) == (name, seed) for row in result["rows"]):
                continue
            for row in rows_of(name, seed):
                result["rows"].append({**row, "machine": record.machine()})
                print(json.dumps(row), flush=True)
            record.keep("refinement", result)


if __name__ == "__main__":
    main()
