"""What users of like programs reported, with the right answers (shared/notes/rivals-2026-11.md, part E)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.errors import InputError
from facies.grains.extraction import ExtractionSettings, extract_grains, grain_row, read_description, read_outlines
from facies.grains.extraction.doubts import NO_OUTLINE, TOO_SMALL
from facies.grains.extraction.focal_stacks import find_stacks
from facies.grains.extraction.measurements import outline_of, touching_score
from facies.grains.morphometry import grain_size_statistics, shape_table
from facies.grains.report.size_statistics import grain_size_table, size_notes
from facies.grains.report.table_settings import GrainSettings
from facies.images import open_images
from tests.grains.extraction.factories import plate

RADII = (14, 18, 20, 22, 26)
PLACES = ((45, 50), (130, 60), (230, 55), (70, 170), (200, 170))
ONE = ExtractionSettings(size=32, min_layers=1)


def write(folder: Path, *pictures: np.ndarray) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"P{number}.png")
    return folder


def extracted(photos: Path, output: Path, settings: ExtractionSettings = ONE) -> pd.DataFrame:
    extract_grains(find_stacks(photos, layers=1), output, settings)
    return open_images(output).table


def discs() -> list[tuple[float, float, float]]:
    return [(x, y, radius) for (x, y), radius in zip(PLACES, RADII, strict=True)]


def with_needles(angle: float) -> np.ndarray:
    """A needle of 3 × 120 pixels, and one of 3 × 30, at an angle in degrees, beside a disc."""
    picture = plate([(270, 190, 25)])
    for (x, y), length in (((110, 120), 120), ((240, 60), 30)):
        corners = cv2.boxPoints(((float(x), float(y)), (float(length), 3.0), angle))
        cv2.fillPoly(picture, [np.round(corners * 16).astype(np.int32)], (200, 195, 185), cv2.LINE_AA, 4)
    return picture


def size_rows(diameters: np.ndarray, um_per_px: float | None, **limits: float) -> pd.DataFrame:
    grains = pd.DataFrame(
        {"sample": "A", "state": "none", "class": "", "counted": False, "measured": True, "diameter": diameters}
    )
    return grain_size_table(grains, pd.DataFrame([{"sample": "A", **limits}]), [], GrainSettings(), um_per_px)


def test_g1_percentiles_ascend_and_have_their_unit(tmp_path: Path) -> None:
    """Of discs of known size D50 is right by 2 %."""
    extracted(write(tmp_path / "photos", plate(discs(), blur=0.7)), tmp_path / "grains")
    outlines = read_outlines(open_images(tmp_path / "grains"))
    assert outlines is not None
    shapes = shape_table(outlines, um_per_px=141.0)  # 180 dots an inch
    row = size_rows(shapes["equivalent_diameter"].to_numpy(), 141.0).iloc[0]
    percentiles = [name for name in row.index if name.startswith("D") and name[1].isdigit()]
    assert all(name.endswith("_um") for name in percentiles)
    assert np.all(np.diff(row[percentiles].to_numpy(float)) >= 0)
    assert row["D5_um"] < row["D50_um"] < row["D95_um"]
    assert row["D50_um"] == pytest.approx(2 * 20 * 141.0, rel=0.02)


def test_g2_pixels_alone_or_micrometres_and_phi_and_the_weighting_is_named() -> None:
    diameters = np.array([30.0, 40.0, 50.0])
    pixels, known = size_rows(diameters, None), size_rows(diameters, 2.0)
    assert not [name for name in pixels if "um" in name or "phi" in name]
    assert {"D50_px", "mean_px"} <= set(pixels)
    assert {"D50_um", "phi50", "mean_phi"} <= set(known)
    assert not [name for name in known if "px" in name]
    for table in (pixels, known):
        assert table["weighting"].tolist() == ["number", "d3"]


def test_g4_curves_by_number_and_by_volume_and_the_truncation_is_said() -> None:
    rng = np.random.default_rng(0)
    diameters = rng.lognormal(np.log(250), 0.4, 2000)
    table = size_rows(diameters, 1.0, sieve_lower_um=250.0)
    number, volume = table.set_index("weighting").loc[["number", "d3"]].to_dict("records")
    assert volume["D50_um"] > 1.1 * number["D50_um"]
    assert number["scope"] == "above 250 µm"
    assert "above 250 µm only" in number["flag"]
    assert number["n_finer"] == int((diameters < 250).sum())
    notes = size_notes(table, pd.DataFrame([{"sample": "A", "sieve_lower_um": 250.0}]), GrainSettings(), 1.0)
    assert any(note.startswith("Weighting") for note in notes)
    assert any(note.startswith("Truncation") for note in notes)
    by_mass = grain_size_statistics(diameters, "d3").percentiles_um[50]
    order = np.sort(diameters)
    assert by_mass == pytest.approx(order[np.searchsorted(np.cumsum(order**3), 0.5 * (order**3).sum())], rel=0.02)


@pytest.mark.parametrize("um_per_px", [0.00125, 12_500.0])
def test_g5_a_scale_a_thousand_times_off_is_refused_in_one_line(um_per_px: float, tmp_path: Path) -> None:
    photos = write(tmp_path / "photos", plate())
    with pytest.raises(InputError, match="--um-per-px") as error:
        extracted(photos, tmp_path / "grains", ExtractionSettings(size=32, um_per_px=um_per_px))
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


@pytest.mark.parametrize("min_um", [0.4, 5000.0])
def test_g5_a_smallest_grain_that_the_scale_does_not_allow_is_refused(min_um: float) -> None:
    with pytest.raises(InputError, match="is the scale in µm"):
        ExtractionSettings(um_per_px=1.25, min_um=min_um).check()
    with pytest.raises(InputError, match="the scale is not known"):
        ExtractionSettings(min_um=min_um).check()


@pytest.mark.parametrize(
    "pixels", [[(0, 0)], [(0, 0), (0, 1), (1, 0)], [(0, 0), (0, 1), (0, 2)], [(0, 0), (1, 1), (2, 2)]]
)
def test_g7_a_grain_of_three_pixels_has_a_row_and_a_flag(pixels: list[tuple[int, int]]) -> None:
    mask = np.zeros((3, 3), np.uint8)
    mask[tuple(np.transpose(pixels))] = 1
    outline = outline_of(mask, 10, 20)
    assert 0 <= touching_score(mask) <= 1
    (row,) = shape_table(pd.DataFrame({"id": ["a"], "outline": [outline.ravel()]})).to_dict("records")
    assert row["flag"] == "under 30 px across"
    assert row["equivalent_diameter"] > 0
    assert np.isnan(row["circularity"])


def test_g7_a_grain_of_few_pixels_is_cut_out_and_flagged(tmp_path: Path) -> None:
    picture = plate([(200, 120, 40)])
    picture[60:62, 60:62] = 250
    table = extracted(
        write(tmp_path / "photos", picture), tmp_path / "grains", ExtractionSettings(size=32, min_diameter=1)
    )
    tiny = table[table["area_px"] < 20]
    assert len(tiny) >= 1
    assert (tiny["flag"] == TOO_SMALL).all()
    assert len(table) == len(read_outlines(open_images(tmp_path / "grains")))


def test_g8_a_grain_that_cannot_be_measured_has_a_row_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(mask: np.ndarray, x0: int, y0: int) -> np.ndarray:
        if x0 > 100:
            raise ValueError("no contour")
        return outline_of(mask, x0, y0)

    monkeypatch.setattr(grain_row, "outline_of", impossible)
    table = extracted(write(tmp_path / "photos", plate()), tmp_path / "grains")
    assert len(table) == 2
    assert table["flag"].tolist() == ["", f"{NO_OUTLINE} (no contour)"]
    assert (table["area_px"] > 1000).all()
    outlines = read_outlines(open_images(tmp_path / "grains"))
    assert outlines is not None
    assert shape_table(outlines)["flag"].tolist() == ["", "no outline"]
    assert read_description(tmp_path / "grains")["counts"]["flagged"] == 1


def test_g9_one_scene_at_two_resolutions_keeps_the_same_grains(tmp_path: Path) -> None:
    places = [(90, 100), (260, 120), (460, 110), (140, 340), (400, 340), (560, 300)]
    fine = plate([(*place, radius) for place, radius in zip(places, (16, 24, 30, 34, 52, 20), strict=True)],
                 size=(480, 640), blur=1.4)  # fmt: skip
    coarse = cv2.resize(fine, (320, 240), interpolation=cv2.INTER_AREA)
    kept = {}
    for name, picture, um_per_px in (("fine", fine, 2.0), ("coarse", coarse, 4.0)):
        settings = ExtractionSettings(size=32, um_per_px=um_per_px, min_um=90.0)
        table = extracted(write(tmp_path / name, picture), tmp_path / f"{name} grains", settings)
        centres = table[["x0", "x1"]].mean(axis=1) * um_per_px, table[["y0", "y1"]].mean(axis=1) * um_per_px
        kept[name] = sorted((round(x / 40), round(y / 40)) for x, y in zip(*centres, strict=True))
        told = read_description(tmp_path / f"{name} grains")
        assert told["counts"]["passed_over"]["small"] == 2
        assert any("smaller than 90 µm" in note for note in told["notes"])
    assert len(kept["fine"]) == 4
    assert kept["fine"] == kept["coarse"]


def test_photographs_of_two_sizes_are_said(tmp_path: Path) -> None:
    photos = write(tmp_path / "photos", plate(), plate(size=(480, 640)))
    extracted(photos, tmp_path / "grains", ExtractionSettings(size=32, um_per_px=2.0))
    assert any("photographs of 2 sizes" in note for note in read_description(tmp_path / "grains")["notes"])


@pytest.mark.parametrize("angle", [8.0, 45.0, 80.0])
def test_p6_specks_are_told_by_their_area_however_they_lie(angle: float, tmp_path: Path) -> None:
    """Of 3 × 120 pixels the equivalent diameter is 21.4, of 3 × 30 it is 10.7."""
    table = extracted(write(tmp_path / "photos", with_needles(angle)), tmp_path / "grains")
    assert len(table) == 2
    assert table["x0"].min() < 110 < table["x1"].min()
    told = read_description(tmp_path / "grains")
    passed_over = told["counts"]["passed_over"]
    assert passed_over["small"] + passed_over["faint"] >= 1
    assert any(note.startswith("outlines passed over") for note in told["notes"])


def test_p6_a_speck_is_counted(tmp_path: Path) -> None:
    table = extracted(write(tmp_path / "photos", plate([*discs(), (280, 200, 7)])), tmp_path / "grains")
    assert len(table) == len(RADII)
    told = read_description(tmp_path / "grains")
    assert told["counts"]["passed_over"]["small"] == 1
    assert 10 < told["counts"]["passed_over"]["largest_small"] < 16
    assert (
        "outlines passed over, counted in each photograph: 1 smaller than 16 pixels across (equivalent diameter)"
        in told["notes"]
    )


def test_p7_blur_gives_a_score_that_sorts(tmp_path: Path) -> None:
    blurs = (0.5, 1, 2, 3, 4, 5)
    pictures = [plate([(160, 120, 45)], blur=blur, seed=1) for blur in blurs]
    table = extracted(write(tmp_path / "photos", *pictures), tmp_path / "grains")
    assert len(table) == len(blurs)
    assert np.all(np.diff(table["blur_px"]) > 0)
    assert np.all(np.diff(table["sharpness"]) < 0)
    assert table["blur_px"].to_numpy() == pytest.approx(blurs, rel=0.2, abs=0.4)
    pale = [plate([(160, 120, 45)], blur=blur, seed=1, colour=(110, 180, 115)) for blur in (1, 3)]
    of_pale = extracted(write(tmp_path / "pale", *pale), tmp_path / "pale grains")["blur_px"]
    assert of_pale.to_numpy() == pytest.approx((1, 3), rel=0.25, abs=0.4)  # whatever the contrast
