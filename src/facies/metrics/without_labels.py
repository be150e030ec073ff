"""How good groups are, judged without labels: apart, found again, seen by other encoders too, and telling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_mutual_info_score

from facies.cluster import KMeans, UMAPLayout, density_groups, number_by_silhouette, principal_axes
from facies.cluster.hdbscan_tree import HDBSCANTree, assign_noise
from facies.errors import InputError
from facies.metrics.geometry import silhouette

N_COMPONENTS = 50
LAYOUT_DIMENSIONS = 5
N_NEIGHBOURS = 15
MIN_SAMPLES = 10
MOST_GROUPS = 30
SHARE_OF_SUBSAMPLE = 0.8
LEAST_IMAGES = 20
SCORED = ("silhouette", "stability", "agreement", "information")
"""The measures whose plain mean is the score."""


@dataclass(frozen=True, eq=False)
class EmbeddingView:
    """An embedding as it is looked at to judge groups: a UMAP layout, and several ways of grouping it.

    Attributes
    ----------
    layout : ndarray of float32, shape (M, 5)
        UMAP layout of the principal components.
    groupings : list of (ndarray of int64, ndarray of int64)
        Rows and their groups: density by three rules and k-means, of all rows, and of four fifths of them with another seed.
    """

    layout: NDArray[np.float32]
    groupings: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def look_at(embedding: ArrayLike, random_state: int = 0) -> EmbeddingView:
    """Lay out an embedding and group it in several ways; its cost grows with the square of its rows, so give some thousand.

    Parameters
    ----------
    embedding : array_like of shape (M, D)
        One row an image.
    random_state : int
        Seed of the layouts, of k-means and of the sub-sample.

    Raises
    ------
    InputError
        If there are fewer than 20 rows.
    """
    rows = np.asarray(embedding, dtype=np.float32)
    if len(rows) < LEAST_IMAGES:
        raise InputError(f"{len(rows)} images are too few to judge groups of them: give {LEAST_IMAGES} or more")
    reduced = np.asarray(principal_axes(rows, N_COMPONENTS).transform(rows), np.float32)
    chance = np.random.default_rng(random_state)
    some = np.sort(chance.permutation(len(rows))[: int(SHARE_OF_SUBSAMPLE * len(rows))])
    layout, groupings = _laid_out(reduced, np.arange(len(rows)), random_state)
    return EmbeddingView(layout, [*groupings, *_laid_out(reduced, some, random_state + 1)[1]])


def judge(groups: ArrayLike, own: EmbeddingView, others: Sequence[EmbeddingView] = ()) -> dict[str, float]:
    """Judge groups of images without labels.

    Parameters
    ----------
    groups : array_like of shape (M,)
        Group of each image; noise (−1) is counted with its nearest group.
    own : EmbeddingView
        Of the embedding in which the groups were found.
    others : sequence of EmbeddingView
        Of the embeddings of other encoders, of the same images in the same order.

    Returns
    -------
    dict
        ``silhouette`` in the UMAP layout, −1 to 1, which follows the accuracy across encoders (Lowe et al.,
        arXiv:2406.02465, 2024); ``stability``, mean agreement with the other ways to group this embedding, over seeds and
        sub-samples (Ben-Hur et al., 2002); ``agreement`` with the groupings of other encoders, where there are some (both are
        adjusted mutual information, 0 by chance, 1 if equal: Vinh, Epps & Bailey, JMLR 11, 2010); ``information``, the entropy
        of the groups divided by ln M: of what is equally well supported, that which says more is the better;
        ``density_validity``, DBCV (Moulavi et al., 2014), −1 to 1, groups of one or two images as noise, for the record;
        and ``score``, the mean of the first four (of three where there is no other encoder).

    Examples
    --------
    >>> chance = np.random.default_rng(0)
    >>> kinds = np.repeat([0, 1, 2], 30)
    >>> view = look_at(chance.normal(size=(90, 4)) + 9 * np.eye(4)[kinds])
    >>> judge(kinds, view)["score"] > judge(chance.permutation(kinds), view)["score"] + 0.3
    True
    """
    labels = np.unique(assign_noise(own.layout, np.asarray(groups, np.int64)), return_inverse=True)[1]
    shares = np.bincount(labels) / len(labels)
    several = 2 <= len(shares) < len(labels)
    measured = {
        "silhouette": silhouette(own.layout, labels) if several else 0.0,
        "stability": _agreement(labels, own),
        "information": float(-(shares * np.log(shares)).sum() / np.log(len(labels))),
        "density_validity": _density_validity(own.layout, labels) if several else -1.0,
    }
    if others:
        measured["agreement"] = float(np.mean([_agreement(labels, other) for other in others]))
    scored = [measured[name] for name in SCORED if name in measured]
    return {**measured, "score": float(np.mean(scored))}


def _laid_out(
    reduced: NDArray[np.float32], rows: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float32], list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    points = reduced[rows]
    manifold = UMAPLayout(points, N_NEIGHBOURS, "euclidean", seed)
    layout = manifold.layout(LAYOUT_DIMENSIONS)
    smallest = max(5, len(rows) // 50)
    tree = HDBSCANTree(layout, MIN_SAMPLES, "euclidean")
    found = [
        density_groups(layout, "separated", smallest, metric="euclidean", neighbours=manifold.neighbours[0]).labels,
        tree.cut(smallest, "eom").labels,
        tree.cut(smallest, "leaf").labels,
        *(_by_k_means(space, seed) for space in (layout, points)),
    ]
    return layout, [(rows, assign_noise(layout, labels)) for labels in found]


LEAST_SPANNED = 3


def _by_k_means(points: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
    labels: NDArray[np.int64] = (
        KMeans(number_by_silhouette(points, MOST_GROUPS, seed), random_state=seed).fit(points).labels_
    )
    return labels


def _agreement(labels: NDArray[np.int64], view: EmbeddingView) -> float:
    return float(np.mean([adjusted_mutual_info_score(labels[rows], groups) for rows, groups in view.groupings]))


def _density_validity(layout: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    from hdbscan.validity import validity_index

    members = np.bincount(labels[labels >= 0], minlength=1)
    spanned = np.where((labels >= 0) & (members[labels] >= LEAST_SPANNED), labels, -1)  # no tree spans fewer
    if spanned.max(initial=-1) < 0:
        return -1.0
    with np.errstate(all="ignore"):
        found = float(validity_index(np.asarray(layout, np.float64), spanned))
    return found if np.isfinite(found) else -1.0
