"""Which boxes of the layers of a stack are one grain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Match:
    """A grain in several layers: its boxes as (layer, number of the box in it), by layer, and that of the largest area."""

    members: tuple[tuple[int, int], ...]
    widest: tuple[int, int]

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers in which the grain appears."""
        return tuple(sorted({layer for layer, _ in self.members}))


def overlaps(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the intersection over union, (n, m), of boxes (n, 4) and (m, 4) of x0, y0, x1, y1, half-open."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    of_first = np.prod(first[:, 2:] - first[:, :2], axis=1)
    of_second = np.prod(second[:, 2:] - second[:, :2], axis=1)
    whole = of_first[:, None] + of_second[None] - shared
    return shared / np.maximum(whole, 1)


def match_layers(boxes: Sequence[NDArray[np.int64]], *, overlap: float = 0.3, min_layers: int = 2) -> list[Match]:
    """Link the boxes of all layers, each (n, 4), into grains: single linkage of those that overlap.

    Two boxes are linked from an intersection over union of `overlap` on. A grain appears in at least `min_layers`
    layers, or in all where there are fewer. Where blur joins two grains in some layers, and most layers show them
    apart, they are two: the joined boxes are not used. Grains are ordered from top to bottom, then from left to right.
    """
    layer = np.concatenate([np.full(len(own), number) for number, own in enumerate(boxes)])
    index = np.concatenate([np.arange(len(own)) for own in boxes])
    every = np.concatenate([np.asarray(own, np.int64).reshape(-1, 4) for own in boxes])
    if not len(every):
        return []
    linked = (overlaps(every, every) >= overlap) & ((layer[:, None] != layer[None]) | np.eye(len(every), dtype=bool))
    groups: list[NDArray[np.int64]] = []
    for group in _components(linked):
        joined = _joined(group, layer, every)
        apart = group[~joined]
        groups += [apart[part] for part in _components(linked[np.ix_(apart, apart)])] if joined.any() else [group]
    needed = min(min_layers, len(boxes))
    areas = np.prod(every[:, 2:] - every[:, :2], axis=1)
    matches = []
    for group in groups:
        if len(np.unique(layer[group])) < needed:
            continue
        widest = group[areas[group].argmax()]
        corner = tuple(every[widest][[1, 0]])
        members = tuple((int(layer[row]), int(index[row])) for row in group)
        matches.append((corner, Match(members, (int(layer[widest]), int(index[widest])))))
    return [match for _, match in sorted(matches, key=lambda item: item[0])]


def _components(linked: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count, labels = connected_components(coo_array(linked), directed=False)
    return [np.flatnonzero(labels == number) for number in range(count)]


def _joined(group: NDArray[np.int64], layer: NDArray[np.int64], boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the boxes of a group that span several grains which most of its layers show apart."""
    numbers, counts = np.unique(layer[group], return_counts=True)
    apart: NDArray[np.int64] = numbers[counts > 1]
    joined = np.zeros(len(group), bool)
    if 2 * len(apart) <= len(numbers):
        return joined
    mine = boxes[group]
    centres = (mine[:, None, :2] + mine[:, None, 2:]) / 2
    inside: NDArray[np.bool_] = np.all(
        (centres >= mine[None, :, :2]) & (centres <= mine[None, :, 2:]), axis=2
    )  # (of, in)
    for number in apart:
        here = layer[group] == number
        joined |= ~here & (inside[here].sum(axis=0) > 1)
    return joined
