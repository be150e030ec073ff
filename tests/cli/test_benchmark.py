"""``facies benchmark``: one real run from the suite to the table, and what is refused."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import sklearn.datasets

from facies.scale import dask_engine
from facies.workflows.benchmark import processes
from tests.cli.factories import call, entries, error_line
from tests.workflows.benchmark.factories import make_suite, make_worker
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


def refused(tmp_path: Path, suite: str, *options: object) -> str:
    """The one line of a suite that is refused; nothing is written."""
    (tmp_path / "suite.toml").write_text(suite)
    before = entries(tmp_path)
    result = call("benchmark", tmp_path / "suite.toml", "-o", tmp_path / "results", *options)
    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert entries(tmp_path) == before
    return error_line(result)


DIGITS = '[sets]\ndigits = "digits"\n[methods]\n'


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (DIGITS + "idecc = {}", "[methods] idecc: there is no method 'idecc'; did you mean 'idec'"),
        (DIGITS + 'dec = { preset = "papre" }', "did you mean 'paper'"),
        (DIGITS + 'dec = { parameters = { "training.epoch" = 3 } }', "did you mean 'training.epochs'"),
        (DIGITS + "dec = {}\ndec = {}", "a name stands there twice"),
        ('[sets]\na = "digits"\na = "digits"\n[methods]\ndec = {}', "a name stands there twice"),
        (DIGITS + "dec = {}\nDec = { method = 'dec' }", "methods: dec stands there twice"),
        ('[sets]\na = { hub = "torchvision:MNIST" }\n[methods]\ndec = {}', "sets are fetched from openml.org"),
    ],
)
def test_what_a_suite_names_and_there_is_not_is_said_with_the_nearest(tmp_path, suite, words):
    assert words in refused(tmp_path, suite)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine", "dusk"], "--engine dusk is not known; did you mean 'dask'"),
        (["--scheduler", "tcp://127.0.0.1:9"], "give --engine dask, too"),
        (["--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"], "does not answer: check the address"),
        (["--data", "nowhere"], "--data nowhere: there is no such folder of data sets"),
    ],
)
def test_engines_and_folders_that_there_are_not(tmp_path, monkeypatch, options, words):
    monkeypatch.setattr(dask_engine, "PATIENCE_S", 0.3)
    assert words in refused(tmp_path, DIGITS + "dec = {}", *options)


def test_without_a_connection_a_set_of_the_hub_is_one_line_and_nothing_is_left(tmp_path, monkeypatch):
    def fetch_openml(*_, **__):
        raise URLError("Name or service not known")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    line = refused(tmp_path, '[sets]\nmnist = { hub = "openml:mnist_784" }\n[methods]\ndec = {}')
    assert "[sets] mnist: hub='openml:mnist_784': openml.org cannot be reached" in line
    assert "try again with a connection, or give a path" in line


@pytest.fixture
def real_runs(tmp_path, registered_methods, monkeypatch):
    """Fits in processes of their own, with the methods of the tests."""
    monkeypatch.setattr(processes, "WORKER", [sys.executable, "-c", WORKER])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return tmp_path


def test_a_set_without_labels_says_so_and_counts_what_needs_none(real_runs):
    name = make_input(real_runs, labels=False).name
    (real_runs / "suite.toml").write_text(SUITE.replace("INPUT", name))
    result = call("benchmark", real_runs / "suite.toml", "-o", real_runs / "results", "--json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)["rows"]
    assert row["labels"] == "none: measures that need labels are left out"
    assert {row[name] for name in ("accuracy", "accuracy_majority", "nmi", "ari", "error")} == {None}
    assert row["silhouette"] > 0
    assert row["n_groups"] == 3
    assert row["machine"]["cores"] >= 1  # what the process of the run says of itself
    assert "| brightness | no labels |" in (real_runs / "results" / "table.md").read_text()


def test_results_of_another_suite_or_commit_say_what_differs(tmp_path, monkeypatch):
    suite = make_suite(tmp_path)
    monkeypatch.setattr(processes, "WORKER", make_worker(tmp_path))
    command = ("benchmark", suite, "-o", tmp_path / "results")
    assert call(*command).exit_code == 0
    before = entries(tmp_path)
    suite.write_text(suite.read_text().replace('"training.epochs" = 2', '"training.epochs" = 3'))
    changed = call(*command)
    assert (changed.exit_code, entries(tmp_path)) == (2, before)
    assert "another suite or commit: method dec.training.epochs was 2, is 3: give another folder" in error_line(changed)
    make_suite(tmp_path)
    monkeypatch.setattr(importlib.import_module("facies.workflows.benchmark.run_suite"), "commit", lambda: "0123")
    other = call(*command)
    assert (other.exit_code, entries(tmp_path)) == (2, before)
    assert 'is "0123"' in error_line(other)


def test_the_environment_of_a_peer_that_is_missing_is_in_its_row(real_runs):
    suite = SUITE.replace("INPUT", make_input(real_runs).name).split("brightness")[0]
    (real_runs / "peer.py").touch()
    (real_runs / "suite.toml").write_text(suite + 'peer = { program = ["envs/peer/bin/python", "peer.py"] }\n')
    result = call("benchmark", real_runs / "suite.toml", "-o", real_runs / "results", "--json")
    assert result.exit_code == 0, result.stderr
    (peer,) = json.loads(result.stdout)["rows"]
    assert peer["error"].startswith("its environment is missing: there is no envs/peer/bin/python; make it")
    assert "| peer | failed |" in (real_runs / "results" / "table.md").read_text()
