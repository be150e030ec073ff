"""IFCB bins (report P11 of ifcb_classifier's users): read, or one line that names what is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facies.errors import InputError
from facies.images import open_images, reopen
from tests.images.readers.plankton import write_bin

NEW, OLD = "D20260128T120001_IFCB101", "IFCB1_2008_013_142312"


def region(seed: int, height: int = 20, width: int = 28) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)


def test_regions_are_read_where_they_lie(tmp_path: Path) -> None:
    pixels = [region(seed) for seed in range(4)]
    write_bin(
        tmp_path,
        NEW,
        [(1, 5, 6, pixels[0]), (2, 0, 0, None), (3, 7, 8, pixels[1]), (3, 90, 8, pixels[2]), (4, 1, 2, pixels[3])],
    )
    images = open_images(tmp_path)
    assert images.origin["kind"] == "ifcb"
    assert images.table["id"].tolist() == [f"{NEW}_{number:05d}" for number in (1, 3, 4, 5)]
    for row, expected in enumerate(pixels):
        np.testing.assert_array_equal(images[row][0].numpy(), expected)
    first = images.table.iloc[0]
    assert (first["sample_id"], first["acq_instrument"]) == (NEW, "IFCB101")
    assert (first["object_date"], first["object_time"]) == ("20260128", "120001")
    assert (first["object_x_px"], first["object_y_px"], first["object_roi_number"]) == (5, 6, 1)
    assert first["object_pmt_a"] == 2
    assert first["acq_temperature"] == 21.5
    assert images.notes == ["1 triggers have no region of interest, and so no image"]
    assert reopen(images.origin).fingerprint() == images.fingerprint()
    assert open_images(tmp_path / f"{NEW}.adc").fingerprint() == images.fingerprint()


def test_overlapping_regions_of_old_bins_are_one_image(tmp_path: Path) -> None:
    scene = np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)
    write_bin(tmp_path, OLD, [
        (1, 10, 10, scene[10:30, 10:38]), (1, 30, 20, scene[20:45, 30:50]),  # one thing, cut into two
        (2, 0, 0, region(1)), (3, 0, 0, region(2)),  # the same place, another trigger
    ])  # fmt: skip
    images = open_images(tmp_path, size=(35, 40))
    assert images.table["id"].tolist() == [f"{OLD}_{number:05d}" for number in (1, 3, 4)]
    assert (images.table["width"][0], images.table["height"][0]) == (40, 35)
    joined = images[0][0].numpy()
    np.testing.assert_array_equal(joined[:20, :28], scene[10:30, 10:38])
    np.testing.assert_array_equal(joined[10:, 20:], scene[20:45, 30:50])
    assert len(np.unique(joined[25:, :18])) == 1
    assert images.left_out.to_numpy().tolist() == [[f"{OLD}_00002", f"it is part of {OLD}_00001, which it overlaps"]]
    assert images.notes[0].startswith("1 pairs of overlapping regions were put together")
    assert set(images.table["object_date"]) == {"20080113"}


def test_overlapping_regions_of_new_bins_stay_apart(tmp_path: Path) -> None:
    write_bin(tmp_path, NEW, [(1, 0, 0, region(1)), (1, 2, 2, region(2))])
    assert len(open_images(tmp_path)) == 2


def test_bins_in_folders_of_days(tmp_path: Path) -> None:
    for day in (1, 2):
        write_bin(
            tmp_path / "2026" / f"D2026010{day}",
            f"D2026010{day}T000000_IFCB5",
            [(1, 0, 0, region(day, 10 + day)), (2, 0, 0, region(9))],
        )
    images = open_images(tmp_path, size=16)
    assert images.table["sample"].value_counts().to_dict() == {f"D2026010{day}T000000_IFCB5": 2 for day in (1, 2)}
    assert images.table["source"][0] == "2026/D20260101/D20260101T000000_IFCB5.roi"


@pytest.mark.parametrize(("gone", "line"), [
    (".roi", rf"holds no image of an IFCB; {NEW}: {NEW}\.roi is missing: a bin is \.adc, \.hdr and \.roi of one name"),
    (".adc", rf"{NEW}\.adc is missing"),
])  # fmt: skip
def test_what_is_needed_is_named(tmp_path: Path, gone: str, line: str) -> None:
    write_bin(tmp_path, NEW, [(1, 0, 0, region(1)), (2, 0, 0, region(2))])
    (tmp_path / f"{NEW}{gone}").unlink()
    with pytest.raises(InputError, match=line):
        open_images(tmp_path)


def test_a_bin_without_a_header_is_read_and_it_is_said(tmp_path: Path) -> None:
    write_bin(tmp_path, NEW, [(1, 0, 0, region(1)), (2, 0, 0, region(2))], header=None)
    assert open_images(tmp_path).notes == ["1 of 1 bins have no .hdr: their settings are not known"]


def test_damaged_lines_and_a_file_that_ends_are_left_out(tmp_path: Path) -> None:
    write_bin(tmp_path, NEW, [(number, 0, 0, region(number)) for number in range(1, 7)])
    adc, roi = tmp_path / f"{NEW}.adc", tmp_path / f"{NEW}.roi"
    lines = adc.read_text().splitlines()
    lines[1] = "1,2,3"
    lines[2] = lines[2].replace(",28,20,", ",nan,20,")
    lines[3] = lines[3].replace(",28,20,", ",-28,20,")
    adc.write_text("\n".join(lines))
    roi.write_bytes(roi.read_bytes()[:-5])
    images = open_images(tmp_path)
    assert images.table["object_roi_number"].tolist() == [1, 5]
    assert images.left_out["source"].tolist() == [f"{NEW}_{number:05d}" for number in (2, 3, 4, 6)]
    assert "the .roi ends before it" in images.left_out["reason"].iloc[-1]
