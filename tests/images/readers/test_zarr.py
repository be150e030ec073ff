from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr

from facies.errors import InputError
from facies.images import open_images
from facies.images.sources import ArraySource, ZarrSource

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 6), dtype=np.uint8)


def _group(path: Path, **arrays: np.ndarray) -> Path:
    group = zarr.open_group(str(path), mode="w")
    for name, values in arrays.items():
        group.create_array(name, data=values, chunks=(1, *values.shape[1:]) if name == "images" else values.shape)
    return path


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("name", ["a.zarr", "folder"])
def test_a_bare_array_is_read(tmp_path: Path, zarr_format: int, name: str) -> None:
    zarr.create_array(str(tmp_path / name), data=IMAGES, chunks=(1, 8, 6), zarr_format=zarr_format)
    images = open_images(tmp_path / name)
    assert isinstance(images.source, ZarrSource)
    assert images.origin["kind"] == "zarr"
    np.testing.assert_array_equal(images.__getitems__([4, 1])[:, 0].numpy(), IMAGES[[4, 1]])


def test_a_group_brings_labels_and_columns(tmp_path: Path) -> None:
    _group(
        tmp_path / "a.zarr", images=IMAGES, labels=np.arange(12) % 3, split=np.arange(12) % 2, other=np.zeros((3, 3))
    )
    images = pickle.loads(pickle.dumps(open_images(tmp_path / "a.zarr")))
    assert images.labels.tolist() == [k % 3 for k in range(12)]
    assert list(images.table.columns) == ["id", "source", "split"]
    np.testing.assert_array_equal(images[7][0].numpy(), IMAGES[7])


def test_chunks_of_several_images_are_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), data=IMAGES, chunks=(5, 8, 6))
    images = open_images(tmp_path / "a.zarr")
    assert isinstance(images.source, ArraySource)
    np.testing.assert_array_equal(images.__getitems__([11, 2])[:, 0].numpy(), IMAGES[[11, 2]])

    class Full:
        free = 100

    monkeypatch.setattr("shutil.disk_usage", lambda _: Full)
    assert isinstance(open_images(tmp_path / "a.zarr").source, ZarrSource)


def _broken(path: Path) -> Path:
    path.mkdir()
    (path / "zarr.json").write_text("{")
    return path


def _damaged_chunk(path: Path) -> Path:
    zarr.create_array(str(path), data=IMAGES, chunks=(5, 8, 6))
    (path / "c" / "0" / "0" / "0").write_bytes(b"rubbish")
    return path


def _plain_folder(path: Path) -> Path:
    path.mkdir()
    return path


BAD = {
    "folder.zarr": (_plain_folder, "is no zarr array or group"),
    "broken.zarr": (_broken, "is no zarr array or group"),
    "chunk.zarr": (_damaged_chunk, "a chunk of .* is damaged"),
    "keys.zarr": (lambda p: _group(p, pictures=IMAGES), "no array named 'images' .it has pictures"),
    "labels.zarr": (lambda p: _group(p, images=IMAGES, labels=np.arange(3)), "3 labels for 12 images"),
    "flat.zarr": (lambda p: _group(p, images=IMAGES.reshape(12, 48)), "flattened"),
    "complex.zarr": (lambda p: _group(p, images=IMAGES.astype(complex)), "complex128"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_folders_are_refused(name: str, tmp_path: Path) -> None:
    make, match = BAD[name]
    with pytest.raises(InputError, match=match):
        open_images(make(tmp_path / name))
