"""``facies benchmark``: one real run from the suite to the table, and what is refused."""

from __future__ import annotations

import json

import numpy as np
from sklearn.datasets import load_digits

from tests.cli.factories import call, entries, error_line

SUITE = """
seeds = [0]
[sets]
eights = { source = "eights.npz", n_groups = 3, sample = 60 }
[methods]
pixels = { method = "pretrained", n_groups = "given", parameters = { encoder = "pixels", grouping = { layout_dimensions = 2 } } }
"""


def test_from_a_suite_to_a_table(tmp_path):
    digits = load_digits()
    kept = np.flatnonzero(digits.target < 3)[:90]
    np.savez(tmp_path / "eights.npz", images=digits.images[kept].astype(np.uint8), labels=digits.target[kept])
    (tmp_path / "suite.toml").write_text(SUITE)
    result = call("benchmark", tmp_path / "suite.toml", "-o", tmp_path / "results", "--json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)["rows"]
    assert row["error"] is None
    assert row["accuracy"] > 0.8
    assert row["n_groups"] == row["n_groups_asked"] == 3
    assert row["peak_bytes"] > 2**26
    assert row["seconds"] == sum(row["seconds_by_stage"].values())
    assert (tmp_path / "results/runs/eights/pixels/0/run.json").exists()
    assert "| pixels | 0." in (tmp_path / "results/table.md").read_text()


def test_what_is_wrong_with_a_suite_is_one_line_and_nothing_is_written(tmp_path):
    (tmp_path / "suite.toml").write_text('[sets]\na = "digitss"\n[methods]\ndec = {}\n')
    result = call("benchmark", tmp_path / "suite.toml", "-o", tmp_path / "results")
    assert result.exit_code == 2
    assert "there is no set and no path 'digitss'; did you mean 'digits'" in error_line(result)
    assert entries(tmp_path) == {"suite.toml"}
