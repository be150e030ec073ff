"""Endpoints that choose, order, propose and draw, and write nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from facies.atlas.errors import ConflictError
from facies.atlas.server.dependencies import TheRun
from facies.atlas.server.responses import Json, as_rows, frame
from facies.atlas.services.audit_sampling import draw_audit
from facies.atlas.services.jobs import Job
from facies.atlas.services.ordering import SortOrder, count_rows, neighbours_of, ordered
from facies.atlas.services.reclustering import MOST_PARTS, Preview, recluster
from facies.atlas.services.row_query import RowsQuery
from facies.errors import InputError

router = APIRouter()


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Neighbours(_Request):
    """Images near to some."""

    of: RowsQuery
    among: RowsQuery | None = None
    k: int = Field(default=100, ge=1, le=100_000)


class Of(_Request):
    """Some images."""

    of: RowsQuery


class NewGroups(_Request):
    """A re-clustering to be previewed."""

    of: RowsQuery
    k: Annotated[int, Field(ge=2, le=MOST_PARTS)] | None = None


class NewAudit(_Request):
    """An audit to be drawn."""

    per_class: int = Field(default=50, ge=1, le=2000)
    seed: int = Field(default=0, ge=0, le=2**31)


@router.post("/runs/{key}/order")
def order(run: TheRun, request: SortOrder) -> Response:
    """Images in an order, a page of them."""
    rows, values, total = ordered(run, request)
    return frame({"rows": as_rows(rows), "value": values}, {"total": total, "offset": request.offset})


@router.post("/runs/{key}/neighbours")
def neighbours(run: TheRun, request: Neighbours) -> Response:
    """The images nearest to any of some."""
    among = None if request.among is None else run.rows(request.among)
    rows, distances = neighbours_of(run, run.rows(request.of), among, request.k)
    return frame({"rows": as_rows(rows), "distance": distances})


@router.post("/runs/{key}/count")
def count(run: TheRun, request: Of) -> Json:
    """What a choice of images holds."""
    return Json(count_rows(run.standing, run.rows(request.of)))


@router.post("/runs/{key}/reclusterings", status_code=202)
def begin_reclustering(run: TheRun, request: NewGroups) -> Json:
    """Begin to group images anew; nothing is written."""
    rows, groups = run.rows(request.of), run.standing.groups
    if len(rows) < 2:
        raise InputError("at least two images are grouped anew: choose more")

    def work(job: Job) -> Preview:
        return recluster(run.run.embedding, rows, groups, request.k, job)

    return Json({"job": run.jobs.start("recluster", work).id}, status_code=202)


@router.get("/runs/{key}/reclusterings/{job_id}")
def reclustering(run: TheRun, job_id: str) -> Json:
    """How a preview stands."""
    job = run.jobs.find(job_id, "recluster")
    told = {**job.told(), "revision": run.standing.revision}
    preview = job.result
    if not isinstance(preview, Preview):
        return Json({**told, "n": None, "k": None, "silhouette": None, "parts": []})
    sizes = [int((preview.parts == part).sum()) for part in range(preview.k)]
    parts = [{"part": i, "size": sizes[i], "examples": preview.examples[i]} for i in range(preview.k)]
    return Json({**told, "n": len(preview.rows), "k": preview.k, "silhouette": preview.silhouette, "parts": parts})


@router.get("/runs/{key}/reclusterings/{job_id}/parts")
def reclustering_parts(run: TheRun, job_id: str) -> Response:
    """Which image a preview would put where."""
    preview = run.jobs.find(job_id, "recluster").result
    if not isinstance(preview, Preview):
        raise ConflictError("the preview is not ready: wait for it, or begin it again")
    return frame({"rows": as_rows(preview.rows), "part": preview.parts})


@router.delete("/runs/{key}/reclusterings/{job_id}")
def forget_reclustering(run: TheRun, job_id: str) -> Json:
    """Forget a preview."""
    run.jobs.cancel(run.jobs.find(job_id, "recluster"))
    return Json({})


@router.post("/runs/{key}/audits")
def audit(run: TheRun, request: NewAudit) -> Json:
    """Draw images of each class, shuffled, to be told what they truly are."""
    return Json(draw_audit(run.standing, request.per_class, request.seed))
