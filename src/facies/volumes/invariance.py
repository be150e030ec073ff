"""How much the code of a voxel changes when what is around it is turned, scaled or shifted, against how much voxels differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist

from facies.errors import InputError
from facies.methods.voxels import VoxelMethod
from facies.volumes.dense import read_with_halo
from facies.volumes.geometry import Box, Shape, Triple
from facies.volumes.value_range import GreyRange
from facies.volumes.volume import Volume

TRANSFORMS = ("turned", "scaled", "shifted")
MOST_SCALING = 1.5
_TRIES = 20


@dataclass(frozen=True)
class TransformedCopies:
    """Codes of voxels, and of the same voxels after what is around them was transformed.

    Attributes
    ----------
    codes : ndarray of shape (n, 4, n_features + n_other_features)
        float32; of each voxel as it is, then `TRANSFORMS`.
    n_clustered : int
        How many dimensions, from the first, are clustered; the others (of a network that has some) follow.
    """

    codes: NDArray[np.float32]
    n_clustered: int

    @property
    def ratio(self) -> float:
        """Mean distance of a voxel to its copies over that of two voxels, in the dimensions that are clustered; 0: fully invariant."""
        return _ratio(self.codes[..., : self.n_clustered])

    @property
    def ratio_of_others(self) -> float | None:
        """The same in the other dimensions; None if there are none."""
        others = self.codes[..., self.n_clustered :]
        return _ratio(others) if others.shape[-1] else None


def transformed_copies(
    volume: Volume,
    method: VoxelMethod,
    grey_range: GreyRange,
    *,
    n_voxels: int = 12,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> TransformedCopies:
    """Embed random voxels as they are and transformed, each by itself.

    They are turned by a random rotation (thick slices in their plane), scaled by a factor of up to 1.5 either way, and shifted by up to
    a ninth of `scale_nm`: one voxel of the nine that Han et al. (CVPR Workshops 2022) give a patch.

    Parameters
    ----------
    volume : Volume
        The volume.
    method : VoxelMethod
        Fitted to voxels of that size.
    grey_range : GreyRange
        By which grey values are scaled.
    n_voxels : int
        How many voxels; padding is passed over.
    seed : int
        Of voxels and transforms.
    progress : callable, optional
        Called with the number of voxels done and their total.

    Raises
    ------
    InputError
        If all voxels that are drawn are padding.
    """
    rng = np.random.default_rng(seed)
    plane = method.grid.is_slices
    codes = []
    for number in range(n_voxels):
        place = _random_place(volume, method.grid.factors, grey_range, rng)
        factor = MOST_SCALING ** rng.uniform(-1, 1)
        scaling = np.diag([1.0 if plane else factor, factor, factor])
        still = np.zeros(3)
        views = [
            (np.eye(3), still),
            (_random_rotation(rng, plane=plane), still),
            (scaling, still),
            (np.eye(3), _random_shift(method.scale_nm / 9, rng, plane=plane)),
        ]
        blocks = (_transformed(volume, method, grey_range, place, *view) for view in views)
        codes.append([method.embed_with_others(block).mean(axis=(1, 2, 3)) for block in blocks])
        if progress is not None:
            progress(number + 1, n_voxels)
    return TransformedCopies(np.asarray(codes, np.float32), method.n_features)


def _ratio(codes: NDArray[np.float32]) -> float:
    moved = np.linalg.norm(codes[:, 1:] - codes[:, :1], axis=2).mean()
    apart = pdist(codes[:, 0]).mean()
    return float(moved / max(apart, 1e-12))


def _random_place(volume: Volume, factors: Shape, grey_range: GreyRange, rng: np.random.Generator) -> Shape:
    """Draw a voxel at the corner of a working voxel, which is not padding."""
    for _ in range(_TRIES):
        z, y, x = (
            int(rng.integers(0, max(size // factor, 1))) * factor
            for size, factor in zip(volume.shape, factors, strict=True)
        )
        value, missing, _damaged = read_with_halo(volume, Box((z, y, x), (z + 1, y + 1, x + 1)), (0, 0, 0), grey_range)
        if value.item() > 0 and not missing.any():
            return z, y, x
    raise InputError(f"{volume.name}: {_TRIES} voxels drawn one after the other are padding or damaged")


def _random_rotation(rng: np.random.Generator, *, plane: bool) -> NDArray[np.float64]:
    if plane:
        angle = rng.uniform(0, 2 * np.pi)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.random(random_state=rng).as_matrix())


def _random_shift(most_nm: float, rng: np.random.Generator, *, plane: bool) -> NDArray[np.float64]:
    """Draw a point in a ball, or in a disc of the plane."""
    direction = rng.normal(size=3) * ([0, 1, 1] if plane else [1, 1, 1])
    radius = most_nm * rng.uniform() ** (1 / (2 if plane else 3))
    return np.asarray(direction / np.linalg.norm(direction) * radius)


def _transformed(
    volume: Volume,
    method: VoxelMethod,
    grey_range: GreyRange,
    place: Shape,
    matrix: NDArray[np.float64],
    shift_nm: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return a working voxel with its halo, in which what is o nm from the middle is what the volume has at ``matrix @ o + shift``."""
    size = np.asarray(method.voxel_size_nm_)
    shape = np.add(method.grid.factors, np.multiply(method.halo, 2))
    middle = (shape - 1) / 2
    in_voxels = matrix * size[None, :] / size[:, None]
    shift = shift_nm / size + (np.asarray(method.grid.factors) - 1) / 2
    reach: Triple = tuple(np.ceil(np.abs(in_voxels) @ middle + np.abs(shift)) + 1)
    z, y, x = (int(each) for each in reach)
    box = Box(place, (place[0] + 1, place[1] + 1, place[2] + 1))
    values, _missing, _damaged = read_with_halo(volume, box, (z, y, x), grey_range)
    offset = np.array([z, y, x]) + shift - in_voxels @ middle
    out = ndimage.affine_transform(values, in_voxels, offset, tuple(shape.tolist()), order=1, mode="mirror")
    return np.asarray(out, np.float32)
