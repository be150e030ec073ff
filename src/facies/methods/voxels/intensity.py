"""Grey values alone, a little smoothed: the least that a method must beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facies.methods.voxels.base import VoxelMethod, VoxelSample
from facies.methods.voxels.gaussian_scale import radius, smooth
from facies.parameters import Weight

if TYPE_CHECKING:
    from facies.training import Progress


@dataclass(kw_only=True, eq=False, repr=False)
class Intensity(VoxelMethod):
    """The grey value of each voxel, after a Gaussian blur.

    Examples
    --------
    >>> import numpy as np
    >>> grey = np.random.default_rng(0).integers(0, 255, (8, 8, 8), np.uint8)
    >>> method = Intensity(blur_nm=0).fit(VoxelSample([grey], (8, 8, 8)))
    >>> method.embed(np.float32(grey / 255)).shape
    (1, 8, 8, 8)
    """

    name: ClassVar[str] = "intensity"
    title: ClassVar[str] = "Intensity"

    blur_nm: Weight = 10.0
    """Standard deviation of the blur, in nm."""

    @property
    def n_features(self) -> int:
        """One value a voxel."""
        return 1

    @property
    def finest_nm(self) -> float:
        """All detail: the voxels stay as they are."""
        return 0.0

    @property
    def halo(self) -> tuple[int, int, int]:
        """Three standard deviations."""
        z, y, x = (radius(sigma) for sigma in self.grid.voxels(self.blur_nm))
        return z, y, x

    def learn(self, sample: VoxelSample, progress: Progress) -> None:
        """Learn nothing."""

    def embed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Blur a block."""
        inner = tuple(slice(more, size - more) for more, size in zip(self.halo, values.shape, strict=True))
        return smooth(values, self.grid.voxels(self.blur_nm))[inner][None]

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Nothing."""
