"""Simple ways to group genes or ions, against which a network has to show its worth; each takes the same images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.ndimage import median_filter
from scipy.sparse import csr_matrix
from scipy.spatial.distance import squareform

from facies.cluster.correlation_graph import correlation_graph, standardised
from facies.errors import InputError
from facies.statistics.spatial_autocorrelation import pixel_neighbours

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
N_COMPONENTS = 50


def kmeans_of_pixels(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by k-means of the scaled pixels."""
    from sklearn.cluster import KMeans

    return _as_labels(KMeans(n_clusters, n_init=4, random_state=random_state).fit_predict(standardised(values)))


def kmeans_of_components(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by k-means of the first 50 principal components."""
    from sklearn.cluster import KMeans

    codes = components(values, random_state)
    return _as_labels(KMeans(n_clusters, n_init=4, random_state=random_state).fit_predict(codes))


def gaussian_mixture(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by a Gaussian mixture of diagonal covariances on the principal components."""
    from sklearn.mixture import GaussianMixture

    codes = components(values, random_state).astype(np.float64)
    mixture = GaussianMixture(n_clusters, covariance_type="diag", reg_covar=1e-3, random_state=random_state)
    return _as_labels(mixture.fit_predict(codes))


def local_correlation(values: Array, measured: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group as Hotspot does: correlation of each gene with the neighbourhood of the others, then average linkage.

    The local correlation of two standardised genes is the sum over neighbouring pixels of ``w (x_i y_j + x_j y_i)``, scaled by
    that of each gene with itself (DeTomaso & Yosef, Cell Systems 2021).
    """
    del random_state
    scaled = standardised(values).astype(np.float64)
    around = np.asarray((pixel_neighbours(measured) @ scaled.T).T)
    local = scaled @ around.T
    own = np.sqrt(np.maximum(np.diag(local), 1e-6 * max(float(np.diag(local).max()), 1e-12)))
    return _linkage_labels(np.clip((local + local.T) / 2 / np.outer(own, own), -1, 1), n_clusters)


def median_threshold_cosine(values: Array, measured: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group as ColocML's best simple measure does: 3 × 3 median filter, pixels below the median to 0, cosine, average linkage.

    Ovchinnikova et al., Bioinformatics 2020.
    """
    del random_state
    image = np.zeros((len(values), *measured.shape), np.float32)
    image[:, measured] = values
    smooth = median_filter(image, size=(1, 3, 3))[:, measured]
    threshold = np.quantile(smooth, 0.5, axis=1, keepdims=True)
    kept = np.where(smooth < threshold, 0, smooth).astype(np.float64)
    length = np.linalg.norm(kept, axis=1)
    unit = kept / np.where(length > 0, length, 1)[:, None]
    return _linkage_labels(unit @ unit.T, n_clusters)


def leiden(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by Leiden communities of the graph of the 15 most correlated genes; the resolution is set to give the number of groups."""
    try:
        from sknetwork.clustering import Leiden
    except ImportError as error:
        raise InputError("method leiden needs scikit-network: pip install 'facies[omics]'") from error
    graph = correlation_graph(values, 15)
    low, high = 1e-3, 50.0
    best: tuple[int, Labels] | None = None
    for _step in range(20):
        resolution = float(np.sqrt(low * high))
        labels = _as_labels(Leiden(resolution, random_state=random_state).fit_predict(csr_matrix(graph)))
        count = int(labels.max()) + 1
        if best is None or abs(count - n_clusters) < best[0]:
            best = abs(count - n_clusters), labels
        if count == n_clusters:
            break
        low, high = (resolution, high) if count < n_clusters else (low, resolution)
    assert best is not None
    return best[1]


GROUPINGS: dict[str, Callable[[Array, NDArray[np.bool_], int, int], Labels]] = {
    "kmeans": kmeans_of_pixels,
    "pca-kmeans": kmeans_of_components,
    "gmm": gaussian_mixture,
    "local-correlation": local_correlation,
    "median-cosine": median_threshold_cosine,
    "leiden": leiden,
}
"""Name → function of values (N, n_measured), the mask (H, W), the number of groups and the seed, which gives labels (N,)."""


def components(values: Array, random_state: int) -> Array:
    """The first 50 principal components of the standardised images."""
    from sklearn.decomposition import PCA

    count = min(N_COMPONENTS, *(side - 1 for side in values.shape))
    return np.asarray(PCA(max(1, count), random_state=random_state).fit_transform(standardised(values)), np.float32)


def _linkage_labels(similarity: NDArray[np.float64], n_clusters: int) -> Labels:
    distance = 1 - (similarity + similarity.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(np.maximum(distance, 0), checks=False), method="average")
    return _as_labels(cut_tree(tree, n_clusters).ravel())


def _as_labels(found: NDArray[np.integer]) -> Labels:
    """Numbers from 0, without gaps."""
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)
