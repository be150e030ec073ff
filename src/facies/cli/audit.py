"""``facies audit``: how far the classes can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.options import Json, Overwrite, Run, User
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.workflows import AuditResult, AuditSheet


def audit(
    run: Run,
    per_class: Annotated[
        int, typer.Option("-n", "--per-class", min=1, help="Images of each class; all if fewer.")
    ] = 50,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="AUDIT.csv", help="Draw, and write this table and a page beside it."),
    ] = None,
    results: Annotated[Path | None, typer.Option(metavar="FILLED.csv", help="Record the filled table.")] = None,
    new_classes: Annotated[
        bool, typer.Option("--new-classes", help="Take names in the filled table that are no class yet.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed draws the same images, until something is decided.")
    ] = 0,
    user: User = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Draw images for a blind audit, or record what it found; without either, show the corrected shares."""
    from facies import workflows
    from facies.runs import RunFolder

    if output is not None and results is not None:
        raise InputError("-o draws and --results records: use one of them")
    folder = RunFolder(run)
    if output is not None:
        sheet = workflows.draw_audit_sheet(folder, output, per_class, seed=seed, overwrite=overwrite)
        _print_sheet(sheet, per_class, as_json=as_json)
        return
    if results is not None:
        n_open = workflows.record_audit_sheet(folder, results, new_classes=new_classes, user=user)
        if n_open:
            log_line(
                f"{n_open:,} images of the table were not judged; the shares hold if those left out are like the others"
            )
    _print_result(folder.path, workflows.audit_result(folder), as_json=as_json)


def _print_sheet(sheet: AuditSheet, per_class: int, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(sheet))
        return
    print_line(f"{sheet.n_images:,} images drawn, at most {per_class} of each class, in random order")
    print_line(f"page:  {sheet.page}")
    print_line(f"table: {sheet.table}")


def _print_result(run: Path, result: AuditResult, *, as_json: bool) -> None:
    shares = result.shares.to_dict("records")
    if as_json:
        print_json({"run": run, "n_audited": result.n_audited, "n_right": result.n_right, "shares": shares})
        return
    print_line(
        f"{result.n_audited:,} images audited, {result.n_right:,} of them "
        f"({100 * result.n_right / result.n_audited:.1f} %) of the class that they had"
    )
    rows = [
        (
            row["class"] or "(none)",
            f"{row['n_assigned']:,}",
            f"{row['n_audited']:,}",
            f"{100 * row['raw']:.2f} %",
            f"{100 * row['share']:.2f} %",
            f"{100 * row['low']:.2f} – {100 * row['high']:.2f} %",
        )
        for row in shares
    ]
    print_table(rows, headings=("class", "images", "audited", "share counted", "corrected", "95 % interval"))
