"""Photographs that grains fill are refused; an uneven ground, and outlines like gaps, are said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facies.errors import InputError
from facies.grains.extraction import ExtractionSettings, extract_grains, read_description
from facies.grains.extraction.doubts import CONCAVE, FAINT, TOO_SMALL, concave_share, doubt_notes, doubts_about
from facies.grains.extraction.focal_stacks import find_stacks
from facies.grains.extraction.measurements import outline_of
from facies.images import open_images
from tests.grains.extraction.factories import DARK, plate

SMALL = ExtractionSettings(size=32, min_layers=1)


def gravel(seed: int = 0) -> np.ndarray:
    """Stones of many greys and browns, with texture, that fill the picture."""
    rng = np.random.default_rng(seed)
    picture = np.full((240, 320, 3), 40, np.float32)
    for _ in range(900):
        centre = (int(rng.integers(0, 320)), int(rng.integers(0, 240)))
        axes = (int(rng.integers(8, 18)), int(rng.integers(6, 14)))
        shade = rng.uniform(40, 230) * np.array([1.0, rng.uniform(0.8, 1.0), rng.uniform(0.65, 1.0)])
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade.tolist(), -1)
    picture += cv2.GaussianBlur(rng.normal(0, 30, picture.shape).astype(np.float32), (0, 0), 1.5)
    return np.clip(picture, 0, 255).astype(np.uint8)


def folder_of(path: Path, *pictures: np.ndarray) -> Path:
    path.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(path / f"P{number}.png")
    return path


@pytest.mark.parametrize("background", ["auto", "dark", "light"])
def test_a_photograph_that_grains_fill_is_refused(background: str, tmp_path: Path) -> None:
    stacks = find_stacks(folder_of(tmp_path / "photos", gravel(), gravel(1)), layers=1)
    with pytest.raises(InputError, match=r"photos: in 2 of the 2 photographs .* no ground is seen") as error:
        extract_grains(stacks, tmp_path / "grains", ExtractionSettings(background=background))
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


def test_one_of_several_is_left_out_with_the_reason(tmp_path: Path) -> None:
    pictures = [plate(ground=DARK, seed=seed) for seed in range(3)]
    stacks = find_stacks(folder_of(tmp_path / "photos", *pictures, gravel()), layers=1)
    extract_grains(stacks, tmp_path / "grains", SMALL)
    images = open_images(tmp_path / "grains")
    assert images.table["stack"].tolist() == ["P0", "P0", "P1", "P1", "P2", "P2"]
    assert images.left_out.to_numpy().tolist() == [
        ["P3", "grains fill the photograph, and no ground is seen between them"]
    ]


def test_an_uneven_ground_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folds = cv2.GaussianBlur(rng.normal(0, 1, (240, 320)).astype(np.float32), (0, 0), 6)
    folded = plate(ground=(120, 120, 118), colour=(245, 245, 240), uneven=0) + (14 / folds.std() * folds)[..., None]
    stacks = find_stacks(folder_of(tmp_path / "photos", np.clip(folded, 0, 255).astype(np.uint8)), layers=1)
    extract_grains(stacks, tmp_path / "grains", ExtractionSettings(size=32, background="dark"))
    assert any("the ground is uneven" in note for note in read_description(tmp_path / "grains")["notes"])
    even = find_stacks(folder_of(tmp_path / "even", plate()), layers=1)
    extract_grains(even, tmp_path / "even grains", SMALL)
    assert read_description(tmp_path / "even grains")["notes"] == []


def test_a_gap_between_discs_turns_inwards_and_a_grain_does_not() -> None:
    disc, triangle = np.zeros((2, 240, 240), np.uint8)
    cv2.circle(disc, (120, 120), 60, 1, -1)
    centres = [(10, 200), (230, 200), (120, 10)]
    cv2.fillPoly(triangle, [np.array(centres, np.int32)], 1)
    for centre in centres:
        cv2.circle(triangle, centre, 108, 0, -1)
    disc_line, gap_line = outline_of(disc, 0, 0), outline_of(triangle, 0, 0)
    assert concave_share(disc_line) < 0.1
    assert concave_share(gap_line) > 0.5
    assert doubts_about(disc_line, 2800, None) == ""
    assert doubts_about(gap_line, 2800, None) == CONCAVE
    assert doubts_about(disc_line, 2800, 1.2) == FAINT
    assert doubts_about(disc_line, 3, 8.0) == TOO_SMALL


def test_doubts_are_said_from_a_third_on() -> None:
    assert doubt_notes([CONCAVE] * 3 + [""] * 7) == []
    (note,) = doubt_notes([CONCAVE] * 4 + [""] * 6)
    assert note.startswith("4 of 10 outlines are doubtful")
    assert doubt_notes([CONCAVE] * 2) == []
