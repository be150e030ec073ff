from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from facies.atlas.pictures import to_picture, webp


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (5, "RGB")])
def test_channels_become_grey_or_colour(channels: int, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 9, 7), dtype=np.uint8)
    picture = to_picture(pixels, 0, 255)
    assert (picture.mode, picture.size) == (mode, (7, 9))
    shown = np.asarray(Image.open(io.BytesIO(webp(picture))).convert(mode))
    expected = np.rint(pixels.mean(0)) if channels == 2 else pixels[0] if mode == "L" else pixels[:3].transpose(1, 2, 0)
    np.testing.assert_array_equal(shown, expected)


def test_the_contrast_is_that_of_the_run() -> None:
    pixels = np.array([[[100.0, 200.0, 300.0, np.nan, -np.inf, 1e9]]])
    assert np.asarray(to_picture(pixels, 100, 300)).tolist() == [[0, 128, 255, 0, 0, 255]]
    assert np.asarray(to_picture(np.full((1, 1, 2), 7.0), 7, 7)).tolist() == [[0, 0]]


def test_sixteen_bits() -> None:
    pixels = np.array([[[0, 32_768, 65_535]]], np.uint16)
    assert np.asarray(to_picture(pixels, 0, 65_535)).tolist() == [[0, 128, 255]]
