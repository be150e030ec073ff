"""Writes a run, or a selection of its images, as one file that a browser downloads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.atlas.state.jobs import Job
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError
from facies.io import atomic_file, atomic_folder
from facies.runs import is_confirmed

REPORT = "report"


def export_descriptions() -> dict[str, str]:
    """Return the formats by name, each with one line that describes it."""
    from facies.report import exporters

    return {name: exporter.description for name, exporter in exporters().items()} | {
        REPORT: "one HTML page with figures"
    }


def check_export(to: str, rows: NDArray[np.int64] | None) -> None:
    """Raise `InputError` if there is no such format, the selection is empty, or a report of a selection is asked for."""
    if to not in export_descriptions():
        raise InputError(f"there is no export {to[:40]!r}: choose one of {', '.join(export_descriptions())}")
    if rows is not None and not len(rows):
        raise InputError("no image is chosen: choose at least one, or export them all")
    if to == REPORT and rows is not None:
        raise InputError("a report tells of the whole run: export a selection as a table or as folders")


def originals_to_json(run: OpenRun) -> dict[str, Any] | None:
    """Return where the original files of a run are, and whether they may be copied; None where there are none."""
    from facies.report.exporters.image_files import has_originals

    if not has_originals(run.folder):
        return None
    path = str(run.folder.manifest["input"]["origin"]["path"])
    return {"path": path, "confirmed": is_confirmed(path)}


def export_rows(run: OpenRun, to: str, rows: NDArray[np.int64] | None, folder: Path, job: Job) -> Path:
    """Write one file into ``folder``, named after the job; a folder of images becomes a zip.

    ``to`` is a key of `export_descriptions`; ``rows`` are the images, ascending, or None for all.
    """
    from facies.report import exporters, write_report
    from facies.report.annotated_partition import annotated_partition

    if to == REPORT:
        return write_report(run.folder, folder / f"{job.id}.html", partition=run.partition)
    table, _ = annotated_partition(run.folder, run.partition, run.states.annotations)
    if rows is not None:
        table = table.iloc[rows]
    job.step(0.1)
    exporter = exporters()[to]
    if not exporter.is_folder:
        path = folder / f"{job.id}{exporter.suffix}"
        with atomic_file(path) as file:
            job.notes += exporter.write(run.folder, table, file) or []
        return path
    images = folder / job.id
    with atomic_folder(images) as prepared:
        job.notes += exporter.write(run.folder, table, prepared) or []
    job.step(0.8)
    try:
        return Path(shutil.make_archive(str(images), "zip", images))
    finally:
        shutil.rmtree(images)


def file_name(run: OpenRun, to: str, path: Path) -> str:
    """Return the name under which a browser saves the file."""
    return f"{run.key}-{to}{path.suffix}"
