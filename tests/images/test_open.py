from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import as_image_set, open_images, reopen

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 12, 10), dtype=np.uint8)


def test_a_file_is_read_again_from_its_origin(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES)
    images = open_images(str(tmp_path / "a.npz"), channels="rgb", size=(8, 6), fit="pad")
    assert images.image_shape == (3, 8, 6)
    assert images.origin["options"] == {"channels": "rgb", "size": [8, 6], "fit": "pad"}
    assert reopen(images.origin).fingerprint() == images.fingerprint()
    (tmp_path / "a.npz").unlink()
    with pytest.raises(InputError, match="no such file"):
        reopen(images.origin)


def test_images_from_memory_cannot_be_read_again() -> None:
    with pytest.raises(InputError, match="came from memory"):
        reopen(open_images(IMAGES).origin)


def test_a_part_of_fewer_images_is_noticed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    part = open_images(tmp_path / "a.npy").subset([9, 8])
    np.save(tmp_path / "a.npy", IMAGES[:5])
    with pytest.raises(InputError, match="has only 5 images left"):
        reopen(part.origin)


def test_an_image_set_is_returned_as_it_is_or_converted() -> None:
    images = open_images(IMAGES)
    assert open_images(images) is images
    small = open_images(images, size=4)
    assert small.image_shape == (1, 4, 4)
    assert small.table.equals(images.table)
    smaller = as_image_set(small, channels="rgb")
    assert smaller.origin == {"kind": "converted image set", "path": None, "options": {}}


def test_labels_come_from_a_table_or_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.zeros(10, int))
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(10)))
    images = open_images(tmp_path / "a.npz", labels=tmp_path / "labels.csv")
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1] * 5
    assert images.label_names == ["a", "b"]
    part = reopen(images.subset([3, 4]).origin)
    assert part.labels is not None
    assert part.labels.tolist() == [1, 0]
    (tmp_path / "labels.csv").unlink()
    again = reopen(images.origin)
    assert again.labels is not None
    assert again.labels.tolist() == [0] * 10
    given = open_images(tmp_path / "a.npz", labels=range(10))
    assert given.labels is not None
    assert given.labels.tolist() == list(range(10))


def test_one_image_can_be_assigned_but_not_grouped() -> None:
    assert len(as_image_set(IMAGES[:1])) == 1
    with pytest.raises(InputError, match="the array: holds 1 image; at least 2 images"):
        open_images(IMAGES[:1])


NAN = np.where(IMAGES > 250, np.nan, IMAGES.astype(np.float32))
FLOATS = IMAGES.astype(np.float32)
FLOATS[[3, 6], 0, 0] = np.inf
SAME = np.repeat(IMAGES[:1], 10, axis=0)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (FLOATS, r"2 images hold NaN or infinite pixels \(id 3, 6\)"),
        (torch.from_numpy(NAN), "NaN or infinite"),
        (SAME, "all 10 images are equal"),
        (np.zeros((5, 8, 8), dtype=np.float32), "all 5 images are equal"),
        (np.empty((0, 8, 8)), "is empty"),
        (IMAGES.reshape(10, 120), "flattened"),
        (np.array(3.0), "has 0 axes"),
        (IMAGES.astype(object), "Python objects"),
        ([IMAGES], "a list is not read"),
        (None, "a NoneType is not read"),
        ("/nowhere/at/all", "/nowhere/at/all: no such file or folder"),
        ("x" * 300, "cannot be reached"),
    ],
)
def test_bad_sources_are_refused_in_one_line(source: Any, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        open_images(source)
    assert "\n" not in str(caught.value)


def test_the_last_of_many_equal_images_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facies.images.temporary_store.BYTES_PER_BLOCK", 3 * 120)
    nearly = SAME.copy()
    nearly[9, 11, 9] ^= 1
    assert len(open_images(nearly)) == 10
    with pytest.raises(InputError, match="all 10 images are equal"):
        open_images(SAME)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("a.h5", "kind '.h5' are not read; read are .npy, .npz, one .tif of several pages, "),
        ("a", "kind 'without a suffix' are not read"),
        ("a.png", "is one image; give the folder"),
    ],
)
def test_files_of_other_kinds_are_refused(name: str, match: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match=match):
        open_images(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"channels": "red"}, "channels must be"),
        ({"fit": "crop"}, "fit must be"),
        ({"size": 2}, "size must be"),
        ({"labels": [1, 2]}, "2 labels for 10 images"),
        ({"labels": "/nowhere.csv"}, "no such file of labels"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        open_images(IMAGES, **options)


def test_the_room_is_cheap_to_enter() -> None:
    heavy = ("zarr", "tifffile", "cv2", "sklearn", "matplotlib")
    code = f"import sys; from facies.images import RandomViews, open_images; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
