"""What a canonical pose does to the groups: mean and variance of their pixels, before and after alignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.runs import RunFolder, Thumbnails


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and variance, (K, h, w) or (K, h, w, 3), of each pixel in [0, 1] over the images of each of K groups."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]

    def within(self, sizes: NDArray[np.int64]) -> float:
        """Mean variance of a pixel within the groups, each group with the weight of its images."""
        each = self.variance.reshape(len(sizes), -1).mean(axis=1)
        return float(np.average(each, weights=sizes))

    def share_within(self, sizes: NDArray[np.int64]) -> float:
        """Share of the whole variance of these images that lies within groups, the rest being between their means; 0 to 1.

        Unlike `within` it does not grow where images are enlarged, nor fall where they are smoothed.
        """
        weights = sizes / sizes.sum()
        means = self.mean.reshape(len(sizes), -1)
        between = float((weights[:, None] * (means - weights @ means) ** 2).sum(axis=0).mean())
        within = self.within(sizes)
        return within / (within + between) if within + between else 0.0


def group_pixel_statistics(
    run: RunFolder, groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], PixelStatistics, PixelStatistics] | None:
    """Measure the groups before and after the images were brought to their canonical pose.

    Returned are the groups, rising, their numbers of images, and both statistics; None if there is no pose or no group.
    """
    canonical = run.canonical_thumbnails
    numbers, sizes = np.unique(groups[groups >= 0], return_counts=True)
    if canonical is None or not len(numbers):
        return None
    return (
        numbers,
        sizes,
        _pixel_statistics(run.thumbnails, groups, numbers),
        _pixel_statistics(canonical, groups, numbers),
    )


def _pixel_statistics(thumbnails: Thumbnails, groups: NDArray[np.int64], numbers: NDArray[np.int64]) -> PixelStatistics:
    sums, squares, done = 0.0, 0.0, 0
    for block in thumbnails.blocks():
        pixels = block.reshape(len(block), -1) / np.float64(255)
        member = (groups[done : done + len(block)] == numbers[:, None]).astype(np.float64)
        sums, squares, done = sums + member @ pixels, squares + member @ pixels**2, done + len(block)
    sizes = (groups == numbers[:, None]).sum(axis=1)[:, None]
    mean = sums / sizes
    shape = (len(numbers), *block.shape[1:])
    return PixelStatistics(mean.reshape(shape), np.maximum(squares / sizes - mean**2, 0).reshape(shape))
