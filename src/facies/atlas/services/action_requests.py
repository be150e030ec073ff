"""The actions of a browser: each kind is a validated model, and a function that writes it to the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from facies.annotations import STATES, Action, Journal
from facies.atlas.errors import ConflictError
from facies.atlas.services.reclustering import Preview
from facies.atlas.services.row_query import MAX_ROWS, Number, Numbers, RowQuery, select_rows
from facies.atlas.state.group_statistics import group_index
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["AnyAction", "perform"]


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _ClassAction(_Action):
    class_: Number | None = Field(default=None, alias="class")
    name: str | None = None


class Name(_ClassAction):
    """Give all members of groups a class."""

    kind: Literal["name"]
    group: Numbers


class Assign(_ClassAction):
    """Give images a class."""

    kind: Literal["assign"]
    of: RowQuery
    state: Literal["validated", "predicted", "dubious"] = "validated"


class ChangeState(_Action):
    """Remove the class of images, include, doubt or validate them."""

    kind: Literal["clear", "include", "dubious", "validate"]
    of: RowQuery


class Exclude(_Action):
    """Exclude images from the counts."""

    kind: Literal["exclude"]
    of: RowQuery
    reason: str


class Reject(_ClassAction):
    """Record that images are not of a class."""

    kind: Literal["reject"]
    of: RowQuery


class Merge(_Action):
    """Make one group of several."""

    kind: Literal["merge"]
    groups: Annotated[list[Number], Field(max_length=10_000)]


class Split(_Action):
    """Make a new group of images and, if their group is given, another of its other images."""

    kind: Literal["split"]
    of: RowQuery
    group: Number | None = None


class Recluster(_Action):
    """Accept the preview of a reclustering."""

    kind: Literal["recluster"]
    preview: str


class Audit(_Action):
    """Record the true classes of audited images."""

    kind: Literal["audit"]
    rows: Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS)]
    true: Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS)]


class ChangeClass(_ClassAction):
    """Make a class, or change those properties of one that are given."""

    kind: Literal["class"]
    roles: Annotated[list[str], Field(max_length=20)] | None = None
    excluded: bool | None = None
    reason: str | None = None
    key: str | None = None
    colour: str | None = None


class MergeClasses(_Action):
    """Give the images of classes to another one, or to none (0), and remove those classes."""

    kind: Literal["merge_classes"]
    classes: Annotated[list[Number], Field(min_length=1, max_length=1000)]
    into: Number


class AcceptPredictions(_Action):
    """Assign predicted classes to images that have no class."""

    kind: Literal["accept_probe"]
    of: RowQuery
    least: float = Field(default=0.0, ge=0, le=1)


class UndoRedo(_Action):
    """Undo the latest action, or redo what was undone."""

    kind: Literal["undo", "redo"]


AnyAction = Annotated[
    Name
    | Assign
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
    | UndoRedo,
    Field(discriminator="kind"),
]

Write = Callable[[Journal], Action | None]


def perform(run: OpenRun, request: Any, client: str = "") -> dict[str, Any]:
    """Perform an action; it is on the disk when this returns.

    Parameters
    ----------
    run : OpenRun
        The run.
    request : one of `AnyAction`
        The action.
    client : str
        Identity of the browser that asked; it is published with the change.

    Returns
    -------
    dict
        The action as the page receives it, with ``class`` (id of the class it names) and ``groups`` (the groups it made),
        where it has them.

    Raises
    ------
    ConflictError
        If nothing has to be changed, or a preview is out of date.
    InputError
        If the action is impossible; then nothing is changed.
    MissingError
        If there is no such preview.
    """
    write = _WRITERS[type(request)](run, request)
    action = run.act(write, client=client)
    if action is None:
        raise ConflictError(_NO_CHANGE.get(request.kind, "nothing of it had to be changed"))
    answer = run.action_to_json(action)
    if isinstance(request, Assign | Name | ChangeClass) and (name := _class_name(run, request)):
        answer["class"] = next((k for k, known in run.states.names.items() if _is_same_name(known, name)), None)
    if "group" in action.after:
        groups = group_index(np.asarray(action.after["group"]))[0]
        answer["groups"] = [int(group) for group in groups if group >= 0][:1000]
    return answer


_NO_CHANGE = {
    "undo": "there is nothing to undo",
    "redo": "there is nothing to do again",
    "accept_probe": "the classifier is not that certain of any of these images: lower the limit",
}


def _class_name(run: OpenRun, request: Assign | Name | ChangeClass | Reject) -> str | None:
    """Name of the class that a request gives by name or number; None for the class 0."""
    if isinstance(request, ChangeClass):
        return request.name if request.name is not None else _name_by_number(run, request.class_ or 0)
    if request.name is not None:
        return request.name
    if request.class_ is None:
        raise InputError("a class is given by its number (class) or by its name (name): neither was")
    return _name_by_number(run, request.class_) if request.class_ else None


def _name_by_number(run: OpenRun, number: int) -> str:
    name = run.states.names.get(number)
    if name is None:
        raise InputError(f"there is no class {number}: somebody may have removed it; choose another one")
    return name


def _is_same_name(one: str, other: str) -> bool:
    return one.casefold() == other.strip().casefold()


def _name(run: OpenRun, request: Name) -> Write:
    groups = [request.group] if isinstance(request.group, int) else request.group
    name = _class_name(run, request)
    return lambda journal: journal.name_groups(dict.fromkeys(groups, name), run.partition)


def _assign(run: OpenRun, request: Assign) -> Write:
    rows, name = select_rows(run, request.of), _class_name(run, request)
    return lambda journal: journal.assign(rows, name, request.state)


def _change_state(run: OpenRun, request: ChangeState) -> Write:
    rows = select_rows(run, request.of)
    if request.kind == "clear":
        return lambda journal: journal.assign(rows, None)
    if request.kind == "include":
        return lambda journal: journal.include(rows)
    if request.kind == "dubious":
        return lambda journal: journal.dubious(rows)
    predicted = {} if run.predictions is None else run.predictions.rows_by_class(rows, run.states.names)
    return lambda journal: journal.validate(rows, predicted=predicted)


def _exclude(run: OpenRun, request: Exclude) -> Write:
    rows = select_rows(run, request.of)
    return lambda journal: journal.exclude(rows, request.reason)


def _reject(run: OpenRun, request: Reject) -> Write:
    rows, name = select_rows(run, request.of), _class_name(run, request)
    if name is None:
        raise InputError("images are rejected from a class: give its number or its name")
    return lambda journal: journal.reject(rows, name)


def _merge(run: OpenRun, request: Merge) -> Write:
    return lambda journal: journal.merge(request.groups, run.partition)


def _split(run: OpenRun, request: Split) -> Write:
    rows = select_rows(run, request.of)
    if request.group is None:
        return lambda journal: journal.split(rows, run.partition)
    members = np.flatnonzero(run.states.groups == request.group)
    in_part = np.isin(members, rows)
    if not in_part.any() or in_part.all():
        raise InputError(f"a split takes a part of group {request.group}: choose some of its images, and not all")
    # Both parts get new numbers: neither is the group that the expert has seen before.
    parts, parameters = in_part.astype(np.int64), {"split": request.group}

    def write(journal: Journal) -> Action:
        if not (run.states.groups[members] == request.group).all():
            raise ConflictError(f"group {request.group} has just been changed by somebody else: look at it again")
        return journal.recluster(members, parts, run.partition, parameters=parameters)

    return write


def _recluster(run: OpenRun, request: Recluster) -> Write:
    preview = run.jobs.find(request.preview, "recluster").result
    if not isinstance(preview, Preview):
        raise ConflictError("the preview is not ready, or was cancelled: begin the re-clustering again")
    parameters = {"method": "k-means", "k": preview.k, "silhouette": preview.silhouette, "seed": 0}

    def write(journal: Journal) -> Action:
        # Under the lock of the run, so that nobody regroups between this comparison and the writing.
        if not np.array_equal(run.states.groups[preview.rows], preview.groups):
            raise ConflictError("some of these images have changed their group since the preview: begin it again")
        return journal.recluster(preview.rows, preview.parts.astype(np.int64), run.partition, parameters=parameters)

    return write


def _audit(run: OpenRun, request: Audit) -> Write:
    if len(request.rows) != len(request.true):
        raise InputError(
            f"{len(request.rows)} audited images have as many true classes: {len(request.true)} were given"
        )
    names = [_name_by_number(run, number) if number else "" for number in request.true]
    return lambda journal: journal.record_audit(request.rows, names)


def _change_class(run: OpenRun, request: ChangeClass) -> Write:
    fields: Mapping[str, Any] = {
        "role": request.roles,
        "excluded": request.excluded,
        "reason": request.reason,
        "key": request.key,
        "colour": request.colour,
    }
    if request.class_:
        current = _name_by_number(run, request.class_)
        return lambda journal: journal.set_class(current, rename=request.name, **fields)
    if request.name is None:
        raise InputError("a new class needs a name: give one")
    name = request.name
    return lambda journal: journal.set_class(name, **fields)


def _merge_classes(run: OpenRun, request: MergeClasses) -> Write:
    names = [_name_by_number(run, number) for number in request.classes]
    into = _name_by_number(run, request.into) if request.into else None
    return lambda journal: journal.merge_classes(names, into)


def _accept_predictions(run: OpenRun, request: AcceptPredictions) -> Write:
    rows = select_rows(run, request.of)
    rows = rows[(run.states.classes[rows] == 0) & (run.states.states[rows] != STATES["excluded"])]
    predictions = run.predictions
    if predictions is None:
        return lambda _: None
    rows, names, codes, confidence = predictions.certain(rows, request.least, run.states.names)
    if not len(rows):
        return lambda _: None
    parameters = {
        "least": request.least,
        "revision": predictions.revision,
        "n_labelled": predictions.n_labelled,
        "accuracy": predictions.accuracy,
    }
    return lambda journal: journal.classify(rows, names, codes, confidence, parameters=parameters)


def _undo_redo(_: OpenRun, request: UndoRedo) -> Write:
    return lambda journal: journal.undo() if request.kind == "undo" else journal.redo()


_WRITERS: dict[type[Any], Callable[[OpenRun, Any], Write]] = {
    Name: _name,
    Assign: _assign,
    ChangeState: _change_state,
    Exclude: _exclude,
    Reject: _reject,
    Merge: _merge,
    Split: _split,
    Recluster: _recluster,
    Audit: _audit,
    ChangeClass: _change_class,
    MergeClasses: _merge_classes,
    AcceptPredictions: _accept_predictions,
    UndoRedo: _undo_redo,
}
