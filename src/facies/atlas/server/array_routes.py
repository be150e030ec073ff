"""Endpoints that return binary arrays: positions, states at a revision, what changed since, columns, predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response
from numpy.typing import NDArray

from facies.atlas.errors import MissingError
from facies.atlas.server.dependencies import TheRun, TheServices
from facies.atlas.server.responses import as_rows, binary_response
from facies.atlas.state.image_states import ImageStates
from facies.atlas.state.open_run import OpenRun

router = APIRouter()


@router.get("/runs/{key}/points")
def points(run: TheRun, projection: str | None = None) -> Response:
    """The positions on the map, in [-1, 1]."""
    positions = run.projection(projection)
    return binary_response({"x": positions[:, 0], "y": positions[:, 1]}, immutable=True)


@router.get("/runs/{key}/state")
def state(run: TheRun) -> Response:
    """Class, state, group, reason and prediction of every image."""
    states = run.states
    predicted, header = _predicted(run)
    arrays: dict[str, NDArray[Any]] = {
        "class": states.classes,
        "state": states.states,
        "group": states.groups,
        "reason": states.reasons,
        "looked": states.looked_at.view(np.uint8),
        **predicted,
    }
    return binary_response(arrays, {**_header(states), **header})


@router.get("/runs/{key}/changes")
def changes(run: TheRun, since: int) -> Response:
    """Class, state, group and reason of the images that actions after a revision have changed."""
    states = run.states
    rows = run.changes.since(since) if since <= states.revision else None
    header = {**_header(states), "since": since}
    if rows is None:
        return binary_response({}, {**header, "full": True})
    arrays: dict[str, NDArray[Any]] = {
        "rows": as_rows(rows),
        "class": states.classes[rows],
        "state": states.states[rows],
        "group": states.groups[rows],
        "reason": states.reasons[rows],
        "looked": states.looked_at[rows].view(np.uint8),
    }
    return binary_response(arrays, {**header, "full": False})


@router.get("/runs/{key}/predictions")
def predictions(run: TheRun) -> Response:
    """The predicted class of every image, and its certainty; both empty while there is no classifier.

    There may be none any more when the page, which was told of one, comes to ask.
    """
    return binary_response(*_predicted(run))


@router.get("/runs/{key}/columns/{name:path}")
def column(run: TheRun, name: str) -> Response:
    """One column of the table."""
    entry = run.columns.get(name)
    if entry is None:
        raise MissingError(f"the run has no column {name[:40]!r}: it has {', '.join(run.columns)}")
    if entry.kind == "number":
        return binary_response({"values": entry.entries}, {"kind": "number"})
    return binary_response({"codes": entry.entries}, {"kind": "category", "dictionary": entry.categories})


@router.get("/runs/{key}/sizes")
def sizes(services: TheServices) -> Response:
    """Width and height of what each image shows, in µm; NaN where they are not known."""
    found = services.sizes
    if found is None:
        raise MissingError("the run does not say how large a pixel is")
    return binary_response({"width": found[:, 0], "height": found[:, 1]}, immutable=True)


def _header(states: ImageStates) -> dict[str, Any]:
    return {"revision": states.revision, "reasons": states.reason_texts}


def _predicted(run: OpenRun) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    fit = run.predictions
    if fit is None:
        return {"prediction": np.zeros(0, np.uint16), "certainty": np.zeros(0, np.float32)}, {"probe": 0}
    return {"prediction": fit.classes, "certainty": fit.certainty}, {"probe": fit.number}
