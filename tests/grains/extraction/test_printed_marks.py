"""Scale bars and text are no grains, and the bar is offered as the scale (pyDGS#15)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from facies.errors import InputError
from facies.grains.extraction import ExtractionSettings, extract_grains, read_description
from facies.grains.extraction.focal_stacks import find_stacks
from facies.grains.extraction.printed_marks import find_printed_marks
from facies.images import open_images
from tests.grains.extraction.factories import DARK, GREEN, LIGHT, plate

BAR = 90
WHITE, BLACK, YELLOW = (255, 255, 255), (0, 0, 0), (255, 255, 0)
DISCS = ((60, 60, 28), (150, 70, 22))
PAPER = ExtractionSettings(size=32, min_layers=1)


def printed(
    picture: np.ndarray,
    colour: tuple[int, int, int] = WHITE,
    *,
    bar: int = BAR,
    ticks: bool = False,
    text: str = "1 mm",
) -> np.ndarray:
    """Draw a scale bar at the lower right, its length above it, and a label at the upper right."""
    image = Image.fromarray(picture)
    draw, (width, height) = ImageDraw.Draw(image), image.size
    x0, x1, y = width - 20 - bar, width - 21, height - 30
    draw.rectangle([x0, y, x1, y + 4], fill=colour)
    for x in (x0, x1 - 1) if ticks else ():
        draw.rectangle([x, y - 6, x + 1, y + 10], fill=colour)
    font = ImageFont.load_default(24)
    draw.text((x0 + 15, y - 32), text, font=font, fill=colour)
    draw.text((width - 130, 10), "PS01-005", font=font, fill=colour)
    return np.asarray(image)


@pytest.mark.parametrize("ticks", [False, True])
@pytest.mark.parametrize(
    ("ground", "colour"), [(GREEN, WHITE), (GREEN, BLACK), (DARK, WHITE), (DARK, YELLOW), (LIGHT, BLACK)]
)
def test_a_bar_with_its_text(ground: tuple[int, int, int], colour: tuple[int, int, int], ticks: bool) -> None:
    layers = [printed(plate(DISCS, ground=ground, blur=blur, seed=3), colour, ticks=ticks) for blur in (0.7, 2.0)]
    found = find_printed_marks(layers)
    assert found.bar_px == BAR
    assert len(found.boxes) == 3  # bar, length, label
    bar = next(box for box in found.boxes if box[2] - box[0] >= BAR)
    assert bar[0] <= 210
    assert bar[2] >= 300
    grain = np.zeros(layers[0].shape[:2], bool)
    grain[32:90, 32:90] = True
    assert not any(grain[y0:y1, x0:x1].any() for x0, y0, x1, y1 in found.boxes)


@pytest.mark.parametrize("ground", [GREEN, DARK, LIGHT])
def test_nothing_is_printed(ground: tuple[int, int, int]) -> None:
    needle = plate(DISCS, ground=ground)
    assert find_printed_marks([needle]).boxes == []
    corners = np.array([(60, 150), (130, 146), (200, 150), (130, 154)], np.int32)  # it tapers, as no bar does
    cv2.fillPoly(needle, [corners], (0, 0, 0) if ground == LIGHT else (255, 255, 255))
    assert find_printed_marks([needle]).bar_px is None


def test_what_is_in_one_layer_alone_is_not_printed() -> None:
    with_bar, without = printed(plate(DISCS)), plate(DISCS, seed=1)
    assert find_printed_marks([with_bar, without]).boxes == []


def test_a_strip_below_the_picture() -> None:
    picture = plate(DISCS, ground=(120, 120, 120))
    picture[-40:] = 0
    assert find_printed_marks([picture]).boxes == [(0, 200, 320, 240)]


def photographs(folder: Path, bars: tuple[int, ...] = (BAR, BAR), **options: object) -> Path:
    folder.mkdir()
    for number, bar in enumerate(bars):
        picture = plate(DISCS, seed=number, **options)
        Image.fromarray(printed(picture, bar=bar) if bar else picture).save(folder / f"P{number}.png")
    return folder


def test_bar_and_text_are_no_grains_and_the_bar_is_offered(tmp_path: Path) -> None:
    stacks = find_stacks(photographs(tmp_path / "photos"), layers=1)
    extract_grains(stacks, tmp_path / "grains", PAPER)
    grains = open_images(tmp_path / "grains").table
    assert len(grains) == 4
    assert (grains["x1"] < 180).all()
    told = read_description(tmp_path / "grains")
    assert told["um_per_px"] is None
    assert told["counts"]["passed_over"]["printed"] > 0
    assert told["counts"]["passed_over"]["bars_px"] == [BAR, BAR]
    assert any("scale bar of 90 pixels" in note and "--scale-bar-um" in note for note in told["notes"])
    assert any("text or scale bars" in note for note in told["notes"])


def test_the_length_of_the_bar_gives_the_scale(tmp_path: Path) -> None:
    stacks = find_stacks(photographs(tmp_path / "photos"), layers=1)
    settings = ExtractionSettings(size=32, scale_bar_um=900, min_um=400)
    extract_grains(stacks, tmp_path / "grains", settings)
    told = read_description(tmp_path / "grains")
    assert told["um_per_px"] == 10.0
    assert open_images(tmp_path / "grains").pixel_size_um == 10.0
    assert len(open_images(tmp_path / "grains")) == 4
    assert any("it is 900 µm long" in note for note in told["notes"])
    assert not extract_grains(stacks, tmp_path / "grains", settings, resume=True)


@pytest.mark.parametrize(("bars", "told"), [((0, 0), "no scale bar was found"), ((BAR, 45), "several scales")])
def test_bars_that_give_no_scale(bars: tuple[int, ...], told: str, tmp_path: Path) -> None:
    stacks = find_stacks(photographs(tmp_path / "photos", bars), layers=1)
    with pytest.raises(InputError, match=told):
        extract_grains(stacks, tmp_path / "grains", ExtractionSettings(size=32, scale_bar_um=900))
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}
    if bars[0]:
        extract_grains(stacks, tmp_path / "grains", PAPER)
        assert any("several scales" in note for note in read_description(tmp_path / "grains")["notes"])
