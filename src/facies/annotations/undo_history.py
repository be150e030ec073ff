"""Which actions hold now: undo and redo without limit, by anyone or by each user for himself."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

__all__ = ["UndoHistory"]

REVERSALS = ("undo", "redo")


class UndoHistory:
    """Follows the journal's outline.

    An *own* action is one that is neither an undo nor a redo. What holds is what the own actions that are not undone
    add up to, in their order: as if those undone had never been.
    """

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._holding: list[int] = []  # own actions that hold, rising
        self._undone: list[int] = []  # own actions that may be done again, the last undone last
        self._turned: dict[int, list[int]] = {}  # own action → rows that undid it or did it again
        self._roots: dict[int, int] = {}  # an undo or redo → the own action that it is about

    def take(self, number: int, user: str, kind: str, undoes: int | None) -> None:
        """Take the next row in."""
        if kind not in REVERSALS:
            self._users[number] = user
            self._holding.append(number)
            # What was undone and then done otherwise is not done again, unless by somebody else.
            self._undone = [other for other in self._undone if self._users[other] != user]
            return
        assert undoes is not None
        root = self._roots.get(undoes, undoes)
        self._roots[number] = root
        self._turned.setdefault(root, []).append(number)
        if kind == "undo":
            del self._holding[bisect.bisect_left(self._holding, root)]
            self._undone.append(root)
        else:
            bisect.insort(self._holding, root)
            self._undone.remove(root)

    def next_undo(self, user: str | None) -> int | None:
        """The latest action that holds: of anyone, or of one user."""
        return self._last(self._holding, user)

    def next_redo(self, user: str | None) -> int | None:
        """The action that was undone last: of anyone, or of one user."""
        return self._last(self._undone, user)

    def last_turn(self, root: int) -> int:
        """The row that undid ``root`` last."""
        return self._turned[root][-1]

    def holds(self, number: int) -> bool:
        """Whether an own action holds."""
        place = bisect.bisect_left(self._holding, number)
        return place < len(self._holding) and self._holding[place] == number

    def holding(self) -> Iterable[int]:
        """The own actions that hold, rising."""
        return tuple(self._holding)

    def is_plain(self, root: int) -> bool:
        """Whether the old values that ``root`` kept, and its new ones, are those that hold without it and with it.

        They are if no later action holds, and each earlier one holds now just if it held when ``root`` was written.
        """
        if self._holding and self._holding[-1] > root:
            return False
        return all(
            (len(turns) - bisect.bisect_left(turns, root)) % 2 == 0
            for other, turns in self._turned.items()
            if other < root
        )

    def _last(self, numbers: list[int], user: str | None) -> int | None:
        return next((number for number in reversed(numbers) if user is None or self._users[number] == user), None)
