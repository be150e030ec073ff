"""Further partitions of a run, made from one that it has: some groups grouped again, or all images assigned again."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from facies.annotations import read_annotations
from facies.runs import RunFolder
from facies.workflows.new_partition import NewPartition, add_partition

if TYPE_CHECKING:
    from facies.cluster import ReclusterResult
    from facies.training import Progress


def recluster(
    run: RunFolder,
    groups: Collection[int],
    n_parts: int | Literal["auto"] = "auto",
    *,
    name: str | None = None,
    partition: str | None = None,
    refit: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> NewPartition:
    """Pool groups that hold several kinds, and group their images again by what differs among them.

    Parameters
    ----------
    run : RunFolder
        The run; the new partition is added to it.
    groups : collection of int
        Numbers of the groups to pool. They have no members afterwards; all other groups stay.
    n_parts : int or "auto", default="auto"
        How many groups to make, at least 2; ``auto`` takes 2 to 6, whichever are best separated (silhouette).
    name : str, optional
        Name of the new partition; without it ``recluster-1``, ``recluster-2`` and so on.
    partition : str, optional
        The partition to start from; without it the newest.
    refit : bool, default=False
        Fit the run's method anew to these images alone, and group them in the embedding that it finds; slower.
        Otherwise they are grouped in a scaled part of the run's embedding.
    seed : int, default=0
        Seed of all random numbers; the same seed gives the same groups.
    progress : Progress, optional
        Displays the fit, with `refit`.

    Raises
    ------
    InputError
        If a group has no members, there are too few images for so many parts, the name is taken, or the images are gone
        and `refit` needs them.
    """
    from facies import cluster as clustering
    from facies.report.annotated_partition import annotated_partition

    table, meta = annotated_partition(run, partition)
    labels = table["group"].to_numpy()
    embedding = _refit_embedding(run, clustering.members_of(labels, groups), seed, progress) if refit else None
    result = clustering.recluster(
        run.embedding,
        labels,
        groups,
        n_parts,
        local_embedding=embedding,
        probabilities=table["probability"],
        first_new=_first_free_group(run),
        random_state=seed,
    )
    return _add_result(run, name, result, str(meta["name"]), "recluster")


def refine(
    run: RunFolder,
    *,
    name: str | None = None,
    partition: str | None = None,
    share: float = 0.5,
    neighbours: int = 20,
    agreement: float = 0.9,
    confidence: float = 0.9,
    seed: int = 0,
) -> NewPartition:
    """Move images that stand in a wrong group, where a classifier and the images around them both say so.

    The classifier learns from the most certain images of each group. The groups of a method that has already used its
    embedding to the full, such as k-means, hardly change: about one image in a hundred moves.

    Parameters
    ----------
    run : RunFolder
        The run; the new partition is added to it.
    name : str, optional
        Name of the new partition; without it ``refine-1``, ``refine-2`` and so on.
    partition : str, optional
        The partition to start from; without it the newest.
    share, neighbours, agreement, confidence
        As in `facies.cluster.refine`.
    seed : int, default=0
        Seed of all random numbers; the same seed gives the same groups.

    Raises
    ------
    InputError
        If there are fewer than two groups, a share is out of bounds, or the name is taken.
    """
    from facies import cluster as clustering
    from facies.report.annotated_partition import annotated_partition

    table, meta = annotated_partition(run, partition)
    result = clustering.refine(
        run.embedding,
        table["group"].to_numpy(),
        share=share,
        neighbours=neighbours,
        agreement=agreement,
        confidence=confidence,
        random_state=seed,
    )
    return _add_result(run, name, result, str(meta["name"]), "refine")


def _first_free_group(run: RunFolder) -> int:
    """Return the least number that no group of any partition has, those that the expert made included."""
    highest = [int(run.partition(name)[0]["group"].max()) for name in run.partitions()]
    highest += [int(groups.max()) for groups in read_annotations(run).groups.values()]
    return 1 + max(highest)


def _refit_embedding(
    run: RunFolder, members: NDArray[np.int64], seed: int, progress: Progress | None
) -> NDArray[np.float32]:
    """Fit the run's method, with its parameters, to some images alone, and return their embedding (M, D)."""
    from facies.methods import method_class

    method: Any = method_class(run.manifest["method"])()
    method.set_known_parameters({**run.manifest["parameters"], "random_state": seed})
    if isinstance(getattr(method, "n_clusters", None), int):
        # Groups are made of the embedding afterwards; the method itself need not make more than there can be.
        method.n_clusters = min(method.n_clusters, max(2, len(members) // 10))
    embedding: NDArray[np.float32] = method.fit(run.image_set().subset(members), progress=progress).embedding_
    return embedding


def _add_result(run: RunFolder, name: str | None, result: ReclusterResult, base: str, how: str) -> NewPartition:
    about = {"method": how, "partition": base, **result.about}
    added = add_partition(run, name, how, result.labels, result.probabilities, base, about, listed=result.new_groups)
    return NewPartition(added.name, base, added.group_sizes, result.about)
