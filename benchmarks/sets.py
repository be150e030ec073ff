"""The labelled sets that methods are measured on: where they are, or how they are made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import record
from numpy.typing import NDArray

SETS = ("digits", "usps", "mnist", "mnist-10k", "mnist-10k-rotated", "fashion-mnist", "sand", "microfossils")

LARGEST_TURN = 45.0


def input_of(name: str) -> Path:
    """File of a set; what is not among the shared data is made when it is first asked for."""
    makers = {"digits": digits, "mnist-10k": mnist_10k, "mnist-10k-rotated": mnist_10k_rotated}
    if name in makers:
        return _made(name, makers[name])
    files = sorted((record.SHARED / name).glob("*.npz"))
    if not files:
        sys.exit(f"{record.SHARED / name}: there is no such set")
    return files[0]


def digits() -> dict[str, NDArray[np.generic]]:
    """Those of scikit-learn."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return {"images": found.images.astype(np.uint8), "labels": found.target}


def mnist_10k() -> dict[str, NDArray[np.generic]]:
    """10,000 images of MNIST, drawn without a look at the labels (seed 0)."""
    with np.load(input_of("mnist")) as mnist:
        rows = np.sort(np.random.default_rng(0).choice(len(mnist["images"]), 10_000, replace=False))
        return {"images": mnist["images"][rows], "labels": mnist["labels"][rows]}


def mnist_10k_rotated() -> dict[str, NDArray[np.generic]]:
    """The same 10,000, each turned by an angle drawn evenly from ±45° (seed 1), bilinear, with black coming in."""
    import torch

    from facies.data import Augment

    with np.load(input_of("mnist-10k")) as mnist:
        images, labels = torch.from_numpy(mnist["images"])[:, None].float(), mnist["labels"]
    turn = Augment(rotation=LARGEST_TURN, zoom=0.0, shift=0.0)
    turned = turn(images, torch.Generator().manual_seed(1)).round().clamp(0, 255)
    return {"images": turned[:, 0].numpy().astype(np.uint8), "labels": labels}


def _made(name: str, make: Callable[[], dict[str, NDArray[np.generic]]]) -> Path:
    path = record.WORK / f"{name}.npz"
    if not path.exists():
        record.WORK.mkdir(exist_ok=True)
        part = path.with_name(f"{name}.part.npz")
        np.savez_compressed(part, **make())  # type: ignore[arg-type]
        part.replace(path)
    return path
