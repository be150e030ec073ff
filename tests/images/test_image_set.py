from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader

from facies.errors import InputError
from facies.images import ImageSet, open_images, reopen
from facies.images.axes import AxisOrder
from facies.images.sources import ArraySource, SubsetSource


def image_set(pixels: np.ndarray, **options) -> ImageSet:
    table = pd.DataFrame({"id": [f"i{k}" for k in range(len(pixels))], "source": "test"})
    return ImageSet(ArraySource(pixels, AxisOrder.GREY), table, **options)


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (20, 8, 6), dtype=np.uint8)


def test_images_come_in_their_own_units_as_float32(pixels: np.ndarray) -> None:
    images = image_set(pixels)
    assert len(images) == 20
    assert images.image_shape == (1, 8, 6)
    assert images.dtype == np.uint8
    one = images[3]
    assert one.dtype == torch.float32
    np.testing.assert_array_equal(one[0].numpy(), pixels[3])
    torch.testing.assert_close(images[-1], images[19])
    with pytest.raises(IndexError):
        images[20]
    with pytest.raises(IndexError):
        images.__getitems__([0, -21])


@pytest.mark.parametrize("dtype", [bool, "u1", "u2", ">u2", "i4", "f2", "f4", ">f4", "f8"])
def test_every_type_is_read(dtype: str, pixels: np.ndarray) -> None:
    stored = (pixels // 100).astype(dtype)
    images = image_set(stored)
    assert images.__getitems__([1, 0]).dtype == torch.float32
    np.testing.assert_array_equal(images.__getitems__([1, 0])[:, 0].numpy(), stored[[1, 0]].astype("f4"))
    assert images.value_range() == (float(stored.min()), float(stored.max()))


def test_a_batch_equals_its_images_one_by_one(pixels: np.ndarray) -> None:
    images = image_set(pixels)
    for rows in ([5, 2, 9], [3, 4, 5], np.array([7, 7, 0]), torch.tensor([1, -1])):
        batch = images.__getitems__(rows)
        torch.testing.assert_close(batch, torch.stack([images[int(row)] for row in rows]))
    torch.testing.assert_close(torch.cat(list(images.batches(7))), images.__getitems__(range(20)))
    assert [len(batch) for batch in images.batches(7)] == [7, 7, 6]
    with pytest.raises(ValueError, match="batch_size"):
        next(images.batches(0))


def test_a_batch_is_its_own_memory() -> None:
    stored = np.ones((6, 1, 4, 4), dtype=np.float32)
    images = open_images(np.concatenate([stored, 0 * stored]))
    for batch in (images.__getitems__([0, 1, 2]), images.__getitems__([2, 0]), images[0], next(images.batches(12))):
        batch.zero_()
    assert images.__getitems__(range(6)).min() == 1


def test_a_subset_cuts_everything(pixels: np.ndarray) -> None:
    images = image_set(pixels, labels=np.arange(20) % 3, label_names=["a", "b", "c"])
    part = images.subset([9, 4, 6]).subset([2, 0])
    assert isinstance(part.source, SubsetSource)
    assert not isinstance(part.source.parent, SubsetSource)
    assert part.table["id"].tolist() == ["i6", "i9"]
    assert part.table.index.tolist() == [0, 1]
    assert part.labels is not None
    assert part.labels.tolist() == [0, 0]
    assert part.label_names == ["a", "b", "c"]
    torch.testing.assert_close(part[1], images[9])
    assert len(images.subset(np.arange(20) < 4)) == 4
    with pytest.raises(ValueError, match="share an id"):
        images.subset([1, 1])
    with pytest.raises(IndexError, match="mask needs 20"):
        images.subset([True, False])
    with pytest.raises(IndexError):
        images.subset([20])


def test_a_part_is_found_again_from_its_origin(tmp_path: Path, pixels: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", pixels)
    part = open_images(tmp_path / "a.npy", size=4).subset([9, 4, 6]).subset([2, 0])
    again = reopen(json.loads(json.dumps(part.origin)))
    assert again.fingerprint() == part.fingerprint()
    assert again.table.equals(part.table)


def test_rows_must_match_the_images(pixels: np.ndarray) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "source": "x"})
    with pytest.raises(ValueError, match="20 images need"):
        ImageSet(ArraySource(pixels, AxisOrder.GREY), table)
    with pytest.raises(ValueError, match="20 images need"):
        image_set(pixels, labels=[1, 2])


def test_the_range_is_that_of_all_blocks(monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray) -> None:
    monkeypatch.setattr("facies.images.temporary_store.BYTES_PER_BLOCK", 3 * 8 * 6)
    pixels = pixels.clip(10, 200)
    pixels[0, 0, 0], pixels[19, 7, 5] = 255, 1
    images = image_set(pixels)
    assert [start for start, _ in images.stored_blocks()] == [0, 3, 6, 9, 12, 15, 18]
    assert images.value_range() == (1.0, 255.0)
    assert images.subset([1, 2]).value_range() == (float(pixels[1:3].min()), float(pixels[1:3].max()))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite_are_named(bad: float) -> None:
    stored = np.zeros((10, 4, 4), dtype=np.float32)
    stored[[2, 7], 1, 1] = bad
    with pytest.raises(InputError, match=r"2 images hold NaN or infinite pixels \(id i2, i7\).*nan_to_num"):
        image_set(stored).value_range()
    with pytest.raises(InputError, match=r"1 image holds NaN"):
        image_set(stored[:5]).value_range()


def test_float64_beyond_float32_is_infinite() -> None:
    stored = np.zeros((3, 4, 4))
    stored[1, 0, 0] = 1e300
    with pytest.raises(InputError, match="id i1"):
        image_set(stored).value_range()


def test_the_fingerprint_is_that_of_the_content(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"20 (1, 8, 6) |u1")
    for k in range(20):
        digest.update(f"i{k}\0".encode())
    digest.update(pixels.tobytes())
    assert image_set(pixels).fingerprint() == digest.hexdigest()
    changed = pixels.copy()
    changed[-1, -1, -1] ^= 1
    assert image_set(changed).fingerprint() != digest.hexdigest()
    assert image_set(pixels[:-1]).fingerprint() != digest.hexdigest()
    assert image_set(pixels.astype("u2")).fingerprint() != digest.hexdigest()
    monkeypatch.setattr("facies.images.temporary_store.BYTES_PER_BLOCK", 100)
    assert image_set(pixels).fingerprint() == digest.hexdigest()


def test_channels_last_and_first_have_one_fingerprint(rng: np.random.Generator) -> None:
    first = rng.integers(0, 255, (5, 3, 8, 8), dtype=np.uint8)
    assert open_images(first).fingerprint() == open_images(np.moveaxis(first, 1, -1)).fingerprint()


def test_pickling_keeps_all(tmp_path: Path, pixels: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.arange(20) % 2)
    images = open_images(tmp_path / "a.npz").subset(range(3, 9))
    again = pickle.loads(pickle.dumps(images))
    assert again.fingerprint() == images.fingerprint()
    assert again.labels.tolist() == images.labels.tolist()
    assert again.origin == images.origin


def test_a_spawned_worker_reads_a_temporary_file(tmp_path: Path, save_png) -> None:
    for k in range(4):
        save_png(tmp_path / "in" / f"{k}.png", seed=k)
    images = open_images(tmp_path / "in")
    (tmp_path / "set.pickle").write_bytes(pickle.dumps(images))
    code = "import pickle,sys; print(float(pickle.load(open(sys.argv[1],'rb'))[2].sum()))"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "set.pickle"], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == float(images[2].sum())
    assert torch.equal(images[2], images[2])  # the child has not removed the file


def test_a_loader_fetches_whole_batches(pixels: np.ndarray) -> None:
    loader = DataLoader(image_set(pixels), batch_size=6, collate_fn=lambda batch: batch)
    batches = list(loader)
    assert [tuple(batch.shape) for batch in batches] == [(6, 1, 8, 6)] * 3 + [(2, 1, 8, 6)]
    np.testing.assert_array_equal(torch.cat(batches)[:, 0].numpy(), pixels)


def test_threads_read_at_once(tmp_path: Path, pixels: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", pixels)
    images = open_images(tmp_path / "a.npy")
    with ThreadPoolExecutor(4) as pool:
        for row, image in enumerate(pool.map(images.__getitem__, range(20))):
            np.testing.assert_array_equal(image[0].numpy(), pixels[row])
