"""A partition of any number of groups, cut from a tree of groups of a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.cluster import GroupTree, GroupTreeCut
from facies.cluster.group_tree import SMALLEST_GROUP
from facies.errors import InputError
from facies.runs import RunFolder
from facies.workflows.new_partition import NewPartition, add_partition

RARE = 20
"""Groups of fewer images are called rare: the note of a cut says how many there are."""
LAYOUT_DIMENSIONS = 5
MADE_ON_DEMAND = ("ward", "density")


def cut(
    run: RunFolder,
    n_groups: int | None = None,
    level: float | None = None,
    *,
    smallest: int = SMALLEST_GROUP,
    tree: str | None = None,
    name: str | None = None,
    seed: int = 0,
) -> NewPartition:
    """Cut a tree of groups of a run into as many groups as are wanted; they become its default partition.

    Parameters
    ----------
    run : RunFolder
        The run; the new partition is added to it, and the tree, if the run has none.
    n_groups : int, optional
        How many groups. Give this or `level`.
    level : float, optional
        Make all splits that are at least as strong (`facies.cluster.GroupTree`): of a tree of densities from 1 on, how many
        times denser both parts are than what lies between them.
    smallest : int, default=5
        Least number of images of a group.
    tree : str, optional
        Name of the tree; ``ward`` and ``density`` are made of the embedding where the run does not have them. Without it
        the newest that the run has, or ``ward``.
    name : str, optional
        Name of the new partition; without it ``cut-1``, ``cut-2`` and so on.
    seed : int, default=0
        Seed of a tree that is made; the same seed gives the same groups.

    Returns
    -------
    NewPartition
        Its ``about`` has ``tree``, ``smallest``, ``level``, ``nodes`` (of the pruned tree, one a group) and ``notes``.

    Raises
    ------
    InputError
        If neither or both of `n_groups` and `level` are given, the tree has not so many groups, or a name is unknown or taken.
    """
    if (n_groups is None) == (level is None):
        raise InputError("a tree is cut by a number of groups or by a level: give one of --groups and --level")
    if n_groups is not None and n_groups > len(run):
        raise InputError(f"--groups {n_groups}: there are only {len(run)} images; ask for fewer groups")
    if name in run.partitions():
        raise InputError(
            f"{run.path} already holds a partition {name!r}, and none is ever overwritten: choose another name"
        )
    chosen = tree or (run.trees()[-1] if run.trees() else MADE_ON_DEMAND[0])
    grown, new = _tree(run, chosen, seed)
    groups = grown.pruned(smallest).cut(n_groups, level)
    about = {
        "method": "cut",
        "tree": chosen,
        "smallest": smallest,
        "level": groups.level if np.isfinite(groups.level) else None,
        "nodes": groups.nodes.tolist(),
        "notes": cut_notes(groups, smallest),
    }
    if new is not None and chosen not in run.trees():
        run.add_tree(chosen, grown, new)
    return add_partition(run, name, "cut", groups.labels, groups.probabilities, f"the tree {chosen}", about)


def cut_notes(cut: GroupTreeCut, smallest: int) -> list[str]:
    """What the user should know about a cut: the images in no group, and the price of small groups."""
    sizes = np.bincount(cut.labels[cut.labels >= 0], minlength=cut.n_groups)
    noise, rare, n = int((cut.labels < 0).sum()), int((sizes < RARE).sum()), len(cut.labels)
    notes = []
    if noise:
        notes.append(f"{noise} of {n} images ({noise / n:.0%}) are in no group: they lie where the tree is too sparse")
    if rare and smallest < RARE:
        notes.append(
            f"{rare} of {cut.n_groups} groups have fewer than {RARE} images ({int(sizes[sizes < RARE].sum())} together): "
            "groups that small also come about by chance, so look at each before you name it"
        )
    return notes


def _tree(run: RunFolder, name: str, seed: int) -> tuple[GroupTree, dict[str, object] | None]:
    """A tree of the run; one that it does not have yet is made, and comes with how it was made."""
    if name in run.trees() or name not in MADE_ON_DEMAND:
        if name not in run.trees():
            have = ", ".join(dict.fromkeys([*run.trees(), *MADE_ON_DEMAND]))
            raise InputError(f"{run.path} holds no tree of groups {name!r}: choose from {have}")
        return run.tree(name)[0], None
    embedding = np.asarray(run.embedding)
    from facies.cluster import density_tree, ward_tree

    if name == "ward":
        return ward_tree(embedding, random_state=seed), {"method": "ward", "seed": seed}
    about = {"method": "density", "seed": seed, "layout_dimensions": LAYOUT_DIMENSIONS}
    return density_tree(_layout(embedding, seed)), about


def _layout(embedding: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    from facies.cluster import UMAPLayout, dynamic_neighbours

    neighbours = max(15, dynamic_neighbours(len(embedding)))
    dimensions = min(LAYOUT_DIMENSIONS, embedding.shape[1])
    return UMAPLayout(embedding, neighbours, "euclidean", seed).layout(dimensions)
