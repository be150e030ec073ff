"""UMAP on exact nearest neighbours: quick to start, and the same on every run."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from facies.cluster.neighbours import Metric, nearest_neighbours, self_neighbours

MIN_POINTS_FOR_SPECTRAL = 10
COMPILED = (
    ("umap.umap_", "smooth_knn_dist"),
    ("umap.umap_", "compute_membership_strengths"),
    ("umap.layouts", "_nb_optimize_layout_euclidean_single_epoch"),
)
"""Functions that UMAP has compiled anew in every process."""
_ONE_LAYOUT_AT_A_TIME = Lock()


class UMAPLayout:
    """The neighbour graph of an embedding, and UMAP layouts of it in any number of dimensions.

    Parameters
    ----------
    points : ndarray of float32, shape (N, D)
        The embedding.
    n_neighbors : int
        Size of a neighbourhood, the point included; at most N − 1. More show the large structure, fewer the small.
    metric : {"manhattan", "euclidean"}
        Distance in the embedding.
    random_state : int
        Seed of the layouts.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    >>> UMAPLayout(points, 10).layout(2).shape
    (40, 2)
    """

    def __init__(
        self, points: NDArray[np.float32], n_neighbors: int, metric: Metric = "manhattan", random_state: int = 0
    ) -> None:
        self.points, self.metric, self.random_state = points, metric, random_state
        self.n_neighbors = max(2, min(n_neighbors, len(points) - 1))
        self.neighbours = self_neighbours(points, self.n_neighbors, metric)

    def layout(self, n_components: int, min_dist: float = 0.0, seed: int | None = None) -> NDArray[np.float32]:
        """UMAP coordinates (McInnes et al., 2018), float32 (N, n_components); `seed` is by default `random_state`.

        Larger values of `min_dist` spread dense groups out; 0 packs them tightest, as clustering needs.
        """
        import umap

        _keep_compiled()
        spectral = len(self.points) > MIN_POINTS_FOR_SPECTRAL
        settings: dict[str, Any] = {
            "n_neighbors": self.n_neighbors,
            "n_components": min(n_components, len(self.points) - 2) if spectral else n_components,
            "min_dist": min_dist,
            "metric": self.metric,
            "random_state": self.random_state if seed is None else seed,
            "init": "spectral" if spectral else "random",
        }
        with warnings.catch_warnings(), _keep_torch_threads(), _seeded_eigensolver(settings["random_state"]):
            warnings.simplefilter("ignore")
            model = umap.UMAP(precomputed_knn=self.neighbours, force_approximation_algorithm=True, **settings)
            layout = model.fit_transform(self.points)
        return np.nan_to_num(np.asarray(layout, dtype=np.float32))


@functools.cache
def _keep_compiled() -> None:
    """Have Numba keep what it compiles for a layout, as it does of UMAP's other functions: the next process has it at once."""
    for module, name in COMPILED:
        function: Any = getattr(importlib.import_module(module), name, None)
        # Another version of UMAP may have no such name, and another machine no folder that may be written to.
        with contextlib.suppress(AttributeError, RuntimeError):
            function.enable_caching()


@contextmanager
def _seeded_eigensolver(seed: int) -> Iterator[None]:
    """Seed SciPy's eigensolver, which UMAP calls without a seed: on the regular graph of copies it starts anew at random."""
    from scipy.sparse import linalg

    if "rng" not in inspect.signature(linalg.eigsh).parameters:  # before SciPy 1.17
        yield
        return
    with _ONE_LAYOUT_AT_A_TIME, mock.patch.object(linalg, "eigsh", functools.partial(linalg.eigsh, rng=seed)):
        yield


@contextmanager
def _keep_torch_threads() -> Iterator[None]:
    """Restore torch's number of threads, which Numba's pool resets; the last digits of every later training depend on it."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def interpolate_layout(
    queries: NDArray[np.float32],
    points: NDArray[np.float32],
    layout: NDArray[np.float32],
    k: int,
    metric: Metric = "manhattan",
) -> NDArray[np.float32]:
    """Coordinates of new points in a layout: the mean over their `k` nearest points, weighted by 1/distance.

    A point that is one of `points` gets the coordinates it has.
    """
    indices, distances = nearest_neighbours(points, queries, min(k, len(points)), metric)
    weights = 1.0 / np.maximum(distances, 1e-12)
    weights /= weights.sum(axis=1, keepdims=True)
    coordinates = np.einsum("nk,nkd->nd", weights, layout[indices])
    known = distances[:, 0] == 0.0
    coordinates[known] = layout[indices[known, 0]]
    return coordinates.astype(np.float32)
