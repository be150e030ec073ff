"""A segmented volume from first to last: written whole, exported, and opened by others with the same sizes and places."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

from facies.cli.app import app
from facies.errors import InputError
from facies.scale import make_engine
from facies.volumes import find_grey_range, open_volume
from facies.volumes.segmentation import SegmentationSpec, is_segmentation, open_segmentation, write_segmentation
from facies.volumes.viewers import viewer_commands
from tests.volumes.stores import OFFSET_NM, SIZE_NM, write_ome_zarr
from tests.volumes.test_dense import GREY

SPEC = SegmentationSpec(
    "tests.volumes.block_functions:Threshold", {"radius": 2, "level": 0.5}, (2, 2, 2), {"labels": 2}, 2, "threshold"
)


def segment(volume, output, spec=SPEC, **options):
    with make_engine("processes") as engine:
        return write_segmentation(
            volume, spec, output, engine, find_grey_range(volume), block=(16, 16, 16), **options
        )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmented")
    volume = open_volume(write_ome_zarr(folder / "a.zarr", GREY, axes="xyz"))
    assert segment(volume, folder / "run", notes=["a note"]).is_complete
    return folder / "run"


def test_the_folder_has_labels_embedding_and_what_was_done(run) -> None:
    segmentation = open_segmentation(run)
    labels = segmentation.labels()
    assert segmentation.names == ["labels"]
    assert labels.geometry == segmentation.volume().geometry
    assert labels.geometry.axes == "xyz"
    assert np.unique(labels.read()).tolist() == [1, 2]
    embedding = segmentation.embedding().read()
    unclear = np.abs(embedding[0] - 0.5) < 1e-3  # stored in 16 bits
    np.testing.assert_array_equal((labels.read() == 2)[~unclear], (embedding[0] > 0.5)[~unclear])
    assert segmentation.described["notes"][-1] == "a note"
    assert not list(run.parent.glob(".run*"))
    with pytest.raises(InputError, match="has no labels k9: choose from labels"):
        segmentation.labels("k9")


def test_nothing_is_replaced_or_begun_without_being_asked(run, tmp_path) -> None:
    with pytest.raises(InputError, match="already exists"):
        segment(open_volume(GREY, voxel_size_nm=SIZE_NM), run)
    with pytest.raises(InputError, match="size of its voxels is not known"):
        segment(open_volume(GREY), tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_a_missing_block_keeps_the_rest_for_resume(tmp_path, monkeypatch) -> None:
    from tests.volumes import block_functions

    volume = open_volume(GREY, voxel_size_nm=SIZE_NM)
    call = block_functions.Threshold.__call__

    def fail(self, values):
        if values.shape[2] == 6:
            raise MemoryError("no more")
        return call(self, values)

    monkeypatch.setattr(block_functions.Threshold, "__call__", fail)
    result = segment(volume, tmp_path / "run")
    assert len(result.report.missing) == 6
    assert "no more" in result.lines()[0]
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    with pytest.raises(InputError, match="is unfinished: --resume goes on"):
        segment(volume, tmp_path / "run")
    result = segment(volume, tmp_path / "run", resume=True)
    assert (result.report.n_before, result.report.n_blocks) == (18, 24)
    assert (open_segmentation(tmp_path / "run").labels().read() > 0).all()


def test_damage_is_written_into_the_folder(tmp_path) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", GREY)
    chunk = path / "0" / "c" / "2" / "4" / "6"
    chunk.write_bytes(chunk.read_bytes()[:9])
    result = segment(open_volume(path), tmp_path / "run")
    assert not result.is_complete
    described = open_segmentation(tmp_path / "run").described
    assert list(described["damaged"]) == ["2/4/6"]
    assert "chunk 2/4/6 of the volume is damaged or cut off" in described["notes"][-1]


def export(run, to, output, *options):
    return CliRunner().invoke(app, ["export", str(run), "--to", to, "-o", str(output), *options])


def test_export_to_ome_zarr(run, tmp_path) -> None:
    result = export(run, "ome-zarr", tmp_path / "out.zarr")
    assert result.exit_code == 0, result.output
    assert f"napari --plugin napari-ome-zarr {tmp_path}/out.zarr" in result.output
    image, labels = open_volume(tmp_path / "out.zarr"), open_volume(tmp_path / "out.zarr" / "labels" / "labels")
    np.testing.assert_array_equal(image.read(), GREY)
    np.testing.assert_array_equal(labels.read(), open_segmentation(run).labels().read())
    for each in (image, labels):
        np.testing.assert_allclose(each.voxel_size_nm, SIZE_NM)
        np.testing.assert_allclose(each.geometry.offset_nm, OFFSET_NM)
        assert each.geometry.axes == "xyz"
    group = zarr.open_group(str(tmp_path / "out.zarr"), mode="r")
    assert group["labels"].attrs["ome"]["labels"] == ["labels"]
    values = [colour["label-value"] for colour in group["labels/labels"].attrs["ome"]["image-label"]["colors"]]
    assert values == [0, 1, 2]
    assert group["labels/labels"].attrs["ome"]["image-label"]["source"] == {"image": "../../"}
    assert "already exists" in export(run, "ome-zarr", tmp_path / "out.zarr").output
    assert export(run, "ome-zarr", tmp_path / "out.zarr", "--overwrite").exit_code == 0


def test_export_to_tiff(run, tmp_path) -> None:
    assert export(run, "tiff", tmp_path / "out.tif").exit_code == 0
    labels = open_segmentation(run).labels()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), labels.read())
    again = open_volume(tmp_path / "out.tif")
    np.testing.assert_allclose(again.voxel_size_nm, SIZE_NM)
    assert "give it one of these suffixes" in export(run, "tiff", tmp_path / "out.png").output


def test_export_of_the_table_of_objects(run, tmp_path) -> None:
    result = export(run, "csv", tmp_path / "out.csv", "--least-nm3", "500000")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "out.csv")
    assert (table["volume_nm3"] >= 500_000).all()
    assert "smaller than 500000 nm³ are left out" in result.output
    assert table["mean_grey"].between(0, 255).all()
    assert not list(tmp_path.glob(".*"))


def test_exports_that_cannot_be(run, tmp_path) -> None:
    for options, message in (
        (("onnx", tmp_path / "a"), "choose from ome-zarr, tiff, csv"),
        (("tiff", tmp_path / "a.tif", "--k", "4"), "has no labels k4"),
        (("tiff", tmp_path / "a.tif", "--groups", "4"), "for which --groups means nothing"),
        (("tiff", tmp_path / "a.tif", "--least-nm3", "4"), "for which --least-nm3 means nothing"),
    ):
        result = export(run, *options)
        assert result.exit_code == 2
        assert message in result.output
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_none_or_whose_volume_has_changed(run, tmp_path) -> None:
    assert not is_segmentation(tmp_path)
    for content in ("[]", "{", '{"format": 1, "labels": {}}'):
        (tmp_path / "segmentation.json").write_text(content)
        with pytest.raises(InputError, match="is no segmented volume, or is damaged"):
            open_segmentation(tmp_path)
    segmentation = open_segmentation(run)
    described = json.loads(json.dumps(segmentation.described))
    described["input"]["fingerprint"] = "another"
    with pytest.raises(InputError, match="is no longer the volume of"):
        replace(segmentation, described=described).volume()


def test_a_link_for_neuroglancer(tmp_path) -> None:
    from urllib.parse import unquote

    _, line = viewer_commands(tmp_path / "a b.zarr", ["k4", "k8"])
    assert f"npx http-server '{tmp_path}/a b.zarr' --cors -p 8000" in line
    state = json.loads(unquote(line.partition("#!")[2]))
    assert [layer["source"] for layer in state["layers"]] == [
        "http://localhost:8000/|zarr3:",
        "http://localhost:8000/labels/k4/|zarr3:",
        "http://localhost:8000/labels/k8/|zarr3:",
    ]
