"""What a method with an expert for each group can do beside the contract of every method."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from facies.cluster import UMAPLayout, dynamic_neighbours, l1_normalised

LEAST_IMAGES, LEAST_NEIGHBOURS = 10, 15


@runtime_checkable
class ExpertMethod(Protocol):
    """A fitted method whose groups have an autoencoder each, its expert."""

    def latent_walk(self, cluster: int, dimension: int = 0, steps: int = 9, reach: float = 1.0) -> NDArray[np.float32]:
        """Images along one latent dimension of an expert: (steps, *image_shape)."""

    def white_image(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A white image, (*image_shape), and what each expert makes of it, (K, *image_shape)."""

    def transform_by_expert(self, images: Any, cluster: int) -> NDArray[np.float32]:
        """Embed images in the latent space of one group's expert: (N, D)."""

    def reconstruction_errors(self, images: Any) -> NDArray[np.float32]:
        """How far the reconstruction of each expert is from each image: (N, K)."""


def expert_map(codes: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Lay out codes of an expert in two dimensions by UMAP, with the metric by which groups are found (thesis, figure 4.27).

    Parameters
    ----------
    codes
        (N, D), as `ExpertMethod.transform_by_expert` gives them.
    seed
        Of UMAP.

    Returns
    -------
    ndarray
        (N, 2) float32; NaN where there are fewer than ten codes, or all are one point.
    """
    points = l1_normalised(codes) if codes.shape[1] > 1 else codes
    if len(codes) < LEAST_IMAGES or not np.ptp(points, axis=0).any():
        return np.full((len(codes), 2), np.nan, np.float32)
    n_neighbors = max(LEAST_NEIGHBOURS, dynamic_neighbours(len(codes)))
    return UMAPLayout(points, n_neighbors, "manhattan", seed).layout(2, min_dist=0.1)
