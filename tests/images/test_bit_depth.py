from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from facies.images import open_images
from facies.images.bit_depth import white_of


@pytest.mark.parametrize(
    ("dtype", "largest", "white"),
    [
        ("uint8", 200, 255),
        ("uint8", 3, 255),
        ("uint16", 1000, 1023),
        ("uint16", 3987, 4095),
        ("uint16", 16383, 16383),
        ("uint16", 20_000, 65535),
        ("int16", 4095, 4095),
        ("int16", 30_000, 32767),
        ("int32", 60_000, 65535),
        ("float32", 0.9, 1),
        ("float32", 254.5, 255),
        ("float32", 1e12, 1e12),
    ],
)
def test_the_white_is_that_of_the_depth_that_the_pixels_show(dtype: str, largest: float, white: float) -> None:
    assert white_of(np.dtype(dtype), largest) == white


def write(folder: Path, name: str, brightness: float, white: float, dtype: str) -> None:
    ramp = np.linspace(0, brightness, 64).reshape(8, 8) * white
    tifffile.imwrite(folder / f"{name}.tif", (ramp if dtype == "float32" else np.rint(ramp)).astype(dtype))


def test_images_of_8_12_and_16_bits_and_floats_of_one_folder_have_one_scale(tmp_path: Path) -> None:
    write(tmp_path, "a", 0.8, 255, "uint8")
    write(tmp_path, "b", 0.8, 4095, "uint16")
    write(tmp_path, "c", 1.0, 4095, "uint16")
    write(tmp_path, "d", 0.8, 1, "float32")
    images = open_images(tmp_path)
    for row, brightness in enumerate((0.8, 0.8, 1.0, 0.8)):
        np.testing.assert_allclose(images[row].flatten(), np.linspace(0, brightness, 64), atol=0.003)
    assert "(float32 by 1, uint16 by 4095, uint8 by 255)" in images.notes[0]


def test_saturated_pixels_among_12_bits_are_white_and_damaged_files_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, "a", 0.8, 255, "uint8")
    write(tmp_path, "b", 0.8, 4095, "uint16")
    hot = np.rint(np.linspace(0, 3000, 64)).astype(np.uint16)
    hot[5] = 65535
    tifffile.imwrite(tmp_path / "c.tif", hot.reshape(8, 8))
    write(tmp_path, "d", 0.5, 4095, "uint16")
    whole = (tmp_path / "d.tif").read_bytes()
    (tmp_path / "d.tif").write_bytes(whole[: len(whole) - 40])
    images = open_images(tmp_path)
    assert "(uint16 by 4095, uint8 by 255)" in images.notes[0]
    assert images[2].flatten()[5] == 1
    assert images[2].flatten()[63] == pytest.approx(3000 / 4095)
    assert images[1].max() == pytest.approx(0.8, abs=0.003)
