"""``facies audit``: how far the classes can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.options import Json, Overwrite, Run
from facies.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from facies.annotations import Annotations
    from facies.runs import RunFolder

PerClass = Annotated[int, typer.Option("-n", "--per-class", min=1, help="Images of each class; all if fewer.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="AUDIT.csv", help="Draw, and write this table and a page beside it."),
]
Results = Annotated[Path | None, typer.Option(metavar="FILLED.csv", help="Record the filled table.")]
NewClasses = Annotated[
    bool, typer.Option("--new-classes", help="Take names in the filled table that are no class yet.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same images, until something is decided.")]
User = Annotated[str | None, typer.Option(metavar="WHO", help="Who judged.", show_default="the login name")]


def audit(
    run: Run,
    per_class: PerClass = 50,
    output: Output = None,
    results: Results = None,
    new_classes: NewClasses = False,
    seed: Seed = 0,
    user: User = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Draw images for a blind audit, or record what it found; without either, show the corrected shares."""
    from facies.annotations import Journal, read_annotations
    from facies.runs import RunFolder

    if output is not None and results is not None:
        raise InputError("-o draws and --results records: use one of them")
    folder = RunFolder(run)
    if output is not None:
        _draw(folder, per_class, output, seed, overwrite=overwrite, as_json=as_json)
        return
    if results is not None:
        from facies.report.audit_sheet import audit_results

        with Journal(folder, user=user) as journal:
            names = journal.annotations().classes["name"].tolist()
            rows, true, n_open = audit_results(folder, results.expanduser().absolute(), names, new_classes=new_classes)
            journal.record_audit(rows, true)
        if n_open:
            log_line(
                f"{n_open:,} images of the table were not judged; the shares hold if those left out are like the others"
            )
    _show(folder, read_annotations(folder), as_json=as_json)


def _draw(folder: RunFolder, per_class: int, output: Path, seed: int, *, overwrite: bool, as_json: bool) -> None:
    from facies.annotations import draw_audit, read_annotations
    from facies.io import atomic_file
    from facies.report.audit_sheet import write_audit_page, write_audit_table

    path = output.expanduser().absolute()
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path}: the table of an audit is a .csv file: give it this suffix")
    decisions = read_annotations(folder)
    rows = draw_audit(decisions, per_class, seed)
    if not len(rows):
        raise InputError("every image that counts was audited already: facies audit RUN shows what was found")
    page = path.with_suffix(".html")
    if not overwrite:
        for file in (path, page):
            if file.exists():
                raise InputError(f"{file} already exists: give another name, or --overwrite to replace it")
    names = decisions.classes.loc[~decisions.classes["excluded"], "name"].tolist()
    with atomic_file(page, overwrite=overwrite) as temporary:
        write_audit_page(folder, rows, names, temporary, path.name)
    with atomic_file(path, overwrite=overwrite) as temporary:
        write_audit_table(folder, rows, temporary)
    if as_json:
        print_json({"table": str(path), "page": str(page), "n_images": len(rows), "classes": names})
        return
    print_line(f"{len(rows):,} images drawn, at most {per_class} of each class, in random order")
    print_line(f"page:  {page}")
    print_line(f"table: {path}")


def _show(folder: RunFolder, decisions: Annotations, *, as_json: bool) -> None:
    audits = decisions.audits.drop_duplicates("row", keep="last")
    if audits.empty:
        raise InputError(
            f"nothing of {folder.path.name} was audited yet: facies audit RUN -n 50 -o audit.csv draws images"
        )
    shares = corrected_shares(decisions)
    right = int((audits["assigned"] == audits["true"]).sum())
    if as_json:
        told: dict[str, Any] = {"run": str(folder.path), "n_audited": len(audits), "n_right": right}
        print_json({**told, "shares": shares.to_dict("records")})
        return
    print_line(
        f"{len(audits):,} images audited, {right:,} of them ({100 * right / len(audits):.1f} %) of the class that they had"
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
        for row in shares.to_dict("records")
    ]
    print_table(rows, headings=("class", "images", "audited", "share counted", "corrected", "95 % interval"))


def corrected_shares(decisions: Annotations) -> pd.DataFrame:
    """Shares of the classes, corrected by the latest audit of each image, as `audited_shares` gives them."""
    from facies.statistics import audited_shares

    audits = decisions.audits.drop_duplicates("row", keep="last")
    counts = decisions.counts()
    return audited_shares(counts[counts > 0], audits[["assigned", "true"]])
