from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facies.atlas.errors import MissingError
from facies.atlas.services import pictures as module
from facies.atlas.services.pictures import Pictures, to_picture, webp
from facies.images import open_images
from facies.runs import write_run
from tests.atlas.factories import make_contents


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


@pytest.mark.parametrize("side", [12, 64, 100, 301])
def test_a_thumbnail_from_the_pixels_is_that_of_the_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    smooth = np.add.outer(np.linspace(0, 100, side), np.linspace(0, 120, side))
    pixels = (smooth[None, None] + np.arange(8)[:, None, None, None] * 4).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels)
    images = open_images(tmp_path / "images.npz")
    run = write_run(tmp_path / "run", make_contents(images))
    from_sheet = Pictures(run).thumbnail(5)
    monkeypatch.setattr(module, "_CACHE_BYTES", 0)
    pictures = Pictures(run)
    from_pixels = pictures.thumbnail(5)
    shown, expected = (
        np.asarray(Image.open(io.BytesIO(body)).convert("L"), float) for body in (from_pixels, from_sheet)
    )
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() <= (0 if side <= 32 else 6)
    for row, layer in ((8, None), (-1, None), (5, 3)):
        with pytest.raises(MissingError):
            pictures.thumbnail(row, layer)
    # Once the pixels are gone, the sheet has to do.
    (tmp_path / "images.npz").unlink()
    assert Pictures(run).thumbnail(5) == from_sheet
