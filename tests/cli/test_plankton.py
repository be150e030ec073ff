"""The way of a plankton user: vignettes with their table in, groups, and back into EcoTaxa."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Journal
from facies.images import open_images
from facies.runs import RunFolder
from tests.cli.factories import call
from tests.images.readers.plankton import draw_plankton, ecotaxa_rows, write_bin, write_plankton
from tests.report.exporters.vignettes import read_ecotaxa

N = 24


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run of a PlanktoScope's export, of which one image is missing."""
    folder = tmp_path_factory.mktemp("net")
    rows = ecotaxa_rows(N, process_pixel=0.73, process_pixel_size=[0.73] * 12 + [1.34] * 12)
    write_plankton(folder / "vignettes", rows)
    (folder / "vignettes" / "obj_7.png").unlink()
    result = call("cluster", folder / "vignettes", "-o", folder / "run", "--method", "brightness", "--size", "32")
    assert result.exit_code == 0, result.stderr
    return folder / "run"


def test_what_was_assumed_stands_in_the_run_and_on_the_screen(net: Path) -> None:
    run = RunFolder(net)
    assert len(run) == N - 1
    notes = run.manifest["notes"]
    assert any(note.startswith("process_pixel_size and process_pixel differ in 12 of 23 images") for note in notes)
    assert any(note.startswith("1 of 24 images that the table names are not there") for note in notes)
    assert run.images.groupby("acq_id")["pixel_size_um"].first().to_dict() == {"net_0": 0.73, "net_1": 1.34}
    assert run.labels is None


def test_categories_measure_the_groups(net: Path) -> None:
    result = call("evaluate", net, "--labels", "object_annotation_category", "--json")
    assert result.exit_code == 0, result.stderr
    measured = json.loads(result.stdout)
    assert measured["n_images"] == N - 1
    assert 0 <= measured["nmi"] <= 1
    assert "accuracy" not in json.loads(call("evaluate", net, "--json").stdout)


def test_an_export_is_read_again(net: Path, tmp_path: Path) -> None:
    with Journal(net) as journal:
        journal.name_groups({0: "Copepoda<Maxillopoda"})
    result = call("export", net, "--to", "ecotaxa", "-o", tmp_path / "e.zip")
    assert result.exit_code == 0, result.stderr
    table, _, _ = read_ecotaxa(tmp_path / "e.zip")
    run = RunFolder(net)
    assert table["object_id"].tolist() == run.images["object_id"].tolist()
    again = open_images(tmp_path / "e.zip", size=32)
    assert again.table["pixel_size_um"].tolist() == run.images["pixel_size_um"].tolist()
    assert again.table["id"].tolist() == run.images["id"].tolist()
    named = run.partition()[0]["group"].to_numpy() == 0
    assert set(again.table.loc[named, "object_annotation_category"]) == {"Copepoda<Maxillopoda"}
    np.testing.assert_array_equal(again.source.read(np.arange(N - 1)), run.image_set().source.read(np.arange(N - 1)))


@pytest.mark.parametrize("to", ["ecotaxa", "coco"])
def test_bins_of_an_ifcb_go_to_ecotaxa_and_coco(tmp_path: Path, to: str) -> None:
    rng = np.random.default_rng(0)
    sizes = [(12 + number % 5, 14 + number % 3) for number in range(N)]
    pixels = [np.full(size, 60 * (number % 3) + 60) + rng.integers(0, 9, size) for number, size in enumerate(sizes)]
    write_bin(tmp_path / "bins", "D20260128T120001_IFCB101", [(n, 0, 0, each) for n, each in enumerate(pixels)])
    assert call("cluster", tmp_path / "bins", "-o", tmp_path / "run", "--method", "brightness").exit_code == 0
    result = call("export", tmp_path / "run", "--to", to, "-o", tmp_path / "e.zip")
    assert result.exit_code == 0, result.stderr
    assert "24 images are written from the" in result.stderr
    if to == "ecotaxa":
        table, _, _ = read_ecotaxa(tmp_path / "e.zip")
        assert set(table["sample_id"]) == {"D20260128T120001_IFCB101"}
        assert (
            list(zip(table["object_height_px"].astype(int), table["object_width_px"].astype(int), strict=True)) == sizes
        )


def test_counts_by_sample_can_be_told(net: Path) -> None:
    table = pd.read_parquet(net / "images.parquet")
    assert {"sample", "sample_id", "acq_id", "process_id", "object_annotation_status"} <= set(table.columns)


def test_new_vignettes_lose_the_band_that_those_of_the_run_lost(tmp_path: Path) -> None:
    write_plankton(tmp_path / "net", ecotaxa_rows(N), band=True)
    result = call("cluster", tmp_path / "net", "-o", tmp_path / "run", "--method", "brightness", "--size", "32")
    assert result.exit_code == 0, result.stderr
    run = RunFolder(tmp_path / "run")
    assert (
        "a band of 48 pixels with a scale bar was cut off the bottom of 24 of 24 images"
        in result.stderr + result.stdout
    )
    (tmp_path / "new").mkdir()
    draw_plankton(5, band=True).save(tmp_path / "new" / "v.png")
    result = call("predict", run.path, tmp_path / "new", "-o", tmp_path / "t.csv")
    assert result.exit_code == 0, result.stderr
    (group,) = pd.read_csv(tmp_path / "t.csv")["group"]
    assert group == run.partition()[0]["group"][5]
    np.testing.assert_array_equal(
        run.image_set().source.read(np.arange(N)), open_images(tmp_path / "net", size=32).source.read(np.arange(N))
    )
    coco = json.loads(Path(_exported(run, tmp_path / "c.json")).read_text())
    first, annotation = coco["images"][0], coco["annotations"][0]
    assert (first["width"], first["height"]) == draw_plankton(0, band=True).size
    assert annotation["bbox"] == [0, 0, *draw_plankton(0).size]
    kept = call(
        "cluster", tmp_path / "net", "-o", tmp_path / "kept", "--method", "brightness", "--size", "32", "--keep-band"
    )
    assert "was left: groups may follow it" in kept.stderr + kept.stdout


def _exported(run: RunFolder, path: Path) -> Path:
    assert call("export", run.path, "--to", "coco", "-o", path).exit_code == 0
    return path
