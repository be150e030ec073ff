"""Dice without labels on em-vnc: each method learns from slices 0-8 and labels 9-13 whole; labels score, and choose nothing.

Of the default method also the Dice after 20 clicks a class; of it and of the network of the paper how invariant codes are.

python benchmarks/volumes.py                          # what is missing of all rows, three seeds each
python benchmarks/volumes.py --rows voxel-vae --seeds 0
python benchmarks/volumes.py --split design           # learns from slices 0-4, labels 5-8: where designs were tried
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import record

from facies.methods.voxels import make_voxel_method
from facies.metrics.overlap import dice_matrix
from facies.scale import make_engine
from facies.volumes import Volume, open_volume
from facies.volumes.evaluation import evaluate_segmentation
from facies.volumes.invariance import transformed_copies
from facies.volumes.probe import apply_probe
from facies.volumes.segment import SegmentOptions, apply_segmentation, open_model, segment_volume
from facies.volumes.segmentation import open_segmentation
from facies.volumes.value_range import GreyRange

NAME = "volumes"
WORK = record.WORK / NAME
CLASSES = ("membrane and synapse", "glia", "mitochondria", "intracellular")
MERGED = np.array([0, 1, 2, 0, 3], np.uint8)
VOXEL = (45.0, 4.6, 4.6)
CLICKS = 20
SPLITS = {"test": (slice(0, 9), slice(9, 14)), "design": (slice(0, 5), slice(5, 9))}
ANCHORS = 96_000
PAPER = {
    "network": "paper", "scale_nm": 144.0, "paper.channels": (16, 32, 64), "paper.hidden": 64, "paper.latent_size": 16,
    "paper.batch_size": 64, "paper.learning_rate": 1e-3, "paper.n_steps": ANCHORS // 64,
}  # fmt: skip
ROWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "intensity, k-means": ("intensity", "kmeans", {}),
    "filter bank, k-means": ("filter-bank", "kmeans", {"n_components": 64, "neighbours": False}),
    "filter bank with neighbours, k-means": ("filter-bank", "kmeans", {"n_components": 64}),
    "filter bank, 8 components, Gaussian": ("filter-bank", "gaussian", {"neighbours": False}),
    "filter bank with neighbours, 8 components, Gaussian": ("filter-bank", "gaussian", {}),
    "filter bank, 8 components, merged": ("filter-bank", "merged", {"neighbours": False}),
    "filter bank with neighbours, 8 components, merged": ("filter-bank", "merged", {}),
    "voxel-vae, k-means": ("voxel-vae", "kmeans", {}),
    "voxel-vae, Gaussian": ("voxel-vae", "gaussian", {}),
    "voxel-vae, merged (default)": ("voxel-vae", "merged", {}),
    "voxel-vae with convolutions, merged": ("voxel-vae", "merged", {"channels": (8, 12, 16, 24), "latent_size": 8}),
    f"voxel-vae, merged, {ANCHORS:,} patches": ("voxel-vae", "merged", {"n_steps": ANCHORS // 512}),
    f"network of the paper (16-32-64 channels), {ANCHORS:,} anchors, k-means": ("voxel-vae", "kmeans", PAPER),
    f"CIHS, {ANCHORS:,} anchors, hyperbolic k-means": ("cihs", "hyperbolic", {"n_steps": ANCHORS // 128}),
}
DEFAULT = "voxel-vae, merged (default)"


def load() -> tuple[np.ndarray, np.ndarray]:
    """Grey values and merged classes of em-vnc."""
    with np.load(record.SHARED / "em-vnc" / "em_vnc.npz") as file:
        return file["volume"], MERGED[file["classes"]]


def measure(row: str, seed: int, split: str, more: dict[str, Any]) -> dict[str, Any]:
    """Learn from one part of the slices, label the other, and score."""
    method_name, clusters, parameters = ROWS[row]
    grey, classes = load()
    learnt, tested = SPLITS[split]
    size = VOXEL
    folder = WORK / f"{split}-{abs(hash((row, seed))):x}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    method = make_voxel_method(method_name, parameters={**parameters, **more, "random_state": seed})
    options = SegmentOptions(clusters=clusters)
    start = time.perf_counter()
    with make_engine("processes") as engine:
        segment_volume(part(grey[learnt], size), folder / "learnt", method, engine, options)
        seconds = time.perf_counter() - start
        run = open_segmentation(folder / "learnt")
        apply_segmentation(run, part(grey[tested], size), folder / "tested", engine, options)
    tested_run = open_segmentation(folder / "tested")
    measured = evaluate_segmentation(tested_run, part(classes[tested], size), k=8)
    further: dict[str, Any] = {}
    if row == DEFAULT:
        further["probe"] = probe(folder / "tested", classes[tested], seed, measured["dice_majority"])
    if row == DEFAULT or parameters is PAPER:
        grey_range = GreyRange(*run.described["grey_range"])
        learnt_from = part(grey[learnt], size)
        copies = transformed_copies(learnt_from, open_model(run).method, grey_range, n_voxels=40, seed=seed)
        further["invariance"] = {"ratio": copies.ratio, "ratio_of_others": copies.ratio_of_others}
    shutil.rmtree(folder)
    return {
        "row": row, "seed": seed, "split": split, "more": more, "majority_k8": measured["dice_majority"],
        "hungarian_k8": measured["dice_hungarian"], "majority_over_k": measured["mean_over_k"]["dice_majority"],
        "hungarian_over_k": measured["mean_over_k"]["dice_hungarian"],
        "majority_by_k": {k: each["dice_majority"] for k, each in measured["by_k"].items()},
        "by_class_k8": {
            name: each["dice_majority"] for name, each in zip(CLASSES, measured["dice_by_class"].values(), strict=True)
        },
        **further, "seconds_to_learn_and_label": round(seconds, 1), "load": round(os.getloadavg()[0], 1), "machine": record.machine(),
    }  # fmt: skip


def probe(run: Path, classes: np.ndarray, seed: int, unsupervised: float) -> dict[str, Any]:
    """Dice after 20 clicks a class, drawn at random where the class is, on the stored embedding; and the seconds it takes."""
    rng = np.random.default_rng([seed, 20])
    rows = []
    for number, name in enumerate(CLASSES):
        places = np.argwhere(classes == number)
        rows += [[*map(int, place), name] for place in places[rng.choice(len(places), CLICKS, replace=False)]]
    points, corrected = run.with_name("points.csv"), run.with_name("corrected")
    points.write_text("z,y,x,class\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    start = time.perf_counter()
    apply_probe(open_segmentation(run), points, corrected)
    seconds = time.perf_counter() - start
    # Labels of the result are classes in alphabetical order; the names are those of the clicks.
    table = evaluate_segmentation(open_segmentation(corrected), part(classes, VOXEL))
    counts = np.array(table["confusion"])[[sorted(CLASSES).index(name) for name in CLASSES]]
    dice = np.diagonal(dice_matrix(counts))
    return {
        "clicks_a_class": CLICKS, "dice": float(dice.mean()), "by_class": dict(zip(CLASSES, dice.tolist(), strict=True)),
        "above_unsupervised_k8": float(dice.mean()) - unsupervised, "seconds": round(seconds, 1),
    }  # fmt: skip


def part(values: np.ndarray, size: tuple[float, float, float]) -> Volume:
    """Slices as a volume."""
    return open_volume(values, voxel_size_nm=size, name="em-vnc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", help="only rows whose name begins so")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--again", action="store_true", help="measure rows that are kept, too")
    parser.add_argument("--set", nargs="*", default=[], help="parameters to try; the row is printed, and not kept")
    arguments = parser.parse_args()
    more = {name: json.loads(value) for name, value in (each.split("=") for each in arguments.set)}
    kept = record.load(NAME)
    for row in ROWS:
        for seed in arguments.seeds:
            key = f"{arguments.split}: {row}: {seed}"
            if not row.startswith(arguments.rows) or (key in kept and not (more or arguments.again)):
                continue
            result = measure(row, seed, arguments.split, more)
            print(
                f"{key} {more or ''}: k=8 {result['majority_k8']:.3f}, over k {result['majority_over_k']:.3f}, hungarian over k "
                f"{result['hungarian_over_k']:.3f}, mito {result['by_class_k8']['mitochondria']:.2f}, by k "
                f"{[round(each, 2) for each in result['majority_by_k'].values()]}, {result['seconds_to_learn_and_label']} s",
                flush=True,
            )
            if not more:
                kept = {**record.load(NAME), key: result}
                record.keep(NAME, kept)


if __name__ == "__main__":
    main()
