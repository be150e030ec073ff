"""EcoTaxa for any image set: what its importer refuses (reports P1, P2, P5 and P10 of PlanktoScope's users) is not written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facies.annotations import Journal
from facies.errors import InputError
from facies.images import ImageSet, open_images
from facies.report import export_run
from facies.runs import RunFolder
from tests.report.exporters.vignettes import pixels_of, read_ecotaxa, write_vignette_run, write_vignettes
from tests.runs.factories import make_images, make_pixels


@pytest.fixture(scope="module")
def plankton(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Give a run of a folder of vignettes that no test changes."""
    folder = tmp_path_factory.mktemp("plankton")
    return write_vignette_run(folder / "a run", write_vignettes(folder / "vignettes"))


def with_columns(images: ImageSet, **columns: object) -> ImageSet:
    images.table = images.table.assign(**columns)
    return images


def test_vignettes_are_exported_as_they_are(plankton: RunFolder, tmp_path: Path) -> None:
    said: list[str] = []
    table, types, archive = read_ecotaxa(export_run(plankton, "ecotaxa", tmp_path / "e.zip", report=said.append))
    assert len(table) == len(plankton)
    assert said == []
    folder = Path(plankton.manifest["input"]["origin"]["path"])
    for source, file in zip(plankton.images["source"], table["img_file_name"], strict=True):
        assert archive.read(file) == (folder / source).read_bytes()
    assert table["object_source"].tolist() == plankton.images["source"].tolist()
    assert table["object_width_px"].astype(int).tolist() == plankton.images["width"].tolist()
    assert table["object_group"].astype(int).tolist() == plankton.partition()[0]["group"].tolist()
    assert set(table["sample_id"]) == {"vignettes"}
    assert types["object_width_px"] == types["object_probability"] == "[f]"
    assert set(table["object_annotation_category"]) == {""}


def test_classes_are_categories_and_excluded_images_are_left_out_aloud(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", write_vignettes(tmp_path / "vignettes"))
    with Journal(run) as journal:
        journal.name_groups({1: "Copepoda"})
        journal.exclude([5, 8], "not alive")
    said: list[str] = []
    table, _, _ = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip", report=said.append))
    assert len(table) == 10
    assert said == ["2 of 12 images are excluded, and were left out"]
    groups = table["object_group"].astype(int)
    assert set(table.loc[groups == 1, "object_annotation_category"]) == {"Copepoda"}
    assert set(table.loc[groups == 1, "object_annotation_status"]) == {"validated"}
    assert set(table.loc[groups == 0, "object_annotation_category"]) == {""}


def test_ids_differ_between_machines_and_runs_made_in_one_second(tmp_path: Path) -> None:
    """P2: the names of the files are equal on both machines, and so is the second."""
    ids: list[str] = []
    tables: list[str] = []
    files: list[str] = []
    for number in (1, 2):
        vignettes = write_vignettes(tmp_path / f"machine{number}" / "vignettes")
        run = write_vignette_run(
            tmp_path / f"machine{number}" / "run", vignettes, created="2026-11-28T12:00:00+00:00", fit=f"{number:08x}"
        )
        table, _, archive = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / f"{number}.zip"))
        ids += table["object_id"].tolist()
        tables += [name for name in archive.namelist() if name.endswith(".tsv")]
        files += table["img_file_name"].tolist()
    assert len(set(ids)) == len(ids) == 24
    assert len(set(files)) == 24
    assert len(set(tables)) == 2


def test_ids_stay_when_a_run_is_exported_again(plankton: RunFolder, tmp_path: Path) -> None:
    whole = read_ecotaxa(export_run(plankton, "ecotaxa", tmp_path / "1.zip"))[0].set_index("object_source")["object_id"]
    shutil.copytree(plankton.path, tmp_path / "moved")
    part = read_ecotaxa(export_run(RunFolder(tmp_path / "moved"), "ecotaxa", tmp_path / "2.zip", groups=[1]))[0]
    assert 0 < len(part) < len(whole)
    assert part["object_id"].tolist() == whole[part["object_source"]].tolist()


def test_several_exports_are_unpacked_into_one_folder_and_imported_at_once(plankton: RunFolder, tmp_path: Path) -> None:
    """P10."""
    names: set[str] = set()
    for groups in ([0], [1], [2, -1]):
        archive = read_ecotaxa(export_run(plankton, "ecotaxa", tmp_path / f"{groups}.zip", groups=groups))[2]
        assert names.isdisjoint(archive.namelist())
        names |= set(archive.namelist())
        archive.extractall(tmp_path / "all")
    assert len(list((tmp_path / "all").glob("ecotaxa_*.tsv"))) == 3
    assert sum(path.suffix == ".png" for path in (tmp_path / "all").rglob("*")) == len(plankton)


def test_names_are_lower_case_and_long_texts_are_left_out_or_cut_aloud(tmp_path: Path) -> None:
    """P1: a contour as text, `Ecotaxa_*`, and a remark that is long once."""
    vignettes = write_vignettes(tmp_path / "vignettes")
    images = with_columns(
        open_images(vignettes),
        object_Contour=["1,2;" * 200] * 12,
        Ecotaxa_Depth=np.arange(12.0),
        remark=["x" * 400, *["short\tand\nbroken"] * 11],
        object_alive=[True, False] * 6,
        object_share=[np.inf, np.nan, *[-0.5] * 10],
        object_lon=["-24.4"] * 12,
        evil=["=1+1"] * 12,
    )
    run = write_vignette_run(tmp_path / "Ecotaxa_Run", images)
    said: list[str] = []
    table, types, archive = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip", report=said.append))
    assert "object_contour" not in table
    assert said == [
        "left out, for EcoTaxa takes 250 characters: object_contour",
        "cut to 250 characters, the most that EcoTaxa takes: object_remark (1 texts)",
    ]
    assert table["object_ecotaxa_depth"].astype(float).tolist() == list(range(12))
    assert table["object_remark"][1] == "short and broken"
    assert table["object_alive"].tolist() == ["1", "0"] * 6
    assert table["object_share"].tolist()[:3] == ["", "", "-0.5"]
    assert table["object_lon"].tolist() == ["-24.4"] * 12
    assert set(table["object_evil"]) == {"'=1+1"}
    assert types["object_alive"] == "[f]"
    assert all(not Path(name).name.startswith("Ecotaxa") for name in archive.namelist())


def test_more_columns_than_ecotaxa_has_are_left_out_aloud(tmp_path: Path) -> None:
    texts = {f"text_{number:02d}": ["a"] * 12 for number in range(30)}
    run = write_vignette_run(tmp_path / "run", with_columns(open_images(write_vignettes(tmp_path / "v")), **texts))
    said: list[str] = []
    table, types, _ = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip", report=said.append))
    free = [name for name in table if name.startswith("object_") and types[name] == "[t]"]
    assert len(set(free) - {"object_id", "object_annotation_category", "object_annotation_status"}) == 20
    assert "EcoTaxa has no more free columns" in said[0]
    assert "object_text_29" in said[0]


@pytest.mark.parametrize(("dtype", "channels", "said"), [
    (np.uint8, 1, []),
    (np.uint16, 1, ["pixels of the type uint16 were scaled to 8 bits for the pictures: from the range of the run"]),
    (np.uint8, 3, []),
    (np.uint8, 2, ["the images have 2 channels: the pictures show the first"]),
])  # fmt: skip
def test_arrays_are_exported_as_pictures_of_their_pixels(
    tmp_path: Path, dtype: type, channels: int, said: list[str]
) -> None:
    run = write_vignette_run(tmp_path / "run", make_images(tmp_path, dtype=dtype, channels=channels))
    lines: list[str] = []
    table, _, archive = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip", report=lines.append))
    assert len(table) == len(run)
    assert lines == said
    pixels = make_pixels(dtype=dtype, channels=channels).astype(float)
    expected = pixels if dtype is np.uint8 else (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255
    for row in (0, 31, 59):
        found = pixels_of(archive, table["img_file_name"][row]).astype(float)
        wanted = expected[row][0] if channels < 3 else expected[row].transpose(1, 2, 0)
        assert np.abs(found - wanted).mean() < (1 if channels < 3 else 6)  # colour is a JPEG


def test_originals_that_browsers_do_not_show_are_converted_at_their_size(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", write_vignettes(tmp_path / "v", suffix=".tif"))
    table, _, archive = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip"))
    for source, file in zip(run.images["source"], table["img_file_name"], strict=True):
        with Image.open(tmp_path / "v" / source) as original:
            np.testing.assert_array_equal(pixels_of(archive, file), np.asarray(original))


def test_images_of_memory_are_their_thumbnails_and_it_is_said(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", open_images(make_pixels()))
    said: list[str] = []
    table, _, _ = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip", report=said.append))
    assert len(table) == len(run)
    assert said == ["the 60 images came from memory: their thumbnails were written, not their pixels"]


def test_what_is_gone_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", write_vignettes(tmp_path / "v"))
    (tmp_path / "v" / "station 0" / "vignette 00.png").unlink()
    with pytest.raises(InputError, match=r"vignette 00\.png is gone: put it back"):
        export_run(run, "ecotaxa", tmp_path / "e.zip")
    (tmp_path / "v").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is gone: put it back"):
        export_run(run, "ecotaxa", tmp_path / "e.zip")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "elsewhere"}


def test_a_table_of_ecotaxa_goes_back_as_an_update(tmp_path: Path) -> None:
    images = with_columns(
        open_images(write_vignettes(tmp_path / "v")),
        object_id=[f"net1_{number}" for number in range(12)],
        object_area=np.arange(12.0),
        object_date=["20140420"] * 12,
        object_time=["042000"] * 12,
        object_annotation_category=["Oncaeidae", *["" for _ in range(11)]],
        object_annotation_category_id=[78418.0, *[np.nan] * 11],
        object_annotation_status=["validated", *["" for _ in range(11)]],
        object_annotation_person_name=["Me", *["" for _ in range(11)]],
        sample_id="net1", acq_id="net1_a", process_id="net1_p", acq_instrument="zooscan", process_software="zooprocess",
        pixel_size_um=10.6,
    )  # fmt: skip
    run = write_vignette_run(tmp_path / "run", images)
    with Journal(run) as journal:
        journal.name_groups({1: "Copepoda"})
    table, types, _ = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip"))
    assert table["object_id"].tolist() == [f"net1_{number}" for number in range(12)]
    assert table["object_time"].tolist() == ["042000"] * 12
    assert types["object_time"] == "[t]"
    assert table["object_annotation_category"][0] == "Oncaeidae"
    assert table["object_annotation_category_id"][0] == "78418.0"
    renamed = table["object_group"] == "1"
    assert set(table.loc[renamed, "object_annotation_category"]) == {"Copepoda"}
    assert set(table.loc[renamed, "object_annotation_person_name"]) == {""}
    assert set(table["acq_um_per_px"].astype(float)) == {10.6}
    assert set(table["process_software"]) == {"zooprocess"}
    assert table["process_facies"].str.startswith("Facies ").all()


def test_object_ids_that_collide_get_their_acquisition_before_them(tmp_path: Path) -> None:
    images = with_columns(
        open_images(write_vignettes(tmp_path / "v")),
        object_id=[str(number // 2) for number in range(12)],
        sample_id="s", acq_id=["a", "b"] * 6, process_id="p",
    )  # fmt: skip
    run = write_vignette_run(tmp_path / "run", images)
    said: list[str] = []
    table, _, _ = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip", report=said.append))
    assert sorted(table["object_id"])[:2] == ["a_0", "a_1"]
    assert table["object_id"].is_unique
    assert said == ["several images bear one object_id: acq_id was put before each"]


def test_exports_are_equal(plankton: RunFolder, tmp_path: Path) -> None:
    first = export_run(plankton, "ecotaxa", tmp_path / "1.zip").read_bytes()
    assert export_run(plankton, "ecotaxa", tmp_path / "2.zip").read_bytes() == first
