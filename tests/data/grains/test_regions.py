from __future__ import annotations

import cv2
import numpy as np
import pytest

from data.grains.making import DARK, DISCS, GREEN, HEIGHT, LIGHT, WIDTH, plate
from facies.data.grains.regions import Regions, find_regions
from facies.data.grains.settings import ExtractionSettings
from facies.data.grains.survey import Survey, learn_thresholds
from facies.data.plates import render_stack


def regions(picture: np.ndarray, **options: object) -> Regions:
    thresholds, _ = learn_thresholds(Survey.of([picture]), "auto")
    return find_regions(picture, thresholds, ExtractionSettings(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ground", "colour"),
    [(GREEN, (200, 195, 185)), (GREEN, (30, 30, 32)), (DARK, (180, 150, 120)), (LIGHT, (120, 90, 70))],
)
@pytest.mark.parametrize("blur", [0.7, 3.0])
def test_discs_are_found_where_they_are(
    ground: tuple[int, int, int], colour: tuple[int, int, int], blur: float
) -> None:
    found = regions(plate(ground=ground, colour=colour, blur=blur))
    assert len(found.boxes) == len(DISCS)
    for (x, y, radius), box, area in zip(DISCS, found.boxes, found.areas, strict=True):
        assert np.abs(box - [x - radius, y - radius, x + radius + 1, y + radius + 1]).max() <= 3
        # Half of a blurred edge of a dark grain is as saturated as the plate, and no darker than a shadow.
        assert area == pytest.approx(np.pi * radius**2, rel=0.16 if max(colour) < 40 and blur > 1 else 0.08)
    assert set(np.unique(found.labels)) == {0, 1, 2}


def test_touching_discs_are_one_and_others_not() -> None:
    assert len(regions(plate([(80, 100, 30), (138, 100, 30)])).boxes) == 1
    assert len(regions(plate([(80, 100, 30), (150, 100, 30)])).boxes) == 2


def test_sizes() -> None:
    picture = plate([(60, 60, 8), (200, 120, 50)])
    found = regions(picture)
    assert (len(found.boxes), found.n_small) == (1, 1)
    assert 14 <= found.largest_small <= 19
    assert len(regions(picture, min_side=10).boxes) == 2
    large = regions(picture, max_side=60)
    assert (len(large.boxes), large.n_large) == (0, 1)


def test_a_hole_is_filled() -> None:
    picture = plate([(160, 120, 60)])
    cv2.circle(picture, (160, 120), 25, GREEN, -1)
    assert regions(picture).areas[0] == pytest.approx(np.pi * 60**2, rel=0.03)


def test_a_shadow_is_ground() -> None:
    bare = plate([(100, 120, 40)])
    shadow = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(shadow, (125, 140), 40, 1.0, -1)
    cv2.circle(shadow, (100, 120), 41, 0.0, -1)
    picture = (bare * (1 - 0.35 * cv2.GaussianBlur(shadow, (0, 0), 3))[..., None]).astype(np.uint8)
    assert regions(picture).areas[0] == pytest.approx(np.pi * 40**2, rel=0.05)


def test_the_hue_gate_keeps_saturated_grains() -> None:
    picture = plate([(80, 100, 30)], colour=(190, 60, 50))
    thresholds, _ = learn_thresholds(Survey.of([plate()]), "green")
    only_saturation = ExtractionSettings(shine=False)
    assert len(find_regions(picture, thresholds, only_saturation).boxes) == 0
    gated = ExtractionSettings(shine=False, hue_gate=True)
    assert find_regions(picture, thresholds, gated).areas[0] == pytest.approx(np.pi * 30**2, rel=0.08)


def test_quartz_through_which_the_plate_shines_is_found_whole() -> None:
    scene = render_stack(31, grains=["quartz"], n_grains=2, layers=1, size=(512, 640), grain_size=150)
    thresholds, _ = learn_thresholds(Survey.of(scene.images), "auto")
    found = find_regions(scene.images[0], thresholds, ExtractionSettings())
    assert len(found.boxes) == 2
    truth = scene.instances > 0
    shared = ((found.labels > 0) & truth).sum() / ((found.labels > 0) | truth).sum()
    assert shared > 0.93
    strict = find_regions(scene.images[0], thresholds, ExtractionSettings(shine=False))
    assert ((strict.labels > 0) & truth).sum() <= ((found.labels > 0) & truth).sum()
