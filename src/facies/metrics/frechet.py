"""Distance between two sets of images, each as a Gaussian in an embedding."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.metrics._inputs import check_embedding


def frechet_distance(embedding_a: ArrayLike, embedding_b: ArrayLike) -> float:
    """Fréchet distance of the Gaussians that have the means and covariances of two embeddings; less is nearer.

    ``d^2 = ||mu_a - mu_b||^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2))`` (this squared form is what is reported). The last
    trace is that of ``(S_a^(1/2) S_b S_a^(1/2))^(1/2)``, the sum of the singular values of ``S_a^(1/2) S_b^(1/2)``:
    symmetric square roots by eigenvalues, which stay real and exact where a covariance is singular.

    The distance is in whichever embedding is given. It is the "FID" of the literature only in the pool3 activations
    of the Inception-v3 network of that paper; in a model's own embedding it is **not** the Inception FID, and its
    values compare only among sets embedded by the same model.

    Parameters
    ----------
    embedding_a, embedding_b : array_like of shape (N_a, D), (N_b, D)
        One row an image, from the same encoder; each N >= 2, and well above D, or the covariances are mostly noise.

    Raises
    ------
    InputError
        Wrong shapes, different D, fewer than two rows, or NaN.

    References
    ----------
    Dowson and Landau, "The Fréchet distance between multivariate normal distributions", J. Multivariate Analysis 12,
    1982; Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017,
    eq. 6.
    """
    first, second = check_embedding(embedding_a, "embedding_a"), check_embedding(embedding_b, "embedding_b")
    if first.shape[1] != second.shape[1]:
        raise InputError(
            f"embedding_a has {first.shape[1]} columns and embedding_b {second.shape[1]}: use one encoder for both"
        )
    if min(len(first), len(second)) < 2:
        raise InputError("a covariance needs at least two images in each of embedding_a and embedding_b")
    covariance_a, covariance_b = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second))
    gap = first.mean(axis=0) - second.mean(axis=0)
    product = _square_root(covariance_a) @ _square_root(covariance_b)
    cross = np.linalg.svd(product, compute_uv=False).sum()
    squared = gap @ gap + np.trace(covariance_a) + np.trace(covariance_b) - 2.0 * cross
    return max(0.0, float(squared))


def _square_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    # Rounding leaves the zeros of a singular matrix at about 1e-16 of the largest; their roots would be 1e-8 of it.
    rounding = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    roots = np.sqrt(np.where(values > rounding, values, 0.0))
    root: NDArray[np.float64] = (vectors * roots) @ vectors.T
    return root
