"""Reclustering: `recluster` divides chosen groups anew, `refine` reassigns all rows with a classifier trained on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.cluster.local_embedding import LocalEmbedding
from facies.cluster.neighbours import nearest_neighbours, self_neighbours
from facies.cluster.silhouette_kmeans import check_n_clusters, select_k
from facies.errors import InputError

MIN_NEIGHBOURS = 5
"""Fewer neighbours than these move no row, however small its group."""


@dataclass(frozen=True)
class ReclusterResult:
    """A partition of all N rows after reclustering: the group of each, −1 for noise, and its probability, 0 for noise.

    `new_groups` are the numbers of the groups that `recluster` made, which no group had before; `about` are the parameters
    and counts to be stored as JSON beside the partition.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    new_groups: list[int]
    about: dict[str, object]


def recluster(
    embedding: NDArray[np.float32],
    labels: ArrayLike,
    groups: Collection[int],
    n_clusters: int | Literal["auto"] = "auto",
    *,
    local_embedding: NDArray[np.float32] | None = None,
    probabilities: ArrayLike | None = None,
    first_new: int | None = None,
    random_state: int = 0,
) -> ReclusterResult:
    """Pool the members of chosen groups and cluster them again, in an embedding of these members alone.

    Rows of other groups keep their group.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        Embedding of all rows.
    labels : array_like of int, shape (N,)
        Group of each row; −1 is noise.
    groups : collection of int
        Groups whose members are clustered again. Their numbers are not used any more.
    n_clusters : int or "auto", default="auto"
        Number of new groups; ``auto`` tries 2 to 6 and takes the number with the greatest silhouette.
    local_embedding : ndarray of float32, shape (number of members, any), optional
        Embedding of the members, in the order of `members_of`; by default a `LocalEmbedding` of their rows.
    probabilities : array_like of float, shape (N,), optional
        Probability of each row's group, which all other rows keep; by default 1, and 0 for noise.
    first_new : int, optional
        Number of the first new group; by default one more than the greatest in `labels`.
    random_state : int, default=0
        Seed of k-means.

    Raises
    ------
    InputError
        If a group has no member, or there are fewer than two members a new group.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0], [1], [8], [9], [50], [51]], np.float32)
    >>> recluster(rows, [0, 0, 0, 0, 1, 1], [0], 2).new_groups
    [2, 3]
    """
    labels = np.array(labels, dtype=np.int64)
    chosen = sorted({int(group) for group in groups})
    members = members_of(labels, chosen)
    check_n_clusters(len(members), n_clusters, f"images of the groups {', '.join(map(str, chosen))}")
    if local_embedding is None:
        local_embedding = LocalEmbedding().fit_transform(np.asarray(embedding[members], np.float32))
    clustering = select_k(local_embedding, n_clusters, random_state=random_state)
    model = clustering.model
    start = int(labels.max()) + 1 if first_new is None else first_new
    labels[members] = start + model.labels_
    certainty = np.where(labels >= 0, 1.0, 0.0) if probabilities is None else np.array(probabilities, np.float64)
    certainty[members] = model.predict_proba(local_embedding).max(axis=1)
    about: dict[str, object] = {
        "groups": chosen,
        "parts": int(model.n_clusters_),
        "dimensions": int(local_embedding.shape[1]),
        "silhouettes": {str(count): round(score, 4) for count, score in clustering.silhouettes.items()},
        "seed": random_state,
    }
    new = list(range(start, start + model.n_clusters_))
    return ReclusterResult(labels, certainty.astype(np.float32), new, about)


def members_of(labels: NDArray[np.int64], groups: Collection[int]) -> NDArray[np.int64]:
    """Indices of the rows of the given groups, ascending; raises InputError if a group has no member."""
    absent = [group for group in groups if group < 0 or not (labels == group).any()]
    if absent or not groups:
        named = f"group {absent[0]}" if absent else "no group"
        raise InputError(f"there is {named} to group again; groups are 0 to {labels.max()}, as far as they have images")
    return np.flatnonzero(np.isin(labels, list(groups)))


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
    """Move rows that stand in a wrong group, where a classifier and the rows around them both say so.

    The idea of SPICE (Niu, Shan & Wang, 2022), on an embedding instead of images: (1) the prototype of a group is the mean
    of the `share` of its members nearest to its centre; (2) as many rows as that share holds, the nearest to each
    prototype, get its group as a pseudo-label, a row near two the nearer one; (3) a classifier is trained on them; (4)
    rows of which it is sure, and whose neighbours it mostly assigns to the same group, are *reliable*, and it is trained
    again on these. SPICE then gives every row the group that the classifier says. Here a row moves only if the classifier
    is sure of its new group, and most of its nearest neighbours are in that group already; all others stay where they
    are. No label of an expert is read; groups keep their numbers, and may be left without members.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        Embedding of all rows.
    labels : array_like of int, shape (N,)
        Group of each row; −1 is noise, which goes to the group that the classifier says.
    share : float, default=0.5
        Share of the members of a group that are taken as certain, in (0, 1].
    neighbours : int, default=20
        Number of nearest rows that are asked about a row: at most half the size of the group in question, and at least 5
        before a row moves.
    agreement : float, default=0.9
        Least share of those neighbours in the row's group, in (0, 1], for a row to be reliable. Larger values leave fewer
        reliable rows.
    confidence : float, default=0.9
        Least probability of a reliable row and of one that moves, in (0, 1].
    random_state : int, default=0
        Seed of the classifier.

    Raises
    ------
    InputError
        If there are fewer than two groups, or a share is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.concatenate([np.zeros((20, 1)), np.ones((20, 1))]).astype(np.float32)
    >>> labels = np.repeat([0, 1], 20)
    >>> labels[:2] = 1
    >>> refine(rows, labels).labels[:4].tolist()
    [0, 0, 0, 0]
    """
    for name, value in (("share", share), ("agreement", agreement), ("confidence", confidence)):
        if not 0 < value <= 1:
            raise InputError(f"{name}={value:g}: give more than 0 and at most 1")
    labels = np.asarray(labels, np.int64)
    groups, own = np.unique(labels, return_inverse=True)
    own -= int((groups < 0).sum())  # positions in `groups`, and -1 for noise
    groups = groups[groups >= 0]
    if len(groups) < 2:
        raise InputError(f"there are {len(groups)} groups: refining needs two or more")
    rows = np.ascontiguousarray(embedding, np.float32)
    rows = (rows - rows.mean(axis=0)) / max(float(rows.std()), 1e-12)
    nearest = self_neighbours(rows, min(neighbours, len(rows) - 1) + 1)[0][:, 1:]
    demands = Demands(share, agreement, confidence)
    probabilities, taught, reliable = proposals(rows, labels, groups, nearest, demands, random_state)
    new = probabilities.argmax(axis=1)
    # The classifier has few rows to learn from where groups are small, and is sure of much that is wrong: the rows around
    # must agree, by the groups as they were.
    around = _agreement(nearest, own, new, np.bincount(own[own >= 0], minlength=len(groups)), MIN_NEIGHBOURS)
    moves = (own < 0) | ((around > 0.5) & (probabilities.max(axis=1) >= confidence))
    final = np.where(moves, new, own)
    about: dict[str, object] = {
        "share": share,
        "neighbours": neighbours,
        "agreement": agreement,
        "confidence": confidence,
        "taught": taught,
        "reliable": reliable,
        "moved": int((final != own).sum()),
        "refused": int(((new != own) & ~moves).sum()),
        "seed": random_state,
    }
    certainty = probabilities[np.arange(len(rows)), final].astype(np.float32)
    return ReclusterResult(groups[final], certainty, [], about)


@dataclass(frozen=True)
class Demands:
    """What rows have to meet before they teach the classifier, as in `refine`."""

    share: float = 0.5
    agreement: float = 0.9
    confidence: float = 0.9


def proposals(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    nearest: NDArray[np.int64],
    demands: Demands,
    seed: int,
) -> tuple[NDArray[np.float64], int, int]:
    """Ask the classifier alone: the probability of each of the `groups` for each row, (N, K).

    With it the number of rows that taught it at first, and of the reliable ones that taught it afterwards.
    """
    certain, pseudo = _pseudo_labels(rows, labels, groups, demands.share)
    probabilities = _classify(rows, certain, pseudo, len(groups), seed)
    names = probabilities.argmax(axis=1)
    same = _agreement(nearest, names, names, np.bincount(names, minlength=len(groups)), 1)
    reliable = np.flatnonzero((same >= demands.agreement) & (probabilities.max(axis=1) >= demands.confidence))
    # A group without a reliable row is still represented by the rows nearest to its prototype.
    missing = ~np.isin(pseudo, np.unique(names[reliable]))
    training = np.concatenate([reliable, certain[missing]])
    names = np.concatenate([names[reliable], pseudo[missing]])
    return _classify(rows, training, names, len(groups), seed), len(certain), len(reliable)


def _pseudo_labels(
    rows: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows nearest to the prototype of a group, and the position of that group in `groups`."""
    distance = np.full(len(rows), np.inf)
    nearest = np.full(len(rows), -1)
    for position, group in enumerate(groups):
        members = np.flatnonzero(labels == group)
        count = max(1, round(share * len(members)))
        radii = np.linalg.norm(rows[members] - rows[members].mean(axis=0), axis=1)
        prototype = rows[members[np.argsort(radii, kind="stable")[:count]]].mean(axis=0, keepdims=True)
        (candidates,), (radii,) = nearest_neighbours(rows, prototype, count)
        nearer = radii < distance[candidates]
        distance[candidates[nearer]], nearest[candidates[nearer]] = radii[nearer], position
    certain = np.flatnonzero(nearest >= 0)
    return certain, nearest[certain]


def _classify(
    rows: NDArray[np.float32], training: NDArray[np.int64], names: NDArray[np.int64], n_groups: int, seed: int
) -> NDArray[np.float64]:
    """Probabilities (N, n_groups) by a logistic regression that is trained on some of the rows."""
    from sklearn.linear_model import LogisticRegression

    classes = np.unique(names)
    probabilities = np.zeros((len(rows), n_groups))
    if len(classes) == 1:
        probabilities[:, classes[0]] = 1.0
        return probabilities
    model = LogisticRegression(C=100.0, max_iter=300, tol=1e-3, random_state=seed).fit(rows[training], names)
    probabilities[:, model.classes_] = model.predict_proba(rows)
    return probabilities


def _agreement(
    nearest: NDArray[np.int64],
    of_rows: NDArray[np.int64],
    asked: NDArray[np.int64],
    sizes: NDArray[np.int64],
    least: int,
) -> NDArray[np.float64]:
    """Share of each row's nearest neighbours that `of_rows` puts into the group that is asked about.

    The number of neighbours is half the size of that group, at most all that are given: a small group cannot fill a large
    neighbourhood.
    """
    most = nearest.shape[1]
    count = np.clip(sizes[asked] // 2, min(least, most), most)
    agree: NDArray[np.int64] = (of_rows[nearest] == asked[:, None]).cumsum(axis=1)[np.arange(len(nearest)), count - 1]
    return agree / count
