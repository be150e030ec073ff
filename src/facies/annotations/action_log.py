"""The mechanics under the journal: one action after another, each on the disk before it counts, undone and redone."""

from __future__ import annotations

import contextlib
import getpass
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from facies.annotations.actions import Action, check_text
from facies.annotations.snapshot import Annotations, decisions_of
from facies.annotations.sqlite_store import JournalStore
from facies.annotations.state import COLUMNS, ClassChanges, State, state_columns
from facies.annotations.undo_history import REVERSALS, UndoHistory
from facies.annotations.validation import ActionBuilder
from facies.io import jsonable
from facies.runs import JOURNAL_FILE, RunFolder
from facies.runs.manifest import now

__all__ = ["ActionLog", "ActionWriter"]

RECORDED = ("audit", "reject", "note")
ACTIONS_BETWEEN_SNAPSHOTS = 200


class ActionLog:
    """Keeps actions on the disk and what they add up to in memory. See `Journal`."""

    def __init__(self, run: RunFolder | str | Path, *, user: str | None = None) -> None:
        self.run = run if isinstance(run, RunFolder) else RunFolder(run)
        self.user = check_text(user if user is not None else _login(), "the name of the user")
        self._lock = threading.RLock()
        self._watchers: list[Callable[[Action], None]] = []
        self._initial: dict[str, NDArray[np.int64]] = {}
        self._history = UndoHistory()
        self._recorded: list[Action] = []
        described = self.run.manifest["input"]
        self._store = JournalStore(self.run.path / JOURNAL_FILE, len(self.run), described["fingerprint"])
        self._state = State(len(self.run), self._groups_of_run)
        self._store.read_snapshot(self._state)
        self._snapshot = self._state.revision
        for number, _, actor, kind, undoes in self._store.outline():
            if number <= self._snapshot:
                self._history.take(number, actor, kind, undoes)
        self._recorded += self._store.actions(kinds=RECORDED, last=self._snapshot)
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Nothing is lost without it: every action is on the disk already."""
        with self._lock:
            self._store.close()

    @property
    def revision(self) -> int:
        """The number of the last action taken in; 0 before the first."""
        return self._state.revision

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to undo, of anyone."""
        with self._lock:
            return self._history.next_undo(None) is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone action to do again, of anyone."""
        with self._lock:
            return self._history.next_redo(None) is not None

    def holds(self, number: int) -> bool:
        """Whether an action that is neither an undo nor a redo is in force: it was not undone, or was done again."""
        with self._lock:
            return self._history.holds(number)

    def refresh(self) -> list[Action]:
        """Take in what other processes have written since; watchers are told.

        Returns
        -------
        list of Action
            The new ones, the oldest first.
        """
        with self._lock:
            fresh = list(self._store.actions(after=self._state.revision))
            for action in fresh:
                self._take(action)
            return fresh

    def subscribe(self, watcher: Callable[[Action], None]) -> Callable[[], None]:
        """Be told of every action, one's own and those that `refresh` found, in order, once it is on the disk.

        Parameters
        ----------
        watcher : callable
            Called with the `Action`, in the thread that wrote or refreshed and under the journal's lock: it must be
            quick, and not write.

        Returns
        -------
        callable
            Ends it.
        """
        with self._lock:
            self._watchers.append(watcher)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._watchers.remove(watcher)

        return end

    def annotations(self) -> Annotations:
        """Return all decisions at this moment, those of other processes included."""
        with self._lock:
            self.refresh()
            return decisions_of(self._state, [action for action in self._recorded if self._history.holds(action.id)])

    def actions(self, after: int = 0) -> Iterator[Action]:
        """Read the actions with a larger id, the oldest first, undone ones and undos included."""
        last = self.revision
        number = after
        while number < last:
            number += 1
            with self._lock:
                action = self._store.action(number)
            yield action

    def undo(self, user: str | None = None) -> Action | None:
        """Undo the latest action that holds, as if it had never been; what came after it stays.

        Parameters
        ----------
        user : str, optional
            Only among the actions of this user; without it of anyone.

        Returns
        -------
        Action or None
            The inverse row, or None if there is nothing to undo.
        """
        with self._writing(user) as writer:
            root = self._history.next_undo(user)
            return None if root is None else self._turn("undo", root, root, writer)

    def redo(self, user: str | None = None) -> Action | None:
        """Do the action again that was undone last.

        What a user has undone cannot be done again once the same user has done something else.

        Parameters
        ----------
        user : str, optional
            Only among the actions of this user; without it of anyone.

        Returns
        -------
        Action or None
            The row, or None if there is nothing to do again.
        """
        with self._writing(user) as writer:
            root = self._history.next_redo(user)
            return None if root is None else self._turn("redo", root, self._history.last_turn(root), writer)

    def _groups_of_run(self, partition: str) -> NDArray[np.int64]:
        if partition not in self._initial:
            self._initial[partition] = self.run.partition(partition)[0]["group"].to_numpy(np.int64)
        return self._initial[partition]

    @contextlib.contextmanager
    def _writing(self, user: str | None) -> Iterator[ActionWriter]:
        """Hold lock and file; what was written is on the disk and taken in afterwards, or nothing of it is."""
        actor = self.user if user is None else check_text(user, "the name of the user")
        with self._lock:
            with self._store.writing():
                self.refresh()
                writer = ActionWriter(self._state, self._store, actor)
                yield writer
            if writer.written is not None:
                self._take(writer.written)
                due = self._state.revision - self._snapshot >= ACTIONS_BETWEEN_SNAPSHOTS
                if due and writer.written.kind not in REVERSALS:  # an undo is to be felt at once
                    self._store.write_snapshot(self._state)
                    self._snapshot = self._state.revision

    def _take(self, action: Action) -> None:
        self._state.apply(action)
        self._history.take(action.id, action.user, action.kind, action.undoes)
        if action.kind in RECORDED:
            self._recorded.append(action)
        for watcher in tuple(self._watchers):
            watcher(action)

    def _turn(self, kind: str, root: int, undoes: int, writer: ActionWriter) -> Action:
        target = self._store.action(root)
        columns, cells = self._without(target) if kind == "undo" else self._with(target)
        writer.classes.update(cells)
        return writer.write(
            kind,
            target.rows,
            columns,
            before={},
            parameters={"of": root, "kind": target.kind},
            partition=target.partition,
            undoes=undoes,
        )

    def _without(self, target: Action) -> tuple[dict[str, NDArray[Any]], ClassChanges]:
        if self._history.is_plain(target.id):
            columns = {name: target.before[name] for name in state_columns(target)}
            return columns, dict(target.parameters.get("classes_before", {}))
        return self._added_up(target, [number for number in self._history.holding() if number != target.id])

    def _with(self, target: Action) -> tuple[dict[str, NDArray[Any]], ClassChanges]:
        if self._history.is_plain(target.id):
            columns = {name: target.after[name] for name in state_columns(target)}
            return columns, dict(target.parameters.get("classes", {}))
        return self._added_up(target, sorted([*self._history.holding(), target.id]))

    def _added_up(self, target: Action, holding: list[int]) -> tuple[dict[str, NDArray[Any]], ClassChanges]:
        """What the rows and cells of ``target`` hold when only the actions ``holding`` have been."""
        rows, columns = target.rows, state_columns(target)
        values = {name: self._state.initial(name, target.partition, rows) for name in columns}
        cells: ClassChanges = {
            number: dict.fromkeys(fields) for number, fields in target.parameters.get("classes", {}).items()
        }
        for number in holding:
            action = self._store.action(number)
            for name in set(columns) & set(state_columns(action)):
                if name == "group" and action.partition != target.partition:
                    continue
                _, here, there = np.intersect1d(rows, action.rows, assume_unique=True, return_indices=True)
                values[name][here] = action.after[name][there]
            for key, fields in action.parameters.get("classes", {}).items():
                cells.get(key, {}).update({name: value for name, value in fields.items() if name in cells.get(key, {})})
        return values, cells


class ActionWriter(ActionBuilder):
    """A writer, and the paper: the next action is written here, once."""

    def __init__(self, state: State, store: JournalStore, user: str) -> None:
        super().__init__(state)
        self._store, self._user = store, user
        self.written: Action | None = None

    def write(
        self,
        kind: str,
        rows: NDArray[np.int64],
        after: Mapping[str, Any],
        *,
        before: Mapping[str, NDArray[Any]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        partition: str | None = None,
        undoes: int | None = None,
    ) -> Action:
        """Append the action, with the changes of classes and reasons gathered; old values are those of the state."""
        assert self.written is None
        known = dict(parameters or {})
        if self.classes:
            known |= {"classes": self.classes, "classes_before": self.state.cells_now(self.classes)}
        if self.reasons:
            known["reasons"] = self.reasons
        if before is None:
            before = {name: self.state.column(name, partition)[rows] for name in after}
        types: dict[str, Any] = {
            **COLUMNS,
            "group": np.int32,
            **{name: values.dtype for name, values in before.items()},
        }
        full = {name: np.broadcast_to(np.asarray(values, types[name]), rows.shape) for name, values in after.items()}
        action = Action(
            self.state.revision + 1, now(), self._user, kind, partition, rows, before, full, jsonable(known), undoes
        )
        self._store.append(action)
        self.written = action
        return action


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "expert"
