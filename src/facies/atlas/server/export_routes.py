"""Endpoints that write an export and return its file."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict

from facies.atlas.errors import ConflictError
from facies.atlas.server.dependencies import TheAtlas, TheRun
from facies.atlas.server.responses import Json
from facies.atlas.services.export import check_export, export_rows, file_name
from facies.atlas.services.row_query import RowQuery, select_rows
from facies.atlas.state.jobs import Job
from facies.report.exporters.image_files import confirm_originals

router = APIRouter()


class ExportRequest(BaseModel):
    """The format of an export, its images, and the folder that the expert lets original files be copied from."""

    model_config = ConfigDict(extra="forbid")

    to: str
    of: RowQuery | None = None
    originals: str | None = None


@router.post("/runs/{key}/exports", status_code=202)
def start_export(atlas: TheAtlas, run: TheRun, request: ExportRequest) -> Json:
    """Start an export of all images, or of some."""
    rows = None if request.of is None else select_rows(run, request.of)
    check_export(request.to, rows)
    if request.originals is not None:
        confirm_originals(run.folder, request.originals)

    def work(job: Job) -> tuple[Path, str]:
        path = export_rows(run, request.to, rows, atlas.exports_folder, job)
        return path, file_name(run, request.to, path)

    return Json({"job": run.jobs.start("export", work).id}, status_code=202)


@router.get("/runs/{key}/exports/{job_id}")
def export(run: TheRun, job_id: str) -> Response:
    """The file of an export that is ready."""
    job = run.jobs.find(job_id, "export")
    if job.status != "ready":
        raise ConflictError(job.error or f"the export is not ready ({job.status}): wait for it, or begin it again")
    path, name = job.result
    return FileResponse(path, filename=name, media_type="application/octet-stream")
