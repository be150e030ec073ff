"""What a browser may change, each kind a model that is checked and one function that writes to the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from facies.annotations import STATES, Action, Journal
from facies.atlas.errors import ConflictError
from facies.atlas.services.reclustering import Preview
from facies.atlas.services.row_query import MOST_ROWS, Number, Numbers, RowsQuery
from facies.atlas.state.group_statistics import numbered
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["AnyAction", "perform"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Classed(_Request):
    class_: Number | None = Field(default=None, alias="class")
    name: str | None = None


class Name(_Classed):
    """Give all members of groups a class."""

    kind: Literal["name"]
    group: Numbers


class Assign(_Classed):
    """Give images a class."""

    kind: Literal["assign"]
    of: RowsQuery
    state: Literal["validated", "predicted", "dubious"] = "validated"


class OfRows(_Request):
    """What needs to know nothing but the images."""

    kind: Literal["clear", "include", "dubious", "validate"]
    of: RowsQuery


class Exclude(_Request):
    """Take images out of the counts."""

    kind: Literal["exclude"]
    of: RowsQuery
    reason: str


class Reject(_Classed):
    """Say that images are not of a class."""

    kind: Literal["reject"]
    of: RowsQuery


class Merge(_Request):
    """Make one group of several."""

    kind: Literal["merge"]
    groups: Annotated[list[Number], Field(max_length=10_000)]


class Split(_Request):
    """Make a group of its own of images, and of the rest of their group another."""

    kind: Literal["split"]
    of: RowsQuery
    group: Number | None = None


class Recluster(_Request):
    """Accept a preview."""

    kind: Literal["recluster"]
    preview: str


class Audit(_Request):
    """Tell what audited images truly are."""

    kind: Literal["audit"]
    rows: Annotated[list[Number], Field(min_length=1, max_length=MOST_ROWS)]
    true: Annotated[list[Number], Field(min_length=1, max_length=MOST_ROWS)]


class ChangeClass(_Classed):
    """Make a class, or change what is given of one."""

    kind: Literal["class"]
    roles: Annotated[list[str], Field(max_length=20)] | None = None
    excluded: bool | None = None
    reason: str | None = None
    key: str | None = None
    colour: str | None = None


class MergeClasses(_Request):
    """Give the images of classes to another one, or to none (0), and remove those classes."""

    kind: Literal["merge_classes"]
    classes: Annotated[list[Number], Field(min_length=1, max_length=1000)]
    into: Number


class AcceptProbe(_Request):
    """Take the classifier's classes for images that have none."""

    kind: Literal["accept_probe"]
    of: RowsQuery
    least: float = Field(default=0.0, ge=0, le=1)


class Turn(_Request):
    """Undo the latest action, or do again what was undone."""

    kind: Literal["undo", "redo"]


AnyAction = Annotated[
    Name
    | Assign
    | OfRows
    | Exclude
    | Reject
    | Merge
    | Split
    | Recluster
    | Audit
    | ChangeClass
    | MergeClasses
    | AcceptProbe
    | Turn,
    Field(discriminator="kind"),
]

Write = Callable[[Journal], Action | None]


def perform(run: OpenRun, request: Any, client: str = "") -> dict[str, Any]:
    """Do what a browser asked for; it is on the disk when this returns.

    Parameters
    ----------
    run : OpenRun
        The run.
    request : one of `AnyAction`
        What to do.
    client : str
        Which browser asked.

    Returns
    -------
    dict
        What the browser is told.

    Raises
    ------
    ConflictError
        If there is nothing to undo or redo, or a preview is out of date.
    InputError
        If it cannot be done; nothing of it is.
    MissingError
        If a preview is not known.
    """
    write = _WRITERS[type(request)](run, request)
    action = run.act(write, client=client)
    if action is None:
        raise ConflictError(_NOTHING.get(request.kind, "nothing of it had to be changed"))
    told = run.told(action)
    if isinstance(request, Assign | Name | ChangeClass) and (name := _named(run, request)):
        told["class"] = next((number for number, known in run.standing.names.items() if _alike(known, name)), None)
    if "group" in action.after:
        told["groups"] = [int(group) for group in numbered(np.asarray(action.after["group"]))[0] if group >= 0][:1000]
    return told


_NOTHING = {
    "undo": "there is nothing to undo",
    "redo": "there is nothing to do again",
    "accept_probe": "the classifier is not that certain of any of these images: lower the limit",
}


def _named(run: OpenRun, request: Assign | Name | ChangeClass | Reject) -> str | None:
    """The class that a request means; None for the class 0."""
    if isinstance(request, ChangeClass):
        return request.name if request.name is not None else _class_name(run, request.class_ or 0)
    if request.name is not None:
        return request.name
    if request.class_ is None:
        raise InputError("a class is given by its number (class) or by its name (name): neither was")
    return _class_name(run, request.class_) if request.class_ else None


def _class_name(run: OpenRun, number: int) -> str:
    name = run.standing.names.get(number)
    if name is None:
        raise InputError(f"there is no class {number}: somebody may have removed it; choose another one")
    return name


def _alike(one: str, other: str) -> bool:
    return one.casefold() == other.strip().casefold()


def _name(run: OpenRun, request: Name) -> Write:
    groups = [request.group] if isinstance(request.group, int) else request.group
    name = _named(run, request)
    return lambda journal: journal.name_groups(dict.fromkeys(groups, name), run.partition)


def _assign(run: OpenRun, request: Assign) -> Write:
    rows, name = run.rows(request.of), _named(run, request)
    return lambda journal: journal.assign(rows, name, request.state)


def _of_rows(run: OpenRun, request: OfRows) -> Write:
    rows = run.rows(request.of)
    if request.kind == "clear":
        return lambda journal: journal.assign(rows, None)
    if request.kind == "include":
        return lambda journal: journal.include(rows)
    if request.kind == "dubious":
        return lambda journal: journal.dubious(rows)
    proposed = run.probing.proposals(rows, run.standing.names)
    return lambda journal: journal.validate(rows, predicted=proposed)


def _exclude(run: OpenRun, request: Exclude) -> Write:
    rows = run.rows(request.of)
    return lambda journal: journal.exclude(rows, request.reason)


def _reject(run: OpenRun, request: Reject) -> Write:
    rows, name = run.rows(request.of), _named(run, request)
    if name is None:
        raise InputError("images are rejected from a class: give its number or its name")
    return lambda journal: journal.reject(rows, name)


def _merge(run: OpenRun, request: Merge) -> Write:
    return lambda journal: journal.merge(request.groups, run.partition)


def _split(run: OpenRun, request: Split) -> Write:
    rows = run.rows(request.of)
    if request.group is None:
        return lambda journal: journal.split(rows, run.partition)
    members = np.flatnonzero(run.standing.groups == request.group)
    leaving = np.isin(members, rows)
    if not leaving.any() or leaving.all():
        raise InputError(f"a split takes a part of group {request.group}: choose some of its images, and not all")
    # Both halves get new numbers: neither is the group that was looked at before.
    parts, parameters = leaving.astype(np.int64), {"split": request.group}

    def write(journal: Journal) -> Action:
        if not (run.standing.groups[members] == request.group).all():
            raise ConflictError(f"group {request.group} has just been changed by somebody else: look at it again")
        return journal.recluster(members, parts, run.partition, parameters=parameters)

    return write


def _recluster(run: OpenRun, request: Recluster) -> Write:
    preview = run.jobs.find(request.preview, "recluster").result
    if not isinstance(preview, Preview):
        raise ConflictError("the preview is not ready, or was cancelled: begin the re-clustering again")
    parameters = {"method": "k-means", "k": preview.k, "silhouette": preview.silhouette, "seed": 0}

    def write(journal: Journal) -> Action:
        # Read under the lock of the run, so that nobody regroups between this look and the writing.
        if not np.array_equal(run.standing.groups[preview.rows], preview.groups):
            raise ConflictError("some of these images have changed their group since the preview: begin it again")
        return journal.recluster(preview.rows, preview.parts.astype(np.int64), run.partition, parameters=parameters)

    return write


def _audit(run: OpenRun, request: Audit) -> Write:
    if len(request.rows) != len(request.true):
        raise InputError(
            f"{len(request.rows)} audited images have as many true classes: {len(request.true)} were given"
        )
    names = [_class_name(run, number) if number else "" for number in request.true]
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
        known = _class_name(run, request.class_)
        return lambda journal: journal.set_class(known, rename=request.name, **fields)
    if request.name is None:
        raise InputError("a new class needs a name: give one")
    name = request.name
    return lambda journal: journal.set_class(name, **fields)


def _merge_classes(run: OpenRun, request: MergeClasses) -> Write:
    names = [_class_name(run, number) for number in request.classes]
    into = _class_name(run, request.into) if request.into else None
    return lambda journal: journal.merge_classes(names, into)


def _accept_probe(run: OpenRun, request: AcceptProbe) -> Write:
    rows = run.rows(request.of)
    rows = rows[(run.standing.classes[rows] == 0) & (run.standing.states[rows] != STATES["excluded"])]
    taken, names, codes, confidence = run.probing.sure_of(rows, request.least, run.standing.names)
    if not len(taken):
        return lambda _: None
    fitted = run.probing.told()
    parameters = {"least": request.least, **{name: fitted[name] for name in ("revision", "n_labelled", "accuracy")}}
    return lambda journal: journal.classify(taken, names, codes, confidence, parameters=parameters)


def _turn(_: OpenRun, request: Turn) -> Write:
    return lambda journal: journal.undo() if request.kind == "undo" else journal.redo()


_WRITERS: dict[type[Any], Callable[[OpenRun, Any], Write]] = {
    Name: _name,
    Assign: _assign,
    OfRows: _of_rows,
    Exclude: _exclude,
    Reject: _reject,
    Merge: _merge,
    Split: _split,
    Recluster: _recluster,
    Audit: _audit,
    ChangeClass: _change_class,
    MergeClasses: _merge_classes,
    AcceptProbe: _accept_probe,
    Turn: _turn,
}
