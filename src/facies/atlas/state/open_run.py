"""A run that is open in the atlas: its files, the expert's decisions in memory, and the one way to change them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import Action, Journal
from facies.atlas.errors import MissingError
from facies.atlas.state.action_text import describe_action
from facies.atlas.state.change_log import ChangeLog
from facies.atlas.state.columns import Column, read_columns
from facies.atlas.state.group_statistics_cache import GroupStatisticsCache
from facies.atlas.state.image_states import ImageStates
from facies.atlas.state.jobs import Job, Jobs
from facies.atlas.state.predictions import Predictions
from facies.atlas.state.projection import normalise_points
from facies.atlas.state.texts import Texts
from facies.errors import InputError
from facies.io import LockedError, lock_run
from facies.runs import RunFolder

__all__ = ["OpenRun", "Publish"]

Publish = Callable[[str, Mapping[str, Any]], None]


def is_writable(folder: Path) -> bool:
    """Return whether this user may write to a folder."""
    return os.access(folder, os.W_OK)


class OpenRun:
    """One run in the atlas.

    Reading takes no lock: `states` is replaced as a whole after each action, so that an object that a reader holds never
    changes.

    Parameters
    ----------
    folder : RunFolder
        The run.
    key : str
        Name of the run in addresses.
    publish : callable
        Called as ``publish(event, data)`` after every change; ``data`` can be written as JSON.
    partition : str, optional
        Name of the partition whose groups are shown; by default the newest one.

    user : str, optional
        The person who acts, where a page names nobody else; by default the login name.

    Attributes
    ----------
    table : DataFrame
        The partition that is shown, as the run has it.
    states : ImageStates
        Class, state, group and reason of every image at the newest revision.
    changes : ChangeLog
        Which images the latest actions changed.
    group_statistics : GroupStatisticsCache
        Size, centre and examples of each group.
    predictions : Predictions or None
        What the classifier predicts; None until it is fitted.
    jobs : Jobs
        Work in the background.
    read_only : bool
        Whether the run can be looked at alone, since this user may not write to it.

    Raises
    ------
    InputError
        If another atlas has the run open, or its journal is damaged.
    """

    def __init__(
        self, folder: RunFolder, key: str, publish: Publish, partition: str | None = None, user: str | None = None
    ) -> None:
        self.folder, self.key, self._publish = folder, key, publish
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], None]] = []
        self.read_only = False
        self._resources = contextlib.ExitStack()
        with contextlib.ExitStack() as resources:
            self._acquire_lock(resources)
            self.table, meta = folder.partition(partition)
            self.partition: str = meta["name"]
            self.journal = resources.enter_context(Journal(folder, user=user))
            self._new_actions: list[Action] = []
            resources.callback(self.journal.subscribe(self._new_actions.append))
            self._initial_groups = self.table["group"].to_numpy(np.int32)
            self.states = self._read_states()
            self.changes = ChangeLog(len(folder), self.states.revision)
            self.group_statistics = GroupStatisticsCache(folder.embedding, self.points, self.states.groups)
            self.predictions: Predictions | None = None
            self.jobs = Jobs(self._publish_job)
            self._projections: dict[str, dict[str, Any]] = {}
            self._resources = resources.pop_all()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.folder)

    def _acquire_lock(self, resources: contextlib.ExitStack) -> None:
        # Not the run's own lock: `facies recluster` may add a partition, and `facies name` an action, beside the atlas.
        try:
            resources.enter_context(lock_run(self.folder.path / "atlas"))
        except LockedError as error:
            raise InputError(
                f"{self.folder.path} is open in another atlas (pid {error.holder}): use that one, or close it"
            ) from error
        except InputError:
            if is_writable(self.folder.path):
                raise
            self.read_only = True

    def close(self) -> None:
        """Cancel the work in the background, and close the journal."""
        self.jobs.cancel_all()
        with self._lock:
            self._resources.close()

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that can colour, filter or sort the images."""
        return read_columns(self.folder.images, self.table)

    @cached_property
    def texts(self) -> Texts:
        """The ids and the texts of the images."""
        return Texts(self.folder.images, set(self.columns))

    def projections(self) -> list[tuple[str, dict[str, Any]]]:
        """Return name and metadata of the projections, the newest first."""
        for name in self.folder.projections():
            if name not in self._projections:
                self._projections[name] = self.folder.projection(name)[1]
        return [(name, self._projections[name]) for name in reversed(self.folder.projections())]

    def projection(self, name: str | None = None) -> NDArray[np.float32]:
        """Return the coordinates of a projection, by default the newest, float32 of shape (N, 2) in [-1, 1].

        `MissingError` if there is none of that name.
        """
        names = self.folder.projections()
        if name is None or name == next(reversed(names), None):
            return self.points
        if name not in names:
            raise MissingError(f"the run has no projection {name[:40]!r}: it has {', '.join(names)}")
        return normalise_points(self.folder.projection(name)[0])

    @cached_property
    def points(self) -> NDArray[np.float32]:
        """The newest projection, float32 of shape (N, 2) in [-1, 1]; zeros where the run has none."""
        if not self.folder.projections():
            return np.zeros((len(self), 2), np.float32)
        return normalise_points(self.folder.projection()[0])

    @cached_property
    def thumbnails_hash(self) -> str:
        """A digest that changes with the thumbnails, so that browsers may cache them without end."""
        index = self.folder.path / "thumbnails" / "index.json"
        origin = f"{self.folder.manifest['input']['fingerprint']} {self.folder.manifest['created']}".encode()
        return hashlib.sha256(origin + index.read_bytes()).hexdigest()[:16]

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have ``listener()`` called after every change of `states`; it must return at once."""
        self._listeners.append(listener)

    def act(
        self, write: Callable[[Journal], Action | None], *, client: str = "", user: str | None = None
    ) -> Action | None:
        """Write an action to the journal, and publish it; it is on the disk when this returns.

        ``write`` calls one method of the journal and returns its action. ``client`` is the identity of the browser that
        asked, which is published with the change; ``user`` is the person, by default the one of the journal.
        """
        with self._lock:
            try:
                with self.journal.acting_as(user or self.journal.user):
                    action = write(self.journal)
            finally:
                self._apply_new_actions(client)
            return action

    def refresh(self) -> None:
        """Apply the actions that other programs (``facies name``) have written to the journal."""
        with self._lock:
            self.journal.refresh()
            self._apply_new_actions("")

    def _read_states(self) -> ImageStates:
        return ImageStates.from_annotations(self.journal.annotations(), self.partition, self._initial_groups)

    def _apply_new_actions(self, client: str) -> None:
        actions = list(self._new_actions)
        if not actions:
            return
        self._new_actions.clear()
        before, after = self.states, self._read_states()
        # A class may have come to be excluded, with all its images; a new reason may have moved the numbers of others.
        renumbered = before.reason_texts != after.reason_texts
        for action in actions:
            rows = action.rows if action.after else action.rows[:0]
            if renumbered or action.parameters.get("classes"):
                changed = before.differs_from(after)
                changed[rows] = True
                rows = np.flatnonzero(changed)
            self.changes.add(action.id, rows)
            if "group" in action.after and action.partition == self.partition:
                self.group_statistics.update_groups(before.groups, after.groups, action.rows)
        # Last: whoever reads the new revision must also find what changed on the way to it.
        self.states = after
        for listener in self._listeners:
            listener()
        for action in actions:
            change = {"run": self.key, **self.action_to_json(action), "client": client, "user": action.user}
            self._publish("change", change)

    def action_to_json(self, action: Action) -> dict[str, Any]:
        """Return an action as the page receives it."""
        return {
            "revision": action.id,
            "id": action.id,
            "kind": action.kind,
            "text": describe_action(action, self.states.annotations.reason_texts),
            "n": len(action.rows),
            "undo": self.journal.can_undo_of(action.user),
            "redo": self.journal.can_redo_of(action.user),
            "classes": bool(action.parameters.get("classes")),
            "groups": "group" in action.after,
        }

    def history_to_json(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest ``limit`` actions, the newest first.

        Undos and redos are no entries of their own: each action has ``undone`` instead.
        """
        entries: list[dict[str, Any]] = []
        last = self.journal.revision
        while last > 0 and len(entries) < limit:
            first = max(0, last - 50)
            for action in reversed([a for a in self.journal.actions(first) if a.id <= last]):
                if action.kind not in ("undo", "redo") and len(entries) < limit:
                    entries.append(self._history_entry(action))
            last = first
        return entries

    def _history_entry(self, action: Action) -> dict[str, Any]:
        described = self.action_to_json(action)
        return {
            **{name: described[name] for name in ("id", "kind", "text", "n")},
            "time": action.time,
            "user": action.user,
            "undone": not self.journal.is_in_force(action.id),
        }

    def _publish_job(self, job: Job) -> None:
        self._publish("job", {"run": self.key, **job.to_json()})
