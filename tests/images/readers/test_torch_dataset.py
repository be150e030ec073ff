from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from facies.errors import InputError
from facies.images import as_image_set, open_images, temporary_store
from facies.images.sources import MappedSource

IMAGES = np.random.default_rng(0).integers(0, 256, (70, 3, 8, 6), dtype=np.uint8)


class Items(Dataset[Any]):
    """A dataset of the items given, which counts how often it is read."""

    def __init__(self, items: list[Any]) -> None:
        self.items, self.reads = items, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        self.reads += 1
        return self.items[index]


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: torch.from_numpy(image),
        lambda image: image,
        lambda image: np.moveaxis(image, 0, -1),
        lambda image: Image.fromarray(np.moveaxis(image, 0, -1)),
        lambda image: (image,),
        lambda image: [torch.from_numpy(image).requires_grad_(False), 1],
    ],
)
@pytest.mark.parametrize("in_memory", [0, 10**9])
def test_items_are_read_once(convert: Any, in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_store, "MAX_BYTES_IN_MEMORY", in_memory)
    dataset = Items([convert(image) for image in IMAGES])
    done: list[tuple[int, int]] = []
    images = open_images(dataset, progress=lambda k, n: done.append((k, n)))
    for _ in range(2):
        np.testing.assert_array_equal(images.__getitems__([66, 2]).numpy(), IMAGES[[66, 2]])
    assert dataset.reads == 70
    assert done == [(64, 70), (70, 70)]
    assert isinstance(images.source, MappedSource) == (in_memory == 0)
    assert images.origin["path"] is None


@pytest.mark.parametrize("label", [int, lambda k: torch.tensor(k), lambda k: np.int32(k), lambda k: float(k)])
def test_pairs_bring_labels(label: Any) -> None:
    images = open_images(Items([(image, label(k % 4)) for k, image in enumerate(IMAGES)]))
    assert images.labels is not None
    assert images.labels.tolist() == [k % 4 for k in range(70)]


def test_labels_may_be_words() -> None:
    images = open_images(Items([(image, "ab"[k % 2]) for k, image in enumerate(IMAGES)]))
    assert images.label_names == ["a", "b"]


def test_datasets_that_fetch_batches_are_asked_for_batches() -> None:
    class Batches(Items):
        def __getitems__(self, indices: list[int]) -> list[Any]:
            return [self.items[index] for index in indices]

    dataset = Batches(list(IMAGES))
    assert len(open_images(dataset)) == 70
    assert dataset.reads == 0


def test_tensor_datasets_are_read_in_place() -> None:
    tensor = torch.from_numpy(IMAGES)
    images = open_images(TensorDataset(tensor, torch.arange(70) % 5))
    assert np.shares_memory(images.source.array, IMAGES)
    assert images.labels is not None
    assert images.labels.max() == 4
    assert open_images(TensorDataset(tensor, tensor)).labels is None
    part = open_images(Subset(TensorDataset(tensor, torch.arange(70)), [5, 6]))
    assert part.labels is not None
    assert part.labels.tolist() == [5, 6]


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(IMAGES)


class WithoutLength(Dataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return IMAGES[index]


@pytest.mark.parametrize(
    ("dataset", "match"),
    [
        (Endless(), "has no length"),
        (WithoutLength(), "has no length"),
        (Items([]), "is empty"),
        (Items([IMAGES[0], IMAGES[0, :, :4]]), r"item 1 of the dataset is \(3, 4, 6\)"),
        (Items([IMAGES[0], IMAGES[0].astype("f4")]), "item 1 of the dataset is .*float32"),
        (Items([{"image": IMAGES[0]}] * 2), "item 0 of the dataset is a dict"),
        (Items(["a.png"] * 2), "item 0 of the dataset is a str"),
        (Items([(IMAGES[0], 1, 2)] * 2), r"tuple of 3: give \(image, label\)"),
        (Items([(IMAGES[0], IMAGES[1])] * 2), r"its label has the shape \(3, 8, 6\)"),
        (Items([(IMAGES[0], 1), IMAGES[1]]), "1 labels for 2 images"),
        (Items([(IMAGES[0], 0.5), (IMAGES[1], 1)]), "whole numbers or words"),
        (Items([IMAGES[0].astype(complex)] * 2), "complex128"),
        (Items([IMAGES[0, 0, 0]] * 2), "not an image"),
    ],
)
def test_what_is_no_set_of_images_is_refused(dataset: Dataset[Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        as_image_set(dataset)
