"""Adds a partition that was made after the fit to a run, under the next free name."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from facies.annotations import Journal
from facies.runs import JOURNAL_FILE, RunFolder, partition_table


@dataclass(frozen=True)
class NewPartition:
    """A partition that was made from another one, or from a tree, `base`, and added to a run; it is the run's default from now on.

    `group_sizes` is the number of images by group: of the new groups after `recluster`, of all groups otherwise.
    `about` says how the partition was made, as its JSON file in the run does; after `refine` its ``moved`` is the number of
    images that are in another group now, and ``refused`` that of those which the classifier alone would have moved.
    """

    name: str
    base: str
    group_sizes: dict[int, int]
    about: Mapping[str, Any]


def add_partition(
    run: RunFolder,
    name: str | None,
    how: str,
    labels: NDArray[Any],
    probabilities: ArrayLike | None,
    base: str,
    about: Mapping[str, Any],
    *,
    columns: Mapping[str, NDArray[Any]] | None = None,
    listed: Collection[int] = (),
) -> NewPartition:
    """Add a partition, named ``HOW-1``, ``HOW-2`` … where no name is given, and let the expert's classes follow it.

    `columns` are further columns of its table, by name; `listed` are the groups whose sizes are told, by default all.
    """
    if name is None:
        existing = run.partitions()
        name = next(name for number in itertools.count(1) if (name := f"{how}-{number}") not in existing)
    table = partition_table(run.images["id"], labels, run.embedding, probabilities)
    run.add_partition(name, table.assign(**dict(columns or {})), about)
    if (run.path / JOURNAL_FILE).exists():
        # Classes stay with their images; the votes of the validated ones take them to the rest of the new groups.
        with Journal(run) as journal:
            journal.vote(name)
    sizes: dict[Any, int] = table["group"].value_counts().sort_index().to_dict()
    if listed:
        sizes = {group: sizes[group] for group in sizes if group in listed}
    return NewPartition(name, base, sizes, about)
