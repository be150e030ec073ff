"""Binary endpoints: positions once, classes and groups at a revision, what changed since, columns, predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response
from numpy.typing import NDArray

from facies.atlas.errors import MissingError
from facies.atlas.server.dependencies import TheRun
from facies.atlas.server.responses import as_rows, frame

router = APIRouter()


@router.get("/runs/{key}/points")
def points(run: TheRun, projection: str | None = None) -> Response:
    """The map, in [-1, 1]."""
    placed = run.projected(projection)
    return frame({"x": placed[:, 0], "y": placed[:, 1]}, for_ever=True)


@router.get("/runs/{key}/state")
def state(run: TheRun) -> Response:
    """How every image stands."""
    standing, fitted = run.standing, run.probing.fitted
    nothing = np.zeros(0, np.float32)
    sections: dict[str, NDArray[Any]] = {
        "class": standing.classes,
        "state": standing.states,
        "group": standing.groups,
        "reason": standing.reasons,
        "prediction": nothing.astype(np.uint16) if fitted is None else fitted.classes,
        "certainty": nothing if fitted is None else fitted.certainty,
    }
    probe = 0 if fitted is None else fitted.number
    return frame(sections, {"revision": standing.revision, "probe": probe, "reasons": standing.reason_texts})


@router.get("/runs/{key}/changes")
def changes(run: TheRun, since: int) -> Response:
    """How those images stand that actions after a revision have changed."""
    standing = run.standing
    rows = run.changes.since(since) if since <= standing.revision else None
    header = {"revision": standing.revision, "since": since, "reasons": standing.reason_texts}
    if rows is None:
        return frame({}, {**header, "full": True})
    sections: dict[str, NDArray[Any]] = {
        "rows": as_rows(rows),
        "class": standing.classes[rows],
        "state": standing.states[rows],
        "group": standing.groups[rows],
        "reason": standing.reasons[rows],
    }
    return frame(sections, {**header, "full": False})


@router.get("/runs/{key}/predictions")
def predictions(run: TheRun) -> Response:
    """The classifier's class of every image, and how certain it is."""
    fitted = run.probing.fitted
    if fitted is None:
        return frame({}, {"probe": 0})
    return frame({"prediction": fitted.classes, "certainty": fitted.certainty}, {"probe": fitted.number})


@router.get("/runs/{key}/columns/{name:path}")
def column(run: TheRun, name: str) -> Response:
    """One column of the table."""
    found = run.columns.get(name)
    if found is None:
        raise MissingError(f"the run has no column {name[:40]!r}: it has {', '.join(run.columns)}")
    if found.kind == "number":
        return frame({"values": found.entries}, {"kind": "number"})
    return frame({"codes": found.entries}, {"kind": "category", "dictionary": found.words})
