"""The actions of a browser: each kind is a validated model that writes itself to the journal."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from facies.annotations import STATES, Action, Journal
from facies.atlas.errors import ConflictError
from facies.atlas.services.action_model import ActionRequest, ClassRequest, Write, name_by_number
from facies.atlas.services.class_requests import ChangeClass, DefineRatio, Distinct, MergeClasses, Note, TakeClassList
from facies.atlas.services.classifier_lock import lock_reason
from facies.atlas.services.reclustering import Preview
from facies.atlas.services.row_query import MAX_ROWS, Number, Numbers, RowQuery, select_rows
from facies.atlas.state.group_statistics import group_index
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["AnyAction", "perform"]


class Name(ClassRequest):
    """Give all members of groups a class."""

    kind: Literal["name"]
    group: Numbers

    def _prepare(self, run: OpenRun) -> Write:
        groups = [self.group] if isinstance(self.group, int) else self.group
        name = self.class_name(run)
        return lambda journal: journal.name_groups(dict.fromkeys(groups, name), run.partition)


class Assign(ClassRequest):
    """Give images a class."""

    kind: Literal["assign"]
    of: RowQuery
    state: Literal["validated", "predicted", "dubious"] = "validated"
    looked_at: bool = False

    def _prepare(self, run: OpenRun) -> Write:
        rows, name = select_rows(run, self.of), self.class_name(run)
        return lambda journal: journal.assign(rows, name, self.state, looked_at=self.looked_at)


class Decide(ActionRequest):
    """Record the class of each of some images that the expert has looked at one by one."""

    kind: Literal["decide"]
    rows: Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS)]
    classes: Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS)]

    def _prepare(self, run: OpenRun) -> Write:
        if len(self.rows) != len(self.classes):
            raise InputError(f"{len(self.rows)} images have as many classes: {len(self.classes)} were given")
        names = [name_by_number(run, number) for number in self.classes]
        return lambda journal: journal.decide(self.rows, names)


class ChangeState(ActionRequest):
    """Remove the class of images, include, doubt or validate them."""

    kind: Literal["clear", "include", "dubious", "validate"]
    of: RowQuery

    def _prepare(self, run: OpenRun) -> Write:
        rows = select_rows(run, self.of)
        if self.kind == "clear":
            return lambda journal: journal.assign(rows, None)
        if self.kind == "include":
            return lambda journal: journal.include(rows)
        if self.kind == "dubious":
            return lambda journal: journal.dubious(rows)
        predicted = {} if run.predictions is None else run.predictions.rows_by_class(rows, run.states.names)
        return lambda journal: journal.validate(rows, predicted=predicted)


class Exclude(ActionRequest):
    """Exclude images from the counts."""

    kind: Literal["exclude"]
    of: RowQuery
    reason: str

    def _prepare(self, run: OpenRun) -> Write:
        rows = select_rows(run, self.of)
        return lambda journal: journal.exclude(rows, self.reason)


class Reject(ClassRequest):
    """Record that images are not of a class."""

    kind: Literal["reject"]
    of: RowQuery

    def _prepare(self, run: OpenRun) -> Write:
        rows, name = select_rows(run, self.of), self.class_name(run)
        if name is None:
            raise InputError("images are rejected from a class: give its number or its name")
        return lambda journal: journal.reject(rows, name)


class Merge(ActionRequest):
    """Make one group of several."""

    kind: Literal["merge"]
    groups: Annotated[list[Number], Field(max_length=10_000)]

    def _prepare(self, run: OpenRun) -> Write:
        return lambda journal: journal.merge(self.groups, run.partition)


class Split(ActionRequest):
    """Make a new group of images and, if their group is given, another of its other images."""

    kind: Literal["split"]
    of: RowQuery
    group: Number | None = None

    def _prepare(self, run: OpenRun) -> Write:
        rows = select_rows(run, self.of)
        if self.group is None:
            return lambda journal: journal.split(rows, run.partition)
        members = np.flatnonzero(run.states.groups == self.group)
        in_part = np.isin(members, rows)
        if not in_part.any() or in_part.all():
            raise InputError(f"a split takes a part of group {self.group}: choose some of its images, and not all")
        # Both parts get new numbers: neither is the group that the expert has seen before.
        parts, parameters = in_part.astype(np.int64), {"split": self.group}

        def write(journal: Journal) -> Action:
            if not (run.states.groups[members] == self.group).all():
                raise ConflictError(f"group {self.group} has just been changed by somebody else: look at it again")
            return journal.recluster(members, parts, run.partition, parameters=parameters)

        return write


class Recluster(ActionRequest):
    """Accept the preview of a reclustering."""

    kind: Literal["recluster"]
    preview: str

    def _prepare(self, run: OpenRun) -> Write:
        preview = run.jobs.find(self.preview, "recluster").result
        if not isinstance(preview, Preview):
            raise ConflictError("the preview is not ready, or was cancelled: begin the re-clustering again")
        parameters = {"method": "k-means", "k": preview.k, "silhouette": preview.silhouette, "seed": 0}

        def write(journal: Journal) -> Action:
            if not np.array_equal(run.states.groups[preview.rows], preview.groups):
                raise ConflictError("some of these images have changed their group since the preview: begin it again")
            parts = preview.parts.astype(np.int64)
            return journal.recluster(preview.rows, parts, run.partition, parameters=parameters)

        return write


class Audit(ActionRequest):
    """Record the true classes of audited images."""

    kind: Literal["audit"]
    rows: Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS)]
    true: Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS)]

    def _prepare(self, run: OpenRun) -> Write:
        if len(self.rows) != len(self.true):
            raise InputError(f"{len(self.rows)} audited images have as many true classes: {len(self.true)} were given")
        names = [name_by_number(run, number) if number else "" for number in self.true]
        return lambda journal: journal.record_audit(self.rows, names)


class AcceptPredictions(ActionRequest):
    """Assign predicted classes to images that have no class."""

    kind: Literal["accept_probe"]
    of: RowQuery
    least: float = Field(default=0.0, ge=0, le=1)

    def _prepare(self, run: OpenRun) -> Write:
        rows = select_rows(run, self.of)
        if run.predictions is not None and (reason := lock_reason(run)) is not None:
            raise ConflictError(reason)
        rows = rows[(run.states.classes[rows] == 0) & (run.states.states[rows] != STATES["excluded"])]
        predictions = run.predictions
        if predictions is None:
            return lambda _: None
        rows, names, codes, confidence = predictions.certain(rows, self.least, run.states.names)
        if not len(rows):
            return lambda _: None
        parameters = {
            "least": self.least,
            "revision": predictions.revision,
            "n_labelled": predictions.n_labelled,
            "accuracy": predictions.accuracy,
        }
        return lambda journal: journal.classify(rows, names, codes, confidence, parameters=parameters)


class Move(ActionRequest):
    """Move images from one group into another; both get new numbers, as after a split."""

    kind: Literal["move"]
    of: RowQuery
    group: Number
    into: Number

    def _prepare(self, run: OpenRun) -> Write:
        rows = select_rows(run, self.of)
        if self.group == self.into:
            raise InputError("images are moved from one group into another: choose two groups")

        def write(journal: Journal) -> Action:
            groups = run.states.groups
            moved = rows[groups[rows] == self.group]
            members = np.flatnonzero((groups == self.group) | (groups == self.into))
            if not len(moved) or not (groups[members] == self.into).any():
                raise ConflictError(
                    f"nothing of group {self.group} was chosen, or group {self.into} is gone: look again"
                )
            if len(moved) == np.count_nonzero(groups == self.group):
                raise InputError(f"that is all of group {self.group}: merge it with group {self.into} instead")
            parts = np.where(np.isin(members, moved) | (groups[members] == self.into), 1, 0)
            for part, group in ((0, self.group), (1, self.into)):
                if group < 0:  # noise stays noise, and gets no number
                    parts[parts == part] = -1
            parameters = {"moved": len(moved), "from": self.group, "into": self.into}
            return journal.recluster(members, parts, run.partition, parameters=parameters)

        return write


class UndoRedo(ActionRequest):
    """Undo the latest action of the person who asks, or redo what this person has undone."""

    kind: Literal["undo", "redo"]

    def _prepare(self, run: OpenRun) -> Write:
        return lambda journal: journal.undo(journal.user) if self.kind == "undo" else journal.redo(journal.user)


class Revert(ActionRequest):
    """Undo one action of the history, or all actions of one person."""

    kind: Literal["revert"]
    action: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    user: str | None = None

    def _prepare(self, run: OpenRun) -> Write:
        if (self.action is None) == (self.user is None):
            raise InputError("one action is reverted (action), or all actions of one person (user): give one of them")
        if self.action is not None:
            number = self.action
            return lambda journal: journal.revert(number)
        return lambda journal: journal.revert_user(str(self.user))


AnyAction = Annotated[
    Name
    | Assign
    | Decide
    | ChangeState
    | Exclude
    | Reject
    | Merge
    | Split
    | Recluster
    | Audit
    | ChangeClass
    | MergeClasses
    | AcceptPredictions
    | TakeClassList
    | Note
    | DefineRatio
    | Distinct
    | Move
    | UndoRedo
    | Revert,
    Field(discriminator="kind"),
]

_NO_CHANGE = {
    "undo": "there is nothing of yours to undo: what others did can be reverted in the history",
    "redo": "there is nothing of yours to do again",
    "revert": "there is nothing of this person to revert",
    "accept_probe": "the classifier is not that certain of any of these images: lower the limit",
}


def perform(run: OpenRun, request: Any, client: str = "", user: str | None = None) -> dict[str, Any]:
    """Perform an action; it is on the disk when this returns.

    Parameters
    ----------
    run : OpenRun
        The run.
    request : one of `AnyAction`
        The action.
    client : str
        Identity of the browser that asked; it is published with the change.
    user : str, optional
        The person who asked, whose name the action bears; without it the one of the atlas.

    Returns
    -------
    dict
        The action as the page receives it, with ``class`` (id of the class it names) and ``groups`` (those it made).

    Raises
    ------
    ConflictError
        If nothing has to be changed, or a preview is out of date.
    InputError
        If the action is impossible; then nothing is changed.
    MissingError
        If there is no such preview.
    """
    action = run.act(request._prepare(run), client=client, user=user)
    if action is None:
        raise ConflictError(_NO_CHANGE.get(request.kind, "nothing of it had to be changed"))
    answer = run.action_to_json(action)
    if isinstance(request, Assign | Name | ChangeClass) and (name := request.class_name(run)):
        name = name.strip().casefold()
        answer["class"] = next((k for k, known in run.states.names.items() if known.casefold() == name), None)
    if "group" in action.after:
        groups = group_index(np.asarray(action.after["group"]))[0]
        answer["groups"] = [int(group) for group in groups if group >= 0][:1000]
    return answer
