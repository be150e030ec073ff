"""Tissues from the command line: groups, evaluation, and the way back into AnnData."""

from __future__ import annotations

import json

import anndata
import pytest

from tests.cli.factories import call
from tests.genes.factories import tissue


def test_from_h5ad_to_groups_and_back(tmp_path):
    source, run = tmp_path / "data.h5ad", tmp_path / "run"
    tissue(side=16).write_h5ad(source)
    quick = ["--set", "pretraining.epochs=1", "--set", "training.epochs=1", "--set", "denoising.epochs=1"]
    made = call("cluster", source, "-o", run, "--method", "darlc", *quick, "--set", "n_clusters=2")
    assert made.exit_code == 0, made.output
    assert "taken for raw counts" in made.output.replace("\n", " ")
    found = json.loads(call("evaluate", run, "--json").output)
    assert {"dbie", "dbip", "n_groups", "n_unassigned"} <= set(found)
    assert found["n_unassigned"] >= 8
    out = tmp_path / "out.h5ad"
    assert call("export", run, "--to", "h5ad", "-o", out).exit_code == 0
    again = anndata.read_h5ad(out)
    assert (again.var["facies_group"] == "unassigned").sum() == found["n_unassigned"]
    assert again.obsm["facies_group_score"].shape[0] == 256


@pytest.mark.parametrize("name", ["data.h5ad", "data.imzML"])
def test_damaged_files_are_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing")
    done = call("cluster", tmp_path / name, "-o", tmp_path / "run")
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()
