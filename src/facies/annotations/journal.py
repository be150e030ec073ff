"""The journal of a run: naming, excluding, merging, splitting and auditing, each action on disk and undoable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.annotations.action_log import ActionWriter
from facies.annotations.actions import DUBIOUS, NONE, PREDICTED, STATES, VALIDATED, Action, check_text
from facies.annotations.class_table import ClassJournal
from facies.annotations.label_propagation import majority_vote
from facies.annotations.remark_journal import RemarkJournal
from facies.annotations.snapshot import Annotations
from facies.annotations.validation import check_roles
from facies.errors import InputError
from facies.runs import RunFolder

_NO_ROWS = np.zeros(0, np.int64)


class Journal(ClassJournal, RemarkJournal):
    """The journal of a run, ``RUN/journal.sqlite``: the only file of a run that changes after it was made.

    Every method below writes one `Action`. When it returns, the action is flushed to the disk and survives a power cut;
    a killed process leaves each action whole or leaves nothing of it. Several threads may share a journal. Several
    processes may open one each: one writes at a time, and `refresh` (also `annotations`, and every write) reads what
    the others wrote.

    A class belongs to images, not to groups or outlines: when groups change, the images keep their classes.

    Parameters
    ----------
    run : RunFolder, str or Path
        The run. The file is made by the first action.
    user : str, optional
        Who acts, unless a call names somebody else; without it the login name.

    Raises
    ------
    InputError
        If the journal is damaged, of another format, or of another run. It is never emptied or replaced.
    """

    def groups(self, partition: str | None = None) -> NDArray[np.int32]:
        """Return the groups of the images now, int32 (N,), -1 for noise; a copy."""
        with self._lock:
            self.refresh()
            return self._state.groups_of(self.run.partition_name(partition)).copy()

    def name_group(
        self, group: int, name: str | None, partition: str | None = None, *, user: str | None = None
    ) -> Action:
        """Give all members of a group a class; see `name_groups`."""
        return self.name_groups({group: name}, partition, user=user)

    def name_groups(
        self,
        names: Mapping[int, str | None],
        partition: str | None = None,
        *,
        roles: Mapping[str, str | Sequence[str]] | None = None,
        excluded_groups: Mapping[int, str] | None = None,
        excluded_classes: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> Action:
        """Name many groups at once, in one action: all of it is done, or nothing is.

        The members get the class and count as validated, and as not looked at if it is another class than they had.
        Members that are excluded get the class too, and stay excluded.

        Parameters
        ----------
        names : mapping of int to str or None
            Name by group; None removes the name. A class is made if there is none of that name.
        partition : str, optional
            Which groups; without it those of the newest partition.
        roles : mapping of str to str or sequence of str, optional
            Roles (of `ROLES`) by class; they replace those it had. An empty sequence removes them.
        excluded_groups : mapping of int to str, optional
            Groups whose members are excluded, each with the reason.
        excluded_classes : mapping of str to str, optional
            Classes whose images count as excluded, each with the reason.

        Raises
        ------
        InputError
            If a group is unknown (the message names the nearest), or a name, role or reason cannot be used.
        """
        reasons = dict(excluded_groups or {})
        with self._writing(user) as writer:
            partition = self.run.partition_name(partition)
            rows = writer.members([*names, *reasons], partition) if names or reasons else _NO_ROWS
            groups = self._state.groups_of(partition)[rows]
            after = {
                name: self._state.columns[name][rows] for name in ("class", "state", "confidence", "reason", "looked")
            }
            for group, name in names.items():
                members, number = groups == group, writer.class_number(name)
                after["looked"][members & (after["class"] != number)] = 0
                after["class"][members] = number
                after["state"][members] = NONE if name is None else VALIDATED
                after["confidence"][members] = 0
            for group, reason in reasons.items():
                after["reason"][groups == group] = writer.reason_code(reason)
            for name, reason in (excluded_classes or {}).items():
                writer.change_class(
                    writer.class_number(name), excluded=True, reason=check_text(reason, "the reason of an exclusion")
                )
            for name, given in (roles or {}).items():
                writer.change_class(writer.existing_class(name), roles=check_roles(given, name))
            if not len(rows) and not writer.classes:
                raise InputError("nothing was named: give at least one group and its name, such as 12=quartz")
            parameters = {"names": dict(names), "excluded": reasons}
            return writer.write("name", rows, after, parameters=parameters, partition=partition)

    def assign(
        self,
        rows: ArrayLike,
        name: str | None,
        state: Literal["validated", "predicted", "dubious"] = "validated",
        *,
        confidence: float = 0.0,
        looked_at: bool = False,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
    ) -> Action:
        """Give images a class, or with None remove it. Excluded images stay excluded.

        Parameters
        ----------
        rows : array_like of int or of bool (N,)
            The images.
        name : str or None
            The class; it is made if there is none of that name.
        state : {"validated", "predicted", "dubious"}
            Their state from now on.
        confidence : float
            Probability of a predicted class, 0 to 1.
        looked_at : bool
            Whether the expert judged each of these images by itself, and not as a part of the map or of a group.
        parameters : mapping, optional
            What led to the action, for readers of the journal: a lasso, a queue.
        """
        if state not in ("validated", "predicted", "dubious"):
            raise InputError(f"state={state!r} is not known: choose from validated, predicted, dubious")
        if not 0 <= confidence <= 1:
            raise InputError(f"a confidence lies between 0 and 1: {confidence} was given")
        with self._writing(user) as writer:
            rows = writer.check_rows(rows)
            number = writer.class_number(name)
            looked = int(looked_at and number > 0)
            after = {
                "class": number,
                "state": STATES[state] if number else NONE,
                "confidence": confidence,
                "looked": looked,
            }
            return writer.write("assign", rows, after, parameters={**(parameters or {}), "name": name})

    def classify(
        self,
        rows: ArrayLike,
        names: Sequence[str],
        codes: ArrayLike,
        confidence: ArrayLike,
        *,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
    ) -> Action | None:
        """Record what a classifier predicts; None if the expert has judged all of the images.

        Images that an expert has judged (validated, dubious) keep their class.

        Parameters
        ----------
        rows : array_like of int, shape (n,)
            The images.
        names : sequence of str
            Names of the classes 0, 1, …
        codes : array_like of int, shape (n,)
            Predicted class of each image, as a number among `names`.
        confidence : array_like of float, shape (n,)
            Probability of that class, 0 to 1.
        parameters : mapping, optional
            Which classifier, how it was fitted.
        """
        with self._writing(user) as writer:
            rows, codes, confidence = writer.check_columns(rows, codes, confidence)
            if not np.isin(codes, np.arange(len(names))).all():
                raise InputError(f"the classes are numbered 0 to {len(names) - 1}: others were given")
            if not ((confidence >= 0) & (confidence <= 1)).all():
                raise InputError("confidences lie between 0 and 1: others were given")
            is_judged = np.isin(self._state.columns["state"][rows], (VALIDATED, DUBIOUS))
            rows, codes, confidence = rows[~is_judged], codes[~is_judged], confidence[~is_judged]
            if not len(rows):
                return None
            numbers = np.array([writer.class_number(name) for name in names], np.uint16)
            after = {"class": numbers[codes.astype(np.int64)], "state": PREDICTED, "confidence": confidence}
            return writer.write("classify", rows, after, parameters=parameters)

    def exclude(self, rows: ArrayLike, reason: str, *, user: str | None = None) -> Action:
        """Exclude images from all counts, with a reason. They keep their class, in case they are included again."""
        with self._writing(user) as writer:
            return writer.write("exclude", writer.check_rows(rows), {"reason": writer.reason_code(reason), "looked": 1})

    def include(self, rows: ArrayLike, *, user: str | None = None) -> Action:
        """Include excluded images again, with the class and state that they had."""
        with self._writing(user) as writer:
            return writer.write("include", writer.check_rows(rows), {"reason": 0})

    def dubious(self, rows: ArrayLike, *, user: str | None = None) -> Action:
        """Mark images as dubious: they keep their class, and are not counted for it."""
        with self._writing(user) as writer:
            return writer.write("dubious", writer.check_rows(rows), {"state": DUBIOUS, "looked": 1})

    def validate(
        self, rows: ArrayLike, *, predicted: Mapping[str, ArrayLike] | None = None, user: str | None = None
    ) -> Action:
        """Confirm the classes that images have, and those that a classifier proposes for images without one.

        Parameters
        ----------
        rows : array_like of int or of bool (N,)
            The images. Those without a class, and for which none is proposed, are skipped; an error if all are.
        predicted : mapping of str to array_like, optional
            Proposals: rows by class name.
        """
        with self._writing(user) as writer:
            rows = writer.check_rows(rows)
            codes = self._state.columns["class"][rows]
            for name, proposed in (predicted or {}).items():
                codes = np.where((codes == 0) & np.isin(rows, np.asarray(proposed)), writer.existing_class(name), codes)
            rows, codes = rows[codes > 0], codes[codes > 0]
            if not len(rows):
                raise InputError("none of these images has a class to confirm: name them first")
            return writer.write("validate", rows, {"class": codes, "state": VALIDATED, "confidence": 0, "looked": 1})

    def decide(
        self,
        rows: ArrayLike,
        names: Sequence[str],
        *,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
    ) -> Action:
        """Record what an expert said of images looked at one by one: each its own class, in one action.

        Parameters
        ----------
        rows : array_like of int, shape (n,)
            The images.
        names : sequence of str
            The class of each; it is made if there is none of that name.
        parameters : mapping, optional
            What led to the action, for readers of the journal.
        """
        with self._writing(user) as writer:
            rows, given = writer.check_columns(rows, np.array(list(names), object))
            numbers = {name: writer.class_number(name) for name in dict.fromkeys(given.tolist())}
            codes = np.array([numbers[name] for name in given.tolist()], np.uint16)
            after = {"class": codes, "state": VALIDATED, "confidence": 0, "looked": 1}
            return writer.write("decide", rows, after, parameters=parameters)

    def merge(self, groups: Iterable[int], partition: str | None = None, *, user: str | None = None) -> Action:
        """Merge groups into a new one; its number is ``action.after["group"][0]``."""
        chosen = sorted({int(group) for group in groups})
        if len(chosen) < 2:
            raise InputError("two groups at least are merged: choose another one")
        with self._writing(user) as writer:
            partition = self.run.partition_name(partition)
            rows = writer.members(chosen, partition)
            new = np.zeros(len(rows), np.int32)
            return self._regroup(writer, "merge", rows, new, partition, {"groups": chosen})

    def split(
        self,
        rows: ArrayLike,
        partition: str | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
    ) -> Action:
        """Make a new group of images; its number is ``action.after["group"][0]``. The rest of their groups stays."""
        with self._writing(user) as writer:
            rows = writer.check_rows(rows)
            return self._regroup(
                writer, "split", rows, np.zeros(len(rows), np.int32), self.run.partition_name(partition), parameters
            )

    def recluster(
        self,
        rows: ArrayLike,
        labels: ArrayLike,
        partition: str | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
    ) -> Action:
        """Give images new groups.

        Parameters
        ----------
        rows : array_like of int, shape (n,)
            The images.
        labels : array_like of int, shape (n,)
            0, 1, … for the parts, -1 for noise. The groups get new numbers, in the same order, that no group ever had:
            ``action.after["group"]``, by ``action.rows``.
        parameters : mapping, optional
            Method, seed, …
        """
        with self._writing(user) as writer:
            rows, labels = writer.check_columns(rows, labels)
            if not np.issubdtype(labels.dtype, np.integer) or labels.min() < -1:
                raise InputError("the parts of a re-clustering are whole numbers from 0 on, and -1 for noise")
            parts = np.full(len(labels), -1, np.int32)
            parts[labels >= 0] = np.unique(labels[labels >= 0], return_inverse=True)[1]
            return self._regroup(writer, "recluster", rows, parts, self.run.partition_name(partition), parameters)

    def vote(self, partition: str | None = None, *, user: str | None = None) -> Action | None:
        """Let the validated images vote for the class of their groups, as after a re-clustering; see `majority_vote`.

        It brings the names to the groups of a partition that was made outside of the journal. None if nothing changes.
        """
        with self._writing(user) as writer:
            partition = self.run.partition_name(partition)
            rows = np.arange(self._state.n_images)
            after = majority_vote(self._state, rows, self._state.groups_of(partition))
            changed = np.logical_or.reduce([values != self._state.columns[name] for name, values in after.items()])
            if not changed.any():
                return None
            new = {name: values[changed] for name, values in after.items()}
            return writer.write("vote", rows[changed], new, partition=partition)

    def reject(self, rows: ArrayLike, name: str, *, user: str | None = None) -> Action:
        """Record that images are not of a class. They keep the class they have; a classifier may learn from the record."""
        with self._writing(user) as writer:
            rows = writer.check_rows(rows)
            return writer.write("reject", rows, {}, parameters={"class": writer.existing_class(name), "name": name})

    def record_audit(self, rows: ArrayLike, true_names: Sequence[str], *, user: str | None = None) -> Action:
        """Record the true classes of audited images, beside those they have now.

        Their classes do not change: an audit corrects the shares of all images, and not the audited images alone.

        Parameters
        ----------
        rows : array_like of int, shape (n,)
            The images.
        true_names : sequence of str
            One name an image; ``""`` for an image of no class.
        """
        with self._writing(user) as writer:
            rows, names = writer.check_columns(rows, np.array(list(true_names), object))
            numbers = {name: writer.class_number(name) if name else 0 for name in dict.fromkeys(names.tolist())}
            true = np.array([numbers[name] for name in names.tolist()], np.uint16)
            before = {"true": self._state.columns["class"][rows], "looked": self._state.columns["looked"][rows]}
            return writer.write("audit", rows, {"true": true, "looked": 1}, before=before)

    def _regroup(
        self,
        writer: ActionWriter,
        kind: str,
        rows: NDArray[np.int64],
        parts: NDArray[np.int32],
        partition: str,
        parameters: Mapping[str, Any] | None,
    ) -> Action:
        """Write new groups, and the classes that their validated members vote for; part 0 gets the next free number."""
        self._state.groups_of(partition)
        groups = np.where(parts < 0, -1, parts + self._state.next_group[partition]).astype(np.int32)
        after = {"group": groups, **majority_vote(self._state, rows, groups)}
        return writer.write(kind, rows, after, parameters=parameters, partition=partition)


def read_annotations(run: RunFolder) -> Annotations:
    """Return the annotations of a run; those of a run without a journal are empty.

    Raises
    ------
    InputError
        If the journal is damaged, of another format, or of another run.
    """
    with Journal(run) as journal:
        return journal.annotations()
