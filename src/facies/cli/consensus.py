"""``facies consensus``: several partitions joined into one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import format_group_sizes, print_json, print_line
from facies.cli.options import Json


def consensus(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="One run, or several of the same images.")],
    groups: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="How many groups to make.", show_default="found")
    ] = None,
    partitions: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Which partitions to join.", show_default="all of one run, the newest of several"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NEW", help="Name of the new partition.", show_default="consensus-1, -2 …")
    ] = None,
    as_json: Json = False,
) -> None:
    """Join several partitions of the same images into one, with a certainty for each image."""
    from facies import workflows
    from facies.runs import RunFolder

    folders = [RunFolder(run) for run in runs]
    names = None if partitions is None else [part.strip() for part in partitions.split(",") if part.strip()]
    new = workflows.consensus(folders, groups, partitions=names, name=name)
    if as_json:
        print_json({"run": folders[0].path, "partition": new.name, "groups": new.group_sizes, **new.about})
        return
    weights = ", ".join(f"{member} {weight:.2f}" for member, weight in new.about["members"].items())
    print_line(f"joined, with their weights: {weights}")
    print_line(
        f"{len(new.group_sizes)} groups ({format_group_sizes(new.group_sizes)}); "
        f"mean certainty {new.about['mean_certainty']:.2f}"
    )
    print_line(f"partition {new.name}: {folders[0].path}; in the atlas, the images of least certainty are a queue")
