"""``facies cut``: any number of groups from the tree of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import format_group_sizes, log_line, print_json, print_line
from facies.cli.options import Json, Run, Seed


def cut(
    run: Run,
    groups: Annotated[int | None, typer.Option(min=1, metavar="K", help="How many groups to make.")] = None,
    level: Annotated[
        float | None,
        typer.Option(
            min=0.0, metavar="X", help="Or: make all splits whose parts are at least so far apart (see the docs)."
        ),
    ] = None,
    smallest: Annotated[
        int, typer.Option(min=2, metavar="N", help="Least number of images of a group; small values find rare kinds.")
    ] = 5,
    tree: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Which tree of groups; ward and density are made if the run does not have them.",
            show_default="that of the run, or ward",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NEW", help="Name of the new partition.", show_default="cut-1, -2 …")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Cut the tree of groups of a run into as many groups as you want, and keep them as a new partition."""
    from facies import workflows
    from facies.runs import RunFolder

    folder = RunFolder(run)
    new = workflows.cut(folder, groups, level, smallest=smallest, tree=tree, name=name, seed=seed)
    for note in new.about["notes"]:
        log_line(note)
    if as_json:
        print_json({"run": folder.path, "partition": new.name, "groups": new.group_sizes, **new.about})
        return
    print_line(f"{new.base}: {len(new.about['nodes'])} groups ({format_group_sizes(new.group_sizes)})")
    print_line(f"partition {new.name}: {folder.path}")
