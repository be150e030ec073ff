"""The facts of all groups, measured when first asked for and again when a group changes."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import STATES
from facies.atlas.errors import MissingError
from facies.atlas.state.group_statistics import GroupStatistics, measure_groups, numbered, total_variance
from facies.atlas.state.image_states import EXCLUDED, ImageStates

__all__ = ["GroupStatisticsCache"]


class GroupStatisticsCache:
    """Keeps `GroupStatistics` of the groups that there are.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    points : ndarray of float32, shape (N, 2)
        The map.
    groups : ndarray of int32, shape (N,)
        The group of each image now.
    """

    def __init__(self, embedding: NDArray[np.float32], points: NDArray[np.float32], groups: NDArray[np.int32]) -> None:
        self._embedding, self._points, self._groups = embedding, points, groups
        self._lock = threading.Lock()
        self._marks = threading.Lock()
        self._facts: dict[int, GroupStatistics] | None = None
        self._variance = 0.0
        self._stale: set[int] = set()
        self._parents: dict[int, list[int]] = {}

    def changed(self, before: NDArray[np.int32], after: NDArray[np.int32], rows: NDArray[np.int64]) -> None:
        """Note that images went from groups to others. It is quick; the groups are measured when asked for."""
        old, new = numbered(before[rows])[0], numbered(after[rows])[0]
        with self._marks:
            self._groups = after
            self._stale |= {*old.tolist(), *new.tolist()}
            for group in new.tolist():
                if group >= 0 and group not in self._parents and group not in old:
                    self._parents[group] = [int(number) for number in old if number >= 0 and number != group]

    def facts(self) -> dict[int, GroupStatistics]:
        """The facts of all groups by number."""
        with self._lock:
            with self._marks:
                groups, stale, self._stale = self._groups, self._stale, set()
            if self._facts is None:
                self._variance = total_variance(self._embedding)
                self._facts = measure_groups(self._embedding, self._points, groups, self._variance)
            elif stale:
                changed = np.zeros(max(int(groups.max(initial=-1)), *stale) + 2, np.bool_)
                changed[np.array(sorted(stale)) + 1] = True
                rows = np.flatnonzero(changed[groups + 1])
                measured = measure_groups(self._embedding, self._points, groups, self._variance, rows)
                kept = {group: facts for group, facts in self._facts.items() if group not in stale}
                self._facts = {**kept, **measured}
            return self._facts

    def told(self, standing: ImageStates) -> list[dict[str, Any]]:
        """Return what a browser is told of the groups, the largest first.

        The class of a group is the one that most of its validated members have; without validated ones, most of those
        that have any.
        """
        facts = self.facts()
        if not facts:
            return []
        names = np.array(sorted(facts), np.int64)
        lookup = np.full(max(int(standing.groups.max(initial=-1)), int(names[-1])) + 2, -1, np.int64)
        lookup[names + 1] = np.arange(len(names))
        places, classes, states = lookup[standing.groups + 1], standing.classes, standing.states
        if (places < 0).any():  # a group has come since the facts were measured
            known = places >= 0
            places, classes, states = places[known], classes[known], states[known]
        counts = [np.bincount(places[states == state], minlength=len(names)) for state in range(5)]
        named = np.bincount(places[(classes > 0) & (states != EXCLUDED)], minlength=len(names))
        winner = _most_common(places, classes, states, len(names))
        told = []
        for i, name in enumerate(names.tolist()):
            fact, validated, excluded = facts[name], counts[STATES["validated"]][i], counts[EXCLUDED][i]
            told.append(
                {
                    "group": name,
                    "size": fact.size,
                    "homogeneity": round(fact.homogeneity, 4),
                    "distance": fact.distance,
                    "class": int(winner[i]),
                    "named": int(named[i]),
                    "validated": int(validated),
                    "dubious": int(counts[STATES["dubious"]][i]),
                    "excluded": int(excluded),
                    "progress": float((named[i] + excluded) / max(1, fact.size)),
                    "parents": self._parents.get(name, []),
                    "x": fact.x,
                    "y": fact.y,
                    "medoid": int(fact.examples[0]),
                    "examples": fact.examples.tolist(),
                }
            )
        return sorted(told, key=lambda group: (-group["size"], group["group"]))

    def similar(self, group: int, k: int) -> list[tuple[int, float]]:
        """Return the groups whose centres are nearest to that of a group, and how far they are.

        Raises
        ------
        MissingError
            If there is no such group.
        """
        facts = self.facts()
        if group not in facts:
            raise MissingError(f"there is no group {group} any more")
        others = [other for other in sorted(facts) if other not in (group, -1)]
        if not others:
            return []
        apart = np.linalg.norm(np.stack([facts[other].centre for other in others]) - facts[group].centre, axis=1)
        return [(others[i], float(apart[i])) for i in np.argsort(apart, kind="stable")[:k]]


def _most_common(
    places: NDArray[np.int64], classes: NDArray[np.uint16], states: NDArray[np.uint8], n_groups: int
) -> NDArray[np.int64]:
    winner = np.zeros(n_groups, np.int64)
    width = int(classes.max(initial=0)) + 1
    if width == 1:
        return winner
    for voters in ((classes > 0) & (states != EXCLUDED), (classes > 0) & (states == STATES["validated"])):
        numbers = np.bincount(places[voters] * width + classes[voters], minlength=n_groups * width)
        votes = numbers.reshape(n_groups, width)
        winner = np.where(votes.any(axis=1), votes.argmax(axis=1), winner)
    return winner
