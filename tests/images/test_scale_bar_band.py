"""A scale bar burnt into each vignette (report P8 of PlanktoScope's users): found where it is, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from facies.images.scale_bar_band import Band, find_bands, to_grey
from tests.images.readers.plankton import draw_plankton

N = 40


def grey(number: int, **options: object) -> np.ndarray:
    return np.asarray(draw_plankton(number, **options))  # type: ignore[arg-type]  # options of the factory


def as_jpeg(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize("change", [lambda image: image, as_jpeg, lambda image: 255 - image])
def test_the_band_is_found_whole_and_alone(change: Callable[[np.ndarray], np.ndarray]) -> None:
    (band,) = find_bands(N, lambda number: change(grey(number, band=True)))
    assert band.height == 48
    assert all(band.is_on(change(grey(number, band=True))) for number in range(N))
    assert not any(band.is_on(change(grey(number))) for number in range(N))


def test_each_length_of_bar_has_its_band() -> None:
    images = [grey(number, band=True, bar=20 + 15 * (number % 3)) for number in range(N)]
    bands = find_bands(N, lambda number: images[number])
    assert [band.height for band in bands] == [48] * 3
    assert all(sum(band.is_on(image) for band in bands) == 1 for image in images)


def test_some_images_may_lack_it() -> None:
    images = [grey(number, band=number % 10 != 0) for number in range(N)]
    (band,) = find_bands(N, lambda number: images[number])
    assert [band.is_on(image) for image in images] == [number % 10 != 0 for number in range(N)]


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (40, 40)).astype(np.uint8)


def margin(number: int) -> np.ndarray:
    """An object in the middle of a white picture, as ZooScan makes them."""
    image = np.full((60 + number % 9, 50), 255, np.uint8)
    image[10:20, 10 : 14 + number] = 40
    return image


def ground(number: int) -> np.ndarray:
    """A texture that stands still below something that moves."""
    image = np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)
    image[:30] = np.random.default_rng(number + 1).integers(0, 256, (30, 60))
    return image


@pytest.mark.parametrize("draw", [
    grey, noise, margin, ground, lambda _: noise(0), lambda _: grey(1, band=True), lambda number: None,
    lambda number: np.full((30, 30), number, np.uint8), lambda number: grey(number, band=number % 2 == 0),
])  # fmt: skip
def test_nothing_else_is_a_band(draw: Callable[[int], np.ndarray | None]) -> None:
    assert find_bands(N, draw) == []


def test_plain_margins_above_the_band_cost_no_object() -> None:
    band = grey(1, band=True)[-48:, :50]
    images = [np.concatenate([margin(number), band]) for number in range(N)]
    (found,) = find_bands(N, lambda number: images[number])
    assert found.height > 36  # the bar stands in the rows 33 to 36 from the bottom
    assert all((image[10:20] == 40).any() and len(image) - found.height > 20 for image in images)


def test_few_images_prove_nothing_and_plain_folders_cost_little() -> None:
    assert find_bands(7, lambda number: grey(number, band=True)) == []
    asked: list[int] = []

    def read(number: int) -> np.ndarray:
        asked.append(number)
        return noise(number)

    assert find_bands(100_000, read) == []
    assert len(asked) == 8


def test_a_band_is_written_and_read() -> None:
    (band,) = find_bands(N, lambda number: grey(number, band=True))
    again = Band.from_json(band.to_json())
    np.testing.assert_array_equal(again.pixels, band.pixels)
    assert len(str(band.to_json())) < 2000


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_images_of_any_depth_are_compared_as_grey(dtype: type) -> None:
    white = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    assert (to_grey(np.full((3, 4, 3), white, dtype)) == 255).all()
    assert to_grey(np.zeros((3, 4, 1), dtype)).shape == (3, 4)
