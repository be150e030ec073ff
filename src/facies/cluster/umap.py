"""UMAP, fed with exact neighbours so that it is quick to start and the same on every run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.cluster.neighbours import Metric, self_neighbours

SMALLEST_FOR_SPECTRAL = 10


class UMAPLayout:
    """The neighbour graph of an embedding, and UMAP layouts of it in any number of dimensions.

    Parameters
    ----------
    points
        (N, D) float32.
    n_neighbors
        Size of a neighbourhood, the point itself included; at most N − 1.
    metric
        ``manhattan`` or ``euclidean``.
    random_state
        Seed of the layouts.
    """

    def __init__(
        self, points: NDArray[np.float32], n_neighbors: int, metric: Metric = "manhattan", random_state: int = 0
    ) -> None:
        self.points, self.metric, self.random_state = points, metric, random_state
        self.n_neighbors = max(2, min(n_neighbors, len(points) - 1))
        self.neighbours = self_neighbours(points, self.n_neighbors, metric)

    def layout(self, n_components: int, min_dist: float = 0.0, seed: int | None = None) -> NDArray[np.float32]:
        """UMAP coordinates (McInnes et al., 2018).

        Parameters
        ----------
        n_components
            Dimensions of the layout.
        min_dist
            Least distance between neighbours in the layout.
        seed
            Seed of this layout; None is `random_state`.

        Returns
        -------
        ndarray
            (N, n_components) float32.
        """
        import umap

        settings: dict[str, Any] = {
            "n_neighbors": self.n_neighbors,
            "n_components": min(n_components, len(self.points) - 2)
            if len(self.points) > SMALLEST_FOR_SPECTRAL
            else n_components,
            "min_dist": min_dist,
            "metric": self.metric,
            "random_state": self.random_state if seed is None else seed,
            "init": "spectral" if len(self.points) > SMALLEST_FOR_SPECTRAL else "random",
        }
        with warnings.catch_warnings(), _threads_of_torch():
            warnings.simplefilter("ignore")
            model = umap.UMAP(precomputed_knn=self.neighbours, force_approximation_algorithm=True, **settings)
            layout = model.fit_transform(self.points)
        return np.nan_to_num(np.asarray(layout, dtype=np.float32))


@contextmanager
def _threads_of_torch() -> Iterator[None]:
    """Keep torch's number of threads, which Numba's pool resets: it decides the last digits of every later training."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def place_by_neighbours(
    queries: NDArray[np.float32],
    points: NDArray[np.float32],
    layout: NDArray[np.float32],
    k: int,
    metric: Metric = "manhattan",
) -> NDArray[np.float32]:
    """Place new points in a layout: the mean of their neighbours' places, weighted by 1/distance.

    A point that was learnt from is placed where it was.
    """
    from facies.cluster.neighbours import nearest_neighbours

    indices, distances = nearest_neighbours(points, queries, min(k, len(points)), metric)
    weights = 1.0 / np.maximum(distances, 1e-12)
    weights /= weights.sum(axis=1, keepdims=True)
    placed = np.einsum("nk,nkd->nd", weights, layout[indices])
    known = distances[:, 0] == 0.0
    placed[known] = layout[indices[known, 0]]
    return placed.astype(np.float32)
