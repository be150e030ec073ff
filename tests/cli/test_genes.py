"""Tissues from the command line: groups, evaluation, and the way back into AnnData."""

from __future__ import annotations

import io
import json

import anndata
import pytest
from PIL import Image

from facies.atlas.services.pictures import Pictures
from facies.report.native_images import NativeImages
from facies.runs import RunFolder
from facies.runs.masked_pictures import BACKGROUND
from tests.cli.factories import call
from tests.genes.factories import tissue


def test_from_h5ad_to_groups_and_back(tmp_path):
    source, run = tmp_path / "data.h5ad", tmp_path / "run"
    whole = tissue(side=16)
    measured = (whole.obs["array_row"] < 8) | (whole.obs["array_col"] < 8)  # a quarter of the square was not
    whole[measured.to_numpy()].copy().write_h5ad(source)
    quick = ["--set", "pretraining.epochs=1", "--set", "training.epochs=1", "--set", "denoising.epochs=1"]
    made = call("cluster", source, "-o", run, "--method", "darlc", *quick, "--set", "n_clusters=2")
    assert made.exit_code == 0, made.output
    assert "taken for raw counts" in made.output.replace("\n", " ")
    found = json.loads(call("evaluate", run, "--json").stdout)
    assert {"dbie", "dbip", "n_groups", "n_unassigned"} <= set(found)
    assert found["n_unassigned"] >= 6
    shown = " ".join(call("evaluate", run).output.split())
    assert f"unassigned {found['n_unassigned']} images in no group" in shown
    assert "DBIE" in shown
    assert "DBIP" in shown
    picture = RunFolder(run).thumbnails.array(0)
    assert picture.shape[-1] == 3
    assert (picture == BACKGROUND).all(axis=-1).mean() == pytest.approx(1 / 4)
    full = Image.open(io.BytesIO(Pictures(RunFolder(run)).full(0)))  # in the atlas
    native = NativeImages(RunFolder(run)).picture(0)  # in the report
    for shown_whole in (full, native):
        assert shown_whole.getpixel((15, 15)) == BACKGROUND
        assert shown_whole.getpixel((0, 0)) != BACKGROUND
    out = tmp_path / "out.h5ad"
    assert call("export", run, "--to", "h5ad", "-o", out).exit_code == 0
    again = anndata.read_h5ad(out)
    assert (again.var["facies_group"] == "unassigned").sum() == found["n_unassigned"]
    assert again.obsm["facies_group_score"].shape[0] == 192
    source.rename(tmp_path / "elsewhere.h5ad")
    moved = call("evaluate", run, "--json")
    assert "dbie and dbip need the pixels, and are left out" in " ".join(moved.stderr.split())
    assert "dbie" not in json.loads(moved.stdout)


@pytest.mark.parametrize("name", ["data.h5ad", "data.imzML"])
def test_damaged_files_are_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing")
    done = call("cluster", tmp_path / name, "-o", tmp_path / "run")
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()
