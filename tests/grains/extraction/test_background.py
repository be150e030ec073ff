from __future__ import annotations

import colorsys

import numpy as np
import pytest

from facies.errors import InputError
from facies.grains.extraction.background import background_likelihood, hue_degrees, smooth_field, to_eight_bits
from facies.grains.extraction.session_thresholds import SessionSample, learn_thresholds, pooled_histogram
from tests.grains.extraction.factories import DARK, DISCS, GREEN, LIGHT, plate


def test_groundness_is_what_it_says() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(1, 256, (5, 7, 3)).astype(np.uint8)
    for place in np.ndindex(5, 7):
        r, g, b = (float(value) for value in colours[place])
        _, saturation, value = colorsys.rgb_to_hsv(r / 255, g / 255, b / 255)
        assert background_likelihood(colours, "green")[place] == pytest.approx(255 * saturation, abs=1e-3)
        assert background_likelihood(colours, "dark")[place] == pytest.approx(255 - 255 * value, abs=1e-3)
        assert background_likelihood(colours, "light")[place] == min(r, g, b)
        assert hue_degrees(colours)[place] == pytest.approx(360 * colorsys.rgb_to_hsv(r, g, b)[0], abs=0.05)


def test_the_field_follows_the_light_and_not_the_grains() -> None:
    bare, strewn = (plate(discs, uneven=0.4, blur=1.0) for discs in ((), ((60, 60, 45), (230, 150, 50))))
    height, width = bare.shape[:2]
    field = smooth_field(strewn, height, width, "green")
    seen = field.at(np.arange(height, dtype=np.float32) + 0.5, np.arange(width, dtype=np.float32) + 0.5)
    assert np.abs(seen - bare).mean() < 2.5  # the noise alone is 1.6


def test_the_field_of_a_light_ground_follows_its_mottle_and_not_pale_grains() -> None:
    bare, strewn = (plate(discs, ground=(200, 200, 196), colour=(236, 234, 226)) for discs in ((), DISCS))
    height, width = bare.shape[:2]
    clouds = 1 + 0.03 * np.cos(np.arange(width) / 25)[None] * np.cos(np.arange(height) / 25)[:, None]
    bare, strewn = ((picture * clouds[..., None]).round().astype(np.uint8) for picture in (bare, strewn))
    rows, columns = np.arange(height, dtype=np.float32) + 0.5, np.arange(width, dtype=np.float32) + 0.5
    for ground, least, most in (("light", 0.0, 2.0), ("dark", 2.0, 4.0)):  # the noise alone is 1.6
        seen = smooth_field(bare, height, width, ground).at(rows, columns)
        assert least < np.abs(seen - bare).mean() < most
    seen = smooth_field(strewn, height, width, "light").at(rows, columns)
    assert np.abs(seen - bare).max() < 25  # the grains are 36 brighter, and the noise reaches 10
    part = smooth_field(strewn, height, width, "light").at(rows[60:90], columns[100:180:2])
    assert np.allclose(part, seen[60:90, 100:180:2], atol=1e-3)


@pytest.mark.parametrize(
    ("colour", "ground"), [(GREEN, "green"), (DARK, "dark"), (LIGHT, "light"), ((30, 40, 190), "green")]
)
def test_ground_is_told(colour: tuple[int, int, int], ground: str) -> None:
    grain = (200, 195, 185) if ground != "light" else (90, 70, 60)
    survey = SessionSample.from_photographs(plate(ground=colour, colour=grain, seed=seed) for seed in range(3))
    thresholds, histogram = learn_thresholds(survey, "auto")
    assert thresholds.ground == ground
    assert 0 < thresholds.level < thresholds.mode
    assert histogram.sum() == 3 * 60 * 80
    # Between the two: the ground lies above, the grains below.
    own, other = (background_likelihood(np.array(value, np.float32), thresholds.ground) for value in (colour, grain))
    assert other < thresholds.level < own
    assert np.array_equal(histogram, pooled_histogram(survey, thresholds.ground))


def test_the_threshold_holds_with_few_grains_and_with_none() -> None:
    few, _ = learn_thresholds(SessionSample.from_photographs([plate([(100, 100, 12)])]), "green")
    none, _ = learn_thresholds(SessionSample.from_photographs([plate([])]), "green")
    assert 60 < few.level < 150
    assert 60 < none.level < 150
    assert "no valley" in none.how


def test_ground_that_is_none() -> None:
    grey = SessionSample.from_photographs([plate(ground=(100, 100, 100), colour=(220, 220, 220), uneven=0.0)])
    with pytest.raises(InputError, match="--background dark") as told:
        learn_thresholds(grey, "auto")
    assert "--background light" in str(told.value)
    assert learn_thresholds(grey, "dark")[0].ground == "dark"
    with pytest.raises(InputError, match="--background light"):
        learn_thresholds(SessionSample.from_photographs([plate(ground=LIGHT)]), "green")
    with pytest.raises(InputError, match="--background green"):
        learn_thresholds(SessionSample.from_photographs([plate()]), "light")
    cream = SessionSample.from_photographs([plate(ground=(235, 205, 150), colour=(60, 50, 40), uneven=0.0)])
    assert learn_thresholds(cream, "light")[0].ground == "light"


@pytest.mark.parametrize(("bits", "white"), [(8, 255), (10, 1023), (12, 4095), (16, 65535)])
def test_full_scale_of_deep_photographs(bits: int, white: int) -> None:
    deep = (plate().astype(np.float64) / 255 * white).round().astype(np.uint16)
    if bits == 8:
        deep = deep.astype(np.uint8)
    survey = SessionSample.from_photographs(
        [np.maximum(deep, np.where(np.arange(deep.size).reshape(deep.shape) == 0, white, 0)).astype(deep.dtype)]
    )
    assert survey.white == white
    assert np.abs(to_eight_bits(deep, white).astype(int) - plate()).max() <= 1
