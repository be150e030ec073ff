"""Endpoints that return tables: classes, groups, counts, history, review queues, and the status of the classifier."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from facies.atlas.errors import MissingError
from facies.atlas.server.dependencies import TheRun, TheServices
from facies.atlas.server.responses import Json, as_rows, binary_response
from facies.atlas.services.queue_rules import QUEUES
from facies.errors import InputError

router = APIRouter()


@router.get("/runs/{key}/classes")
def classes(run: TheRun) -> Json:
    """The expert's classes."""
    states = run.states
    return Json({"revision": states.revision, "classes": states.classes_to_json()})


@router.get("/runs/{key}/groups")
def groups(run: TheRun) -> Json:
    """The groups, the largest first."""
    states = run.states
    return Json({"revision": states.revision, "groups": run.group_statistics.to_json(states)})


@router.get("/runs/{key}/groups/{group}/similar")
def similar(run: TheRun, group: int, k: Annotated[int, Query(ge=1, le=1000)] = 12) -> Json:
    """The groups nearest to one, those without a class first."""
    named = {entry["group"]: bool(entry["class"]) for entry in run.group_statistics.to_json(run.states)}
    entries = [
        {"group": other, "distance": distance, "named": named.get(other, False)}
        for other, distance in run.group_statistics.similar(group, len(named))
    ]
    return Json({"groups": sorted(entries, key=lambda entry: entry["named"])[:k]})


@router.get("/runs/{key}/counts")
def counts(
    run: TheRun,
    by: str | None = None,
    ratio: Annotated[list[Annotated[str, Query(max_length=1000)]] | None, Query(max_length=20)] = None,
) -> Json:
    """Counts and ratios with their intervals."""
    from facies.atlas.services.counts import count_all
    from facies.report.sections import applying_sections

    samples = run.columns.get(by) if by else None
    if by and samples is None:
        raise InputError(f"there is no column {by[:40]!r} to count by: there are {', '.join(run.columns)}")
    predictions = run.predictions
    pairs = [pair for section in applying_sections(run.folder).values() for pair in section.role_ratios]
    classes = None if predictions is None else predictions.classes
    return Json(count_all(run.states, classes, samples, ratio or (), pairs))


@router.get("/runs/{key}/history")
def history(run: TheRun, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Json:
    """The latest actions, the newest first."""
    return Json(run.history_to_json(limit))


@router.get("/runs/{key}/queues")
def queues(services: TheServices) -> Json:
    """The review queues."""
    return Json([services.queues.to_json(name) for name in QUEUES])


@router.get("/runs/{key}/queues/{name}")
def queue(services: TheServices, name: str) -> Response:
    """The images of a review queue, the worst first, without excluded ones."""
    if name not in QUEUES:
        raise MissingError(f"there is no queue {name[:40]!r}: there are {', '.join(QUEUES)}")
    revision, images = services.run.states.revision, services.queues.queue(name)
    arrays = {"rows": as_rows(images.rows), "score": images.score.astype(np.float32)}
    if images.twins is not None:
        arrays["twin"] = as_rows(images.twins)
    if images.distance is not None:
        arrays["distance"] = images.distance
    return binary_response(arrays, {"cut": images.cut, "pairs": images.twins is not None, "revision": revision})


@router.post("/runs/{key}/queues/{name}/jobs", status_code=202)
def prepare_queue(services: TheServices, name: str) -> Json:
    """Start to compute a queue that takes long; no job if there is nothing to wait for."""
    job = services.queues.prepare(name)
    return Json({"job": job and job.id}, status_code=202)


@router.delete("/runs/{key}/queues/{name}/jobs/{job_id}")
def cancel_queue(services: TheServices, name: str, job_id: str) -> Json:
    """Cancel the computation of a queue."""
    if name not in QUEUES:
        raise MissingError(f"there is no queue {name[:40]!r}: there are {', '.join(QUEUES)}")
    jobs = services.run.jobs
    jobs.cancel(jobs.find(job_id, "queue"))
    return Json({})


@router.get("/runs/{key}/probe")
def probe(services: TheServices) -> Json:
    """The status of the classifier."""
    return Json(services.classifier.to_json())
