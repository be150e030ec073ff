"""Labels that are smoothed or given to other clusters when they are exported; what is stored stays as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

from facies.cli.app import app
from facies.volumes import open_volume
from facies.volumes.objects.smoothing import majority
from facies.volumes.segmentation import open_segmentation
from tests.volumes.stores import OFFSET_NM, SIZE_NM, write_ome_zarr
from tests.volumes.test_dense import GREY
from tests.volumes.test_segmentation import segment


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrected")
    volume = open_volume(write_ome_zarr(folder / "a.zarr", GREY, axes="xyz"))
    assert segment(volume, folder / "run").is_complete
    return folder / "run"


def export(run, to, output, *options, code=0):
    words = ["export", str(run), "--to", to, "-o", str(output), *map(str, options)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result.output


def smoothed(labels):
    """What the most frequent label within 8 nm is, where voxels are 40 × 8 × 4 nm."""
    return majority(np.pad(labels, [(0, 0), (1, 1), (2, 2)]), (0, 1, 2))


def test_labels_are_smoothed_in_all_formats(run, tmp_path) -> None:
    stored = open_segmentation(run).labels().read()
    expected = smoothed(stored)
    assert (expected != stored).any()
    told = export(run, "tiff", tmp_path / "a.tif", "--smooth-nm", 8)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), expected)
    assert "within 0 × 1 × 2 voxels" in told
    export(run, "ome-zarr", tmp_path / "a.zarr", "--smooth-nm", 8)
    exported = open_volume(tmp_path / "a.zarr" / "labels" / "labels")
    np.testing.assert_array_equal(exported.read(), expected)
    np.testing.assert_allclose(exported.voxel_size_nm, SIZE_NM)
    np.testing.assert_allclose(exported.geometry.offset_nm, OFFSET_NM)
    assert exported.geometry.axes == "xyz"
    group = zarr.open_group(str(tmp_path / "a.zarr" / "labels" / "labels"), mode="r")
    assert all(each["path"] in group for each in group.attrs["ome"]["multiscales"][0]["datasets"])
    export(run, "csv", tmp_path / "a.csv", "--smooth-nm", 8)
    table = pd.read_csv(tmp_path / "a.csv")
    assert table["n_voxels"].sum() == (expected > 0).sum()
    np.testing.assert_array_equal(open_segmentation(run).labels().read(), stored)


def test_objects_of_the_edited_table_get_other_labels(run, tmp_path) -> None:
    export(run, "csv", tmp_path / "objects.csv", "--smooth-nm", 8)
    table = pd.read_csv(tmp_path / "objects.csv")
    table["to"] = ""
    largest = table["n_voxels"].to_numpy().argsort()[-2:]
    table.loc[largest, "to"] = ["0", "7"]
    table.to_csv(tmp_path / "edited.csv", index=False)
    options = ["--smooth-nm", 8, "--assign", tmp_path / "edited.csv"]
    assert "2 objects with a new label" in export(run, "tiff", tmp_path / "b.tif", *options)
    old = smoothed(open_segmentation(run).labels().read())
    new = tifffile.imread(tmp_path / "b.tif")
    changed = new != old
    assert changed.sum() == table.loc[largest, "n_voxels"].sum()
    assert sorted(np.bincount(new[changed], minlength=8)[[0, 7]]) == sorted(table.loc[largest, "n_voxels"])
    export(run, "ome-zarr", tmp_path / "b.zarr", *options)
    np.testing.assert_array_equal(open_volume(tmp_path / "b.zarr" / "labels" / "labels").read(), new)
    colours = zarr.open_group(str(tmp_path / "b.zarr"), mode="r")["labels/labels"].attrs["ome"]["image-label"]["colors"]
    assert colours[-1]["label-value"] == 7
    told = export(
        run, "tiff", tmp_path / "c.tif", "--assign", tmp_path / "edited.csv", code=2
    )  # not smoothed: other objects
    assert "export the table with the same --k, --smooth-nm and --least-nm3" in told


def test_clusters_are_merged_by_a_table_of_labels(run, tmp_path) -> None:
    (tmp_path / "merge.csv").write_text("label,to\n2,1\n")
    export(run, "tiff", tmp_path / "a.tif", "--assign", tmp_path / "merge.csv")
    stored = open_segmentation(run).labels().read()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), np.where(stored == 2, 1, stored))


def test_small_objects_have_no_number_when_they_were_left_out(run, tmp_path) -> None:
    export(run, "csv", tmp_path / "objects.csv", "--least-nm3", 30_000)
    table = pd.read_csv(tmp_path / "objects.csv").tail(1)
    table.assign(to=5).to_csv(tmp_path / "edited.csv", index=False)
    options = ["--assign", tmp_path / "edited.csv", "--least-nm3", 30_000]
    export(run, "tiff", tmp_path / "a.tif", *options)
    assert (tifffile.imread(tmp_path / "a.tif") == 5).sum() == table["n_voxels"].item()


BAD = {
    "no column": ("label\n1\n", "lacks the column to"),
    "neither": ("to\n1\n", "lacks the column label"),
    "empty": ("label,to\n1,\n", "gives no new label"),
    "no number": ("label,to\n1,two\n", "line 2: to is 'two': give a whole number from 0"),
    "too large": ("label,to\n1,300\n", "labels go up to 254, and 300 is given"),
    "twice": ("label,to\n1,2\n1,3\n", "label 1 is named twice"),
    "no object": ("object,to\n99999,2\n", "object 99999 is none of these labels"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_in_one_line(run, tmp_path, case) -> None:
    text, expected = BAD[case]
    (tmp_path / "a.csv").write_text(text)
    told = export(run, "tiff", tmp_path / "a.tif", "--assign", tmp_path / "a.csv", code=2)
    assert expected in told
    lines = [line for line in told.strip().splitlines() if not line.startswith("exporting")]
    assert len(lines) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
    missing = export(run, "tiff", tmp_path / "a.tif", "--assign", tmp_path / "none.csv", code=2)
    assert "none.csv" in missing
