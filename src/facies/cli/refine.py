"""``facies refine``: all images of a run assigned again, by the most certain ones of each group."""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import print_json, print_line
from facies.cli.options import Json, Partition, Run, Seed


def refine(
    run: Run,
    name: Annotated[
        str | None, typer.Option(metavar="NEW", help="Name of the new partition.", show_default="refine-1, -2 …")
    ] = None,
    partition: Partition = None,
    share: Annotated[float, typer.Option(metavar="X", help="Share of each group that is taken as certain.")] = 0.5,
    neighbours: Annotated[int, typer.Option(min=1, metavar="N", help="Neighbours of an image that are asked.")] = 20,
    agreement: Annotated[float, typer.Option(metavar="X", help="Share of them that must be of its group.")] = 0.9,
    confidence: Annotated[float, typer.Option(metavar="P", help="Least probability of a reliable image.")] = 0.9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Let the most certain images of each group decide where all others belong."""
    from facies import workflows
    from facies.runs import RunFolder

    folder = RunFolder(run)
    new = workflows.refine(
        folder,
        name=name,
        partition=partition,
        share=share,
        neighbours=neighbours,
        agreement=agreement,
        confidence=confidence,
        seed=seed,
    )
    if as_json:
        print_json({"run": folder.path, "partition": new.name, "of": new.base, **new.about})
        return
    print_line(
        f"{new.about['moved']:,} of {len(folder):,} images moved to another group; {new.about['reliable']:,} were reliable"
    )
    print_line(f"partition {new.name}: {folder.path}")
