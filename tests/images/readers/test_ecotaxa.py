"""Vignettes with the tables of plankton imagers (reports P2, P4 and P5 of PlanktoScope's users), in folders and zips."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facies.errors import InputError
from facies.images import open_images, reopen
from facies.images.readers import zip_members
from facies.images.readers.zip_members import safe_name
from tests.images.readers.plankton import draw_plankton, ecotaxa_rows, tsv, write_plankton


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_images_come_with_the_columns_of_their_rows(tmp_path: Path, packed: bool) -> None:
    folder = write_plankton(tmp_path / "net", ecotaxa_rows(8))
    images = open_images(zipped(folder, tmp_path / "net.zip") if packed else folder, size=32)
    table = images.table
    assert images.origin["kind"] == "ecotaxa"
    assert table["id"].tolist() == [f"net_{number}" for number in range(8)]
    assert table["source"].tolist() == [f"obj_{number}.png" for number in range(8)]
    assert table["object_area"].tolist() == [100.5 + number for number in range(8)]
    assert set(table["object_time"]) == {"042000"}
    assert set(table["sample"]) == set(table["sample_id"]) == {"net"}
    assert table["acq_id"].value_counts().to_dict() == {"net_0": 4, "net_1": 4}
    assert images.labels is None
    assert table["object_annotation_category"].tolist() == ["detritus", "Copepoda"] * 4
    for number in (0, 5):
        picture = draw_plankton(number)
        assert (table["width"][number], table["height"][number]) == picture.size
        small = np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR), float)
        assert np.abs(images[number][0].numpy() - small).mean() < 2
    assert images.notes == []
    assert len(images.left_out) == 0
    again = reopen(images.origin)
    assert again.fingerprint() == images.fingerprint()


@pytest.mark.parametrize("options", [
    {"types": False}, {"quote": '"'}, {"types": False, "quote": '"'}, {"types": False, "delimiter": ";"}, {"delimiter": ","},
])  # fmt: skip
def test_tables_in_every_dress(tmp_path: Path, options: dict[str, Any]) -> None:
    rows = ecotaxa_rows(6)
    for row in rows:
        row["obj_field_feret"] = 2.5
        row[" Object_Größe "] = "ü"
    images = open_images(write_plankton(tmp_path, rows, "Ecotaxa_export.tsv", **options), size=16)
    assert images.table["object_area"].dtype == images.table["object_feret"].dtype == np.float64
    assert set(images.table["object_time"]) == {"042000"}
    assert set(images.table["object_größe"]) == {"ü"}


def test_tables_of_several_samples_in_subfolders(tmp_path: Path) -> None:
    """Two machines wrote the same ids in the same second (P2)."""
    for sample in ("rich-kettle", "great-door"):
        rows = ecotaxa_rows(4, sample_id=sample, acq_id=f"{sample}_1", object_id=[f"12-00-00_{n}" for n in range(4)])
        write_plankton(tmp_path, rows, f"{sample}/ecotaxa_export.tsv")
    images = open_images(tmp_path, size=16)
    assert len(images) == 8
    assert images.table["id"].is_unique
    assert images.table["id"][0] == "great-door_1_12-00-00_0"
    assert images.table["source"][0] == "great-door/obj_0.png"
    assert images.table["sample"].value_counts().to_dict() == {"rich-kettle": 4, "great-door": 4}
    assert any("acq_id stands before it" in note for note in images.notes)


def test_what_is_missing_and_what_is_not_named_is_counted(tmp_path: Path) -> None:
    folder = write_plankton(tmp_path, ecotaxa_rows(8))
    (folder / "obj_3.png").unlink()
    (folder / "obj_6.png").write_bytes(b"no picture")
    draw_plankton(1).save(folder / "background.png")
    images = open_images(folder, size=16)
    assert len(images) + len(images.left_out) == 8 + 1
    left_out = dict(zip(images.left_out["source"], images.left_out["reason"], strict=True))
    assert left_out["obj_3.png"] == "named in the table, and not there"
    assert left_out["background.png"] == "no table names it"
    assert "obj_6.png" in left_out
    assert images.table["object_area"].tolist() == [100.5 + number for number in (0, 1, 2, 4, 5, 7)]
    assert "1 of 8 images that the table names are not there (the first: obj_3.png)" in images.notes
    assert "1 image files are named in no table, and were left out (the first: background.png)" in images.notes


def test_one_image_an_object(tmp_path: Path) -> None:
    rows = ecotaxa_rows(6, img_rank=[1, 0, 0, 0, 0, 0], object_id=["a", "a", "b", "c", "d", "d"], acq_id="one")
    images = open_images(write_plankton(tmp_path, rows), size=16)
    assert images.table["id"].tolist() == ["a", "b", "c", "d"]
    assert images.table["source"].tolist() == ["obj_1.png", "obj_2.png", "obj_3.png", "obj_4.png"]
    assert len(images) + len(images.left_out) == 6
    assert any(note.startswith("2 further images of objects were left out") for note in images.notes)


def test_rows_of_one_file_give_one_image(tmp_path: Path) -> None:
    rows = ecotaxa_rows(6)
    rows[5]["img_file_name"] = "obj_4.png"
    images = open_images(write_plankton(tmp_path, rows), size=16)
    assert len(images) == 5
    assert images.left_out.to_numpy().tolist() == [["obj_4.png", "another row of the table names this file"]]


def test_the_size_of_a_pixel_is_that_of_the_acquisition(tmp_path: Path) -> None:
    """P4: a constant of the machine, .73, stands beside the value of the flow cell in use."""
    rows = ecotaxa_rows(8, process_pixel=0.73, process_pixel_size=[0.73] * 4 + [1.34] * 4)
    images = open_images(write_plankton(tmp_path, rows), size=16)
    assert images.table["pixel_size_um"].tolist() == [0.73] * 4 + [1.34] * 4
    assert images.pixel_size_um is None
    conflict, sizes = images.notes
    assert conflict == (
        "process_pixel_size and process_pixel differ in 4 of 8 images (the first: 1.34 and 0.73 µm): "
        "process_pixel_size was taken"
    )
    assert sizes.startswith("a pixel differs in size between acquisitions: 0.73 µm (4 images), 1.34 µm (4 images)")


@pytest.mark.parametrize(("columns", "um", "notes"), [
    ({"process_pixel": 0.73, "process_pixel_size": 1.34}, 1.34, 1),
    ({"process_pixel": [0.53] * 4 + [0.53] * 4}, 0.53, 0),
    ({"process_particle_pixel_size_mm": 0.0106}, 10.6, 0),
    ({"process_particle_pixel_size_mm": 0.0106, "process_pixel": 10.6}, 10.6, 0),
    ({"acq_um_per_px": 2.5}, 2.5, 0),
    ({"acq_pixel_um": 73.0}, 73.0, 0),
    ({"acq_pixel": 0.088}, None, 1),
    ({"process_pixel": 0.0}, None, 0),
    ({"object_width": 46.0}, None, 0),
])  # fmt: skip
def test_units_come_from_the_names(tmp_path: Path, columns: dict[str, Any], um: float | None, notes: int) -> None:
    images = open_images(write_plankton(tmp_path, ecotaxa_rows(8, **columns)), size=16)
    assert images.pixel_size_um == (None if um is None else pytest.approx(um))
    assert len(images.notes) == notes


def test_micrometres_of_the_table_are_never_taken_for_pixels(tmp_path: Path) -> None:
    """P5: `object_width` is in µm, `object_bw` in pixels; the sizes of the images are those of the files."""
    rows = ecotaxa_rows(6, object_width=33.0, object_bw=46, process_pixel=0.73)
    images = open_images(write_plankton(tmp_path, rows), size=16)
    sizes = [draw_plankton(number).size for number in range(6)]
    assert list(zip(images.table["width"], images.table["height"], strict=True)) == sizes
    assert set(images.table["object_width"]) == {33.0}
    assert set(images.table["object_bw"]) == {46.0}


def test_names_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    draw_plankton(0).save(tmp_path / "secret.png")
    rows = ecotaxa_rows(6)
    folder = write_plankton(tmp_path / "net", rows)
    for number, name in enumerate(["../secret.png", str(tmp_path / "secret.png"), "a/../../secret.png"]):
        rows[number]["img_file_name"] = name
    (folder / "ecotaxa_net.tsv").write_text(tsv(rows))
    images = open_images(folder, size=16)
    assert images.table["source"].tolist() == ["obj_3.png", "obj_4.png", "obj_5.png"]
    assert sum("leads out" in reason for reason in images.left_out["reason"]) == 3


def test_members_of_a_zip_never_leave_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_plankton(tmp_path / "net", ecotaxa_rows(4))
    path = zipped(folder, tmp_path / "net.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.png", b"x")
        archive.writestr("/abs.png", b"x")
        archive.writestr("C:\\evil.png", b"x")
        archive.writestr("big.png", bytes(5000))
    monkeypatch.setattr(zip_members, "MAX_MEMBER_BYTES", 4900)
    before = set(tmp_path.rglob("*"))
    images = open_images(path, size=16)
    assert len(images) == 4
    assert set(tmp_path.rglob("*")) == before
    reasons = images.left_out["reason"].tolist()
    assert reasons.count("its name leads out of the zip") == 3
    assert any("is larger than" in reason for reason in reasons)


@given(st.text("ab./\\:C\0é", max_size=12))
def test_safe_names_stay_below_their_folder(name: str) -> None:
    safe = safe_name(name)
    if safe is not None:
        root = Path("/root/of/all")
        assert root in (root / safe).parents
        assert ".." not in safe.split("/")


def test_a_damaged_member_is_left_out_with_the_reason(tmp_path: Path) -> None:
    path = zipped(write_plankton(tmp_path / "net", ecotaxa_rows(4)), tmp_path / "net.zip")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("obj_2.png").header_offset + 200
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)
    images = open_images(path, size=16)
    assert images.table["id"].tolist() == ["net_0", "net_1", "net_3"]
    ((source, reason),) = images.left_out.to_numpy().tolist()
    assert source == "obj_2.png"
    assert reason.startswith("damaged in the zip")


@pytest.mark.parametrize(("content", "message"), [
    ("", "is no table of EcoTaxa's kind"),
    ("a\tb\n1\t2\n", "has no column img_file_name or object_id"),
    ("img_file_name\tobject_id\n[t]\t[t]\n", "none of the 0 images of the table can be read"),
    ("img_file_name\tobject_id\n[t]\t[t]\nx.png\t1\n", "none of the 1 images of the table can be read; x.png: named in the table"),
])  # fmt: skip
def test_tables_that_cannot_be_meant(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "ecotaxa_x.tsv").write_text(content)
    with pytest.raises(InputError, match=message) as error:
        open_images(tmp_path)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_zips_that_cannot_be_meant(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK no zip")
    with pytest.raises(InputError, match="is no zip, or is damaged"):
        open_images(tmp_path / "no.zip")
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("a.png", b"")
    with pytest.raises(InputError, match=r"holds no table ecotaxa_\*\.tsv.*unpack it"):
        open_images(tmp_path / "none.zip")


def test_a_folder_without_a_table_is_read_as_before(tmp_path: Path) -> None:
    folder = write_plankton(tmp_path, ecotaxa_rows(4))
    (folder / "ecotaxa_net.tsv").rename(folder / "notes.tsv")
    images = open_images(folder, size=16)
    assert images.origin["kind"] == "folder"
    assert images.table["id"].tolist() == [f"obj_{number}.png" for number in range(4)]
