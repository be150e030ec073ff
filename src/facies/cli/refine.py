"""``facies refine``: images that stand in a wrong group moved, where a classifier and their neighbours both say so."""

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
    agreement: Annotated[
        float, typer.Option(metavar="X", help="Share of them in its group, for an image to teach.")
    ] = 0.9,
    confidence: Annotated[
        float, typer.Option(metavar="P", help="Least probability of an image that teaches, or moves.")
    ] = 0.9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Move images that stand in a wrong group: where a classifier is sure of another one, and most of their neighbours are in it."""
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
        f"{new.about['moved']:,} of {len(folder):,} images moved to another group; {new.about['refused']:,} that the "
        f"classifier alone would have moved stay, for their neighbours are not in that group; {new.about['reliable']:,} "
        "were reliable"
    )
    print_line(f"partition {new.name}: {folder.path}")
