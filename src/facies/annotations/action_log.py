"""The mechanism under the journal: one action after another, each on disk before it counts, undone and redone."""

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
from facies.annotations.remarks import STATELESS, check_remark
from facies.annotations.snapshot import Annotations
from facies.annotations.sqlite_store import JournalStore
from facies.annotations.state import COLUMNS, ClassChanges, State, state_columns
from facies.annotations.undo_history import REVERSALS, UndoHistory
from facies.annotations.validation import ActionBuilder
from facies.errors import InputError
from facies.io import jsonable
from facies.runs import JOURNAL_FILE, RunFolder
from facies.runs.manifest import now

ACTIONS_BETWEEN_SNAPSHOTS = 200


class ActionLog:
    """Stores actions on disk, and what they add up to in memory. See `Journal`."""

    def __init__(self, run: RunFolder | str | Path, *, user: str | None = None) -> None:
        self.run = run if isinstance(run, RunFolder) else RunFolder(run)
        self.user = check_text(user if user is not None else _login_name(), "the name of the user")
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Action], None]] = []
        self._initial: dict[str, NDArray[np.int64]] = {}
        self._history = UndoHistory()
        self._store = JournalStore(
            self.run.path / JOURNAL_FILE, len(self.run), self.run.manifest["input"]["fingerprint"]
        )
        self._state = State(len(self.run), self._initial_groups)
        try:
            self._read()
        except InputError:
            raise
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
            raise self._store.damaged("its actions do not follow from each other") from error

    def _read(self) -> None:
        self._store.read_snapshot(self._state)
        self._snapshot_revision = self._state.revision
        for number, user_of_action, kind, undoes in self._store.outline():
            if number <= self._snapshot_revision:
                self._history.add(number, user_of_action, kind, undoes)
        # A snapshot does not hold what audits, rejections, notes, ratios and pairs say.
        self._stateless = list(self._store.actions(kinds=STATELESS, last=self._snapshot_revision))
        for action in self._stateless:
            check_remark(action)
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Nothing is lost without it, since every action is on disk already."""
        with self._lock:
            self._store.close()

    @property
    def revision(self) -> int:
        """The number of the last action read or written; 0 before the first."""
        return self._state.revision

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to undo, of anyone."""
        with self._lock:
            return self._history.next_undo(None) is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone action to redo, of anyone."""
        with self._lock:
            return self._history.next_redo(None) is not None

    def can_undo_of(self, user: str) -> bool:
        """Whether there is an action of ``user`` to undo."""
        with self._lock:
            return self._history.next_undo(user) is not None

    def can_redo_of(self, user: str) -> bool:
        """Whether there is an undone action of ``user`` to redo."""
        with self._lock:
            return self._history.next_redo(user) is not None

    @contextlib.contextmanager
    def acting_as(self, user: str) -> Iterator[None]:
        """Have the actions of the body bear the name of ``user``; other threads wait meanwhile."""
        name = check_text(user, "the name of the user")
        with self._lock:
            before, self.user = self.user, name
            try:
                yield
            finally:
                self.user = before

    def is_in_force(self, number: int) -> bool:
        """Whether an action that is neither an undo nor a redo is in force: it was not undone, or was redone."""
        with self._lock:
            return self._history.is_in_force(number)

    def refresh(self) -> list[Action]:
        """Read what other processes have written since, call the listeners, and return it, the oldest first."""
        with self._lock:
            new = list(self._store.actions(after=self._state.revision))
            for action in new:
                self._add(action)
            return new

    def subscribe(self, listener: Callable[[Action], None]) -> Callable[[], None]:
        """Call a function with every action once it is on disk: those of this journal and those that `refresh` reads.

        Parameters
        ----------
        listener : callable
            Called with the `Action`, in the order of the journal, in the thread that wrote or refreshed and under the
            journal's lock: it must be quick, and not write.

        Returns
        -------
        callable
            Ends the subscription.
        """
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def annotations(self) -> Annotations:
        """Return the annotations at this moment, those that other processes wrote included."""
        with self._lock:
            self.refresh()
            stateless = [action for action in self._stateless if self._history.is_in_force(action.id)]
            return Annotations.from_state(self._state, stateless)

    def actions(self, after: int = 0) -> Iterator[Action]:
        """Read the actions with a larger id, the oldest first, undone ones and undos included."""
        for number in range(after + 1, self.revision + 1):
            with self._lock:
                action = self._store.action(number)
            yield action

    def undo(self, user: str | None = None) -> Action | None:
        """Undo the latest action in force, of ``user`` or of anyone, as if it had never been; what came after it stays.

        Return the inverse row, or None if there is nothing to undo.
        """
        with self._writing(user) as writer:
            original = self._history.next_undo(user)
            return None if original is None else self._reverse("undo", original, original, writer)

    def redo(self, user: str | None = None) -> Action | None:
        """Redo the action that was undone last, of ``user`` or of anyone; None if there is nothing to redo.

        What a user has undone cannot be redone once the same user has done something else.
        """
        with self._writing(user) as writer:
            original = self._history.next_redo(user)
            if original is None:
                return None
            return self._reverse("redo", original, self._history.last_reversal(original), writer)

    def revert(self, number: int, *, user: str | None = None) -> Action:
        """Undo one action, wherever it stands in the journal, as if it had never been; what came after it stays.

        Raises
        ------
        InputError
            If there is no such action, it is an undo or a redo, or it is not in force.
        """
        with self._writing(user) as writer:
            if not self._history.is_in_force(number):
                raise InputError(f"action {number} is not in force: it was undone, or is none; choose another one")
            return self._reverse("undo", number, number, writer)

    def revert_user(self, of: str, *, user: str | None = None) -> Action | None:
        """Undo all actions of one person that are in force, the latest first; what others did stays.

        Return the last inverse row, or None if there was nothing to undo.
        """
        last = None
        with self._lock:
            self.refresh()
            while (number := self._history.next_undo(of)) is not None:
                last = self.revert(number, user=user)
        return last

    def _initial_groups(self, partition: str) -> NDArray[np.int64]:
        if partition not in self._initial:
            self._initial[partition] = self.run.partition(partition)[0]["group"].to_numpy(np.int64)
        return self._initial[partition]

    @contextlib.contextmanager
    def _writing(self, user: str | None) -> Iterator[ActionWriter]:
        """Hold lock and file; afterwards the action is on disk and part of the state, or there is nothing of it."""
        writer_name = self.user if user is None else check_text(user, "the name of the user")
        with self._lock:
            with self._store.writing():
                self.refresh()
                writer = ActionWriter(self._state, self._store, writer_name)
                yield writer
            if writer.written is not None:
                self._add(writer.written)
                is_due = self._state.revision - self._snapshot_revision >= ACTIONS_BETWEEN_SNAPSHOTS
                if is_due and writer.written.kind not in REVERSALS:  # an undo should answer at once
                    self._store.write_snapshot(self._state)
                    self._snapshot_revision = self._state.revision

    def _add(self, action: Action) -> None:
        self._state.apply(action)
        self._history.add(action.id, action.user, action.kind, action.undoes)
        if action.kind in STATELESS:
            check_remark(action)
            self._stateless.append(action)
        for listener in tuple(self._listeners):
            listener(action)

    def _reverse(self, kind: str, original: int, undoes: int, writer: ActionWriter) -> Action:
        target = self._store.action(original)
        columns, classes = self._values_after(kind, target)
        writer.classes.update(classes)
        return writer.write(
            kind,
            target.rows,
            columns,
            before={},
            parameters={"of": original, "kind": target.kind},
            partition=target.partition,
            undoes=undoes,
        )

    def _values_after(self, kind: str, target: Action) -> tuple[dict[str, NDArray[Any]], ClassChanges]:
        """Return what the rows and classes of ``target`` hold once it is undone or redone."""
        if not self._history.stored_values_apply(target.id):
            return self._replay(target, sorted({*self._history.in_force()} ^ {target.id}))
        values, classes = (target.before, "classes_before") if kind == "undo" else (target.after, "classes")
        return {name: values[name] for name in state_columns(target)}, dict(target.parameters.get(classes, {}))

    def _replay(self, target: Action, in_force: list[int]) -> tuple[dict[str, NDArray[Any]], ClassChanges]:
        """Return what the rows and classes of ``target`` hold if only the actions ``in_force`` have been."""
        rows, columns = target.rows, state_columns(target)
        values = {name: self._state.initial_values(name, target.partition, rows) for name in columns}
        classes: ClassChanges = {
            number: dict.fromkeys(fields) for number, fields in target.parameters.get("classes", {}).items()
        }
        for number in in_force:
            action = self._store.action(number)
            for name in set(columns) & set(state_columns(action)):
                if name == "group" and action.partition != target.partition:
                    continue
                _, here, there = np.intersect1d(rows, action.rows, assume_unique=True, return_indices=True)
                values[name][here] = action.after[name][there]
            for key, fields in action.parameters.get("classes", {}).items():
                known = classes.get(key, {})
                known.update({name: value for name, value in fields.items() if name in known})
        return values, classes


class ActionWriter(ActionBuilder):
    """Builds the next action and appends it to the file, once."""

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
        """Append the action, with the changes of classes and reasons built so far.

        ``after`` has new values by column, one for all ``rows`` or one for each; ``before`` the old ones, by default those
        of the state. ``undoes`` is the action that an undo or redo reverses.
        """
        assert self.written is None
        stored = dict(parameters or {})
        if self.classes:
            stored |= {"classes": self.classes, "classes_before": self.state.class_values(self.classes)}
        if self.reasons:
            stored["reasons"] = self.reasons
        if before is None:
            before = {name: self.state.column(name, partition)[rows] for name in after}
        types: dict[str, Any] = {
            **COLUMNS,
            "group": np.int32,
            **{name: values.dtype for name, values in before.items()},
        }
        full = {name: np.broadcast_to(np.asarray(values, types[name]), rows.shape) for name, values in after.items()}
        action = Action(
            self.state.revision + 1, now(), self._user, kind, partition, rows, before, full, jsonable(stored), undoes
        )
        self._store.append(action)
        self.written = action
        return action


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "expert"
