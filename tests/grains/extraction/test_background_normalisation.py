from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facies.grains.extraction.background import smooth_field
from facies.grains.extraction.background_normalisation import BackgroundNormalisation
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.segmentation import find_regions
from facies.grains.extraction.session_thresholds import SessionSample, learn_thresholds
from tests.grains.extraction.factories import DARK, GREEN, HEIGHT, LIGHT, WIDTH, plate

GREY = (150, 140, 130)
ONE = ((WIDTH // 2, 100, 30),)


def shown(ground: str, gain: float = 1.0, disc: tuple[float, float, float] = ONE[0]) -> tuple[NDArray[np.uint8], ...]:
    """A grain of one colour under a lamp of this strength, as it is and on an even plate, and where it is."""
    colours = {"green": GREEN, "dark": DARK, "light": LIGHT}[ground]
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([plate(ground=colours, colour=GREY)]), ground)
    photograph = plate([disc, (40, 40, 14)], ground=colours, colour=GREY, uneven=0.4)
    photograph = np.clip(photograph * gain, 0, 255).astype(np.uint8)
    x, y, r = (int(value) for value in disc)
    window = (x - r - 20, y - r - 20, x + r + 20, y + r + 20)
    picture = np.ascontiguousarray(photograph[window[1] : window[3], window[0] : window[2]])
    grain = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(grain, (r + 20, r + 20), r, 1, -1)
    field = smooth_field(photograph, HEIGHT, WIDTH, thresholds.ground)
    return picture, BackgroundNormalisation(thresholds).apply(picture, window, field, grain), grain


def inside(picture: NDArray[np.uint8], grain: NDArray[np.uint8]) -> NDArray[np.floating]:
    core = cv2.erode(grain, np.ones((9, 9), np.uint8)) == 1
    return np.median(picture[core], axis=0)


@pytest.mark.parametrize("ground", ["green", "light"])
def test_a_grain_looks_the_same_wherever_it_lies_and_however_it_is_lit(ground: str) -> None:
    places = [(1.0, (160, 100, 30)), (0.7, (160, 100, 30)), (1.0, (262, 180, 30))]
    before, after = [], []
    for gain, disc in places:
        picture, even, grain = shown(ground, gain, disc)
        before.append(inside(picture, grain))
        after.append(inside(even, grain))
    assert np.ptp(before, axis=0).max() > 30
    assert np.ptp(after, axis=0).max() < 8


@pytest.mark.parametrize("ground", ["green", "dark", "light"])
def test_what_is_not_the_grain_is_of_one_colour(ground: str) -> None:
    picture, even, grain = shown(ground)
    away = cv2.dilate(grain, np.ones((25, 25), np.uint8)) == 0
    assert picture[away].std(axis=0).max() > 1
    assert (even[away] == even[0, 0]).all()
    wanted = {"green": 128, "dark": DARK[2], "light": 224}[ground]
    assert abs(int(even[0, 0].max()) - wanted) <= 6


def test_a_dark_ground_tells_nothing_of_the_light() -> None:
    picture, even, grain = shown("dark")
    core = cv2.erode(grain, np.ones((5, 5), np.uint8)) == 1
    np.testing.assert_array_equal(even[core], picture[core])


def test_a_neighbour_in_the_box_is_painted_over() -> None:
    photograph = plate([ONE[0], (WIDTH // 2 + 42, 132, 10)])
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([photograph]), "green")
    found = find_regions(photograph, thresholds, replace(ExtractionSettings(), min_diameter=10))
    assert len(found.boxes) == 2
    number = int(found.areas.argmax())
    box = (120, 60, 220, 150)
    grain = (found.labels[60:150, 120:220] == number + 1).astype(np.uint8)
    even = BackgroundNormalisation(thresholds).apply(
        np.ascontiguousarray(photograph[60:150, 120:220]), box, found.field, grain
    )
    assert (even[132 - 60, WIDTH // 2 + 42 - 120] == even[0, 0]).all()
    assert np.abs(even[40, 40].astype(int) - even[0, 0]).max() > 40
