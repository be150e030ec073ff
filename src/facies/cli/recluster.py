"""``facies recluster`` and ``facies refine``: another partition of a run, made of one that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from facies.cli.console import groups_in_words, print_json, print_line, showing_progress, sizes_of
from facies.cli.options import Json, Partition, Run
from facies.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facies.cluster import ReclusterResult
    from facies.runs import RunFolder
    from facies.training import Progress

Groups = Annotated[str, typer.Option("--groups", metavar="3,17", help="Which groups to pool and group again.")]
Parts = Annotated[str, typer.Option(metavar="K|auto", help="How many groups to make; auto tries 2 to 6.")]
Name = Annotated[
    str | None, typer.Option(metavar="NEW", help="Name of the new partition.", show_default="recluster-1, -2 …")
]
RefinedName = Annotated[
    str | None, typer.Option("--name", metavar="NEW", help="Name of the new partition.", show_default="refine-1, -2 …")
]
Refit = Annotated[bool, typer.Option("--refit", help="Fit the method of the run anew, to these images alone.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same groups.")]
Share = Annotated[float, typer.Option(metavar="X", help="Share of each group that is taken as certain.")]
Neighbours = Annotated[int, typer.Option(min=1, metavar="N", help="Neighbours of an image that are asked.")]
Agreement = Annotated[float, typer.Option(metavar="X", help="Share of them that must be of its group.")]
Confidence = Annotated[float, typer.Option(metavar="P", help="Least probability of a reliable image.")]


def recluster(
    run: Run,
    groups: Groups,
    parts: Parts = "auto",
    name: Name = None,
    partition: Partition = None,
    refit: Refit = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Pool groups that hold several kinds, and group their images again by what differs among them."""
    from facies.cluster import members_of
    from facies.cluster import recluster as group_again
    from facies.report.annotated_partition import named_partition
    from facies.runs import RunFolder

    folder = RunFolder(run)
    table, meta = named_partition(folder, partition)
    chosen, count = _numbers(groups), _parts(parts)
    labels = table["group"].to_numpy()
    own = None
    if refit:
        with showing_progress() as progress:
            own = refitted_embedding(folder, members_of(labels, chosen), seed, progress)
    found = group_again(
        folder.embedding,
        labels,
        chosen,
        count,
        local_embedding=own,
        probabilities=table["probability"],
        first_new=first_free_group(folder),
        random_state=seed,
    )
    made = _add(folder, name or _free_name(folder, "recluster"), found, str(meta["name"]), "recluster")
    sizes = {group: size for group, size in sizes_of(found.labels).items() if group in found.new_groups}
    if as_json:
        counts = {str(group): size for group, size in sizes.items()}
        print_json(
            {"run": str(folder.path), "partition": made, "of": meta["name"], "new_groups": counts, **found.about}
        )
        return
    print_line(
        f"groups {', '.join(map(str, chosen))} of {meta['name']}: {len(sizes)} new groups ({groups_in_words(sizes)})"
    )
    print_line(f"partition {made}: {folder.path}")


def refine(
    run: Run,
    name: RefinedName = None,
    partition: Partition = None,
    share: Share = 0.5,
    neighbours: Neighbours = 20,
    agreement: Agreement = 0.9,
    confidence: Confidence = 0.9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Let the most certain images of each group decide where all others belong."""
    from facies.cluster import refine as place_again
    from facies.report.annotated_partition import named_partition
    from facies.runs import RunFolder

    folder = RunFolder(run)
    table, meta = named_partition(folder, partition)
    found = place_again(
        folder.embedding,
        table["group"].to_numpy(),
        share=share,
        neighbours=neighbours,
        agreement=agreement,
        confidence=confidence,
        random_state=seed,
    )
    made = _add(folder, name or _free_name(folder, "refine"), found, str(meta["name"]), "refine")
    if as_json:
        print_json({"run": str(folder.path), "partition": made, "of": meta["name"], **found.about})
        return
    print_line(
        f"{found.about['moved']:,} of {len(folder):,} images moved to another group; {found.about['reliable']:,} were reliable"
    )
    print_line(f"partition {made}: {folder.path}")


def first_free_group(run: RunFolder) -> int:
    """The least number that no group of any partition of the run has, those of the expert included."""
    from facies.annotations import read_annotations

    found = [int(run.partition(name)[0]["group"].max()) for name in run.partitions()]
    regrouped = [int(groups.max()) for groups in read_annotations(run).groups.values()]
    return 1 + max(found + regrouped)


def refitted_embedding(
    run: RunFolder, members: NDArray[np.int64], seed: int, progress: Progress
) -> NDArray[np.float32]:
    """Embedding of some images by the method of the run, with its parameters, fitted to them alone: (M, D).

    Raises
    ------
    InputError
        If the images are gone, or too few for the method.
    """
    from facies.methods import method_class

    cls = method_class(run.manifest["method"])
    parameters = {**run.manifest["parameters"], "random_state": seed}
    parameters = {name: value for name, value in parameters.items() if name in cls._get_param_names()}
    if isinstance(parameters.get("n_clusters"), int):
        # Groups are made of the embedding afterwards; the method itself need not make more than there can be.
        parameters["n_clusters"] = min(parameters["n_clusters"], max(2, len(members) // 10))
    return cls(**parameters).fit(run.image_set().subset(members), progress=progress).embedding_


def _add(run: RunFolder, name: str, found: ReclusterResult, base: str, how: str) -> str:
    from facies.annotations import Journal
    from facies.runs import JOURNAL_FILE, partition_table

    table = partition_table(run.images["id"], found.labels, run.embedding, found.probabilities)
    run.add_partition(name, table, {"method": how, "partition": base, **found.about})
    if (run.path / JOURNAL_FILE).exists():
        # Classes stay with their images; the votes of the validated ones take them to the rest of the new groups.
        with Journal(run) as journal:
            journal.vote(name)
    return name


def _free_name(run: RunFolder, stem: str) -> str:
    taken = set(run.partitions())
    return next(name for name in (f"{stem}-{number}" for number in range(1, len(taken) + 2)) if name not in taken)


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
