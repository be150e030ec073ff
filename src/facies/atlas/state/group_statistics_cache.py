"""The statistics of all groups, computed when first asked for, and again for groups that have changed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import STATES
from facies.atlas.errors import MissingError
from facies.atlas.state.group_statistics import GroupStatistics, group_index, measure_groups, total_variance
from facies.atlas.state.image_states import EXCLUDED, ImageStates


class GroupStatisticsCache:
    """Holds the `GroupStatistics` of the groups that exist now; ``groups`` has those of the images, shape (N,)."""

    def __init__(self, embedding: NDArray[np.float32], points: NDArray[np.float32], groups: NDArray[np.int32]) -> None:
        self._embedding, self._points, self._groups = embedding, points, groups
        self._compute_lock = threading.Lock()
        self._update_lock = threading.Lock()
        self._statistics: dict[int, GroupStatistics] | None = None
        self._variance = 0.0
        self._stale: set[int] = set()
        self._parents: dict[int, list[int]] = {}

    def update_groups(self, before: NDArray[np.int32], after: NDArray[np.int32], rows: NDArray[np.int64]) -> None:
        """Record that the images ``rows`` have changed their group, from ``before`` (N,) to ``after`` (N,).

        It is fast, because nothing is computed before it is asked for.
        """
        old, old_index, _ = group_index(before[rows])
        new, new_index, _ = group_index(after[rows])
        # Of which groups each new one has images: after a cut of the whole tree, of few of all that there were.
        to, come = np.divmod(np.unique(new_index * len(old) + old_index), max(1, len(old)))
        known, parents = {*old.tolist(), *self._parents}, dict[int, list[int]]()
        for group, parent in zip(new[to].tolist(), old[come].tolist(), strict=True):
            if group >= 0 and parent >= 0 and group not in known:
                parents.setdefault(group, []).append(parent)
        with self._update_lock:
            self._groups = after
            self._stale |= {*old.tolist(), *new.tolist()}
            self._parents.update(parents)

    def by_group(self) -> dict[int, GroupStatistics]:
        """Return the statistics of all groups by number."""
        with self._compute_lock:
            with self._update_lock:
                groups, stale, self._stale = self._groups, self._stale, set()
            if self._statistics is None:
                self._variance = total_variance(self._embedding)
                self._statistics = measure_groups(self._embedding, self._points, groups, self._variance)
            elif stale:
                is_stale = np.zeros(max(int(groups.max(initial=-1)), *stale) + 2, np.bool_)
                is_stale[np.array(sorted(stale)) + 1] = True
                rows = np.flatnonzero(is_stale[groups + 1])
                computed = measure_groups(self._embedding, self._points, groups, self._variance, rows)
                current = {group: entry for group, entry in self._statistics.items() if group not in stale}
                self._statistics = {**current, **computed}
            return self._statistics

    def to_json(self, states: ImageStates) -> list[dict[str, Any]]:
        """Return the groups as the page receives them, the largest first.

        The class of a group is the one that most of its validated members have; without validated members, the one that
        most of its members with a class have.
        """
        statistics = self.by_group()
        if not statistics:
            return []
        numbers = np.array(sorted(statistics), np.int64)
        index, classes, image_states, is_looked_at = _members(states, numbers)
        counts = [np.bincount(index[image_states == state], minlength=len(numbers)) for state in range(5)]
        looked_at = np.bincount(index[is_looked_at], minlength=len(numbers))
        named = np.bincount(index[(classes > 0) & (image_states != EXCLUDED)], minlength=len(numbers))
        majority = _majority_class(index, classes, image_states, len(numbers))
        entries = []
        for i, number in enumerate(numbers.tolist()):
            group, excluded = statistics[number], counts[EXCLUDED][i]
            entries.append(
                {
                    "group": number,
                    "size": group.size,
                    "homogeneity": round(group.homogeneity, 4),
                    "distance": group.distance,
                    "class": int(majority[i]),
                    "named": int(named[i]),
                    "looked_at": int(looked_at[i]),
                    "validated": int(counts[STATES["validated"]][i]),
                    "dubious": int(counts[STATES["dubious"]][i]),
                    "excluded": int(excluded),
                    "progress": float((named[i] + excluded) / max(1, group.size)),
                    "parents": self._parents.get(number, []),
                    "x": group.x,
                    "y": group.y,
                    "medoid": int(group.examples[0]),
                    "examples": group.examples.tolist(),
                }
            )
        return sorted(entries, key=lambda entry: (-entry["size"], entry["group"]))

    def similar(self, group: int, k: int) -> list[tuple[int, float]]:
        """Return the ``k`` groups whose centres are nearest to that of ``group``, with their distances.

        `MissingError` if there is no such group.
        """
        statistics = self.by_group()
        if group not in statistics:
            raise MissingError(f"there is no group {group} any more")
        others = [other for other in sorted(statistics) if other not in (group, -1)]
        if not others:
            return []
        centres = np.stack([statistics[other].centre for other in others])
        distances = np.linalg.norm(centres - statistics[group].centre, axis=1)
        return [(others[i], float(distances[i])) for i in np.argsort(distances, kind="stable")[:k]]


def _members(
    states: ImageStates, numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint8], NDArray[np.bool_]]:
    """Return what is known of the images whose group is one of ``numbers``, which are ascending.

    The index of their group in ``numbers``, their class, their state, and whether they were looked at.
    """
    lookup = np.full(max(int(states.groups.max(initial=-1)), int(numbers[-1])) + 2, -1, np.int64)
    lookup[numbers + 1] = np.arange(len(numbers))
    index = lookup[states.groups + 1]
    known = index >= 0
    if known.all():
        return index, states.classes, states.states, states.looked_at
    # A group has been made since the statistics were computed.
    return index[known], states.classes[known], states.states[known], states.looked_at[known]


def _majority_class(
    index: NDArray[np.int64], classes: NDArray[np.uint16], states: NDArray[np.uint8], n_groups: int
) -> NDArray[np.int64]:
    majority = np.zeros(n_groups, np.int64)
    width = int(classes.max(initial=0)) + 1
    if width == 1:
        return majority
    for voters in ((classes > 0) & (states != EXCLUDED), (classes > 0) & (states == STATES["validated"])):
        votes = np.bincount(index[voters] * width + classes[voters], minlength=n_groups * width)
        votes = votes.reshape(n_groups, width)
        majority = np.where(votes.any(axis=1), votes.argmax(axis=1), majority)
    return majority
