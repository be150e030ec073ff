"""A blind audit: images drawn at random are judged without their classes, which tells how far the classes are right."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from facies.annotations import Journal, draw_audit, read_annotations
from facies.errors import InputError
from facies.io import atomic_file
from facies.runs import RunFolder
from facies.workflows.output_file import check_output_file


@dataclass(frozen=True)
class AuditSheet:
    """What an expert fills in: a `table`, and a `page` with the images, which saves the filled table.

    The table is a CSV file with the columns ``number``, ``id`` and ``true``, of which the last one is empty; the page is
    HTML. `classes` are those that can be given.
    """

    table: Path
    page: Path
    n_images: int
    classes: list[str]


@dataclass(frozen=True, eq=False)
class AuditResult:
    """How far the classes of a run are right.

    Attributes
    ----------
    n_audited : int
        Number of images that were judged.
    n_right : int
        How many of them have the class that the expert gave.
    shares : DataFrame
        One row a class: ``class``, ``n_assigned``, ``n_audited``, ``raw`` (the share as counted), ``share`` (corrected),
        and its 95 % interval ``low`` to ``high``.
    """

    n_audited: int
    n_right: int
    shares: pd.DataFrame


def draw_audit_sheet(
    run: RunFolder, output: str | PathLike[str], per_class: int = 50, *, seed: int = 0, overwrite: bool = False
) -> AuditSheet:
    """Draw images at random from each class, in random order, and write a sheet that does not tell their classes.

    Parameters
    ----------
    run : RunFolder
        The run. Images that are excluded, dubious or audited already are not drawn.
    output : path
        The table to write, ``.csv``; a page of the same name, ``.html``, is written beside it.
    per_class : int, default=50
        Images of each class; all if there are fewer. More images give narrower intervals.
    seed : int, default=0
        The same seed draws the same images, until something is decided.
    overwrite : bool, default=False
        Whether files of these names are replaced.

    Raises
    ------
    InputError
        If the suffix is another one, a file exists and `overwrite` is false, or no image is left to be drawn.
    """
    from facies.report.audit_sheet import write_audit_page, write_audit_table

    table = Path(output).expanduser().absolute()
    if table.suffix.lower() != ".csv":
        raise InputError(f"{table}: the table of an audit is a .csv file: give it this suffix")
    annotations = read_annotations(run)
    rows = draw_audit(annotations, per_class, seed)
    if not len(rows):
        raise InputError("every image that counts was audited already: facies audit RUN shows what was found")
    check_output_file(table, overwrite=overwrite)
    page = check_output_file(table.with_suffix(".html"), overwrite=overwrite)
    classes = annotations.classes.loc[~annotations.classes["excluded"], "name"].tolist()
    with atomic_file(page, overwrite=overwrite) as temporary:
        write_audit_page(run, rows, classes, temporary, table.name)
    with atomic_file(table, overwrite=overwrite) as temporary:
        write_audit_table(run, rows, temporary)
    return AuditSheet(table, page, len(rows), classes)


def record_audit_sheet(
    run: RunFolder, table: str | PathLike[str], *, new_classes: bool = False, user: str | None = None
) -> int:
    """Record a filled table in the journal of the run, and return the number of images of the table that were not judged.

    The classes of the images stay as they are.

    Parameters
    ----------
    run : RunFolder
        The run that was audited.
    table : path
        The filled CSV file, with the columns ``id`` and ``true``.
    new_classes : bool, default=False
        Whether names are accepted that are no class yet.
    user : str, optional
        Who judged the images; without it the login name.

    Raises
    ------
    InputError
        If the file cannot be read, an image is not of the run or is there twice, or a class is unknown.
    """
    from facies.report.audit_sheet import audit_results

    path = Path(table).expanduser().absolute()
    with Journal(run, user=user) as journal:
        classes = journal.annotations().classes["name"].tolist()
        rows, true, n_open = audit_results(run, path, classes, new_classes=new_classes)
        journal.record_audit(rows, true)
    return n_open


def audit_result(run: RunFolder) -> AuditResult:
    """Return what the audits of a run have shown so far; of an image that was audited twice the later one counts.

    Raises
    ------
    InputError
        If nothing was audited yet.
    """
    from facies.statistics import audited_shares

    annotations = read_annotations(run)
    audits = annotations.audits.drop_duplicates("row", keep="last")
    if audits.empty:
        raise InputError(
            f"nothing of {run.path.name} was audited yet: facies audit RUN -n 50 -o audit.csv draws images"
        )
    counts = annotations.counts()
    shares = audited_shares(counts[counts > 0], audits[["assigned", "true"]])
    return AuditResult(len(audits), int((audits["assigned"] == audits["true"]).sum()), shares)
