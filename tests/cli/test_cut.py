"""``facies cut``: any number of groups from the tree of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from facies.runs import RunFolder
from tests.cli.factories import call, error_line


@pytest.fixture
def run(run_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_path, tmp_path / "run"))


def test_cut_writes_a_partition(run: Path) -> None:
    result = call("cut", run, "--groups", 4)
    assert result.exit_code == 0, result.stderr
    assert "the tree ward: 4 groups" in result.stdout
    table, meta = RunFolder(run).partition()
    assert (meta["name"], meta["method"], meta["n_groups"]) == ("cut-1", "cut", 4)
    assert table["group"].max() == 3


def test_cut_answers_in_json(run: Path) -> None:
    found = json.loads(call("cut", run, "--level", 0.001, "--smallest", 3, "--json").stdout)
    assert found["partition"] == "cut-1"
    assert len(found["groups"]) == len(found["nodes"]) > 1
    assert found["level"] >= 0.001


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one of --groups and --level"),
        (("--groups", 1000), "ask for fewer"),
        (("--groups", 2, "--tree", "oak"), "no tree of groups 'oak'"),
    ],
)
def test_what_is_wrong_is_one_line(run: Path, arguments: tuple[object, ...], message: str) -> None:
    result = call("cut", run, *arguments)
    assert result.exit_code == 2
    assert message in error_line(result)
