"""Images with unmeasured pixels are shown in colour, and what was not measured as background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from facies.runs import Thumbnails, to_thumbnails
from facies.runs.masked_pictures import BACKGROUND, in_colours
from facies.runs.thumbnails import write_thumbnails


def images() -> tuple[np.ndarray, np.ndarray]:
    """A strong and a faint sparse image (2, 1, 8, 8), and a mask without the last column."""
    pixels = np.zeros((2, 1, 8, 8), np.float32)
    pixels[0, 0, 2, 3], pixels[1, 0, 5, 1] = 100, 0.5
    pixels[:, :, :, 7] = 1000  # not measured, whatever it holds
    measured = np.ones((8, 8), bool)
    measured[:, 7] = False
    return pixels, measured


def test_unmeasured_pixels_are_background_and_sparse_ones_are_seen() -> None:
    pixels, measured = images()
    shown = in_colours(pixels, measured)
    assert (shown[:, ~measured] == BACKGROUND).all()
    assert not (shown[:, measured] == BACKGROUND).all(axis=-1).any()
    brightness = shown[:, :, :7].sum(axis=-1, dtype=int).reshape(2, -1)
    assert brightness.argmax(axis=1).tolist() == [2 * 7 + 3, 5 * 7 + 1]
    np.testing.assert_array_equal(shown[0, 2, 3], shown[1, 5, 1])  # each to its own largest value


def test_an_image_of_one_value_is_no_fault() -> None:
    shown = in_colours(np.zeros((1, 1, 4, 4), np.float32), np.ones((4, 4), bool))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 1


def test_sheets_keep_the_colours(tmp_path: Path) -> None:
    from facies.images import open_images

    pixels, measured = images()
    write_thumbnails(tmp_path / "t", open_images(pixels), 0, 1, measured)
    thumbnail = Thumbnails(tmp_path / "t").array(1)
    np.testing.assert_array_equal(thumbnail, to_thumbnails(torch.from_numpy(pixels), 0, 1, measured=measured)[1])
    assert (thumbnail[:, -8:] == BACKGROUND).all()
