"""How many groups an embedding has: the most that stand apart and are the same in every layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, pairwise_distances

from facies.cluster.kmeans import KMeans

SAMPLE = 2000
"""Rows at most that are looked at, drawn at random."""
LEAST_MEMBERS = 12
"""Members of a group on average; of fewer, layouts agree by chance."""
AGREEMENT = 0.92
"""Adjusted Rand index between layouts from which on groups count as found again."""
STRONG = 0.7
"""Silhouette above which a division counts as a strong structure (Kaufman & Rousseeuw, Finding Groups in Data, 1990, table 4)."""
SALIENCE = 0.75
"""Share of the greatest silhouette of more than two groups that a level has at least; lower peaks are accidents."""
PLATEAU = 0.3
"""Finer groups stand apart as well as the K of a level if their silhouette is lower by so much of its Kth part at most; to
halve one of K kinds at random costs about twice that."""
EVERY_NUMBER_TO = 40
STEP = 1.1
"""Up to `EVERY_NUMBER_TO` each number of groups is tried, and beyond by this ratio."""
N_INIT = 3


class GroupLevels(NamedTuple):
    """Numbers of groups at which an embedding falls apart.

    Attributes
    ----------
    number : int
        The finest that is the same in every layout.
    coarser : list of int
        Smaller numbers at which it falls apart as well, ascending.
    """

    number: int
    coarser: list[int]


class NumberCurves(NamedTuple):
    """What every number of groups gives that was tried.

    Attributes
    ----------
    counts : list of int
        The numbers, from 2 on, ascending.
    silhouettes : ndarray of float64
        Mean silhouette of each, −1 to 1, over all pairs of a division and a layout.
    agreements : ndarray of float64
        Adjusted Rand index of each, in the mean over pairs of divisions; 1 where they are the same.
    """

    counts: list[int]
    silhouettes: NDArray[np.float64]
    agreements: NDArray[np.float64]


def group_levels(
    layouts: Sequence[NDArray[np.float32]],
    random_state: int = 0,
    track: Callable[[Sequence[int]], Iterable[int]] | None = None,
) -> GroupLevels:
    """Find how many groups the layouts of an embedding have.

    Groups lie in groups: photographs of clothes are shoes and the rest, and at the same time ten kinds, and the silhouette
    is the greater the fewer there are. So it is not its maximum that is taken. At every number of groups k-means divides each
    layout; a number is a level if the silhouette, in the mean over all pairs of a division and a layout, has a peak there
    that is no accident (`SALIENCE`), and if the divisions of the layouts agree (adjusted Rand index of `AGREEMENT` or more in
    the mean). The finest level is taken, and where the silhouette hardly falls after it (`PLATEAU`), the last number before it
    does at which the layouts agree (`levels_of`).

    Parameters
    ----------
    layouts
        (N, D) each, two or more, of the same rows and from different seeds.
    random_state
        Seed of the 2,000 rows that are looked at where there are more, and of k-means.
    track
        Goes through the numbers that are tried, and may show how far that has come.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(50, 6, 2)).astype(np.float32)
    >>> places = np.array([[0, 0], [9, 0], [0, 9], [90, 0], [99, 0], [90, 9]], np.float32)
    >>> layout = (places + noise).reshape(-1, 2)
    >>> group_levels([layout, layout[:, ::-1]])
    GroupLevels(number=6, coarser=[2])
    """
    return levels_of(*number_curves(layouts, random_state, track))


def number_curves(
    layouts: Sequence[NDArray[np.float32]],
    random_state: int = 0,
    track: Callable[[Sequence[int]], Iterable[int]] | None = None,
) -> NumberCurves:
    """Divide layouts into each number of groups, and see how well these stand apart and whether they are found again.

    Parameters
    ----------
    layouts, random_state, track
        As of `group_levels`.
    """
    sample = np.sort(np.random.default_rng(random_state).permutation(len(layouts[0]))[:SAMPLE])
    rows = [np.ascontiguousarray(layout[sample], np.float32) for layout in layouts]
    distances = [pairwise_distances(each).astype(np.float32) for each in rows]
    counts = _counts(max(2, len(sample) // LEAST_MEMBERS))
    silhouettes, agreements = np.empty(len(counts)), np.empty(len(counts))
    for index, count in enumerate(track(counts) if track else counts):
        found = [
            KMeans(count, n_init=N_INIT, random_state=random_state + number).fit(each).labels_
            for number, each in enumerate(rows)
        ]
        silhouettes[index] = np.mean([mean_silhouette(each, labels) for labels in found for each in distances])
        agreements[index] = np.mean([adjusted_rand_score(*pair) for pair in combinations(found, 2)])
    return NumberCurves(counts, silhouettes, agreements)


def levels_of(
    counts: Sequence[int],
    silhouettes: NDArray[np.float64],
    agreements: NDArray[np.float64],
    salience: float = SALIENCE,
    plateau: float = PLATEAU,
) -> GroupLevels:
    """Find the levels from the silhouette and the agreement of layouts at each number of groups.

    Where the division in two is the only peak and no strong one, or there is none, things differ by degrees, as grains do by
    their size: then the last number is taken up to which, from two on, all divisions agree. Where not even two parts are found
    again, it is the number of the greatest sum of silhouette and agreement.

    Parameters
    ----------
    counts
        Numbers of groups, from 2 on, ascending.
    silhouettes, agreements
        One of each a number.
    salience
        Share of the greatest silhouette of more than two groups that a level has at least; 0 takes every peak.
    plateau
        How far the silhouette may fall after the finest level, as a share of its Kth part; 0 takes the level itself.
    """
    found_again = agreements >= AGREEMENT
    inner = np.concatenate([[-np.inf], silhouettes, [np.inf]])
    peaks = (silhouettes > inner[:-2]) & (silhouettes > inner[2:]) & found_again
    peaks &= silhouettes >= salience * (silhouettes[1:] if len(counts) > 1 else silhouettes).max()
    levels = [count for count, is_peak in zip(counts, peaks, strict=True) if is_peak]
    if levels and levels[-1] > counts[0]:
        finest = _end_of_plateau(int(np.flatnonzero(peaks)[-1]), counts, silhouettes, found_again, plateau)
        return GroupLevels(finest, [level for level in levels if level < finest])
    if levels and silhouettes[0] > STRONG:
        return GroupLevels(levels[0], [])
    unbroken = int(np.argmin(found_again)) if not found_again.all() else len(counts)
    if unbroken > 0:
        return GroupLevels(counts[unbroken - 1], levels if unbroken > 1 else [])
    return GroupLevels(counts[int((silhouettes + agreements).argmax())], [])


def _end_of_plateau(
    peak: int,
    counts: Sequence[int],
    silhouettes: NDArray[np.float64],
    found_again: NDArray[np.bool_],
    plateau: float,
) -> int:
    """The last number from the level at index `peak` on that is found again, before the silhouette has fallen."""
    fallen = np.flatnonzero(silhouettes[peak:] < (1 - plateau / counts[peak]) * silhouettes[peak])
    end = peak + int(fallen[0]) if len(fallen) else len(silhouettes)
    return counts[peak + int(np.flatnonzero(found_again[peak:end])[-1])]


def mean_silhouette(distances: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean silhouette (Rousseeuw, 1987) from a matrix of distances (M, M): −1 to 1, and −1 of one group.

    Parameters
    ----------
    distances
        (M, M), 0 on the diagonal.
    labels
        (M,) groups from 0.
    """
    members = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
    sizes = members.sum(axis=0)
    if len(sizes) < 2:
        return -1.0
    sums, own = distances @ members, np.arange(len(labels))
    within = sums[own, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[own, labels] = np.inf
    nearest = means.min(axis=1)
    silhouettes = (nearest - within) / np.maximum(np.maximum(nearest, within), 1e-12)
    return float(np.where(sizes[labels] > 1, silhouettes, 0.0).mean())


def _counts(most: int) -> list[int]:
    """Numbers of groups to try, from 2 to `most`: each at first, and then fewer."""
    counts = list(range(2, min(most, EVERY_NUMBER_TO) + 1))
    while counts[-1] * STEP <= most:
        counts.append(round(counts[-1] * STEP))
    return counts
