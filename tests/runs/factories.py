"""A small run, made of real files by the real classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.images import ImageSet, open_images
from facies.runs import RunContents, partition_table

N, K = 60, 3


def make_pixels(n: int = N, channels: int = 1, side: int = 12, dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    """Make images of three kinds, of ascending brightness."""
    rng = np.random.default_rng(seed)
    top = 65_535 if dtype == np.uint16 else 255
    level = (np.arange(n) % K + 1) / (K + 1) * top
    pixels = level[:, None, None, None] + rng.uniform(-0.1, 0.1, (n, channels, side, side)) * top
    return pixels.astype(dtype)


def make_images(folder: Path, *, labels: bool = True, **kwargs: Any) -> ImageSet:
    """Open images that lie in an .npz file."""
    pixels = make_pixels(**kwargs)
    path = folder / "images.npz"
    if labels:
        np.savez(path, images=pixels, labels=np.arange(len(pixels)) % K)
    else:
        np.savez(path, images=pixels)
    return open_images(path)


def make_contents(images: ImageSet, **changes: Any) -> RunContents:
    """Make all that a run holds: three groups, every tenth image noise."""
    n = len(images)
    rng = np.random.default_rng(1)
    groups = np.arange(n) % K
    groups[::10] = -1
    embedding = (groups[:, None] * 5 + rng.normal(size=(n, 4))).astype(np.float32)
    probabilities = rng.uniform(0.5, 1, n).astype(np.float32)
    history = pd.DataFrame(
        {
            "stage": ["autoencode"] * 3 + ["experts"] * 2,
            "epoch": [1, 2, 3, 1, 2],
            "reconstruction": [0.5, 0.25, 1 / 3, 0.2, 0.1],
            "kl": [0.1, 0.2, 0.3, np.nan, np.nan],
        }
    )
    shape = images.image_shape[-3:]
    contents: dict[str, Any] = {
        "images": images,
        "embedding": embedding,
        "projections": {"umap": (embedding[:, :2].copy(), {"method": "UMAP", "parameters": {"n": 15}, "seed": 3})},
        "partitions": {
            "density": (
                partition_table(images.table["id"], groups, embedding, probabilities),
                {"method": "HDBSCAN", "parameters": {"min_cluster_size": 5}, "seed": 3},
            )
        },
        "training_curves": history,
        "samples": rng.uniform(size=(K, 5, *shape)).astype(np.float32),
        "save_model": save_model,
        "manifest": {
            "method": "moe-vae",
            "preset": "quick",
            "seed": 3,
            "command": ["facies", "cluster", "in", "-o", "out"],
            "parameters": {"beta": np.float32(0.5), "latent_size": None, "folder": Path("a/b")},
            "timings": {"autoencode": 61.0, "experts": 12.5},
            "metrics": {"accuracy": float("nan"), "reconstruction": {"mse": 0.012}},
            "notes": ["A note."],
        },
    }
    return RunContents(**{**contents, **changes})


def save_model(folder: Path) -> None:
    """Write something, as `Method.save` does."""
    (folder / "model.json").write_text('{"class": "Nothing"}')
    (folder / "model.safetensors").write_bytes(bytes(1000))
