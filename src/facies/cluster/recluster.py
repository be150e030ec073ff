"""Grouping again: chosen groups in an embedding of their own, and all groups from their most certain members."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.cluster.kmeans import KMeans
from facies.cluster.local_embedding import LocalEmbedding
from facies.cluster.neighbours import nearest_neighbours, self_neighbours
from facies.cluster.silhouette_kmeans import check_parts, select_k
from facies.errors import InputError


@dataclass(frozen=True)
class ReclusterResult:
    """Groups of all rows after some were grouped again.

    Attributes
    ----------
    labels
        (N,) groups; −1 is noise.
    probabilities
        (N,) probability of the group assigned, 0 for noise.
    new_groups
        Numbers of the groups that were made, none of which was used before; empty where groups kept theirs.
    about
        How it was done, fit for JSON.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    new_groups: list[int]
    about: dict[str, object]


def recluster(
    embedding: NDArray[np.float32],
    labels: ArrayLike,
    groups: Collection[int],
    parts: int | Literal["auto"] = "auto",
    *,
    own: NDArray[np.float32] | None = None,
    probabilities: ArrayLike | None = None,
    first_new: int | None = None,
    random_state: int = 0,
) -> ReclusterResult:
    """Pool the members of chosen groups and group them again, in an embedding of their own.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        Of all rows.
    labels : array_like of int, shape (N,)
        Groups; −1 is noise.
    groups : collection of int
        Which to group again; they end.
    parts : int or "auto", default="auto"
        How many groups to make; ``auto`` takes 2 to 6, whichever has the greatest mean silhouette (of at most 3,000 rows).
    own : ndarray of float32, shape (number of members, any), optional
        An embedding of the members alone, in their order, such as that of a method that was fitted to them; by default
        what `LocalEmbedding` makes of theirs.
    probabilities : array_like of float, shape (N,), optional
        Of the groups assigned, kept for all other rows; 1 by default.
    first_new : int, optional
        Number of the first new group; by default one more than the greatest in `labels`.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ReclusterResult
        All other rows are where they were.

    Raises
    ------
    InputError
        If a group has no member, or there are too few members for so many parts.
    """
    labels = np.array(labels, dtype=np.int64)
    chosen = sorted({int(group) for group in groups})
    members = members_of(labels, chosen)
    check_parts(len(members), parts, f"images of the groups {', '.join(map(str, chosen))}")
    if own is None:
        own = LocalEmbedding().fit_transform(np.asarray(embedding[members], np.float32))
    found = select_k(own, parts, random_state=random_state)
    model = found.model
    start = int(labels.max()) + 1 if first_new is None else first_new
    labels[members] = start + model.labels_
    kept = np.where(labels >= 0, 1.0, 0.0) if probabilities is None else np.array(probabilities, np.float64)
    kept[members] = _certainty(own, model)
    about: dict[str, object] = {
        "groups": chosen,
        "parts": int(model.n_clusters_),
        "dimensions": int(own.shape[1]),
        "silhouettes": {str(count): round(score, 4) for count, score in found.silhouettes.items()},
        "seed": random_state,
    }
    new = list(range(start, start + model.n_clusters_))
    return ReclusterResult(labels, kept.astype(np.float32), new, about)


def members_of(labels: NDArray[np.int64], groups: Collection[int]) -> NDArray[np.int64]:
    """Rows of the groups, ascending.

    Raises
    ------
    InputError
        If one of them has no member.
    """
    absent = [group for group in groups if group < 0 or not (labels == group).any()]
    if absent or not groups:
        named = f"group {absent[0]}" if absent else "no group"
        raise InputError(f"there is {named} to group again; groups are 0 to {labels.max()}, as far as they have images")
    return np.flatnonzero(np.isin(labels, list(groups)))


def _certainty(own: NDArray[np.float32], model: KMeans) -> NDArray[np.float64]:
    """Responsibility of the own sphere, of the mixture of equal spheres that k-means fits."""
    squares = np.square(model.transform(own), dtype=np.float64)
    variance = max(model.inertia_ / own.size, 1e-12)
    weights = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / (2 * variance))
    return np.asarray(1.0 / weights.sum(axis=1))


def refine(
    embedding: NDArray[np.float32],
    labels: ArrayLike,
    *,
    share: float = 0.5,
    neighbours: int = 20,
    agreement: float = 0.9,
    confidence: float = 0.9,
    random_state: int = 0,
) -> ReclusterResult:
    """Let the most certain members of each group teach a small classifier, which then places all rows again.

    The idea of SPICE (Niu, Shan & Wang, 2022), on an embedding instead of images: (1) the prototype of a group is the mean
    of the `share` of its members nearest to its centre; (2) as many rows as that share holds, the nearest to each
    prototype, get its group as a pseudo-label, a row near two the nearer one; (3) a classifier learns them; (4) rows of
    which the classifier is sure, and whose neighbours it mostly puts into the same group, are *reliable*, and it learns
    again from these. No label of an expert is read, and groups keep their numbers.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        Of all rows.
    labels : array_like of int, shape (N,)
        Groups; −1 is noise, which is placed too.
    share : float, default=0.5
        Of a group's members that are taken as certain, more than 0 and at most 1.
    neighbours : int, default=20
        Rows nearest to a row that are asked; of a group with fewer than twice as many, half of its size.
    agreement : float, default=0.9
        Share of them that must be of the same group.
    confidence : float, default=0.9
        Least probability of a reliable row.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ReclusterResult
        A group that no row is placed in is left without members.

    Raises
    ------
    InputError
        If there are fewer than two groups, or a share is out of bounds.
    """
    for name, value in (("share", share), ("agreement", agreement), ("confidence", confidence)):
        if not 0 < value <= 1:
            raise InputError(f"{name}={value:g}: give more than 0 and at most 1")
    labels = np.asarray(labels, np.int64)
    groups = np.unique(labels[labels >= 0])
    if len(groups) < 2:
        raise InputError(f"there are {len(groups)} groups: refining needs two or more")
    rows = np.ascontiguousarray(embedding, np.float32)
    rows = (rows - rows.mean(axis=0)) / max(float(rows.std()), 1e-12)
    taught, pseudo = _pseudo_labels(rows, labels, groups, share)
    probabilities = _taught(rows, taught, pseudo, random_state)
    reliable = _reliable(rows, probabilities, min(neighbours, len(rows) - 1), agreement, confidence)
    names = probabilities.argmax(axis=1)
    # A group without a reliable row is still taught by its prototype's own rows.
    poor = ~np.isin(pseudo, np.unique(names[reliable]))
    again = np.concatenate([reliable, taught[poor]])
    probabilities = _taught(rows, again, np.concatenate([names[reliable], pseudo[poor]]), random_state)
    placed = groups[probabilities.argmax(axis=1)]
    about: dict[str, object] = {
        "share": share,
        "neighbours": neighbours,
        "agreement": agreement,
        "confidence": confidence,
        "taught": len(taught),
        "reliable": len(reliable),
        "moved": int((placed != labels).sum()),
        "seed": random_state,
    }
    return ReclusterResult(placed, probabilities.max(axis=1).astype(np.float32), [], about)


def _pseudo_labels(
    rows: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows nearest to each group's prototype, and the position of that group in `groups`."""
    distance = np.full(len(rows), np.inf)
    nearest = np.full(len(rows), -1)
    for position, group in enumerate(groups):
        members = np.flatnonzero(labels == group)
        count = max(1, round(share * len(members)))
        off = np.linalg.norm(rows[members] - rows[members].mean(axis=0), axis=1)
        prototype = rows[members[np.argsort(off, kind="stable")[:count]]].mean(axis=0, keepdims=True)
        found, how_far = nearest_neighbours(rows, prototype, count)
        nearer = how_far[0] < distance[found[0]]
        distance[found[0][nearer]], nearest[found[0][nearer]] = how_far[0][nearer], position
    taught = np.flatnonzero(nearest >= 0)
    return taught, nearest[taught]


def _taught(
    rows: NDArray[np.float32], taught: NDArray[np.int64], names: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Probabilities (N, K) of a linear classifier with a softmax that has learnt these rows."""
    from sklearn.linear_model import LogisticRegression

    known = np.unique(names)
    probabilities = np.zeros((len(rows), int(names.max()) + 1))
    if len(known) == 1:
        probabilities[:, known[0]] = 1.0
        return probabilities
    model = LogisticRegression(C=100.0, max_iter=300, tol=1e-3, random_state=seed).fit(rows[taught], names)
    probabilities[:, model.classes_] = model.predict_proba(rows)
    return probabilities


def _reliable(
    rows: NDArray[np.float32], probabilities: NDArray[np.float64], most: int, agreement: float, confidence: float
) -> NDArray[np.int64]:
    """Rows of which the classifier is sure, and whose neighbours mostly are of the same group.

    As many are asked as half of the group has, at most `most`: a small group cannot fill a large neighbourhood.
    """
    names = probabilities.argmax(axis=1)
    around = self_neighbours(rows, most + 1)[0][:, 1:]
    asked = np.clip(np.bincount(names, minlength=probabilities.shape[1])[names] // 2, 1, most)
    alike = (names[around] == names[:, None]).cumsum(axis=1)[np.arange(len(rows)), asked - 1] / asked
    return np.flatnonzero((alike >= agreement) & (probabilities.max(axis=1) >= confidence))
