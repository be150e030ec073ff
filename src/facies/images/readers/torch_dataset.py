"""Images in a torch `Dataset`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from facies.errors import InputError
from facies.images.axes import check_dtype, infer_axis_order
from facies.images.image_set import ImageSet
from facies.images.labels import as_labels
from facies.images.readers.arrays import images_from_array, memory_origin, numbered_table
from facies.images.sources import source_from_temporary
from facies.images.temporary_store import TemporaryArray

_BATCH = 64


def images_from_dataset(dataset: Dataset[Any], progress: Callable[[int, int], None] | None = None) -> ImageSet:
    """Take images, or pairs of an image and a label, from a torch Dataset with a length.

    A `TensorDataset` is read in place. Any other is read once, into memory while it is small, else into a temporary
    file: later epochs then cost nothing, and what the dataset does at random is done once. An image is a tensor or an
    array, (H, W), (C, H, W), (H, W, C) or (L, C, H, W).
    """
    if isinstance(dataset, TensorDataset):
        return _from_tensors(dataset)
    if isinstance(dataset, IterableDataset) or not isinstance(dataset, Sized):
        raise InputError("the dataset has no length: Facies needs one with __len__ and __getitem__")
    total = len(dataset)
    if total == 0:
        raise InputError("the dataset is empty")
    store: TemporaryArray | None = None
    labels: list[Any] = []
    for start in range(0, total, _BATCH):
        items = _items(dataset, range(start, min(start + _BATCH, total)))
        for row, item in enumerate(items, start):
            image, label = _image_and_label(item, row)
            if store is None:
                check_dtype(image.dtype, "item 0 of the dataset")
                axis_order = infer_axis_order((total, *image.shape), "the dataset")
                store = TemporaryArray.allocate((total, *image.shape), image.dtype)
            if image.shape != store.array.shape[1:] or image.dtype != store.array.dtype:
                raise InputError(
                    f"item {row} of the dataset is {image.shape} {image.dtype}, item 0 is {store.array.shape[1:]} "
                    f"{store.array.dtype}: all must be alike; resize them in the dataset"
                )
            store.array[row] = image
            labels.extend([] if label is None else [label])
        if progress is not None:
            progress(min(start + _BATCH, total), total)
    assert store is not None
    image_set = ImageSet(
        source_from_temporary(store, axis_order), numbered_table(total, "dataset"), origin=memory_origin("dataset")
    )
    return image_set.replace(labels=as_labels(labels, total, "the dataset")) if labels else image_set


def _from_tensors(dataset: TensorDataset) -> ImageSet:
    images, *others = dataset.tensors
    pixels = images_from_array(images).source
    image_set = ImageSet(pixels, numbered_table(len(images), "dataset"), origin=memory_origin("dataset"))
    if not others or others[0].ndim != 1:
        return image_set
    return image_set.replace(labels=as_labels(others[0].cpu().numpy(), len(images), "the dataset"))


def _items(dataset: Any, rows: range) -> Iterable[Any]:
    if hasattr(dataset, "__getitems__"):
        return list(dataset.__getitems__(list(rows)))
    return (dataset[row] for row in rows)


def _image_and_label(item: Any, row: int) -> tuple[NDArray[Any], Any]:
    label = None
    if isinstance(item, tuple | list):
        if len(item) not in (1, 2):
            raise InputError(
                f"item {row} of the dataset is a {type(item).__name__} of {len(item)}: give (image, label)"
            )
        item, label = item if len(item) == 2 else (item[0], None)
    if isinstance(item, Tensor):
        item = item.detach().cpu()
        item = (item.float() if item.dtype == torch.bfloat16 else item).numpy()
    image = np.asarray(item)
    if image.dtype.kind == "O" or image.ndim not in (2, 3, 4):
        raise InputError(
            f"item {row} of the dataset is a {type(item).__name__}, not an image: "
            "give a tensor (C, H, W), or (image, label)"
        )
    if label is not None:
        plain = np.asarray(label)
        if plain.ndim:
            raise InputError(
                f"item {row} of the dataset: its label has the shape {plain.shape}, not one number or word"
            )
        label = plain.item()
    return image, label
