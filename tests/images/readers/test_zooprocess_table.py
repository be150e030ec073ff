"""The tables `*_dat1.pid` that ZooProcess writes beside its vignettes."""

from __future__ import annotations

from pathlib import Path

import pytest

from facies.errors import InputError
from facies.images import open_images
from tests.images.readers.plankton import draw_plankton, ecotaxa_rows, tsv

HEAD = """PID
[Image]
Scanning_date= 20250701_1741

[Process]
Particle_pixel_size_(mm)= 0.0106
Process_date=

[Sample]
SampleId= hypoxia_m6_n3
Project= hypoxia
"""
DATA = "[Data]\n!Item;Label;Area;Mean;pred_valid_Id_ecotaxa\n"


def write(folder: Path, rows: int = 4, name: str = "m6_dat1.pid", text: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(rows):
        draw_plankton(number).save(folder / f"m6_{number + 1}.jpg")
    lines = "".join(
        f"{number + 1};m6;{100 + number};200.5;{'Copepoda' if number else 'fibre'}\n" for number in range(rows)
    )
    (folder / name).write_text(HEAD + DATA + lines if text is None else text, encoding="latin-1")
    return folder


@pytest.mark.parametrize("name", ["m6_dat1.pid", "m6_dat1.txt"])
def test_objects_have_their_measures_and_what_was_scanned(tmp_path: Path, name: str) -> None:
    images = open_images(write(tmp_path / "scan", name=name), size=32)
    table = images.table
    assert table["id"].tolist() == ["m6_1", "m6_2", "m6_3", "m6_4"]
    assert table["source"].tolist() == ["m6_1.jpg", "m6_2.jpg", "m6_3.jpg", "m6_4.jpg"]
    assert table["object_area"].tolist() == [100, 101, 102, 103]
    assert table["object_annotation_category"].tolist() == ["fibre", *["Copepoda"] * 3]
    said = ["sample", "acq_id", "process_scanning_date", "sample_project"]
    assert {name: set(table[name]) for name in said} == {
        "sample": {"hypoxia_m6_n3"},
        "acq_id": {"m6"},
        "process_scanning_date": {"20250701_1741"},
        "sample_project": {"hypoxia"},
    }
    assert images.pixel_size_um == pytest.approx(10.6)
    assert images.notes == []
    assert len(images.left_out) == 0


def test_a_vignette_that_is_not_there_is_counted(tmp_path: Path) -> None:
    folder = write(tmp_path / "scan")
    (folder / "m6_3.jpg").unlink()
    images = open_images(folder, size=32)
    assert len(images) == 3
    assert images.left_out["source"].tolist() == ["m6_3"]
    assert "1 of 4 images that the table names are not there" in images.notes[0]


def test_beside_a_table_of_ecotaxa_it_is_passed_over_and_said(tmp_path: Path) -> None:
    folder = write(tmp_path / "scan")
    rows = ecotaxa_rows(4, img_file_name=[f"m6_{number}.jpg" for number in range(1, 5)])
    (folder / "ecotaxa_m6.tsv").write_text(tsv(rows))
    images = open_images(folder, size=32)
    assert images.table["id"].tolist() == ["net_0", "net_1", "net_2", "net_3"]
    assert any("1 tables of ZooProcess were passed over (the first: m6_dat1.pid)" in note for note in images.notes)


def test_a_pixel_without_a_unit_is_no_scale(tmp_path: Path) -> None:
    text = "[PID]\n[Metadata]\npixel= 0.174\n" + DATA + "1;m6;1;2;a\n2;m6;1;3;b\n"
    images = open_images(write(tmp_path / "scan", 2, text=text), size=32)
    assert images.pixel_size_um is None
    assert any("acq_pixel names no unit" in note for note in images.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "no section \\[Data\\]"),
        (HEAD + "[Data]\n!Area;Mean\n1;2\n", "no columns Item and Label"),
        (HEAD + DATA + "1;m6;1;2;a\n2;m6;1\n", "row 2 of the data has 3 cells, and the header 5"),
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"m6_dat1.pid: .*{said}"):
        open_images(write(tmp_path / "scan", text=text), size=32)
