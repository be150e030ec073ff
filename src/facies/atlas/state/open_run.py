"""A run that is open in the atlas: its files, the expert's decisions in memory, and the one way to change them."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import Action, Journal
from facies.atlas.errors import MissingError
from facies.atlas.services.active_learning import ClassifierLoop
from facies.atlas.services.jobs import Job, Jobs
from facies.atlas.services.pictures import Pictures
from facies.atlas.services.review_queues import ReviewQueues
from facies.atlas.services.row_query import RowsQuery, chosen_rows
from facies.atlas.state.change_log import Changes
from facies.atlas.state.columns import Column, read_columns
from facies.atlas.state.group_statistics_cache import GroupStatisticsCache
from facies.atlas.state.image_states import ImageStates
from facies.errors import InputError
from facies.io import LockedError, lock_run
from facies.runs import RunFolder

__all__ = ["OpenRun"]

Tell = Callable[[str, Mapping[str, Any]], None]


class OpenRun:
    """One run in the atlas.

    Reading takes no lock: `standing` is replaced as a whole after each action, and what a reader took hold of does not
    change under it.

    Parameters
    ----------
    run : RunFolder
        The run.
    key : str
        Its name in addresses.
    tell : callable
        ``tell(event, data)`` is told of every change.
    partition : str, optional
        Which groups are shown; without it those of the newest partition.

    Attributes
    ----------
    table : DataFrame
        The partition that is shown, as the run has it.
    standing : ImageStates
        How every image stands now.
    changes : Changes
        What the latest actions changed.
    groups : GroupStatisticsCache
        The facts of the groups.
    quality : ReviewQueues
        The quality queues.
    probing : ClassifierLoop
        The classifier.
    pictures : Pictures
        The images as files.
    jobs : Jobs
        The work in the background.

    Raises
    ------
    InputError
        If another atlas has the run open, or its journal is damaged.
    """

    def __init__(self, run: RunFolder, key: str, tell: Tell, partition: str | None = None) -> None:
        self.run, self.key, self._tell = run, key, tell
        self._lock = threading.RLock()
        self._ends = contextlib.ExitStack()
        with contextlib.ExitStack() as ends:
            self._hold(ends)
            self.table, meta = run.partition(partition)
            self.partition: str = meta["name"]
            self.journal = ends.enter_context(Journal(run))
            self._fresh: list[Action] = []
            ends.callback(self.journal.subscribe(self._fresh.append))
            self._prepare()
            self._ends = ends.pop_all()

    def _prepare(self) -> None:
        run = self.run
        self._initial = self.table["group"].to_numpy(np.int32)
        self.standing = ImageStates.of(self.journal.annotations(), self.partition, self._initial)
        self.changes = Changes(len(run), self.standing.revision)
        self.jobs = Jobs(self._tell_job)
        self._projections: dict[str, dict[str, Any]] = {}
        self.pictures = Pictures(run)
        self.quality = ReviewQueues(run.embedding, self.points, self.columns)
        self.groups = GroupStatisticsCache(run.embedding, self.points, self.standing.groups)
        self.probing = ClassifierLoop(run.embedding, self._stacks(), lambda: self.standing, self._tell_probe)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.run)

    def _hold(self, ends: contextlib.ExitStack) -> None:
        # Not the run's own lock: `facies recluster` may add a partition, and `facies name` an action, beside the atlas.
        try:
            ends.enter_context(lock_run(self.run.path / "atlas"))
        except LockedError as error:
            raise InputError(
                f"{self.run.path} is open in another atlas (pid {error.holder}): use that one, or close it"
            ) from error

    def close(self) -> None:
        """End the work in the background and let go of the journal."""
        self.probing.close()
        self.jobs.cancel_all()
        with self._lock:
            self._ends.close()

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that can be a colour, a filter or an order."""
        return read_columns(self.run.images, self.table)

    def projections(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the projections, the newest first, and how each came about."""
        for name in self.run.projections():
            if name not in self._projections:
                self._projections[name] = self.run.projection(name)[1]
        return [(name, self._projections[name]) for name in reversed(self.run.projections())]

    def projected(self, name: str | None = None) -> NDArray[np.float32]:
        """Return a projection, the newest without a name, brought to [-1, 1].

        Raises
        ------
        MissingError
            If there is none of that name.
        """
        if name is None or name == next(reversed(self.run.projections()), None):
            return self.points
        if name not in self.run.projections():
            raise MissingError(f"the run has no projection {name[:40]!r}: it has {', '.join(self.run.projections())}")
        return normalised(self.run.projection(name)[0])

    @cached_property
    def points(self) -> NDArray[np.float32]:
        """The newest projection, brought to [-1, 1]; zeros where there is none."""
        if not self.run.projections():
            return np.zeros((len(self), 2), np.float32)
        return normalised(self.run.projection()[0])

    @cached_property
    def thumbnails_hash(self) -> str:
        """A digest that changes when the thumbnails do; browsers keep them for ever by it."""
        index = self.run.path / "thumbnails" / "index.json"
        told = f"{self.run.manifest['input']['fingerprint']} {self.run.manifest['created']}".encode()
        return hashlib.sha256(told + index.read_bytes()).hexdigest()[:16]

    def _stacks(self) -> NDArray[Any] | None:
        """What tells images of different photographs, or at least of different samples, apart."""
        found = (self.columns.get(name) for name in ("stack", "sample"))
        return next((column.entries for column in found if column is not None), None)

    def rows(self, query: RowsQuery) -> NDArray[np.int64]:
        """Return the images that a request means, rising."""
        standing = dict(self.standing.by_name())
        if query.prediction is not None:
            fitted = self.probing.fitted
            standing["prediction"] = np.zeros(len(self), np.uint16) if fitted is None else fitted.classes
        return chosen_rows(query, len(self), standing, self.columns)

    def act(self, write: Callable[[Journal], Action | None], *, client: str = "") -> Action | None:
        """Write to the journal, take it in, and tell all browsers; on the disk when it returns.

        Parameters
        ----------
        write : callable
            Calls one method of the journal.
        client : str
            Which browser asked.

        Returns
        -------
        Action or None
            What was written.
        """
        with self._lock:
            try:
                action = write(self.journal)
            finally:
                self._take_in(client)
            return action

    def look(self) -> None:
        """Take in what other programs (``facies name``) have written to the journal meanwhile."""
        with self._lock:
            self.journal.refresh()
            self._take_in("")

    def _take_in(self, client: str) -> None:
        actions = list(self._fresh)
        if not actions:
            return
        self._fresh.clear()
        before, after = self.standing, ImageStates.of(self.journal.annotations(), self.partition, self._initial)
        # A class may have come to be excluded, with all its images; a new reason may have moved the numbers of others.
        restated = before.reason_texts != after.reason_texts
        for action in actions:
            rows = action.rows if action.after else action.rows[:0]
            if restated or action.parameters.get("classes"):
                changed = before.differs_from(after)
                changed[rows] = True
                rows = np.flatnonzero(changed)
            self.changes.add(action.id, rows)
            if "group" in action.after and action.partition == self.partition:
                self.groups.changed(before.groups, after.groups, action.rows)
        # Last: whoever sees the new revision must also find what changed on the way to it.
        self.standing = after
        self.probing.note()
        for action in actions:
            self._tell("change", {"run": self.key, **self.told(action), "client": client, "user": action.user})

    def told(self, action: Action) -> dict[str, Any]:
        """Return what a browser is told of an action."""
        return {
            "revision": action.id,
            "id": action.id,
            "kind": action.kind,
            "text": self.standing.text_of(action),
            "n": len(action.rows),
            "undo": self.journal.can_undo,
            "redo": self.journal.can_redo,
            "classes": bool(action.parameters.get("classes")),
            "groups": "group" in action.after,
        }

    def history(self, most: int) -> list[dict[str, Any]]:
        """Return what was done, the newest first, without undos and redos: an action is undone, or it is not."""
        told: list[dict[str, Any]] = []
        last = self.journal.revision
        while last > 0 and len(told) < most:
            first = max(0, last - 50)
            for action in reversed([a for a in self.journal.actions(first) if a.id <= last]):
                if action.kind not in ("undo", "redo") and len(told) < most:
                    known = {name: self.told(action)[name] for name in ("id", "kind", "text", "n")}
                    told.append(
                        {**known, "time": action.time, "user": action.user, "undone": not self.journal.holds(action.id)}
                    )
            last = first
        return told

    def _tell_probe(self, told: Mapping[str, Any]) -> None:
        self._tell("probe", {"run": self.key, **told})

    def _tell_job(self, job: Job) -> None:
        self._tell("job", {"run": self.key, **job.told()})


def normalised(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring points into [-1, 1] with one scale for both axes, so that a browser's float32 has digits left to zoom in.

    Parameters
    ----------
    points : ndarray of float32, shape (N, 2)
        What is not finite becomes NaN.
    """
    finite = np.isfinite(points).all(axis=1)
    if not finite.any():
        return np.full(points.shape, np.nan, np.float32)
    known = points[finite].astype(np.float64)
    low, high = known.min(axis=0), known.max(axis=0)
    scale = float((high - low).max()) / 2 or 1.0
    placed = (points - (low + high) / 2) / scale
    placed[~finite] = np.nan
    return placed.astype(np.float32)
