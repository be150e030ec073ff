"""The three ablation tables of the thesis: kinds of autoencoder, augmentation, and layout before the grouping.

    python benchmarks/ablations.py usps --seeds 0 1 2 --epochs 30
    python benchmarks/ablations.py mnist --preset paper --epochs 200          (where a GPU is at hand)

A row is one seed of one variant; a killed benchmark goes on where it was. Labels serve the silhouette of the true classes
alone, as in the thesis.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

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
from facies.metrics import frechet_distance, psnr, silhouette, ssim
from facies.nn import PixelNormalizer
from facies.training import Trainer, apply_in_batches

MAX_RECONSTRUCTED = 2000
"""Reconstructions are judged on at most so many images, evenly spread."""


def learn(images: ImageSet, preset: str, seed: int, parameters: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Run the stages up to the estimate of the latent size; return the method and the outputs of these stages."""
    method = make_method("moe-vae", preset, {"random_state": seed, "autoencoder.retrain": False, **parameters})
    fit = FitContext(images, Trainer(seed, method.hardware))
    stages = method.stages(fit)
    names = [stage.name for stage in stages]
    return method, fit.trainer.run(stages[: names.index("latent size") + 1])


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


def layout_row(
    images: ImageSet, labels: np.ndarray, preset: str, seed: int, layout: str, epochs: int
) -> dict[str, float]:
    """Silhouette of the true classes on pixels, in the code, and in two kinds of layout (table 4.9)."""
    if layout == "pixels":
        pixels = np.concatenate([batch.flatten(1).numpy() for batch in images.batches(1024)])
        return {"silhouette": silhouette(pixels, labels)}
    _, outputs = learn(images, preset, seed, {"autoencoder.epochs": epochs})
    code, size = outputs["embedding_"], outputs["latent_size"]
    if layout == "code":
        return {"silhouette": silhouette(code, labels)}
    if layout == "umap defaults":
        return {"silhouette": silhouette(UMAPLayout(code, 15, "euclidean", seed).layout(2, 0.1), labels)}
    manifold = UMAPLayout(l1_normalised(code), dynamic_neighbours(len(code)), "manhattan", seed)
    return {"silhouette": silhouette(manifold.layout(size), labels)}


TABLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "autoencoders": (autoencoder_row, KINDS),
    "augmentation": (augmentation_row, ("without", "with")),
    "layout": (layout_row, ("pixels", "code", "umap defaults", "l1 manhattan umap")),
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
