"""``facies name``: what the groups of a run are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.name_table import naming_from_file, naming_from_words
from facies.cli.options import Json, Partition, Run
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.annotations import Action, Annotations, Journal

Names = Annotated[
    list[str] | None, typer.Argument(metavar="GROUPS=NAME…", help="12=quartz, 3,17=mica, noise=dust, 5=none.")
]
File = Annotated[
    Path | None,
    typer.Option(metavar="NAMES.csv", help="Read the columns group, name and, if there, role, excluded, reason."),
]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="GROUPS|NAME=REASON", help="Keep groups or a class out of all counts.")
]
Role = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ROLE=NAMES",
        help="What classes count as: biogenic, terrigenous, whole, fragment, planktic, benthic, lithic, or none.",
    ),
]
Undo = Annotated[bool, typer.Option("--undo", help="Undo the latest decision.")]
Redo = Annotated[bool, typer.Option("--redo", help="Do what was undone last again.")]
User = Annotated[str | None, typer.Option(metavar="WHO", help="Whose decision it is.", show_default="the login name")]


def name(
    run: Run,
    names: Names = None,
    file: File = None,
    exclude: Exclude = None,
    role: Role = None,
    partition: Partition = None,
    undo: Undo = False,
    redo: Redo = False,
    user: User = None,
    as_json: Json = False,
) -> None:
    """Name the groups of a run, all or nothing, and show what they are called."""
    from facies.annotations import Journal
    from facies.runs import RunFolder

    naming = naming_from_words(names or [], role or [], exclude or [])
    if file is not None:
        naming.join(naming_from_file(file))
    if undo + redo + bool(naming) > 1:
        raise InputError("--undo and --redo stand alone: name groups in another command")
    with Journal(RunFolder(run), user=user) as journal:
        if naming:
            journal.name_groups(
                naming.names,
                partition,
                roles=naming.roles,
                excluded_groups=naming.excluded_groups,
                excluded_classes=naming.excluded_classes,
            )
        elif undo or redo:
            _turn(journal, undo=undo)
        _show(journal, partition, as_json=as_json)


def _turn(journal: Journal, *, undo: bool) -> None:
    action = journal.undo() if undo else journal.redo()
    if action is None:
        raise InputError("there is nothing to undo" if undo else "there is nothing to do again")
    log_line(f"{'undone' if undo else 'done again'}: {_in_words(journal, action)}")


def _in_words(journal: Journal, action: Action) -> str:
    from facies.annotations import KINDS

    root = next(journal.actions(after=int(action.parameters["of"]) - 1))
    return f"{root.user} {KINDS[root.kind]} ({len(root.rows):,} images, {root.time[:16].replace('T', ' ')} UTC)"


def _show(journal: Journal, partition: str | None, *, as_json: bool) -> None:
    from facies.annotations import group_summary

    groups = group_summary(journal.groups(partition), decisions := journal.annotations())
    meta = journal.run.partition(partition)[1]
    if as_json:
        print_json(
            {
                "run": str(journal.run.path),
                "partition": meta["name"],
                "revision": decisions.revision,
                "groups": groups.to_dict("records"),
                "classes": [
                    {**row, "n_images": int(decisions.counts()[row["name"]])}
                    for row in decisions.classes.to_dict("records")
                ],
            }
        )
        return
    print_line(f"{journal.run.path}, partition {meta['name']}")
    rows = [
        (
            "noise" if row["group"] < 0 else str(row["group"]),
            f"{row['n_images']:,}",
            row["class"] + (f" ({100 * row['share']:.0f} %)" if row["class"] and row["share"] < 1 else ""),
            f"{row['n_validated']:,}",
            f"{row['n_excluded']:,} ({row['reason']})" if row["n_excluded"] else "",
        )
        for row in groups.to_dict("records")
    ]
    print_table(rows, headings=("group", "images", "class", "validated", "excluded"))
    _show_classes(decisions)


def _show_classes(decisions: Annotations) -> None:
    if decisions.classes.empty:
        print_line("No group is named yet: facies name RUN 12=quartz")
        return
    counts = decisions.counts()
    rows = [
        (
            row["name"],
            f"{counts[row['name']]:,}",
            ", ".join(row["roles"]),
            (row["reason"] or "yes") if row["excluded"] else "",
        )
        for row in decisions.classes.to_dict("records")
    ]
    print_table(rows, headings=("class", "counted", "counts as", "excluded"))
