"""Projections of a run: the embedding in two dimensions, for maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.io import atomic_file, write_json_atomically
from facies.runs.manifest import now


def check_projection(points: ArrayLike, n_images: int) -> NDArray[np.float32]:
    """Return a projection as it is stored, finite float32 of shape (N, 2), or say what is wrong with it."""
    array = np.ascontiguousarray(points, np.float32)
    if array.shape != (n_images, 2):
        raise InputError(f"a projection of {n_images} images has the shape ({n_images}, 2): {array.shape} was given")
    if not np.isfinite(array).all():
        raise InputError("a projection holds NaN or infinity: leave those images out, or place them")
    return array


def write_projection(folder: Path, name: str, points: NDArray[np.float32], meta: Mapping[str, Any]) -> None:
    """Write ``NAME.npy``, then ``NAME.json`` with ``meta``; a projection exists once the JSON file does."""
    with atomic_file(folder / f"{name}.npy", overwrite=True) as temporary, temporary.open("wb") as file:
        np.save(file, points, allow_pickle=False)
    write_json_atomically(folder / f"{name}.json", {"created": now(), **meta}, overwrite=False)
