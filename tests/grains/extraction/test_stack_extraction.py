from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import find_stacks
from facies.grains.extraction.measurements import polygon_area
from facies.grains.extraction.session_thresholds import SessionSample, learn_thresholds
from facies.grains.extraction.stack_extraction import ExtractedStack, extract_stack, resized
from tests.grains.extraction.factories import DISCS, HEIGHT, WIDTH, photographs, plate

SETTINGS = ExtractionSettings(size=64)


def cut(folder: Path, number: int = 0, **options: object) -> ExtractedStack:
    stack = find_stacks(folder, layers=3).stacks[number]
    thresholds, _ = learn_thresholds(SessionSample.from_photographs([plate()]), "green")
    return extract_stack(folder, stack, thresholds, ExtractionSettings(size=64, **options))


def test_all_layers_are_cut_by_one_box(tmp_path: Path) -> None:
    found = cut(photographs(tmp_path))
    assert found.crops.shape == (2, 3, 3, 64, 64)
    assert [row["id"] for row in found.rows] == ["S0_g000", "S0_g001"]
    for number, (row, (x, y, radius)) in enumerate(zip(found.rows, DISCS, strict=True)):
        box = [row[name] for name in ("x0", "y0", "x1", "y1")]
        assert np.abs(np.array(box) - [x - radius, y - radius, x + radius + 1, y + radius + 1]).max() <= 4
        assert (row["width"], row["height"]) == (box[2] - box[0], box[3] - box[1])
        for layer in range(3):
            photograph = np.asarray(Image.open(tmp_path / f"S0_L{layer}.png"))
            native = photograph[box[1] : box[3], box[0] : box[2]]
            wanted = cv2.resize(native, (64, 64), interpolation=cv2.INTER_AREA if radius > 31 else cv2.INTER_LINEAR)
            assert np.abs(found.crops[number, layer].transpose(1, 2, 0).astype(int) - wanted).max() <= 2
        assert row["layers"] == "0,1,2"
        assert row["best_layer"] == 1
        assert row["sharpness"] == max(row[f"sharpness_{layer}"] for layer in range(3))
        assert row["area_px"] == pytest.approx(np.pi * radius**2, rel=0.05)
        assert row["area_px"] == pytest.approx(abs(polygon_area(found.outlines[number])), rel=1e-6)
        assert not row["touches_border"]
        assert row["touching"] < 0.5
        assert row["saturation"] < 60


def test_cut_grains_and_touching_ones_are_told(tmp_path: Path) -> None:
    discs = [(2, 60, 30), (160, HEIGHT - 10, 24), (WIDTH - 1, 60, 25), (120, 110, 26), (168, 110, 26)]
    found = cut(photographs(tmp_path, discs=discs))
    assert len(found.rows) == 4
    assert sorted((row["touches_border"], row["touching"] >= 0.5) for row in found.rows) == [
        (False, True), (True, False), (True, False), (True, False),
    ]  # fmt: skip
    for row, outline in zip(found.rows, found.outlines, strict=True):
        assert (outline >= -0.01).all()
        assert (outline <= [WIDTH + 0.01, HEIGHT + 0.01]).all()
        assert row["x1"] <= WIDTH
        assert row["y0"] >= 0


def test_a_stack_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    photographs(tmp_path)
    Image.fromarray(plate(size=(200, 320))).save(tmp_path / "S0_L1.png")
    whole = (tmp_path / "S1_L2.png").read_bytes()
    (tmp_path / "S1_L2.png").write_bytes(whole[: len(whole) // 2])
    assert cut(tmp_path, 0).status == "S0_L1.png: is of 320 × 200 pixels, the first of its stack of 320 × 240"
    assert cut(tmp_path, 1).status.startswith("S1_L2.png: damaged")
    assert len(cut(tmp_path, 1).rows) == 0
    assert cut(tmp_path, 2).status == "read"


def test_what_is_seen_once_is_no_grain(tmp_path: Path) -> None:
    photographs(tmp_path)
    Image.fromarray(plate([*DISCS, (270, 40, 20)])).save(tmp_path / "S0_L1.png")
    found = cut(tmp_path)
    assert (len(found.rows), found.detections.once) == (2, 1)
    assert len(cut(tmp_path, min_layers=1).rows) == 3


@pytest.mark.parametrize("shape", [(100, 90), (20, 30), (100, 30), (20, 90)])
def test_resizing_keeps_the_mean_and_makes_a_square(shape: tuple[int, int]) -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8), (0, 0), 4)
    made = resized(picture, 64)
    assert made.shape == (64, 64, 3)
    assert np.abs(made.mean((0, 1)) - picture.mean((0, 1))).max() < 2


def test_an_even_plate_changes_the_crops_and_nothing_else(tmp_path: Path) -> None:
    folder = photographs(tmp_path)
    kept, even = cut(folder), cut(folder, plate="even")
    assert even.rows == kept.rows
    for a, b in zip(even.outlines, kept.outlines, strict=True):
        np.testing.assert_array_equal(a, b)
    corners = even.crops[:, :, :, 0, 0]
    assert (corners == corners[0, 0]).all()
    assert len(np.unique(kept.crops[:, :, :, 0, 0].reshape(-1, 3), axis=0)) > 1
