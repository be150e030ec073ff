"""The ablation tables of the thesis: kinds of autoencoder, augmentation, layout before the grouping, and what each stage finds.

    python benchmarks/ablations.py usps --seeds 0 1 2 --epochs 30
    python benchmarks/ablations.py mnist --preset paper --epochs 200          (where a GPU is at hand)

A row is one seed of one variant; a killed benchmark goes on where it was. Labels serve the silhouette of the true classes
alone, as in the thesis.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import record
import torch
from sets import SETS, input_of

from facies.cluster import UMAPLayout, dynamic_neighbours, l1_normalised
from facies.images import ImageSet, open_images
from facies.methods import make_method
from facies.methods.autoencoder import KINDS
from facies.methods.fit_context import FitContext
from facies.methods.weights import load_weights
from facies.metrics import evaluate_partition, frechet_distance, psnr, silhouette, ssim
from facies.nn import PixelNormalizer
from facies.training import Trainer, apply_in_batches

MAX_RECONSTRUCTED = 2000
"""Reconstructions are judged on at most so many images, evenly spread."""
UMAP_NEIGHBOURS, UMAP_MIN_DIST = 15, 0.1
"""UMAP's own defaults."""


def learn(
    images: ImageSet, preset: str, seed: int, parameters: dict[str, Any], last: str = "latent size"
) -> tuple[Any, dict[str, Any]]:
    """Run the stages up to `last`; return the method and the outputs of these stages."""
    method = make_method("moe-vae", preset, {"random_state": seed, "autoencoder.retrain": False, **parameters})
    fit = FitContext(images, Trainer(seed, method.hardware))
    stages = method.stages(fit)
    names = [stage.name for stage in stages]
    return method, fit.trainer.run(stages[: names.index(last) + 1])


def autoencoder_row(
    images: ImageSet, labels: np.ndarray, preset: str, seed: int, kind: str, epochs: int
) -> dict[str, float]:
    """Quality of reconstructions, and how far the true classes lie apart in the code (tables 4.1 to 4.6)."""
    method, outputs = learn(images, preset, seed, {"autoencoder.kind": kind, "autoencoder.epochs": epochs})
    device = method.hardware.device
    autoencoder = method.build_autoencoder(images.image_shape, method.autoencoder.latent_size)
    network = load_weights(autoencoder, outputs["autoencoder"], device)
    normalizer = load_weights(PixelNormalizer(likelihood=outputs["likelihood"]), outputs["intensity"], device)
    rows = np.linspace(0, len(images) - 1, min(MAX_RECONSTRUCTED, len(images))).astype(int)

    def reconstruct(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        reconstructed = normalizer.scaled(network(normalizer(pixels)).reconstruction)
        return reconstructed, (pixels - normalizer.low) / normalizer.span

    reconstructed, real = apply_in_batches(reconstruct, images.subset(rows), device)
    codes = [
        apply_in_batches(lambda x: network.encode(normalizer(x))[0], open_images(part), device)[0]
        for part in (reconstructed * float(normalizer.span) + float(normalizer.low), images.subset(rows))
    ]
    return {
        "ssim": ssim(real, reconstructed, data_range=1.0),
        "psnr": psnr(real, reconstructed, data_range=1.0),
        "frechet_own_embedding": frechet_distance(*codes),
        "silhouette": silhouette(outputs["embedding_"], labels),
    }


def augmentation_row(
    images: ImageSet, labels: np.ndarray, preset: str, seed: int, augment: str, epochs: int
) -> dict[str, float]:
    """Silhouette of the true classes with and without augmentation (table 4.7)."""
    parameters = {"augmentation.enabled": augment == "with", "autoencoder.epochs": epochs}
    _, outputs = learn(images, preset, seed, parameters)
    return {"silhouette": silhouette(outputs["embedding_"], labels), "latent_size": outputs["latent_size"]}


@dataclass(frozen=True)
class Layout:
    """How a code is laid out by UMAP, in as many dimensions as the code has."""

    metric: Literal["euclidean", "manhattan"] = "euclidean"
    normalise: bool = False
    neighbours: int | None = UMAP_NEIGHBOURS
    min_dist: float = UMAP_MIN_DIST

    def of(self, code: np.ndarray, seed: int) -> np.ndarray:
        """Coordinates of a code (N, D): (N, D)."""
        points = l1_normalised(code) if self.normalise else code
        umap = UMAPLayout(points, self.neighbours or dynamic_neighbours(len(code)), self.metric, seed)
        return umap.layout(code.shape[1], self.min_dist)


LAYOUTS = {
    "umap": Layout(),
    "umap, manhattan": Layout("manhattan"),
    "umap, l1": Layout(normalise=True),
    "umap, l1, manhattan": Layout("manhattan", normalise=True),
    "umap, l1, manhattan, neighbours": Layout("manhattan", normalise=True, neighbours=None),
    "umap, l1, manhattan, neighbours, min_dist 0": Layout("manhattan", normalise=True, neighbours=None, min_dist=0.0),
}


def layout_row(
    images: ImageSet, labels: np.ndarray, preset: str, seed: int, layout: str, epochs: int
) -> dict[str, float]:
    """Silhouette of the true classes on pixels, in the code of d* numbers, and in layouts of it (tables 4.9 and 4.10)."""
    if layout == "pixels":
        pixels = np.concatenate([batch.flatten(1).numpy() for batch in images.batches(1024)])
        return {"silhouette": silhouette(pixels, labels)}
    _, outputs = learn(images, preset, seed, {"autoencoder.epochs": epochs, "autoencoder.retrain": True}, "retrain")
    code = outputs["embedding_"]
    points = code if layout == "code" else LAYOUTS[layout].of(code, seed)
    return {"silhouette": silhouette(points, labels), "dimensions": points.shape[1]}


def stages_row(images: ImageSet, labels: np.ndarray, preset: str, seed: int, grouping: str, _: int) -> dict[str, float]:
    """What each step finds (tables 4.11, 4.12 and 4.18 to 4.20); all trainings are as long as in the preset."""
    parameters: dict[str, Any] = {"random_state": seed, "grouping": grouping}
    if grouping == "gaussian-mixture":
        parameters["n_clusters"] = len(np.unique(labels))
    method = make_method("moe-vae", preset, parameters).fit(images)
    steps = {name: evaluate_partition(each.labels, labels=labels) for name, each in method.partitions().items()}
    row = {"groups": steps["density"]["n_groups"], "groups left": method.n_clusters_}
    row |= {name: steps["density"][name] for name in ("labelled_fraction", "accuracy_labelled", "accuracy")}
    names = {"manager": "manager", "mixture": "moe-vae"}
    return row | {
        f"{step} {name}": steps[key][name] for step, key in names.items() for name in ("accuracy", "nmi", "ari")
    }


TABLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "autoencoders": (autoencoder_row, KINDS),
    "augmentation": (augmentation_row, ("without", "with")),
    "layout": (layout_row, ("pixels", "code", *LAYOUTS)),
    "stages": (stages_row, ("density", "gaussian-mixture")),
}


def main() -> None:
    """Measure the rows that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    wanted = parser.parse_args()
    images = open_images(input_of(wanted.set))
    name = f"ablations-{wanted.set}-{wanted.preset}"
    result = record.load(name) or {"set": wanted.set, "preset": wanted.preset, "epochs": wanted.epochs, "rows": []}
    for table in wanted.tables:
        row_of, variants = TABLES[table]
        for variant in variants:
            for seed in wanted.seeds:
                key = {"table": table, "variant": variant, "seed": seed}
                if any(all(row[name] == value for name, value in key.items()) for row in result["rows"]):
                    continue
                scores = row_of(images, images.labels, wanted.preset, seed, variant, wanted.epochs)
                row = {**key, **{name: float(value) for name, value in scores.items()}, "machine": record.machine()}
                result["rows"].append(row)
                record.keep(name, result)
                print(json.dumps({name: value for name, value in row.items() if name != "machine"}), flush=True)


if __name__ == "__main__":
    main()
