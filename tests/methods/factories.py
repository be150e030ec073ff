"""Small pictures of four kinds that anybody can tell apart, and a method that is quick to fit to them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.methods import Method, make_method

KINDS = ("disc", "rows", "columns", "diagonal")

TRAININGS = ("autoencoder", "manager", "mixture", "experts")

SMALL: dict[str, Any] = {
    "autoencoder.latent_size": 8,
    "filters": 6,
    "experts.filters": 4,
    "autoencoder.epochs": 12,
    "manager.epochs": 12,
    "mixture.epochs": 6,
    "experts.epochs": 6,
    **{f"{training}.batch_size": 40 for training in TRAININGS},
    "density.n_neighbors": 20,
    "density.n_layouts": 1,
    "hardware.accelerator": "cpu",
}
TINY: dict[str, Any] = {**SMALL, **{f"{training}.epochs": 2 for training in TRAININGS}, "manager.epochs": 8}

THREE_GROUPS: dict[str, Any] = {"grouping": "gaussian-mixture", "n_clusters": 3, "density.layout_dimensions": 2}
"""Parameters that make three groups of few pictures, however short the training."""


def pictures(each: int = 80, side: int = 16, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Grey pictures (N, side, side) of 8 bits, in a random order, and their kinds."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / (side - 1) - 0.5
    drawn, kinds = [], np.repeat(np.arange(len(KINDS)), each)
    for kind in kinds:
        dy, dx, thicker = 0.02 * rng.normal(size=3)
        u, v = y - dy, x - dx
        depth = (  # how far inside the shape, in fractions of the side
            0.28 + thicker - np.hypot(u, v),
            0.08 + thicker - np.abs(np.abs(u) - 0.25),
            0.08 + thicker - np.abs(np.abs(v) - 0.25),
            0.12 + thicker - np.abs(u - v),
        )
        drawn.append(rng.uniform(140, 190) / (1 + np.exp(-30 * depth[kind])) + rng.uniform(0, 60, (side, side)))
    order = rng.permutation(len(kinds))
    return np.stack(drawn).astype(np.uint8)[order], kinds[order]


def small(**parameters: Any) -> Method:
    """A `moe-vae` that finds the four kinds; parameters by their dotted names."""
    return make_method("moe-vae", "quick", {**SMALL, **parameters})


def tiny(**parameters: Any) -> Method:
    """A `moe-vae` that is quick to fit and learns next to nothing."""
    return make_method("moe-vae", "quick", {**TINY, **parameters})


@functools.cache
def fitted_small() -> Method:
    """One fit to `pictures()`, for all who change nothing of it."""
    return small().fit(pictures()[0])
