"""Points whose groups are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def blobs(
    sizes: tuple[int, ...], width: int = 2, noise: int = 0, spread: float = 0.3, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Gaussian blobs far apart on the axes and their diagonals, then `noise` points spread evenly (label −1)."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((len(sizes), width))
    for number in range(len(sizes)):
        centres[number, number % width] = 10.0 * (1 if number < width else -1)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rows = centres[truth] + spread * rng.normal(size=(len(truth), width))
    scattered = rng.uniform(-14, 14, (noise, width))
    far = np.linalg.norm(scattered[:, None] - centres[None], axis=-1).min(axis=1) > 3
    scattered = scattered[far]
    points = np.concatenate([rows, scattered]).astype(np.float32)
    return points, np.concatenate([truth, np.full(len(scattered), -1)])
