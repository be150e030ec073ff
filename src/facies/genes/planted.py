"""Tissues with planted patterns: a truth to measure groups of genes against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import csc_matrix

from facies.genes.spatial_table import SpatialTable


@dataclass(frozen=True)
class PlantedTissue:
    """A table of counts, and the pattern of each gene: from 0, and −1 for genes without one."""

    table: SpatialTable
    truth: NDArray[np.int64]


def planted_tissue(
    n_patterns: int = 8,
    genes_per_pattern: int = 30,
    n_without: int = 120,
    side: int = 40,
    *,
    mean: float = 0.6,
    dispersion: float = 1.0,
    dropout: float = 0.3,
    contrast: float = 3.0,
    random_state: int = 0,
) -> PlantedTissue:
    """Draw counts of genes that follow smooth patterns, and of genes that follow none.

    Each pattern is a smooth random field; the mean of a gene is its level times ``exp(contrast * field)``, scaled to `mean`
    on average; counts are negative binomial (variance ``m + dispersion * m²``), and a share of them is lost.

    Parameters
    ----------
    n_patterns, genes_per_pattern, n_without : int
        How many patterns, genes of each, and genes without any.
    side : int
        Side of the square of spots; the spots lie in a disc within it.
    mean : float
        Mean count of a gene at a spot; levels of genes vary by a factor of about three around it.
    dispersion : float
        Of the negative binomial distribution; larger is noisier.
    dropout : float
        Share of counts that are lost, from 0 to 1.
    contrast : float
        How strongly a pattern stands out, in natural logarithms from its lowest to its highest place.
    random_state : int

    Returns
    -------
    PlantedTissue
    """
    rng = np.random.default_rng(random_state)
    row, column = np.mgrid[:side, :side]
    inside = np.hypot(row - (side - 1) / 2, column - (side - 1) / 2) <= side / 2
    fields = gaussian_filter(rng.normal(size=(n_patterns, side, side)), (0, side / 8, side / 8), mode="wrap")[:, inside]
    fields -= fields.min(axis=1, keepdims=True)
    fields /= fields.max(axis=1, keepdims=True)
    truth = np.concatenate([np.repeat(np.arange(n_patterns), genes_per_pattern), np.full(n_without, -1)])
    strength = rng.uniform(0.5, 1.0, len(truth)) * contrast
    shape = np.where(truth[:, None] >= 0, np.exp(strength[:, None] * fields[np.maximum(truth, 0)]), 1.0)
    level = mean * np.exp(rng.normal(0, 0.5, len(truth)))
    means = (level[:, None] * shape / shape.mean(axis=1, keepdims=True)).T
    counts = rng.poisson(rng.gamma(1 / dispersion, dispersion * means))
    counts[rng.random(counts.shape) < dropout] = 0
    order = rng.permutation(len(truth))
    table = SpatialTable(
        csc_matrix(counts[:, order].astype(np.float32)),
        [f"gene{number}" for number in range(len(truth))],
        "a planted tissue",
        array=np.argwhere(inside),
    )
    return PlantedTissue(table, truth[order])
