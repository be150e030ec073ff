"""Groups of genes: planted patterns, tissues, ablations, sparse digits, memory; every method on the same images.

    python benchmarks/genes.py planted        # a minute a seed and method that learns
    python benchmarks/genes.py tissues        # DBIE, DBIP, families, regions
    python benchmarks/genes.py agreement      # groups of one section against those of another; needs nothing of tissues
    python benchmarks/genes.py ablations
    python benchmarks/genes.py sparse         # MNIST-10k and Fashion-10k, 90 % of the pixels hidden
    python benchmarks/genes.py spots          # seconds and memory by the number of spots, up to 600,000
    python benchmarks/genes.py quick          # 2,000 genes by darlc's preset quick, from 1,000 to 30,000 spots

One row a method and seed; run it again after a kill: rows that are there are not measured again. ``--methods`` takes a few.
Labels choose nothing: they are read after a fit. No gene is named in what is kept; groups lie in benchmarks/work.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import time
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import record
from scipy.sparse import csc_matrix, random_array

from facies.genes import SpatialTable, find_patterns, gene_images
from facies.genes.evaluation import explained_by_regions, family_agreement
from facies.genes.planted import planted_tissue
from facies.genes.readers import read_table
from facies.genes.rivals import GROUPINGS
from facies.images import ImageSet, open_images
from facies.methods import make_method
from facies.methods.darlc.method import Ablation
from facies.metrics import ari, davies_bouldin_of_images, nmi
from facies.metrics._inputs import TooFewGroupsError

HER2 = ("her2-A1", "her2-B1", "her2-D1")
TISSUES = {"visium-mouse": "visium-mouse", **{each: f"st-her2/{each[-2:]}.h5ad" for each in HER2}}
GENES_PER_GROUP, LEAST_SHARE, Q = 30, 0.05, 0.05
METHODS = (*GROUPINGS, "dec", "darlc")
HIDDEN = 0.9
"""Share of the pixels of an image that are set to 0, by a mask of its own whose seed is kept."""
Scores = Callable[[np.ndarray], dict[str, Any]]


def main() -> None:
    suites = {each.__name__: each for each in (planted, tissues, agreement, ablations, sparse, spots, quick)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=suites)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--methods", nargs="+", default=None)
    arguments = parser.parse_args()
    suites[arguments.suite](arguments)


def planted(asked: argparse.Namespace) -> None:
    """ARI against the planted patterns among genes with one, and shares that are unassigned."""
    for seed in range(asked.seeds):
        made = planted_tissue(random_state=seed)
        images, has = patterned(gene_images(made.table))
        truth = made.truth[[int(name[4:]) for name in images.table["gene"]]]
        shares = {
            "unassigned_of_none": float((~has)[truth < 0].mean()),
            "unassigned_of_patterns": float((~has)[truth >= 0].mean()),
        }

        def scores(labels: np.ndarray, own: np.ndarray = truth[has], shares: dict[str, float] = shares) -> Any:
            return {"ari": ari(own[own >= 0], labels[own >= 0]), **shares}

        for method in asked.methods or METHODS:
            measure(
                "genes-planted", "planted", images.subset(np.flatnonzero(has)), method, 8, seed, asked.preset, scores
            )


def tissues(asked: argparse.Namespace) -> None:
    """DBIE and DBIP of each tissue; families of genes and regions of the tissue, where they are known."""
    for tissue, seed in itertools.product(TISSUES, range(asked.seeds)):
        part, values, regions = genes_of(tissue)

        def scores(
            labels: np.ndarray, part: ImageSet = part, values: Any = values, regions: Any = regions
        ) -> dict[str, Any]:
            known = family_agreement(list(part.table["gene"]), labels)
            found = dbi(part, labels) | {name: None if np.isnan(value) else value for name, value in known.items()}
            if regions is not None:
                found["regions"] = explained_by_regions(values, labels, regions)
            return found

        for method in asked.methods or METHODS:
            measure("genes-tissues", tissue, part, method, groups_for(part), seed, asked.preset, scores)


def agreement(asked: argparse.Namespace) -> None:
    """ARI of the groups of A1 with those of B1 and D1 over the genes they share, and with genes whose spots were shuffled."""
    parts = {each: genes_of(each)[0] for each in HER2}
    for seed, method in itertools.product(range(asked.seeds), asked.methods or METHODS):
        rows = record.load("genes-agreement") or {"rows": []}
        key = {"method": method, "seed": seed, "preset": asked.preset}
        if any(all(row[each] == value for each, value in key.items()) for row in rows["rows"]):
            continue
        groups = {each: named(part, labels_of(each, part, method, seed, asked.preset)) for each, part in parts.items()}
        null = shuffled(parts["her2-B1"], seed)
        groups["shuffled B1"] = named(null, labels_of("her2-B1-shuffled", null, method, seed, asked.preset))
        first = groups.pop("her2-A1")
        row = {**key, **{f"ari {name}": alike(first, other) for name, other in groups.items()}, **machine()}
        rows["rows"].append(row)
        record.keep("genes-agreement", rows)
        print(row, flush=True)


def ablations(asked: argparse.Namespace) -> None:
    """`darlc` without one piece each."""
    for seed, tissue, ablation in itertools.product(
        range(asked.seeds), ("her2-A1", "her2-B1"), typing.get_args(Ablation)
    ):
        part = genes_of(tissue)[0]
        measure(
            "genes-ablations", tissue, part, f"darlc:{ablation}", groups_for(part), seed, asked.preset,
            lambda labels, part=part: dbi(part, labels),
        )  # fmt: skip
    for seed, ablation in itertools.product(range(asked.seeds), typing.get_args(Ablation)):
        made = planted_tissue(random_state=seed)
        images, has = patterned(gene_images(made.table))
        truth = made.truth[[int(name[4:]) for name in images.table["gene"]]][has]
        measure(
            "genes-ablations", "planted", images.subset(np.flatnonzero(has)), f"darlc:{ablation}", 8, seed, asked.preset,
            lambda labels, own=truth: {"ari": ari(own[own >= 0], labels[own >= 0])},
        )  # fmt: skip


def sparse(asked: argparse.Namespace) -> None:
    """NMI of ten groups of MNIST-10k and Fashion-10k of which nine pixels in ten are hidden."""
    from sets import input_of

    for seed, name in itertools.product(range(asked.seeds), ("mnist-10k", "fashion-10k")):
        with np.load(input_of(name)) as found:
            pixels, truth = found["images"].astype(np.float32), found["labels"]
        pixels *= np.random.default_rng(12345).random(pixels.shape) >= HIDDEN  # one mask for all seeds and methods
        images = open_images(pixels)
        for method in asked.methods or ("kmeans", "dec", "darlc:contrast", "darlc"):
            measure(
                "genes-sparse", name, images, method, 10, seed, asked.preset,
                lambda labels, truth=truth: {"nmi": nmi(truth, labels), "ari": ari(truth, labels)},
            )  # fmt: skip


def spots(_: argparse.Namespace) -> None:
    """Seconds and memory by the number of spots: images and patterns of 2,000 sparse genes; each size in a process of its own."""
    import multiprocessing

    for side in (55, 100, 173, 300, 775):
        rows = record.load("genes-spots") or {"rows": []}
        if any(row["spots"] == side * side for row in rows["rows"]):
            continue
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows["rows"].append({"spots": side * side, **pool.apply(one_size, (side,)), **machine()})
        record.keep("genes-spots", rows)


def one_size(side: int) -> dict[str, float]:
    """Seconds, and peak memory in GB, of the images and patterns of a square of spots."""
    rng = np.random.default_rng(0)
    values = random_array(
        (side * side, 2000), density=0.02, rng=rng, format="csc", dtype=np.float32,
        data_sampler=lambda size, rng=rng: rng.integers(1, 5, size).astype(np.float32),
    )  # fmt: skip
    names = [f"g{n}" for n in range(2000)]
    table = SpatialTable(csc_matrix(values), names, "spots", array=np.argwhere(np.ones((side, side))))
    began = time.monotonic()
    find_patterns(gene_images(table))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": time.monotonic() - began, "peak_gb": peak}


def quick(asked: argparse.Namespace) -> None:
    """Seconds of `darlc` on 2,000 planted genes by the number of spots."""
    for side in (32, 55, 113, 195):
        rows = record.load("genes-quick") or {"rows": []}
        made = planted_tissue(40, 50, 0, side, random_state=0)
        count = made.table.values.shape[0]
        key = {"spots": count, "preset": asked.preset}
        if any(all(row[each] == value for each, value in key.items()) for row in rows["rows"]):
            continue
        began = time.monotonic()
        method = make_method("darlc", asked.preset, {"n_clusters": 40}).fit(gene_images(made.table))
        kept = (made.truth >= 0) & (method.labels_ >= 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        row = {**key, "genes": 2000, "seconds": time.monotonic() - began, "peak_gb": peak,
               "ari": ari(made.truth[kept], method.labels_[kept]), "stages": method.timings_, **machine()}  # fmt: skip
        rows["rows"].append(row)
        record.keep("genes-quick", rows)
        print(row, flush=True)


def genes_of(tissue: str) -> tuple[ImageSet, np.ndarray, np.ndarray | None]:
    """Images of the genes with a pattern, their values at the spots (N, n_spots), and the pathologist's regions of the spots."""
    from facies.genes.gene_images import spot_values

    path = record.SHARED / TISSUES[tissue]
    table = read_table(path)
    images, has = patterned(gene_images(table, min_spots=max(10, round(LEAST_SHARE * table.values.shape[0]))))
    part, regions = images.subset(np.flatnonzero(has)), None
    if path.suffix == ".h5ad":
        import anndata

        regions = anndata.read_h5ad(path).obs["region"].astype(str).to_numpy()
    return part, spot_values(part).T.toarray(), regions


def patterned(images: ImageSet) -> tuple[ImageSet, np.ndarray]:
    return images, find_patterns(images)["moran_q"].to_numpy() <= Q


def shuffled(images: ImageSet, seed: int) -> ImageSet:
    """The same genes, the measured pixels of each in a random order of its own."""
    rng = np.random.default_rng(seed)
    pixels = np.concatenate([batch.numpy() for batch in images.batches()])
    pixels[:, 0, images.measured] = rng.permuted(pixels[:, 0, images.measured], axis=1)
    made = open_images(pixels)
    made.table["gene"] = images.table["gene"].to_numpy()
    made.measured = images.measured
    return made


def groups_for(images: ImageSet) -> int:
    return round(len(images) / GENES_PER_GROUP)


def pixels_of(images: ImageSet) -> np.ndarray:
    return np.concatenate([batch.numpy() for batch in images.batches()])[:, 0, measured_of(images)]


def measured_of(images: ImageSet) -> np.ndarray:
    """The pixels that were measured; of images without a mask all."""
    return np.ones(images.image_shape[-2:], bool) if images.measured is None else images.measured


def named(images: ImageSet, labels: np.ndarray) -> dict[str, int]:
    return dict(zip(images.table["gene"], map(int, labels), strict=True))


def alike(one: dict[str, int], other: dict[str, int]) -> float:
    shared = sorted(one.keys() & other.keys())
    return ari([one[gene] for gene in shared], [other[gene] for gene in shared])


def dbi(images: ImageSet, labels: np.ndarray) -> dict[str, Any]:
    values, largest = pixels_of(images), float(np.bincount(labels[labels >= 0]).max() / len(labels))
    try:
        found = davies_bouldin_of_images(lambda: iter([values]), labels)
    except TooFewGroupsError:
        return {"dbie": None, "dbip": None, "n_groups": 1, "largest": largest}
    return {"dbie": found.dbie, "dbip": found.dbip, "n_groups": found.n_groups, "largest": largest}


def machine() -> dict[str, Any]:
    return {"machine": record.machine()}


def measure(
    name: str, which: str, images: ImageSet, method: str, count: int, seed: int, preset: str, scores: Scores,
) -> None:  # fmt: skip
    rows = record.load(name) or {"rows": []}
    key = {"set": which, "method": method, "seed": seed, "preset": preset}
    if any(all(row[each] == value for each, value in key.items()) for row in rows["rows"]):
        return
    began = time.monotonic()
    labels = labels_of(f"{which}-{seed}" if which == "planted" else which, images, method, seed, preset, count)
    row = {**key, "n_images": len(images), "asked": count, **scores(labels)}
    rows["rows"].append({**row, "seconds": time.monotonic() - began, **machine()})
    record.keep(name, rows)
    print(row, flush=True)


def labels_of(
    which: str, images: ImageSet, method: str, seed: int, preset: str, count: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Groups by a method, from benchmarks/work where a suite of this commit found them before."""
    place = record.WORK / "genes" / record.machine()["commit"] / f"{which}-{method}-{seed}-{preset}.json"
    if place.exists():
        return np.array(json.loads(place.read_text()), np.int64)
    count = count or groups_for(images)
    if method in GROUPINGS:
        labels = GROUPINGS[method](pixels_of(images), measured_of(images), count, seed)
    else:
        name, _, ablation = method.partition(":")
        parameters: dict[str, Any] = {"n_clusters": count, "random_state": seed}
        if name == "darlc":
            parameters |= {"patterns.q": 1.0, "ablation": ablation or "none"}
        labels = make_method(name, preset, parameters).fit(images).labels_
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(labels.tolist()))
    return labels


if __name__ == "__main__":
    main()
