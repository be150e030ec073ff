"""``facies name``: what the groups of a run are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.options import Json, Partition, Run, User
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.runs import RunFolder
    from facies.workflows import GroupNames


def name(
    run: Run,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="GROUPS=NAME…", help="12=quartz, 3,17=mica, noise=dust, 5=none.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="NAMES.csv", help="Read the columns group, name and, if there, role, excluded, reason."),
    ] = None,
    class_list: Annotated[
        Path | None,
        typer.Option(
            metavar="LIST.csv",
            help="Make classes before they are used: the columns name and, if there, parent, key, colour, role, excluded, "
            "reason; or plain text, a name a line.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GROUPS|NAME=REASON", help="Keep groups or a class out of all counts.")
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=NAMES",
            help="What classes count as: biogenic, terrigenous, whole, fragment, planktic, benthic, lithic, or none.",
        ),
    ] = None,
    partition: Partition = None,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the latest decision.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Do what was undone last again.")] = False,
    user: User = None,
    as_json: Json = False,
) -> None:
    """Name the groups of a run, all or nothing, and show what they are called."""
    from facies.runs import RunFolder
    from facies.workflows import GroupNaming, group_names, name_groups, take_class_list

    naming = GroupNaming.from_words(names or [], role or [], exclude or [])
    if file is not None:
        naming.update(GroupNaming.from_table(file))
    if undo + redo + bool(naming) > 1:
        raise InputError("--undo and --redo stand alone: name groups in another command")
    if class_list is not None and (undo or redo):
        raise InputError("--undo and --redo stand alone: take the list of classes in another command")
    folder = RunFolder(run)
    if class_list is not None:
        take_class_list(folder, class_list, user=user)
    if naming:
        name_groups(folder, naming, partition, user=user)
    elif undo or redo:
        _undo_or_redo(folder, user, undo=undo)
    _print(folder, group_names(folder, partition), as_json=as_json)


def _undo_or_redo(run: RunFolder, user: str | None, *, undo: bool) -> None:
    from facies import workflows
    from facies.annotations import KINDS

    action = workflows.undo(run, user=user) if undo else workflows.redo(run, user=user)
    if action is None:
        raise InputError("there is nothing to undo" if undo else "there is nothing to do again")
    when = action.time[:16].replace("T", " ")
    log_line(
        f"{'undone' if undo else 'done again'}: {action.user} {KINDS[action.kind]} "
        f"({len(action.rows):,} images, {when} UTC)"
    )


def _print(run: RunFolder, names: GroupNames, *, as_json: bool) -> None:
    if as_json:
        tables = {"groups": names.groups.to_dict("records"), "classes": names.classes.to_dict("records")}
        print_json({"run": run.path, "partition": names.partition, "revision": names.revision, **tables})
        return
    print_line(f"{run.path}, partition {names.partition}")
    rows = [
        (
            "noise" if row["group"] < 0 else str(row["group"]),
            f"{row['n_images']:,}",
            row["class"] + (f" ({100 * row['share']:.0f} %)" if row["class"] and row["share"] < 1 else ""),
            f"{row['n_validated']:,}",
            f"{row['n_excluded']:,} ({row['reason']})" if row["n_excluded"] else "",
        )
        for row in names.groups.to_dict("records")
    ]
    print_table(rows, headings=("group", "images", "class", "validated", "excluded"))
    _print_classes(names)


def _print_classes(names: GroupNames) -> None:
    if names.classes.empty:
        print_line("No group is named yet: facies name RUN 12=quartz")
        return
    rows = []
    for row in names.classes.to_dict("records"):
        excluded = (row["reason"] or "yes") if row["excluded"] else ""
        rows.append((row["path"], f"{row['n_images']:,}", ", ".join(row["roles"]), excluded))
    print_table(rows, headings=("class", "counted", "counts as", "excluded"))
