"""Which actions are in force: undo and redo without limit, over everybody's actions or over each user's own."""

from __future__ import annotations

import bisect

REVERSALS = ("undo", "redo")
"""The kinds of actions that reverse another one."""


class UndoHistory:
    """Follows undo and redo through the journal.

    A *reversal* is an undo or a redo; every other action is an *original*. The state is what the originals in force add
    up to, in their order: as if those that were undone had never been.
    """

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._in_force: list[int] = []  # originals, rising
        self._undone: list[int] = []  # originals that can be redone, the one undone last at the end
        self._reversals: dict[int, list[int]] = {}  # original → its undos and redos
        self._originals: dict[int, int] = {}  # undo or redo → its original

    def add(self, number: int, user: str, kind: str, undoes: int | None) -> None:
        """Add the next action of the journal."""
        if kind not in REVERSALS:
            self._users[number] = user
            self._in_force.append(number)
            # A user who does something else gives up the right to redo, and takes it from nobody else.
            self._undone = [other for other in self._undone if self._users[other] != user]
            return
        assert undoes is not None
        original = self._originals.get(undoes, undoes)
        self._originals[number] = original
        self._reversals.setdefault(original, []).append(number)
        if kind == "undo":
            del self._in_force[bisect.bisect_left(self._in_force, original)]
            self._undone.append(original)
        else:
            bisect.insort(self._in_force, original)
            self._undone.remove(original)

    def next_undo(self, user: str | None) -> int | None:
        """Return the latest original in force, of anyone or of one user."""
        return self._last(self._in_force, user)

    def next_redo(self, user: str | None) -> int | None:
        """Return the original that was undone last, of anyone or of one user."""
        return self._last(self._undone, user)

    def last_reversal(self, original: int) -> int:
        """Return the latest undo or redo of an original."""
        return self._reversals[original][-1]

    def is_in_force(self, original: int) -> bool:
        """Whether an original is in force."""
        position = bisect.bisect_left(self._in_force, original)
        return position < len(self._in_force) and self._in_force[position] == original

    def in_force(self) -> tuple[int, ...]:
        """Return the originals in force, rising."""
        return tuple(self._in_force)

    def stored_values_apply(self, original: int) -> bool:
        """Whether the old and new values stored with an original are those of the state without it and with it.

        They are if no later original is in force, and each earlier one is in force now exactly if it was when
        ``original`` was written. Otherwise the values must be computed by a replay.
        """
        if self._in_force and self._in_force[-1] > original:
            return False
        return all(
            (len(reversals) - bisect.bisect_left(reversals, original)) % 2 == 0
            for other, reversals in self._reversals.items()
            if other < original
        )

    def _last(self, numbers: list[int], user: str | None) -> int | None:
        return next((number for number in reversed(numbers) if user is None or self._users[number] == user), None)
