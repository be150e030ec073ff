from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Journal, read_annotations
from facies.runs import RunFolder
from tests.cli.factories import call
from tests.workflows.factories import make_pixels


@pytest.fixture
def own(run_path: Path, tmp_path: Path) -> Path:
    """A run of which eight images of each group are named."""
    run = shutil.copytree(run_path, tmp_path / "own")
    table = RunFolder(run).partition()[0]
    with Journal(run) as journal:
        for group, name in enumerate(("quartz", "chert", "shells")):
            journal.assign(np.flatnonzero(table["group"] == group)[:8], name)
    return run


def test_the_others_get_a_predicted_class_and_the_run_keeps_the_probe(own: Path) -> None:
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file() and path.name != "journal.sqlite"}
    result = call("classify", own, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["classes"] == ["chert", "quartz", "shells"]
    assert answer["accuracy"] == 1.0
    assert (answer["n_images"], answer["n_predicted"], answer["n_folds"]) == (24, 36, 5)
    assert answer["stacks"] == "id"
    decisions = read_annotations(RunFolder(own))
    expected = np.array(["quartz", "chert", "shells"])[RunFolder(own).partition()[0]["group"]]
    assert decisions.names.tolist() == expected.tolist()
    assert (decisions.states == 1).sum() == 36
    assert (decisions.confidence[decisions.states == 1] > 0.4).all()
    assert {path: path.read_bytes() for path in before} == before
    new = {str(path.relative_to(own)) for path in own.rglob("*") if path.is_file() and path not in before}
    assert new == {
        "journal.sqlite",
        *(f"probes/probe-1/{n}" for n in ("about.json", "probe.json", "probe.safetensors")),
    }
    call("name", own, "--undo")
    assert (read_annotations(RunFolder(own)).states == 1).sum() == 0


def test_what_is_shown_tells_accuracy_and_calibration(own: Path) -> None:
    result = call("classify", own)
    assert "accuracy on unseen images: 100.0 %" in result.stdout
    assert "calibration error" in result.stdout
    assert "36 images got a predicted class" in result.stdout
    assert "probe-1" in result.stdout
    assert "probe-2" in call("classify", own).stdout


def test_predict_names_new_images(own: Path, tmp_path: Path) -> None:
    call("classify", own, "--name", "first")
    np.save(tmp_path / "new.npy", make_pixels(seed=5))
    result = call("predict", own, tmp_path / "new.npy", "-o", tmp_path / "new.parquet", "--json")
    assert result.exit_code == 0, result.stderr
    table = pd.read_parquet(tmp_path / "new.parquet")
    assert list(table.columns)[-2:] == ["class", "certainty"]
    expected = np.array(["quartz", "chert", "shells"])[table["group"]]
    assert table["class"].tolist() == expected.tolist()
    assert table["certainty"].between(0, 1).all()
    assert sum(json.loads(result.stdout)["class_sizes"].values()) == len(table)
    wrong = call("predict", own, tmp_path / "new.npy", "-o", tmp_path / "b.csv", "--probe", "second")
    assert wrong.exit_code == 2
    assert "holds no probe 'second': it has first" in wrong.stderr


def test_rejected_classes_are_not_predicted_and_excluded_images_not_learnt_from(own: Path) -> None:
    rows = np.flatnonzero(RunFolder(own).partition()[0]["group"] == 0)
    with Journal(own) as journal:
        journal.reject(rows[10:12], "quartz")
        journal.exclude(rows[:4], "cut")
        journal.set_class("chert", excluded=True)
    answer = json.loads(call("classify", own, "--json").stdout)
    assert answer["n_images"] == 20
    assert "chert" in answer["classes"]
    decisions = read_annotations(RunFolder(own))
    assert "quartz" not in decisions.names[rows[10:12]]
    assert set(decisions.names[rows[12:]]) == {"quartz"}


def test_when_all_is_judged_the_probe_is_made_all_the_same(run_path: Path, tmp_path: Path) -> None:
    own = shutil.copytree(run_path, tmp_path / "own")
    call("name", own, "0=a", "1=b", "2=c")
    result = call("classify", own)
    assert result.exit_code == 0, result.stderr
    assert "every image was judged" in result.stdout
    assert (own / "probes" / "probe-1" / "probe.json").is_file()


def test_too_few_names_are_said(run_path: Path, tmp_path: Path) -> None:
    own = shutil.copytree(run_path, tmp_path / "own")
    none = call("classify", own)
    assert none.exit_code == 2
    assert "two images of each of two classes at least (none)" in none.stderr
    call("name", own, "0=quartz")
    one = call("classify", own)
    assert one.exit_code == 2
    assert "('quartz': 20)" in one.stderr
    assert not (own / "probes").exists()


def test_the_column_of_the_folds_can_be_chosen(own: Path) -> None:
    result = call("classify", own, "--by", "label")
    assert result.exit_code == 0, result.stderr
    assert "few stacks: chert (1 stack), quartz (1 stack), shells (1 stack)" in result.stderr
    wrong = call("classify", own, "--by", "tray")
    assert wrong.exit_code == 2
    assert "has no column 'tray': it has id, source" in wrong.stderr
