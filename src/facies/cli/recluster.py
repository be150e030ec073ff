"""``facies recluster``: some groups of a run, grouped again."""

from __future__ import annotations

import contextlib
from typing import Annotated, Literal

import typer

from facies.cli.console import console_progress, format_group_sizes, print_json, print_line
from facies.cli.options import Json, Partition, Run, Seed
from facies.errors import InputError


def recluster(
    run: Run,
    groups: Annotated[str, typer.Option(metavar="3,17", help="Which groups to pool and group again.")],
    parts: Annotated[str, typer.Option(metavar="K|auto", help="How many groups to make; auto tries 2 to 6.")] = "auto",
    name: Annotated[
        str | None, typer.Option(metavar="NEW", help="Name of the new partition.", show_default="recluster-1, -2 …")
    ] = None,
    partition: Partition = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit the method of the run anew, to these images alone.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Pool groups that hold several kinds, and group their images again by what differs among them."""
    from facies import workflows
    from facies.runs import RunFolder

    folder, pooled, n_parts = RunFolder(run), _numbers(groups), _parts(parts)
    with console_progress() if refit else contextlib.nullcontext() as progress:
        new = workflows.recluster(
            folder, pooled, n_parts, name=name, partition=partition, refit=refit, seed=seed, progress=progress
        )
    if as_json:
        answer = {"run": folder.path, "partition": new.name, "of": new.base, "new_groups": new.group_sizes}
        print_json({**answer, **new.about})
        return
    print_line(
        f"groups {', '.join(map(str, pooled))} of {new.base}: {len(new.group_sizes)} new groups "
        f"({format_group_sizes(new.group_sizes)})"
    )
    print_line(f"partition {new.name}: {folder.path}")


def _numbers(text: str) -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",") if part.strip()})
    except ValueError:
        raise InputError(f"--groups {text}: give numbers of groups, such as 3,17") from None


def _parts(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    if not text.isdigit():
        raise InputError(f"--parts {text}: give a number from 2 on, or auto")
    return int(text)
