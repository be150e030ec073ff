"""Groups whose mean images are the same but for noise, and groups that swallow most of the images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

MERGEABLE = 0.95
GIANT = 0.5
RELIABLE = 0.5


def similar_groups(
    batches: Iterable[NDArray[np.floating]], groups: NDArray[np.int64], threshold: float = MERGEABLE
) -> list[tuple[int, int, float]]:
    r"""Find pairs of groups that show the same pattern.

    The correlation of two mean images is too low where groups are small and noisy. It is divided by the square root of their
    reliabilities, :math:`n\bar r / (1 + (n-1)\bar r)`, where :math:`\bar r` is the mean correlation within a group (Spearman,
    1904; Brown, 1910).

    Parameters
    ----------
    batches : iterable of ndarray, shape (B, P)
        All images in order.
    groups : ndarray of int64, shape (N,)
        −1 does not count.
    threshold : float, default=0.95
        Correlation, without noise, from which two groups are the same.

    Returns
    -------
    list of (int, int, float)
        Two groups and their correlation, at most 1; the most alike first. Groups of one image, and those whose mean
        image has a reliability below 0.5, are left out.
    """
    count = int(groups.max(initial=-1)) + 1
    sums: NDArray[np.float64] | None = None
    start = 0
    for batch in batches:
        values = np.asarray(batch, np.float64)
        centred = values - values.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        own = groups[start : start + len(values)]
        start += len(values)
        sums = np.zeros((count, values.shape[1])) if sums is None else sums
        np.add.at(sums, own[own >= 0], (centred / np.where(length > 1e-12, length, 1))[own >= 0])
    if sums is None or count < 2:
        return []
    sizes = np.bincount(groups[groups >= 0], minlength=count).astype(float)
    squares = np.square(sums).sum(axis=1)
    within = (squares - sizes) / np.maximum(sizes * (sizes - 1), 1)
    reliability = sizes * within / np.maximum(1 + (sizes - 1) * within, 1e-12)
    usable = (sizes > 1) & (reliability >= RELIABLE)  # below, noise alone decides
    scale = np.sqrt(np.where(usable, squares * np.minimum(reliability, 1), np.inf))
    alike = np.minimum(sums @ sums.T / np.outer(scale, scale), 1)
    one, other = np.nonzero(np.triu(alike >= threshold, 1))
    pairs = sorted(
        zip(one.tolist(), other.tolist(), alike[one, other].tolist(), strict=True), key=lambda each: -each[2]
    )
    return [(first, second, float(value)) for first, second, value in pairs]


def group_notes(
    batches: Iterable[NDArray[np.floating]], groups: NDArray[np.int64], things: str, names: list[str] | None = None
) -> list[str]:
    """Say which groups may be merged, and which one holds more than half of what was grouped.

    Parameters
    ----------
    batches, groups
        As in `similar_groups`.
    things : str
        What the images are, such as ``images`` or ``genes``.
    names : list of str, optional
        Name of each group; without it its number.
    """
    called = names or [str(number) for number in range(int(groups.max(initial=-1)) + 1)]
    notes = []
    pairs = similar_groups(batches, groups)
    if pairs:
        few = "; ".join(f"{called[a]} and {called[b]} ({r:.2f})" for a, b, r in pairs[:5])
        more = f" and {len(pairs) - 5} more pairs" if len(pairs) > 5 else ""
        notes.append(f"groups that show the same pattern and can be merged: {few}{more}; ask for fewer groups")
    sizes = np.bincount(groups[groups >= 0]) if (groups >= 0).any() else np.zeros(1, int)
    if sizes.max() > GIANT * sizes.sum() and len(sizes) > 1:
        notes.append(
            f"group {called[int(sizes.argmax())]} holds {sizes.max():,} of {sizes.sum():,} {things}, more than half: "
            "it may be several patterns, or none; ask for more groups"
        )
    return notes
