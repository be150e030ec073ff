"""A volume with four textures in blobs, and the class of each voxel: for examples and tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from facies.volumes.geometry import Shape

CLASS_NAMES = ("smooth", "stripes", "dots", "grains")


def textured_phantom(
    shape: Shape = (96, 96, 96), *, blob: float = 14.0, noise: float = 0.06, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Make a volume of four textures that have one mean and can only be told apart by their structure.

    Blobs of three classes lie in a smooth ground: stripes of a period of 4 voxels in a random direction a blob, bright dots, and
    grains of 1.5 voxels. Grey noise lies over all.

    Parameters
    ----------
    shape : tuple of int
        Voxels along z, y and x.
    blob : float
        How large blobs are: the standard deviation in voxels of the fields whose greatest one is the class.
    noise : float
        Standard deviation of the noise, in units of the grey range.
    seed : int
        Equal seeds give equal volumes.

    Returns
    -------
    grey : ndarray
        uint8.
    classes : ndarray
        uint8, an index into `CLASS_NAMES`.
    """
    rng = np.random.default_rng(seed)
    fields = [
        ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), blob, mode="wrap") for _ in CLASS_NAMES
    ]
    fields = [field / field.std() for field in fields]
    fields[0] += 0.5
    classes = np.argmax(fields, axis=0).astype(np.uint8)
    places = np.stack(np.meshgrid(*(np.arange(size, dtype=np.float32) for size in shape), indexing="ij"))
    stripes = np.zeros(shape, np.float32)
    blobs, count = ndimage.label(classes == 1)
    directions = rng.normal(size=(count + 1, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for number, box in enumerate(ndimage.find_objects(blobs), start=1):
        part = (slice(None), *box)
        wave = np.sin(np.tensordot(directions[number], places[part], 1) * (2 * np.pi / 4))
        stripes[box] = np.where(blobs[box] == number, wave, stripes[box])
    dots = ndimage.gaussian_filter((rng.random(shape) < 0.012).astype(np.float32), 1.0)
    grains = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), 0.8)
    textures = [np.zeros(shape, np.float32), 0.16 * stripes, 0.16 * _standard(dots), 0.16 * _standard(grains)]
    grey = 0.5 + np.choose(classes, textures) + rng.normal(scale=noise, size=shape)
    return np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8), classes


def _standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((values - values.mean()) / values.std())
