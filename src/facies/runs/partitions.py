"""Partitions of a run: the group of each image, with its probability and its distance to the centre of the group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.io import atomic_file, write_json_atomically
from facies.runs.manifest import now

PARTITION_COLUMNS = ["id", "group", "probability", "distance"]

MAX_GROUP = 10_000_000
"""The largest number of a group: arrays are made as long as it."""

_ROUNDING = 1e-5


def partition_table(
    ids: Sequence[str] | pd.Series,
    groups: ArrayLike,
    embedding: NDArray[np.float32],
    probabilities: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return the table of a partition, with the distance of each image to its group's centre.

    The distance is Euclidean, in the embedding, to the mean of the group: ``‖z_i − mean(z_j : g_j = g_i)‖``. Noise has
    none (NaN).

    Parameters
    ----------
    ids : sequence of str
        N ids.
    groups : array_like of int, shape (N,)
        Groups 0..K-1, and -1 for noise.
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map; it is read in blocks.
    probabilities : array_like of float, optional
        Either (N,), the probability of the assigned group, or (N, K), of every group. Without it 1, and 0 for noise.

    Returns
    -------
    DataFrame
        Columns ``id``, ``group`` (int64), ``probability`` (float32), ``distance`` (float32).
    """
    group = np.asarray(groups, np.int64)
    noise = group < 0
    if probabilities is None:
        probability = np.where(noise, 0, 1).astype(np.float32)
    else:
        given = np.asarray(probabilities, np.float32)
        if given.ndim == 2:
            given = given[np.arange(len(group)), np.where(noise, 0, group)]
        probability = np.where(noise | np.isnan(given), np.float32(0), given)
    distance = _distances(group, embedding)
    return pd.DataFrame({"id": list(ids), "group": group, "probability": probability, "distance": distance})


def _distances(group: NDArray[np.int64], embedding: NDArray[np.float32], block: int = 65_536) -> NDArray[np.float32]:
    n_groups = int(group.max(initial=-1)) + 1
    sums = np.zeros((n_groups + 1, embedding.shape[1]), np.float64)  # noise, -1, is the last row
    for start in range(0, len(group), block):
        np.add.at(sums, group[start : start + block], embedding[start : start + block])
    counts = np.bincount(group % (n_groups + 1), minlength=n_groups + 1)
    centres = sums / np.maximum(counts, 1)[:, None]
    distance = np.empty(len(group), np.float32)
    for start in range(0, len(group), block):
        part = slice(start, start + block)
        distance[part] = np.linalg.norm(embedding[part] - centres[group[part]], axis=1)
    distance[group < 0] = np.nan
    return distance


def check_partition(partition: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """Return a partition as it is stored (`PARTITION_COLUMNS`, then any other), or say what is wrong with it.

    It needs ``id``, as the run has them in their order, and ``group``, from -1 on. Without ``probability`` it is 1 (0 for
    noise), without ``distance`` NaN.
    """
    for column in ("id", "group"):
        if column not in partition.columns:
            raise InputError(
                f"a partition needs the column {column!r}: it has {', '.join(map(str, partition.columns))}"
            )
    table = partition.reset_index(drop=True)
    if len(table) != len(ids) or not np.array_equal(table["id"].to_numpy(object), ids.to_numpy(object)):
        raise InputError(
            "the ids of the partition are not those of the run's images, in their order: give one row an image"
        )
    group = pd.to_numeric(table["group"], errors="coerce")
    if group.isna().any() or (group != np.floor(group)).any() or (group < -1).any():
        raise InputError("the groups of a partition are whole numbers from 0 on, and -1 for noise: others were given")
    if group.max() > MAX_GROUP:
        raise InputError(f"the groups of a partition have numbers up to {MAX_GROUP:,}: {group.max():.0f} was given")
    table["group"] = group.astype(np.int64)
    noise = table["group"] < 0
    given = table["probability"] if "probability" in table.columns else (~noise).astype(np.float32)
    probability = given.astype(np.float32).fillna(0)
    if not probability.between(-_ROUNDING, 1 + _ROUNDING).all():
        raise InputError("the probabilities of a partition lie between 0 and 1: others were given")
    table["probability"] = probability.clip(0, 1)
    table["distance"] = table["distance"].astype(np.float32) if "distance" in table.columns else np.float32("nan")
    others = [column for column in table.columns if column not in PARTITION_COLUMNS]
    return table[[*PARTITION_COLUMNS, *others]]


def write_partition(folder: Path, name: str, table: pd.DataFrame, meta: Mapping[str, Any]) -> None:
    """Write ``NAME.parquet``, then ``NAME.json`` with ``meta``; a partition exists once the JSON file does."""
    with atomic_file(folder / f"{name}.parquet", overwrite=True) as temporary:
        table.to_parquet(temporary, index=False)
    description = {"created": now(), **meta, "n_groups": count_groups(table)}
    write_json_atomically(folder / f"{name}.json", description, overwrite=False)


def count_groups(partition: pd.DataFrame) -> int:
    """Return the number of groups that have an image; noise is not a group."""
    groups = partition["group"]
    return int(groups[groups >= 0].nunique())
