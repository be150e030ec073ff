"""Trees of groups of a run: two tables, of the nodes and of the images, and how the tree was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.cluster.group_tree import GroupTree
from facies.errors import InputError
from facies.io import atomic_file, write_json_atomically
from facies.runs.files import reading
from facies.runs.manifest import now
from facies.runs.tables import read_table


def check_tree(tree: GroupTree, n_images: int) -> GroupTree:
    """Return a tree if it is one of so many images, in the order that `GroupTree` says; else raise `InputError`.

    A tree that passes has no cycle, no node without images below it that would be a group, and no number out of range.
    """
    n_nodes = len(tree.parent)
    if len(tree.node) != n_images or len(tree.density) != n_images:
        raise InputError(f"a tree of {n_images} images has one entry for each: {len(tree.node)} were given")
    if n_nodes < 1 or len(tree.strength) != n_nodes or tree.parent[0] != -1:
        raise InputError("a tree has a root, node 0, and a strength for each node: another one was given")
    if n_images and (tree.node.min() < 0 or tree.node.max() >= n_nodes):
        raise InputError(f"an image of a tree is in one of its {n_nodes} nodes: others were given")
    above = tree.parent[1:]
    if (above < 0).any() or (above >= np.arange(1, n_nodes)).any():
        raise InputError("a node of a tree stands behind its parent: others were given")
    if not _is_depth_first(tree):
        raise InputError("the nodes of a tree stand depth first, each with two children or none: others were given")
    if not np.isfinite(tree.strength).all() or (tree.strength < 0).any():
        raise InputError("the strengths of a tree are finite, and 0 where nothing is split: others were given")
    if (tree.strength[1:] > tree.strength[above]).any():
        raise InputError("no split of a tree is stronger than the one above it: others were given")
    if not np.isfinite(tree.density).all() or (tree.density <= 0).any():
        raise InputError("the densities of a tree are finite and greater than 0: others were given")
    return tree


def _is_depth_first(tree: GroupTree) -> bool:
    """Whether all below a node follows it at once, and just the nodes that are split have children, two of them."""
    children = np.bincount(tree.parent[1:], minlength=len(tree))
    split = np.flatnonzero(tree.strength > 0)
    if not np.array_equal(np.flatnonzero(children), split) or not (children[split] == 2).all():
        return False
    first = split + 1
    second = tree.end[first]
    return bool(
        (tree.parent[first] == split).all()
        and (second < len(tree)).all()
        and (tree.parent[second] == split).all()
        and (tree.size[first] >= tree.size[second]).all()
    )


def write_tree(folder: Path, name: str, tree: GroupTree, meta: Mapping[str, Any]) -> None:
    """Write the tables ``NAME.nodes.parquet`` and ``NAME.images.parquet``, then ``NAME.json``; a tree exists once that does."""
    tables = {
        "nodes": pd.DataFrame({"parent": tree.parent, "strength": tree.strength}),
        "images": pd.DataFrame({"node": tree.node, "density": tree.density}),
    }
    folder.mkdir(exist_ok=True)
    for part, table in tables.items():
        with atomic_file(folder / f"{name}.{part}.parquet", overwrite=True) as temporary:
            table.to_parquet(temporary, index=False)
    described = {"created": now(), **meta, "n_nodes": len(tree)}
    write_json_atomically(folder / f"{name}.json", described, overwrite=False)


def read_tree(folder: Path, name: str, n_images: int) -> GroupTree:
    """Read a tree and check it; `InputError` names the file that is missing or damaged."""
    nodes_file, images_file = folder / f"{name}.nodes.parquet", folder / f"{name}.images.parquet"
    nodes, images = read_table(nodes_file, _number_of_nodes(nodes_file, n_images)), read_table(images_file, n_images)
    with reading(nodes_file):
        parent, strength = nodes["parent"].to_numpy(np.int32), nodes["strength"].to_numpy(np.float32)
    with reading(images_file):
        node, density = images["node"].to_numpy(np.int32), images["density"].to_numpy(np.float32)
    try:
        return check_tree(GroupTree(parent, strength, node, density), n_images)
    except InputError as error:
        raise InputError(f"{folder / name}, a tree of groups, is damaged ({error}): make the run again") from error


def _number_of_nodes(path: Path, n_images: int) -> int:
    """Return how many nodes the table has: a tree over N images has fewer than 2 N."""
    import pyarrow.parquet as pq

    with reading(path), pq.ParquetFile(path) as file:
        n_nodes = int(file.metadata.num_rows)
    if n_nodes > 2 * n_images:
        raise InputError(f"{path} has {n_nodes} nodes over {n_images} images: make the run again")
    return n_nodes
