"""Endpoints that select, sort, count, draw and preview images, and write nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from facies.atlas.errors import ConflictError
from facies.atlas.server.dependencies import TheRun
from facies.atlas.server.responses import Json, as_rows, binary_response
from facies.atlas.services.audit_sampling import audit_to_json
from facies.atlas.services.ordering import SortOrder, count_rows, nearest_rows, sort_rows
from facies.atlas.services.reclustering import MAX_PARTS, Preview, recluster
from facies.atlas.services.row_query import RowQuery, select_rows
from facies.atlas.state.jobs import Job
from facies.errors import InputError

router = APIRouter()


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NeighbourRequest(_Request):
    """Some images, and how many neighbours of them to return."""

    of: RowQuery
    among: RowQuery | None = None
    k: int = Field(default=100, ge=1, le=100_000)


class Selection(_Request):
    """Some images."""

    of: RowQuery


class ReclusterRequest(_Request):
    """The images to recluster, and the number of parts."""

    of: RowQuery
    k: Annotated[int, Field(ge=2, le=MAX_PARTS)] | None = None


class AuditRequest(_Request):
    """The size of an audit, and its seed."""

    per_class: int = Field(default=50, ge=1, le=2000)
    seed: int = Field(default=0, ge=0, le=2**31)


@router.post("/runs/{key}/order")
def order(run: TheRun, request: SortOrder) -> Response:
    """One page of sorted images."""
    rows, values, total = sort_rows(run, request)
    return binary_response({"rows": as_rows(rows), "value": values}, {"total": total, "offset": request.offset})


@router.post("/runs/{key}/neighbours")
def neighbours(run: TheRun, request: NeighbourRequest) -> Response:
    """The images nearest to any of the given ones."""
    among = None if request.among is None else select_rows(run, request.among)
    rows, distances = nearest_rows(run, select_rows(run, request.of), among, request.k)
    return binary_response({"rows": as_rows(rows), "distance": distances})


@router.post("/runs/{key}/count")
def count(run: TheRun, request: Selection) -> Json:
    """The number of selected images, by group, class and state."""
    return Json(count_rows(run.states, select_rows(run, request.of)))


@router.post("/runs/{key}/reclusterings", status_code=202)
def start_reclustering(run: TheRun, request: ReclusterRequest) -> Json:
    """Start a reclustering; nothing is written."""
    rows, groups = select_rows(run, request.of), run.states.groups
    if len(rows) < 2:
        raise InputError("at least two images are grouped anew: choose more")

    def work(job: Job) -> Preview:
        return recluster(run.folder.embedding, rows, groups, request.k, job)

    return Json({"job": run.jobs.start("recluster", work).id}, status_code=202)


@router.get("/runs/{key}/reclusterings/{job_id}")
def reclustering(run: TheRun, job_id: str) -> Json:
    """The status of a preview, and its parts."""
    job = run.jobs.find(job_id, "recluster")
    status = {**job.to_json(), "revision": run.states.revision}
    preview = job.result
    if not isinstance(preview, Preview):
        return Json({**status, "n": None, "k": None, "silhouette": None, "parts": []})
    sizes = [int((preview.parts == part).sum()) for part in range(preview.k)]
    parts = [{"part": i, "size": sizes[i], "examples": preview.examples[i]} for i in range(preview.k)]
    return Json({**status, "n": len(preview.rows), "k": preview.k, "silhouette": preview.silhouette, "parts": parts})


@router.get("/runs/{key}/reclusterings/{job_id}/parts")
def reclustering_parts(run: TheRun, job_id: str) -> Response:
    """The part of each image in a preview."""
    preview = run.jobs.find(job_id, "recluster").result
    if not isinstance(preview, Preview):
        raise ConflictError("the preview is not ready: wait for it, or begin it again")
    return binary_response({"rows": as_rows(preview.rows), "part": preview.parts})


@router.delete("/runs/{key}/reclusterings/{job_id}")
def forget_reclustering(run: TheRun, job_id: str) -> Json:
    """Cancel a preview, and drop its result."""
    run.jobs.cancel(run.jobs.find(job_id, "recluster"))
    return Json({})


@router.post("/runs/{key}/audits")
def audit(run: TheRun, request: AuditRequest) -> Json:
    """Draw images of each class, in a random order, for the expert to classify again."""
    return Json(audit_to_json(run.states, request.per_class, request.seed))
