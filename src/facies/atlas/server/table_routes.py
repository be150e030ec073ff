"""Groups, classes, counts, history, queues and the classifier's status, as JSON or rows."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from facies.atlas.errors import MissingError
from facies.atlas.server.dependencies import TheRun
from facies.atlas.server.responses import Json, as_rows, frame
from facies.atlas.services.queue_rules import QUEUES
from facies.errors import InputError

router = APIRouter()


@router.get("/runs/{key}/classes")
def classes(run: TheRun) -> Json:
    """The expert's classes."""
    standing = run.standing
    return Json({"revision": standing.revision, "classes": standing.class_list()})


@router.get("/runs/{key}/groups")
def groups(run: TheRun) -> Json:
    """The groups, the largest first."""
    standing = run.standing
    return Json({"revision": standing.revision, "groups": run.groups.told(standing)})


@router.get("/runs/{key}/groups/{group}/similar")
def similar(run: TheRun, group: int, k: Annotated[int, Query(ge=1, le=1000)] = 12) -> Json:
    """The groups nearest to one, those without a class first."""
    standing = run.standing
    named = {told["group"]: bool(told["class"]) for told in run.groups.told(standing)}
    found = [
        {"group": other, "distance": distance, "named": named.get(other, False)}
        for other, distance in run.groups.similar(group, len(named))
    ]
    return Json({"groups": sorted(found, key=lambda told: told["named"])[:k]})


@router.get("/runs/{key}/counts")
def counts(
    run: TheRun,
    by: str | None = None,
    ratio: Annotated[list[Annotated[str, Query(max_length=1000)]] | None, Query(max_length=20)] = None,
) -> Json:
    """Counts and ratios with their intervals."""
    from facies.atlas.services.counts import count_all

    samples = run.columns.get(by) if by else None
    if by and samples is None:
        raise InputError(f"there is no column {by[:40]!r} to count by: there are {', '.join(run.columns)}")
    fitted = run.probing.fitted
    return Json(count_all(run.standing, None if fitted is None else fitted.classes, samples, ratio or ()))


@router.get("/runs/{key}/history")
def history(run: TheRun, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Json:
    """What was done, the newest first."""
    return Json(run.history(limit))


@router.get("/runs/{key}/queues")
def queues(run: TheRun) -> Json:
    """Which queues there are."""
    return Json([run.quality.told(name, run.standing, run.probing.fitted) for name in QUEUES])


@router.get("/runs/{key}/queues/{name}")
def queue(run: TheRun, name: str) -> Response:
    """The images of a queue, the worst first; excluded ones are left out."""
    if name not in QUEUES:
        raise MissingError(f"there is no queue {name[:40]!r}: there are {', '.join(QUEUES)}")
    standing = run.standing
    found = run.quality.queue(name, standing, run.probing.fitted)
    sections = {"rows": as_rows(found.rows), "score": found.score.astype(np.float32)}
    if found.twins is not None:
        sections["twin"] = as_rows(found.twins)
    return frame(sections, {"cut": found.cut, "pairs": found.twins is not None, "revision": standing.revision})


@router.get("/runs/{key}/probe")
def probe(run: TheRun) -> Json:
    """How the classifier stands."""
    return Json(run.probing.told())
