"""Joins several partitions of the same images, of one run or of several, into one with a certainty for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.runs import RunFolder
from facies.workflows.new_partition import NewPartition, add_partition

DERIVED = ("cut", "recluster", "refine", "consensus")
"""Partitions made from another one or from a tree: they say nothing new, and are joined only if they are named."""


def consensus(
    runs: Sequence[RunFolder],
    n_groups: int | None = None,
    *,
    partitions: Sequence[str] | None = None,
    name: str | None = None,
) -> NewPartition:
    """Join partitions into one, and add it to the first run with the column ``certainty``.

    Parameters
    ----------
    runs : sequence of RunFolder
        One run, of which all partitions are joined that were not made from another one; or several of the same images, of
        which the newest of each is.
    n_groups : int, optional
        How many groups to make; without it as many as one of the partitions has, as `facies.cluster.consensus` chooses.
    partitions : sequence of str, optional
        Which partitions to join. Of several runs, those of these names that each of them has.
    name : str, optional
        Name of the new partition; without it ``consensus-1``, ``consensus-2`` and so on.

    Raises
    ------
    InputError
        If there are fewer than two partitions, the runs are of other images, or a name is unknown or taken.
    """
    from facies.cluster import consensus as join

    first = runs[0]
    members = _members(runs, partitions)
    if len(members) < 2:
        have = ", ".join(first.partitions())
        raise InputError(
            f"a consensus needs two partitions or more, and there is {len(members)} (of {have}): "
            "name some with --partitions, or give further runs of the same images"
        )
    joined = join(list(members.values()), n_groups)
    about: dict[str, Any] = {
        "method": "consensus",
        "members": dict(zip(members, joined.weights.round(4).tolist(), strict=True)),
        "n_groups_asked": n_groups,
        "mean_certainty": float(joined.certainty.mean()),
    }
    return add_partition(
        first,
        name,
        "consensus",
        joined.labels,
        joined.certainty,
        ", ".join(members),
        about,
        columns={"certainty": joined.certainty},
    )


def _members(runs: Sequence[RunFolder], names: Sequence[str] | None) -> dict[str, NDArray[np.int64]]:
    """Groups of the partitions that are to be joined, in the order of the images of the first run."""
    first, several = runs[0], len(runs) > 1
    ids = pd.Index(first.images["id"])
    members: dict[str, NDArray[np.int64]] = {}
    for number, run in enumerate(runs):
        if run.path in [other.path for other in runs[:number]]:
            raise InputError(f"{run.path} is given twice: give each run once")
        rows = pd.Index(run.images["id"]).get_indexer(ids)
        if len(run) != len(first) or (rows < 0).any():
            raise InputError(f"{run.path} and {first.path} are not runs of the same images: their ids differ")
        for name in _chosen(run, names, several):
            table, _ = run.partition(name)
            members[f"{run.path.name}/{name}" if several else name] = table["group"].to_numpy()[rows]
    return members


def _chosen(run: RunFolder, names: Sequence[str] | None, several: bool) -> list[str]:
    if names is not None:
        return [run.partition_name(name) for name in names if not several or name in run.partitions()]
    original = [name for name in run.partitions() if run.partition(name)[1].get("method") not in DERIVED]
    return original[-1:] if several else original
