"""``facies benchmark``: one real run from the suite to the table, and what is refused."""

from __future__ import annotations

import json
import os
import sys

from facies.workflows.benchmark import processes
from tests.cli.factories import call, entries, error_line
from tests.workflows.factories import make_input

SUITE = """
seeds = [0]
[sets]
given = { source = "INPUT", n_groups = 3 }
[methods]
brightness = { parameters = { scale = "null" } }
"""
WORKER = "from tests.workflows.factories import register; register(); from facies.workflows.benchmark.worker import main; main()"


def test_from_a_suite_to_a_table(tmp_path, registered_methods, monkeypatch):
    monkeypatch.setattr(processes, "WORKER", [sys.executable, "-c", WORKER])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (tmp_path / "suite.toml").write_text(SUITE.replace("INPUT", make_input(tmp_path).name))
    result = call("benchmark", tmp_path / "suite.toml", "-o", tmp_path / "results", "--json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)["rows"]
    assert row["error"] is None
    assert row["accuracy"] == row["accuracy_majority"] > 0.3
    assert row["n_groups"] == row["n_groups_asked"] == 3
    assert row["peak_bytes"] > 2**26
    assert row["seconds"] == sum(row["seconds_by_stage"].values()) > 0
    assert (tmp_path / "results/runs/given/brightness/0/run.json").exists()
    assert "| brightness | " in (tmp_path / "results/table.md").read_text()


def test_what_is_wrong_with_a_suite_is_one_line_and_nothing_is_written(tmp_path):
    (tmp_path / "suite.toml").write_text('[sets]\na = "digitss"\n[methods]\ndec = {}\n')
    result = call("benchmark", tmp_path / "suite.toml", "-o", tmp_path / "results")
    assert result.exit_code == 2
    assert "there is no set and no path 'digitss'; did you mean 'digits'" in error_line(result)
    assert entries(tmp_path) == {"suite.toml"}
