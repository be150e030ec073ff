"""Exports of grains: COCO and EcoTaxa read back, and selections of classes and groups."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools.coco import COCO

from facies.annotations import Journal
from facies.errors import InputError
from facies.grains.morphometry.shape import RATIOS
from facies.report import export_run
from facies.report.native_images import NativeImages
from facies.runs import RunFolder
from tests.grains.report.factories import COUNTS, FRAME, GROUPS, SAMPLES, UM_PER_PX, grain_table, make_grain_run

N = sum(sum(counts) for counts in COUNTS.values())
N_KEPT = N - sum(COUNTS["chopped"])


@pytest.fixture(scope="session")
def grains(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Give a named run of grains that no test changes."""
    return make_grain_run(tmp_path_factory.mktemp("grains"))


@pytest.fixture(scope="session")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Give a run of grains whose groups have no name."""
    return make_grain_run(tmp_path_factory.mktemp("unnamed"), named=False)


def test_coco_is_read_back_by_its_own_reader(grains: RunFolder, tmp_path: Path) -> None:
    read = COCO(str(export_run(grains, "coco", tmp_path / "grains.json")))
    names = {category["name"]: category["id"] for category in read.loadCats(read.getCatIds())}
    for kind in ("quartz", "foraminifera", "fragments"):
        assert len(read.getAnnIds(catIds=[names[kind]])) == sum(COUNTS[kind])
    assert len(read.getAnnIds(catIds=[names["group 5"]])) == sum(COUNTS[""])
    assert len(read.getAnnIds()) == N_KEPT
    table, _, outlines = grain_table()
    places = dict(zip(table["id"], range(N), strict=True))
    for annotation in read.loadAnns(read.getAnnIds())[::17]:
        row = places[annotation["attributes"]["id"]]
        image = read.loadImgs([annotation["image_id"]])[0]
        assert (image["width"], image["height"]) == FRAME
        assert annotation["attributes"]["photograph"] == table["photograph"][row]
        assert Path(image["file_name"]).parent == Path(table["photograph"][row]).parent  # of the same stack
        np.testing.assert_allclose(np.reshape(annotation["segmentation"][0], (-1, 2)), outlines[row], atol=0.006)
        mask = read.annToMask(annotation)
        assert mask.shape == FRAME[::-1]
        assert mask.sum() == pytest.approx(annotation["area"], rel=0.03)
        x, y, width, height = annotation["bbox"]
        low, high = outlines[row].min(0), outlines[row].max(0)
        np.testing.assert_allclose([x, y, x + width, y + height], [*low, *high], atol=0.02)
        assert annotation["iscrowd"] == 0


def test_all_grains_of_a_stack_stand_on_one_photograph(grains: RunFolder, tmp_path: Path) -> None:
    read = COCO(str(export_run(grains, "coco", tmp_path / "grains.json")))
    table = grain_table()[0]
    assert len(read.getImgIds()) == table["stack"].nunique()
    for image in read.loadImgs(read.getImgIds()):
        of_stack = table[table["stack"] == Path(image["file_name"]).parent.name]
        layers = of_stack["photograph"].value_counts()
        assert layers[image["file_name"]] == layers.max()
        expected = set(of_stack.loc[~of_stack["touches_border"], "id"])  # the chopped are excluded
        found = {item["attributes"]["id"] for item in read.loadAnns(read.getAnnIds(imgIds=[image["id"]]))}
        assert found == expected


def test_coco_without_names_has_groups_as_categories(unnamed: RunFolder, tmp_path: Path) -> None:
    read = json.loads(export_run(unnamed, "coco", tmp_path / "grains.json").read_text())
    assert {category["name"] for category in read["categories"]} == {f"group {group}" for group in range(6)}
    assert len(read["annotations"]) == N
    assert all(isinstance(item["id"], int) for key in ("images", "categories", "annotations") for item in read[key])


def read_ecotaxa(path: Path) -> tuple[pd.DataFrame, list[str], zipfile.ZipFile]:
    """Read the archive as EcoTaxa does: Latin-1, tabs, the types in the second row."""
    archive = zipfile.ZipFile(path)
    (name,) = [name for name in archive.namelist() if name.endswith(".tsv")]
    assert name.startswith("ecotaxa_")
    rows = list(csv.reader(io.StringIO(archive.read(name).decode("latin-1")), delimiter="\t", quotechar='"'))
    return pd.DataFrame(rows[2:], columns=rows[0]), rows[1], archive


def tsv_name(archive: zipfile.ZipFile) -> str:
    (name,) = (name for name in archive.namelist() if name.endswith(".tsv"))
    return name


def grain_ids(table: pd.DataFrame) -> list[str]:
    """Return the ids in the run: those of EcoTaxa end with what no other run has."""
    return table["object_id"].str.rpartition("_")[0].tolist()


def test_ecotaxa_is_read_back(grains: RunFolder, tmp_path: Path) -> None:
    table, types, archive = read_ecotaxa(export_run(grains, "ecotaxa", tmp_path / "grains.zip"))
    assert len(table) == N_KEPT
    assert set(types) == {"[t]", "[f]"}
    assert table["object_id"].is_unique
    assert {name.split("_")[0] for name in table} == {"img", "object", "sample", "acq", "process"}
    for name, kind in zip(table, types, strict=True):
        if kind == "[f]":
            table[name].astype(float)
    kinds = dict(zip(grain_table()[0]["id"], grain_table()[1], strict=True))
    assert table["object_annotation_category"].tolist() == [kinds[identity] for identity in grain_ids(table)]
    assert set(table.loc[table["object_annotation_category"] != "", "object_annotation_status"]) == {"validated"}
    assert set(table.loc[table["object_annotation_category"] == "", "object_annotation_status"]) == {""}
    assert table["sample_id"].value_counts().to_dict() == {
        sample: sum(COUNTS[kind][i] for kind in COUNTS if kind != "chopped") for i, sample in enumerate(SAMPLES)
    }
    assert set(archive.namelist()) - set(table["img_file_name"]) == {tsv_name(archive)}
    assert re.fullmatch(r"ecotaxa_run_[0-9a-f]{8}\.tsv", tsv_name(archive))


def test_what_is_measured_has_its_unit_in_its_name(grains: RunFolder, tmp_path: Path) -> None:
    table, types, _ = read_ecotaxa(export_run(grains, "ecotaxa", tmp_path / "grains.zip"))
    without_unit = {
        name
        for name, kind in zip(table, types, strict=True)
        if kind == "[f]" and not name.endswith(("_px", "_px2", "_um", "_um2"))
    }
    plain = {"img_rank", "object_group", "object_probability", "object_best_layer"}
    assert without_unit == plain | {f"object_{name}" for name in RATIOS}


def test_ecotaxa_has_the_best_layer_in_native_proportions_and_measures(grains: RunFolder, tmp_path: Path) -> None:
    table, _, archive = read_ecotaxa(export_run(grains, "ecotaxa", tmp_path / "grains.zip"))
    known, _, outlines = grain_table()
    reader = NativeImages(grains)
    for _, row in table.iloc[::40].iterrows():
        place = int(np.flatnonzero(known["id"] == row["object_id"].rpartition("_")[0])[0])
        with Image.open(io.BytesIO(archive.read(row["img_file_name"]))) as picture:
            assert picture.size == (known["width"][place], known["height"][place])
            expected = np.asarray(reader.picture(place), int)
            assert np.abs(np.asarray(picture, int) - expected).mean() < 4
        x, y = outlines[place].T.astype(float)
        area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        assert float(row["object_area_um2"]) == pytest.approx(area * UM_PER_PX**2, rel=1e-3)


def test_two_exports_are_equal(grains: RunFolder, tmp_path: Path) -> None:
    for to in ("coco", "ecotaxa"):
        first = export_run(grains, to, tmp_path / f"1 {to}").read_bytes()
        assert export_run(grains, to, tmp_path / f"2 {to}").read_bytes() == first


@pytest.mark.parametrize("to", ["csv", "parquet", "folders", "coco", "ecotaxa"])
def test_a_selection_goes_through_every_exporter(grains: RunFolder, tmp_path: Path, to: str) -> None:
    path = export_run(grains, to, tmp_path / "out", classes=["quartz"], groups=[0, 2])
    partition = grains.partition()[0]
    wanted = partition.loc[partition["group"] == 0, "id"].tolist()  # group 2 is foraminifera
    if to == "coco":
        found = [annotation["attributes"]["id"] for annotation in json.loads(path.read_text())["annotations"]]
    elif to == "ecotaxa":
        found = grain_ids(read_ecotaxa(path)[0])
    else:
        read = (
            pd.read_parquet(path) if to == "parquet" else pd.read_csv(path / "index.csv" if to == "folders" else path)
        )
        found = read["id"].tolist()
        assert set(read["class"]) == {"quartz"}
    assert found == wanted


def test_tables_tell_class_and_state(grains: RunFolder, tmp_path: Path) -> None:
    read = pd.read_csv(export_run(grains, "csv", tmp_path / "t.csv"), keep_default_na=False)
    assert list(read)[:5] == ["id", "group", "probability", "class", "state"]
    assert read["class"].value_counts().to_dict() == {
        kind: sum(counts) for kind, counts in COUNTS.items() if kind != "chopped"
    } | {"": sum(COUNTS[""]) + sum(COUNTS["chopped"])}
    assert (read["state"] == "excluded").sum() == sum(COUNTS["chopped"])


def test_folders_are_named_after_the_classes(grains: RunFolder, tmp_path: Path) -> None:
    out = export_run(grains, "folders", tmp_path / "out")
    found = {path.name: len(list(path.iterdir())) for path in out.iterdir() if path.is_dir()}
    assert found == {
        **{kind: sum(COUNTS[kind]) for kind in ("quartz", "foraminifera", "fragments")},
        "excluded": sum(COUNTS["chopped"]),
        "group-05": sum(COUNTS[""]),
    }


def test_names_of_classes_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path, named=False)
    with Journal(run) as journal:
        journal.name_groups({0: "../../up", 1: "excluded", 2: "group-03", 4: "con"})
    out = export_run(run, "folders", tmp_path / "out")
    folders = {path.name for path in out.iterdir() if path.is_dir()}
    assert len({name.casefold() for name in folders}) == 6
    index = pd.read_csv(out / "index.csv", keep_default_na=False)
    assert index.groupby("class")["file"].agg(lambda files: files.str.split("/").str[0].nunique()).drop("").eq(1).all()
    assert {path.name for path in tmp_path.iterdir()} == {"grains", "run", "out"}
    archive = read_ecotaxa(export_run(run, "ecotaxa", tmp_path / "e.zip"))[2]
    assert all(not name.startswith(("/", "..")) and ".." not in name.split("/") for name in archive.namelist())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["quarz"]}, "no class 'quarz': did you mean 'quartz'"),
        ({"groups": [9]}, "no group 9: they run from 0 to 5; the nearest is 5"),
        ({"classes": ["quartz"], "groups": [2]}, "no image is left by --classes and --groups"),
    ],
)
def test_selections_that_cannot_be_meant(grains: RunFolder, tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        export_run(grains, "csv", tmp_path / "t.csv", **options)
    assert list(tmp_path.iterdir()) == []


def test_what_needs_names_says_so(unnamed: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no class of run has been named yet: .*facies name"):
        export_run(unnamed, "csv", tmp_path / "out", classes=["quartz"])
    assert list(tmp_path.iterdir()) == []


def test_photographs_without_sizes_and_grains_that_are_gone(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path)
    (tmp_path / "grains" / "stacks.parquet").rename(tmp_path / "aside")
    with pytest.raises(InputError, match=r"stacks\.parquet, which tells the sizes .* put it back"):
        export_run(run, "coco", tmp_path / "out")
    stacks = pd.read_parquet(tmp_path / "aside")
    stacks.iloc[1:].to_parquet(tmp_path / "grains" / "stacks.parquet")
    with pytest.raises(InputError, match=f"does not tell of the stack '{stacks['stack'][0]}'"):
        export_run(run, "coco", tmp_path / "out")
    (tmp_path / "grains").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is gone"):
        export_run(run, "ecotaxa", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_groups_merged_by_the_expert_are_exported_as_they_are_now(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path)
    with Journal(run) as journal:
        journal.merge([0, 1])
        now = journal.groups()
    read = pd.read_csv(export_run(run, "csv", tmp_path / "t.csv"))
    assert read["group"].tolist() == now.tolist()
    assert len(set(now[:30])) == 1
    assert GROUPS["quartz"][0] not in set(read["group"])
    assert read["distance"].notna().all()
