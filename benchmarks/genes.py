"""Groups of genes: planted patterns, and tissues; every method on the same images, one row a method and seed.

Run it again after a kill: rows that are there are not measured again. ``python benchmarks/genes.py planted`` takes about a
minute a seed on two cores, ``tissues`` about five minutes a tissue and seed, ``spots`` ten minutes, ``ablations`` half an hour.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import time
import typing
from typing import Any

import numpy as np
import record
from scipy.sparse import random_array

from facies.genes import SpatialTable, find_patterns, gene_images
from facies.genes.planted import planted_tissue
from facies.genes.readers import read_table
from facies.genes.rivals import GROUPINGS
from facies.images import ImageSet
from facies.methods import make_method
from facies.methods.darlc.method import Ablation
from facies.metrics import ari, davies_bouldin_of_images
from facies.metrics._inputs import TooFewGroupsError

TISSUES = {
    "visium-mouse": "visium-mouse",
    **{f"her2-{each}": f"st-her2/{each}.h5ad" for each in ("A1", "B1", "D1")},
}
GENES_PER_GROUP, LEAST_SHARE, Q = 30, 0.05, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=["planted", "tissues", "ablations", "spots"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="quick")
    arguments = parser.parse_args()
    {"planted": planted, "tissues": tissues, "ablations": ablations, "spots": spots}[arguments.suite](
        arguments.seeds, arguments.preset
    )


def planted(seeds: int, preset: str) -> None:
    """ARI against the planted patterns among genes with one, and shares that are unassigned."""
    for seed in range(seeds):
        made = planted_tissue(random_state=seed)
        images, has = patterned(gene_images(made.table))
        truth = made.truth[[int(name[4:]) for name in images.table["gene"]]]
        shares = {
            "unassigned_of_none": float((~has)[truth < 0].mean()),
            "unassigned_of_patterns": float((~has)[truth >= 0].mean()),
        }
        part = images.subset(np.flatnonzero(has))
        for method in (*GROUPINGS, "dec", "darlc"):

            def scores(
                labels: np.ndarray, own: np.ndarray = truth[has], shares: dict[str, float] = shares
            ) -> dict[str, Any]:
                return {"ari": ari(own[own >= 0], labels[own >= 0]), **shares}

            measure("genes-planted", "planted", part, method, 8, seed, preset, scores)


def tissues(seeds: int, preset: str) -> None:
    """DBIE and DBIP of each tissue; ARI of the groups of A1 with those of B1 and D1 over the genes they share."""
    for tissue, seed in itertools.product(TISSUES, range(seeds)):
        part = genes_of(tissue)
        for method in (*GROUPINGS, "dec", "darlc"):
            measure("genes-tissues", tissue, part, method, round(len(part) / GENES_PER_GROUP), seed, preset, lambda labels, part=part: dbi(part, labels) | {"groups": dict(zip(part.table["gene"], map(int, labels), strict=True))})  # fmt: skip
    agree()


def agree() -> None:
    rows = record.load("genes-tissues")
    for row in rows["rows"]:
        if row["set"] != "her2-A1":
            continue
        for other in rows["rows"]:
            if other["set"] in ("her2-B1", "her2-D1") and (other["method"], other["seed"]) == (
                row["method"],
                row["seed"],
            ):
                shared = sorted(row["groups"].keys() & other["groups"].keys())
                row[f"ari_{other['set']}"] = ari(
                    [row["groups"][g] for g in shared], [other["groups"][g] for g in shared]
                )
    record.keep("genes-tissues", rows)


def ablations(seeds: int, preset: str) -> None:
    """`darlc` without one piece each."""
    for tissue, seed, ablation in itertools.product(
        ("her2-A1", "visium-mouse"), range(seeds), typing.get_args(Ablation)
    ):
        part = genes_of(tissue)
        measure("genes-ablations", tissue, part, f"darlc:{ablation}", round(len(part) / GENES_PER_GROUP), seed, preset, lambda labels, part=part: dbi(part, labels))  # fmt: skip


def spots(_seeds: int, _preset: str) -> None:
    """Seconds and memory by the number of spots: images and patterns of 2,000 sparse genes."""
    rows = record.load("genes-spots") or {"rows": []}
    for side in (55, 100, 173, 300, 775):
        if any(row["spots"] == side * side for row in rows["rows"]):
            continue
        rng = np.random.default_rng(0)
        values = random_array(
            (side * side, 2000),
            density=0.02,
            rng=rng,
            format="csc",
            dtype=np.float32,
            data_sampler=lambda size, rng=rng: rng.integers(1, 5, size).astype(np.float32),
        )
        table = SpatialTable(values, [f"g{n}" for n in range(2000)], "spots", array=np.argwhere(np.ones((side, side))))
        began = time.monotonic()
        find_patterns(gene_images(table))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows["rows"].append(
            {"spots": side * side, "seconds": time.monotonic() - began, "peak_gb": peak, **record.machine()}
        )
        record.keep("genes-spots", rows)


def genes_of(tissue: str) -> ImageSet:
    table = read_table(record.SHARED / TISSUES[tissue])
    images, has = patterned(gene_images(table, min_spots=max(10, round(LEAST_SHARE * table.values.shape[0]))))
    return images.subset(np.flatnonzero(has))


def patterned(images: ImageSet) -> tuple[ImageSet, np.ndarray]:
    return images, find_patterns(images)["moran_q"].to_numpy() <= Q


def pixels_of(images: ImageSet) -> np.ndarray:
    return np.concatenate([batch.numpy() for batch in images.batches()])[:, 0, images.measured]


def dbi(images: ImageSet, labels: np.ndarray) -> dict[str, Any]:
    values, largest = pixels_of(images), float(np.bincount(labels[labels >= 0]).max() / len(labels))
    try:
        found = davies_bouldin_of_images(lambda: iter([values]), labels)
    except TooFewGroupsError:
        return {"dbie": None, "dbip": None, "n_groups": 1, "largest": largest}
    return {"dbie": found.dbie, "dbip": found.dbip, "n_groups": found.n_groups, "largest": largest}


def measure(
    name: str, which: str, images: ImageSet, method: str, count: int, seed: int, preset: str, scores: Any
) -> None:
    rows = record.load(name) or {"rows": []}
    key = {"set": which, "method": method, "seed": seed, "preset": preset}
    if any(all(row[each] == value for each, value in key.items()) for row in rows["rows"]):
        return
    began = time.monotonic()
    labels = group(images, method, count, seed, preset)
    rows["rows"].append(
        {
            **key,
            "n_images": len(images),
            "asked": count,
            **scores(labels),
            "seconds": time.monotonic() - began,
            **record.machine(),
        }
    )
    record.keep(name, rows)
    print(
        key,
        {each: value for each, value in rows["rows"][-1].items() if each in ("ari", "dbie", "dbip", "seconds")},
        flush=True,
    )


def group(images: ImageSet, method: str, count: int, seed: int, preset: str) -> np.ndarray:
    if method in GROUPINGS:
        return GROUPINGS[method](pixels_of(images), images.measured, count, seed)
    name, _, ablation = method.partition(":")
    parameters: dict[str, Any] = {"n_clusters": count, "random_state": seed}
    if name == "darlc":
        parameters |= {"pattern_q": 1.0, "ablation": ablation or "none"}
    return make_method(name, preset, parameters).fit(images).labels_


if __name__ == "__main__":
    main()
