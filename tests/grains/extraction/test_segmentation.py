from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facies.grains.extraction.background import background_likelihood
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.segmentation import Regions, _closed, _joined, find_regions
from facies.grains.extraction.session_thresholds import SessionSample, learn_thresholds
from facies.grains.extraction.superpixels import WHOLE_FRAME_ITERATIONS, superpixels
from facies.grains.synthetic import render_stack
from tests.grains.extraction.factories import DARK, DISCS, GREEN, HEIGHT, LIGHT, WIDTH, plate


def regions(picture: np.ndarray, **options: object) -> Regions:
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([picture]), "auto")
    return find_regions(picture, thresholds, ExtractionSettings(**options))


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
    assert len(regions(picture, min_diameter=10).boxes) == 2
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


def mottled(bare: np.ndarray, share: float = 0.03) -> np.ndarray:
    """Brighter and darker clouds of some 60 pixels, as of paper or frosted glass."""
    clouds = np.random.default_rng(5).normal(0, share, (HEIGHT // 40, WIDTH // 40)).astype(np.float32)
    clouds = cv2.resize(clouds, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(bare * (1 + clouds[..., None]), 0, 255).round().astype(np.uint8)


GREY = (200, 200, 196)


@pytest.mark.parametrize(
    "colour",
    [
        pytest.param((235, 235, 230), id="brighter"),
        pytest.param((214, 200, 172), id="as bright, and yellow"),
        pytest.param((228, 214, 186), id="brighter, and yellow"),
        pytest.param((165, 165, 162), id="darker"),
    ],
)
def test_pale_grains_on_a_mottled_light_ground(colour: tuple[int, int, int]) -> None:
    found = regions(mottled(plate(ground=GREY, colour=colour)))
    assert len(found.boxes) == len(DISCS)
    for (x, y, radius), box in zip(DISCS, found.boxes, strict=True):
        assert np.abs(box - [x - radius, y - radius, x + radius + 1, y + radius + 1]).max() <= 5


def test_mottle_of_a_light_ground_is_no_grain() -> None:
    found = regions(mottled(plate([], ground=GREY)), min_diameter=6)
    assert len(found.boxes) == 0


def test_a_pale_grain_with_a_part_as_grey_as_its_shadow_is_one() -> None:
    picture = plate([], ground=GREY, uneven=0.0).astype(np.float32)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = (x - 160) ** 2 + (y - 120) ** 2 <= 60**2
    shade = np.select([x < 150, x < 174], [1.2, 0.93], 0.75).astype(np.float32)
    picture *= cv2.GaussianBlur(np.where(inside, shade, np.float32(1)), (0, 0), 1.0)[..., None]
    found = regions(picture.round().astype(np.uint8))
    assert len(found.boxes) == 1
    assert found.areas[0] == pytest.approx(np.pi * 60**2, rel=0.08)


def test_the_outskirts_of_a_shadow_on_a_light_ground_are_ground() -> None:
    bare = plate([(100, 120, 40)], ground=GREY, colour=(120, 90, 70))
    picture = bare.astype(np.float32)
    shadow = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(shadow, (118, 132), 40, 1.0, -1)
    cv2.circle(shadow, (100, 120), 41, 0.0, -1)
    picture *= 1 - 0.1 * cv2.GaussianBlur(shadow, (0, 0), 3)[..., None]
    assert regions(picture.round().astype(np.uint8)).areas[0] == pytest.approx(np.pi * 40**2, rel=0.05)


@pytest.mark.parametrize("radius", [4, 11])
def test_gaps_are_closed_as_by_a_disc(radius: int) -> None:
    mask = np.zeros((90, 120), np.uint8)
    cv2.rectangle(mask, (0, 20), (50, 60), 1, -1)
    cv2.rectangle(mask, (50 + 2 * radius - 2, 20), (119, 60), 1, -1)
    near_by = _closed(mask, radius)
    assert near_by[40, 50 : 50 + 2 * radius - 2].all()
    assert not near_by[:15].any()
    assert (near_by >= mask).all()
    cv2.rectangle(mask, (50, 0), (50 + 2 * radius + 4, 89), 0, -1)
    assert not _closed(mask, radius)[40, 51 + radius]


def test_grey_gaps_are_filled_between_two_pieces_and_bays_of_one_are_not() -> None:
    mask = np.zeros((100, 160), np.uint8)
    mask[20:80, 10:70] = mask[20:80, 80:150] = 1
    mask[20:50, 110:120] = 0  # a bay
    grey = np.ones(mask.shape, bool)
    grey[50:] = False
    joined = _joined(mask, grey, 8)
    assert joined[25:50, 70:80].all()
    assert not joined[50:, 70:80].any()
    assert not joined[20:50, 110:120].any()
    assert (joined >= mask).all()
    assert joined.max() == 1
    assert np.array_equal(_joined(mask, grey, 4), mask)


def test_the_hue_gate_keeps_saturated_grains() -> None:
    picture = plate([(80, 100, 30)], colour=(190, 60, 50))
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([plate()]), "green")
    only_saturation = ExtractionSettings(shine=False)
    assert len(find_regions(picture, thresholds, only_saturation).boxes) == 0
    gated = ExtractionSettings(shine=False, hue_gate=True)
    assert find_regions(picture, thresholds, gated).areas[0] == pytest.approx(np.pi * 30**2, rel=0.08)


def test_quartz_through_which_the_plate_shines_is_found_whole() -> None:
    scene = render_stack(31, grains=["quartz"], n_grains=2, layers=1, size=(512, 640), grain_size=150)
    thresholds, _ = learn_thresholds(SessionSample.from_photographs(scene.images), "auto")
    found = find_regions(scene.images[0], thresholds, ExtractionSettings())
    assert len(found.boxes) == 2
    truth = scene.instances > 0
    shared = ((found.labels > 0) & truth).sum() / ((found.labels > 0) | truth).sum()
    assert shared > 0.93
    strict = find_regions(scene.images[0], thresholds, ExtractionSettings(shine=False))
    assert ((strict.labels > 0) & truth).sum() <= ((found.labels > 0) & truth).sum()


def test_the_segmentation_of_the_paper_takes_whole_superpixels() -> None:
    picture = plate([(80, 100, 45), (230, 120, 40)])
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([picture]), "auto")
    found = find_regions(picture, thresholds, ExtractionSettings.of_segmentation("paper", superpixel=20))
    assert len(found.boxes) == 2
    for (x, y, radius), box in zip([(80, 100, 45), (230, 120, 40)], found.boxes, strict=True):
        assert np.abs(box - [x - radius, y - radius, x + radius + 1, y + radius + 1]).max() <= 10
    labels = superpixels(picture, 20, 10.0, WHOLE_FRAME_ITERATIONS)
    saturation = background_likelihood(picture, "green")
    dropped = [saturation[labels == number].mean() > thresholds.level for number in range(labels.max() + 1)]
    expected = ~np.array(dropped)[labels]
    assert np.array_equal(found.labels > 0, expected), "every superpixel is wholly grain or wholly plate"


def test_the_segmentation_of_the_paper_cuts_a_frame_into_300_superpixels() -> None:
    paper = ExtractionSettings.of_segmentation("paper")
    assert round(1280 * 1024 / paper.superpixel**2) in range(295, 306)
    assert (paper.min_side, paper.max_side, paper.compactness) == (40, 900, 10.0)
    assert ExtractionSettings.of_segmentation("candidates") == ExtractionSettings()
    assert ExtractionSettings.of_segmentation("paper", superpixel=30, min_side=None).superpixel == 30


def test_saturation_alone_decides_in_the_paper_unless_the_hue_is_asked() -> None:
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([plate()]), "green")
    red = plate([(80, 100, 40)], colour=(190, 60, 50))
    paper = ExtractionSettings.of_segmentation("paper", superpixel=20)
    assert len(find_regions(red, thresholds, paper).boxes) == 0, "as saturated as the plate"
    assert len(find_regions(red, thresholds, replace(paper, hue_gate=True)).boxes) == 1
