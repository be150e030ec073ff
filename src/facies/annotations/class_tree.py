"""The tree of classes: which class lies under which, whatever a journal says, and the path of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SEPARATOR = " > "
"""Stands between the names of a path, such as ``foraminifera > planktic > G. ruber``."""

MAX_DEPTH = 20
"""Levels that a tree of classes may have."""


def class_parents(classes: Mapping[int, Mapping[str, Any]]) -> dict[int, int]:
    """Return the class above each class that exists, 0 for those at the top, by number.

    No action may bend the tree into a circle, but the undoing of an older one, or a journal of a stranger, can: the class of
    the circle that was made first then stands at the top. So does a class whose parent is gone, or more than `MAX_DEPTH`
    levels deep.

    Parameters
    ----------
    classes : mapping of int to mapping
        The fields of each class by its number, of which ``exists`` and ``parent`` are read.
    """
    existing = sorted(number for number, fields in classes.items() if fields.get("exists"))
    parents = dict.fromkeys(existing, 0)
    for number in existing:
        parent = classes[number].get("parent")
        if isinstance(parent, int) and parent in parents and parent != number:
            parents[number] = parent
    below = children_by_parent(parents)
    reached: set[int] = set()
    for number in [*below.get(0, []), *existing]:
        if number in reached:
            continue
        top = _first_of_circle(number, parents) if parents[number] else number
        parents[top] = 0
        level = [top]
        depth = 0
        while level:
            depth += 1
            reached.update(level)
            level = [child for each in level for child in below.get(each, ()) if child not in reached]
            if depth % MAX_DEPTH == 0:
                parents.update(dict.fromkeys(level, 0))
    return parents


def class_paths(parents: Mapping[int, int], names: Mapping[int, str]) -> dict[int, str]:
    """Return the names from the top of the tree down to each class, with `SEPARATOR` between them, by number."""
    return {
        number: SEPARATOR.join(names[above] for above in reversed([number, *ancestors(number, parents)]))
        for number in parents
    }


def ancestors(number: int, parents: Mapping[int, int]) -> list[int]:
    """Return the classes above a class, the nearest first."""
    above = []
    while number := parents.get(number, 0):
        above.append(number)
    return above


def with_all_below(parents: Mapping[int, int]) -> dict[int, list[int]]:
    """Return each class and all those below it, in the order of the tree: a class, then what lies under it."""
    below = children_by_parent(parents)
    subtrees: dict[int, list[int]] = {}
    for number in sorted(parents, key=lambda each: -len(ancestors(each, parents))):
        subtrees[number] = [number, *(each for child in below.get(number, ()) for each in subtrees[child])]
    return subtrees


def tree_order(parents: Mapping[int, int]) -> list[int]:
    """Return all classes in the order of the tree; those under one class in the order in which they were made."""
    subtrees = with_all_below(parents)
    return [each for number, parent in parents.items() if not parent for each in subtrees[number]]


def children_by_parent(parents: Mapping[int, int]) -> dict[int, list[int]]:
    """Return the classes right under each class, and under 0 those at the top."""
    below: dict[int, list[int]] = {}
    for number, parent in parents.items():
        below.setdefault(parent, []).append(number)
    return below


def depth_below(number: int, below: Mapping[int, Iterable[int]]) -> int:
    """Return how many levels lie under a class, from `children_by_parent`."""
    depth, level = -1, [number]
    while level:
        depth += 1
        level = [child for each in level for child in below.get(each, ())]
    return depth


def _first_of_circle(start: int, parents: Mapping[int, int]) -> int:
    """Return the smallest number of the circle into which the parents of ``start`` lead."""
    seen: set[int] = set()
    while start not in seen:
        seen.add(start)
        start = parents[start]
    circle, number = {start}, parents[start]
    while number != start:
        circle.add(number)
        number = parents[number]
    return min(circle)
