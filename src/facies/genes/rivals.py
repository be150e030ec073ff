"""Simple ways to group genes or ions, against which a network has to show its worth; each takes the same images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facies.cluster.correlation_graph import standardised
from facies.cluster.similarity_groups import leiden_groups, linkage_groups, numbered
from facies.statistics.image_similarity import local_correlation, median_threshold_cosine

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
N_COMPONENTS = 50


def kmeans_of_pixels(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by k-means of the scaled pixels."""
    from sklearn.cluster import KMeans

    return numbered(KMeans(n_clusters, n_init=4, random_state=random_state).fit_predict(standardised(values)))


def kmeans_of_components(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by k-means of the first 50 principal components."""
    from sklearn.cluster import KMeans

    codes = components(values, random_state)
    return numbered(KMeans(n_clusters, n_init=4, random_state=random_state).fit_predict(codes))


def gaussian_mixture(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by a Gaussian mixture of diagonal covariances on the principal components."""
    from sklearn.mixture import GaussianMixture

    codes = components(values, random_state).astype(np.float64)
    mixture = GaussianMixture(n_clusters, covariance_type="diag", reg_covar=1e-3, random_state=random_state)
    return numbered(mixture.fit_predict(codes))


def local_correlation_groups(values: Array, measured: NDArray[np.bool_], n_clusters: int, _: int) -> Labels:
    """Group as Hotspot does: average linkage of local correlation (`facies.statistics.image_similarity.local_correlation`)."""
    return linkage_groups(local_correlation(values, measured), n_clusters)


def median_cosine_groups(values: Array, measured: NDArray[np.bool_], n_clusters: int, _: int) -> Labels:
    """Group as ColocML's best simple measure does (`facies.statistics.image_similarity.median_threshold_cosine`)."""
    return linkage_groups(median_threshold_cosine(values, measured), n_clusters)


def leiden(values: Array, _: NDArray[np.bool_], n_clusters: int, random_state: int) -> Labels:
    """Group by Leiden communities of the graph of the 15 most correlated genes."""
    return leiden_groups(values, n_clusters, random_state=random_state)


GROUPINGS: dict[str, Callable[[Array, NDArray[np.bool_], int, int], Labels]] = {
    "kmeans": kmeans_of_pixels,
    "pca-kmeans": kmeans_of_components,
    "gmm": gaussian_mixture,
    "local-correlation": local_correlation_groups,
    "median-cosine": median_cosine_groups,
    "leiden": leiden,
}
"""Name → function of values (N, n_measured), the mask (H, W), the number of groups and the seed, which gives labels (N,)."""


def components(values: Array, random_state: int) -> Array:
    """The first 50 principal components of the standardised images."""
    from sklearn.decomposition import PCA

    count = min(N_COMPONENTS, *(side - 1 for side in values.shape))
    return np.asarray(PCA(max(1, count), random_state=random_state).fit_transform(standardised(values)), np.float32)
