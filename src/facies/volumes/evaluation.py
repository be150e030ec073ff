"""How well the labels of a segmented volume agree with a volume of true classes: counted block by block, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.io import jsonable, write_json_atomically
from facies.metrics.overlap import dice_hungarian, dice_majority
from facies.volumes.blocks import BlockGrid, block_shape
from facies.volumes.segmentation import Segmentation
from facies.volumes.volume import Volume

MOST_CLASSES = 256
FORMAT = 1
FILE = "evaluation.json"
_BLOCK = (64, 256, 256)


@dataclass(frozen=True)
class ConfusionTable:
    """How many voxels each cluster and each class have in common.

    Attributes
    ----------
    counts : ndarray
        int64 (n_clusters, n_classes); cluster 1 comes first.
    classes : list of int
        The values of the true labels.
    n_without_label : int
        Voxels with a class whose label is 0 (not computed): they are left out.
    n_ignored : int
        Voxels whose class was to be ignored.
    """

    counts: NDArray[np.int64]
    classes: list[int]
    n_without_label: int
    n_ignored: int


def evaluate_segmentation(
    segmentation: Segmentation,
    true: Volume,
    *,
    ignore: Sequence[int] = (),
    k: int | None = None,
) -> dict[str, Any]:
    """Compare label images with true classes.

    Parameters
    ----------
    segmentation : Segmentation
        The segmented volume.
    true : Volume
        A class for each voxel, whole numbers; of the same shape.
    ignore : sequence of int
        Classes that do not count, such as that of voxels nobody labelled.
    k : int, optional
        Which label image; by default that of 8 clusters, or else the last one.

    Returns
    -------
    dict
        Of this label image ``k``, ``dice_hungarian`` and ``dice_majority`` (means over the classes), ``dice_by_class`` and
        ``confusion`` (voxels of each cluster and class); and ``by_k``, the two means and the confusion for all label images, with their
        means over k.
    """
    if true.shape != segmentation.labels().shape:
        one, other = (" × ".join(map(str, each)) for each in (true.shape, segmentation.labels().shape))
        raise InputError(
            f"{true.name}: has {one} voxels, and {segmentation.path.name} {other}: give labels of that volume"
        )
    if true.dtype.kind not in "biu":
        raise InputError(
            f"{true.name}: its values are {true.dtype}, and classes are whole numbers: write them as integers"
        )
    chosen = _name(segmentation, k)
    tables = {name: confusion(segmentation, name, true, ignore) for name in segmentation.names}
    table = tables[chosen]
    by_k = {
        name.removeprefix("k"): {
            "dice_hungarian": float(dice_hungarian(each.counts).mean()),
            "dice_majority": float(dice_majority(each.counts).mean()),
            "confusion": each.counts.tolist(),
        }
        for name, each in tables.items()
    }
    hungarian, majority = dice_hungarian(table.counts), dice_majority(table.counts)
    return {
        "k": segmentation.described["labels"][chosen],
        "dice_hungarian": float(hungarian.mean()),
        "dice_majority": float(majority.mean()),
        "dice_by_class": {
            str(value): {"dice_hungarian": float(one), "dice_majority": float(other)}
            for value, one, other in zip(table.classes, hungarian, majority, strict=True)
        },
        "by_k": by_k,
        "mean_over_k": {
            name: float(np.mean([each[name] for each in by_k.values()])) for name in ("dice_hungarian", "dice_majority")
        },
        "confusion": table.counts.tolist(),
        "n_voxels": int(table.counts.sum()),
        "n_without_label": table.n_without_label,
        "n_ignored": table.n_ignored,
    }


def keep_evaluation(segmentation: Segmentation, measured: Mapping[str, Any], labels: str) -> str:
    """Write what `evaluate_segmentation` measured into the folder, for the report; an earlier one is replaced.

    Returns
    -------
    str
        A line for the user if it cannot be written; else nothing.
    """
    kept = {"format": FORMAT, "labels": Path(labels).name, "classes": list(measured["dice_by_class"]), **measured}
    try:
        write_json_atomically(segmentation.path / FILE, jsonable(kept))
    except OSError as error:
        return f"{segmentation.path}: cannot be written, so its report will not show this ({error.strerror})"
    return ""


def kept_evaluation(segmentation: Segmentation) -> dict[str, Any] | None:
    """Read what `keep_evaluation` wrote; None if nothing was measured yet. An `InputError` says that it is damaged."""
    file = segmentation.path / FILE
    if not file.is_file():
        return None
    try:
        kept: dict[str, Any] = json.loads(file.read_text("utf-8"))
        n_classes = len(kept["classes"])
        for name, n_labels in segmentation.described["labels"].items():
            table = np.asarray(kept["by_k"][name.removeprefix("k")]["confusion"], np.int64)
            if table.shape != (n_labels, n_classes):
                raise ValueError(f"its table for {name} has the shape {table.shape}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: is damaged ({error}): run facies evaluate again") from error
    return kept


def confusion(segmentation: Segmentation, name: str, true: Volume, ignore: Sequence[int] = ()) -> ConfusionTable:
    """Count the voxels of each cluster and class.

    Parameters
    ----------
    segmentation, name
        The segmented volume, and which label image.
    true, ignore
        As in `evaluate_segmentation`.
    """
    labels = segmentation.labels(name)
    n_clusters = int(segmentation.described["labels"][name])
    counts: dict[int, NDArray[np.int64]] = {}
    n_ignored = 0
    grid = BlockGrid(labels.shape, block_shape(labels.shape, _BLOCK))
    for number in range(len(grid)):
        box = grid.box(number)
        own, theirs = labels.read(box), true.read(box)
        for value in np.unique(theirs).tolist():
            mask = theirs == value
            if value in ignore:
                n_ignored += int(mask.sum())
                continue
            found = np.bincount(own[mask].astype(np.int64), minlength=n_clusters + 1)[: n_clusters + 1]
            counts[int(value)] = counts.get(int(value), 0) + found
        if len(counts) > MOST_CLASSES:
            raise InputError(
                f"{true.name}: has more than {MOST_CLASSES} classes: are they numbers of objects? Give classes"
            )
    if not counts:
        raise InputError(f"{true.name}: no voxel has a class that counts: leave out --ignore")
    classes = sorted(counts)
    table = np.stack([counts[value] for value in classes], axis=1)
    return ConfusionTable(table[1:], classes, int(table[0].sum()), n_ignored)


def _name(segmentation: Segmentation, k: int | None) -> str:
    if k is None:
        names = segmentation.names
        return "k8" if "k8" in names else names[-1]
    if f"k{k}" not in segmentation.names:
        known = ", ".join(name.removeprefix("k") for name in segmentation.names)
        raise InputError(f"--k {k}: {segmentation.path.name} has no such labels: choose from {known}")
    return f"k{k}"
