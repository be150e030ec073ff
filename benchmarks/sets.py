"""The labelled sets that methods are measured on: where they are, or how they are made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import record
from numpy.typing import NDArray
from rendered_objects import rendered_objects

from facies.io import atomic_file

SETS = (
    "digits",
    "usps",
    "mnist",
    "mnist-10k",
    "mnist-10k-rotated",
    "fashion-mnist",
    "fashion-10k",
    "sand",
    "microfossils",
    "microfossils-single",
    "sand-500",
    "pollen",
    "zooplankton",
    "rice",
    "rice-64",
    "fashion-64",
    "rendered-objects",
)

REAL = {"pollen": "pollen96", "zooplankton": "zoo96", "rice": "rice96"}

LARGEST_TURN = 45.0


def input_of(name: str) -> Path:
    """File of a set; what is not among the shared data is made when it is first asked for."""
    makers = {
        "digits": digits,
        "mnist-10k": lambda: ten_thousand("mnist"),
        "mnist-10k-rotated": mnist_10k_rotated,
        "fashion-10k": lambda: ten_thousand("fashion-mnist"),
        "microfossils": microfossils,
        "microfossils-single": microfossils_single,
        "sand-500": sand_500,
        "rice-64": rice_64,
        "fashion-64": fashion_64,
        "rendered-objects": rendered_objects,
    }
    if name in REAL:
        return record.SHARED / "real-images" / f"{REAL[name]}.npz"
    return _made(name, makers[name]) if name in makers else _shared(name)


def _shared(name: str) -> Path:
    files = sorted((record.SHARED / name).glob("*.npz"))
    if not files:
        sys.exit(f"{record.SHARED / name}: there is no such set")
    return files[0]


def digits() -> dict[str, NDArray[np.generic]]:
    """Those of scikit-learn."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return {"images": found.images.astype(np.uint8), "labels": found.target}


def ten_thousand(name: str) -> dict[str, NDArray[np.generic]]:
    """10,000 images of a set, drawn without a look at the labels (seed 0)."""
    with np.load(_shared(name)) as whole:
        rows = np.sort(np.random.default_rng(0).choice(len(whole["images"]), 10_000, replace=False))
        return {"images": whole["images"][rows], "labels": whole["labels"][rows]}


def microfossils() -> dict[str, NDArray[np.generic]]:
    """The 104 particles cut out of four photographs: bones and stones."""
    with np.load(_shared("microfossils")) as particles:
        return {"images": particles["particle_crops"], "labels": particles["particle_labels"]}


def microfossils_single() -> dict[str, NDArray[np.generic]]:
    """The 57 photographs of one particle each."""
    with np.load(_shared("microfossils")) as particles:
        return {"images": particles["single_images"], "labels": particles["single_labels"]}


def sand_500() -> dict[str, NDArray[np.generic]]:
    """The first hundred tiles of each of the five sieves."""
    with np.load(_shared("sand")) as sand:
        labels = sand["labels"]
        rows = np.concatenate([np.flatnonzero(labels == sieve)[:100] for sieve in np.unique(labels)])
        return {"images": sand["images"][rows], "labels": labels[rows]}


def rice_64() -> dict[str, NDArray[np.generic]]:
    """The rice in grey, at 64 × 64 pixels."""
    import cv2

    with np.load(input_of("rice")) as rice:
        small = [cv2.resize(each.mean(axis=-1), (64, 64), interpolation=cv2.INTER_AREA) for each in rice["images"]]
        return {"images": np.round(small).astype(np.uint8), "labels": rice["labels"]}


def fashion_64() -> dict[str, NDArray[np.generic]]:
    """The first 1,500 images of Fashion-MNIST, enlarged to 64 × 64 pixels."""
    import cv2

    with np.load(_shared("fashion-mnist")) as fashion:
        large = [cv2.resize(each, (64, 64), interpolation=cv2.INTER_LINEAR) for each in fashion["images"][:1500]]
        return {"images": np.stack(large), "labels": fashion["labels"][:1500]}


def mnist_10k_rotated() -> dict[str, NDArray[np.generic]]:
    """The same 10,000, each turned by an angle drawn evenly from ±45° (seed 1), bilinear, with black coming in."""
    import torch

    from facies.images import RandomAffine

    with np.load(input_of("mnist-10k")) as mnist:
        images, labels = torch.from_numpy(mnist["images"])[:, None].float(), mnist["labels"]
    turn = RandomAffine(rotation=LARGEST_TURN, zoom=0.0, shift=0.0)
    turned = turn(images, torch.Generator().manual_seed(1)).round().clamp(0, 255)
    return {"images": turned[:, 0].numpy().astype(np.uint8), "labels": labels}


def _made(name: str, make: Callable[[], dict[str, NDArray[np.generic]]]) -> Path:
    path = record.WORK / f"{name}.npz"
    if not path.exists():
        with atomic_file(path, overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **make())  # type: ignore[arg-type]
    return path
