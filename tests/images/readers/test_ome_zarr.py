from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from facies.errors import InputError
from facies.images import open_images, reopen

RNG = np.random.default_rng(0)


def save(path: Path, pixels: np.ndarray, axes: str, version: str) -> None:
    """Write an OME-Zarr of two levels, as version 0.4 or 0.5 has it."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    for level, step in (("0", 1), ("1", 2)):
        data = pixels[..., ::step, ::step]
        array = group.create_array(level, shape=data.shape, dtype=data.dtype, chunks=(*[1] * (data.ndim - 2), 8, 8))
        array[:] = data
    multiscales = [
        {"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}, {"path": "1"}], "version": version}
    ]
    group.attrs.update({"multiscales": multiscales} if version == "0.4" else {"ome": {"multiscales": multiscales}})


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_axes_are_channels_layers_and_images(version: str, tmp_path: Path) -> None:
    pixels = RNG.integers(0, 65536, (4, 2, 3, 12, 10), dtype=np.uint16)
    save(tmp_path / "a.zarr", pixels, "tczyx", version)
    images = open_images(tmp_path / "a.zarr")
    assert images.origin["kind"] == "ome-zarr"
    np.testing.assert_array_equal(images.__getitems__(range(4)).numpy(), pixels.swapaxes(1, 2))
    assert "images (T), channels (C) and focal layers (Z)" in images.notes[0]
    assert reopen(images.origin).fingerprint() == images.fingerprint()
    assert open_images(tmp_path / "a.zarr", pages="images").image_shape == (1, 12, 10)


def test_a_folder_of_them(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (5, 3, 12, 10), dtype=np.uint8)
    for number, image in enumerate(pixels):
        save(tmp_path / f"{number}.zarr", image, "cyx", "0.5")
    zarr.save_array(str(tmp_path / "bare.zarr"), pixels[0])
    images = open_images(tmp_path)
    np.testing.assert_array_equal(images.__getitems__(range(5)).numpy(), pixels)
    assert images.left_out["source"].tolist() == ["bare.zarr"]
    assert "without OME metadata" in images.left_out["reason"][0]


def test_a_single_image_says_how_to_split_it(tmp_path: Path) -> None:
    save(tmp_path / "a.zarr", np.zeros((3, 8, 8), np.uint8), "zyx", "0.4")
    with pytest.raises(InputError, match=r"holds 1 image.*focal layers, as its own axes \(ZYX\) say; --pages images"):
        open_images(tmp_path / "a.zarr")
