"""Takes a run, or a selection of it, out of the atlas as one file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facies.atlas.services.jobs import Job
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError
from facies.io import atomic_file, atomic_folder

__all__ = ["REPORT", "export_rows", "exports_told"]

REPORT = "report"
_SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "coco": ".json", "ecotaxa": ".zip", REPORT: ".html"}


def exports_told() -> dict[str, str]:
    """Return the ways out by name, with one line each."""
    from facies.report import EXPORTERS

    return {name: exporter.says for name, exporter in EXPORTERS.items()} | {REPORT: "one HTML page with figures"}


def check_export(to: str, rows: NDArray[np.int64] | None) -> None:
    """Say at once what would fail later.

    Raises
    ------
    InputError
        If there is no such way out, no image is chosen, or a report is asked of a selection.
    """
    if to not in exports_told():
        raise InputError(f"there is no export {to[:40]!r}: choose one of {', '.join(exports_told())}")
    if rows is not None and not len(rows):
        raise InputError("no image is chosen: choose at least one, or export them all")
    if to == REPORT and rows is not None:
        raise InputError("a report tells of the whole run: export a selection as a table or as folders")


def export_rows(run: OpenRun, to: str, rows: NDArray[np.int64] | None, folder: Path, job: Job) -> Path:
    """Write one file; a folder of images becomes a zip.

    Parameters
    ----------
    run : OpenRun
        The run.
    to : str
        A name of `exports_told`.
    rows : ndarray of int64 or None
        The images, rising; None for all.
    folder : Path
        Where to write it.
    job : Job
        Whose id names the file on our side.

    Returns
    -------
    Path
    """
    from facies.report import EXPORTERS, write_report
    from facies.report.annotated_partition import named_partition

    path = folder / f"{job.id}{_SUFFIXES.get(to, '.zip')}"
    if to == REPORT:
        return write_report(run.run, path, partition=run.partition)
    table, _ = named_partition(run.run, run.partition, run.standing.decisions)
    if rows is not None:
        table = table.iloc[rows]
    job.step(0.1)
    exporter = EXPORTERS[to]
    if not exporter.is_folder:
        with atomic_file(path) as file:
            exporter.write(run.run, table, file)
        return path
    images = folder / job.id
    with atomic_folder(images) as prepared:
        exporter.write(run.run, table, prepared)
    job.step(0.8)
    try:
        return Path(shutil.make_archive(str(images), "zip", images))
    finally:
        shutil.rmtree(images)


def file_name(run: OpenRun, to: str, path: Path) -> str:
    """Return the name that a browser saves the file under."""
    return f"{run.key}-{to}{path.suffix}"
