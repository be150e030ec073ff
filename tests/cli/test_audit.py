from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Annotations, Journal, draw_audit, read_annotations
from facies.errors import InputError
from facies.runs import RunFolder
from tests.cli.factories import call


@pytest.fixture
def named(run_path: Path, tmp_path: Path) -> Path:
    """A run whose three groups are named."""
    own = shutil.copytree(run_path, tmp_path / "own")
    call("name", own, "0=quartz", "1=chert", "2=shells")
    return own


def read(run: Path) -> Annotations:
    return read_annotations(RunFolder(run))


def fill(table: Path, names: list[str] | np.ndarray) -> pd.DataFrame:
    filled = pd.read_csv(table, dtype=str, keep_default_na=False)
    filled["true"] = names
    filled.to_csv(table, index=False)
    return filled


def test_a_draw_is_stratified_shuffled_and_without_the_audited(named: Path) -> None:
    decisions = read(named)
    rows = draw_audit(decisions, 7)
    assert decisions.codes[rows].tolist().count(1) == 7
    assert len(rows) == len(set(rows)) == 21
    assert (np.diff(decisions.codes[rows].astype(int)) < 0).any()
    np.testing.assert_array_equal(rows, draw_audit(decisions, 7))
    assert set(rows) != set(draw_audit(decisions, 7, random_state=1))
    with Journal(named) as journal:
        journal.record_audit(rows, ["quartz"] * 21)
        journal.exclude(np.flatnonzero(journal.annotations().codes == 2)[:3], "cut")
        decisions = journal.annotations()
    rest = draw_audit(decisions, 1000)
    assert not set(rest) & set(rows)
    assert (decisions.states[rest] == 2).all()
    with pytest.raises(InputError, match="at least one image"):
        draw_audit(decisions, 0)


def test_every_image_of_a_class_is_as_likely_as_another(named: Path) -> None:
    decisions = read(named)
    seen = np.bincount(np.concatenate([draw_audit(decisions, 5, seed) for seed in range(300)]), minlength=60)
    # 300 draws of 5 of 20: 75 ± 7.5 each
    assert seen.min() > 75 - 5 * 7.5
    assert seen.max() < 75 + 5 * 7.5


def test_the_table_and_the_page_tell_nothing_of_the_classes(named: Path, tmp_path: Path) -> None:
    result = call("audit", named, "-n", 4, "-o", tmp_path / "audit.csv")
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(tmp_path / "audit.csv", keep_default_na=False)
    assert list(table.columns) == ["number", "id", "true"]
    assert table["number"].tolist() == list(range(1, 13))
    assert set(table["true"]) == {""}
    page = (tmp_path / "audit.html").read_text()
    assert page.count("<img") == 12
    assert page.count("data:image/webp") == 12
    assert "http" not in page
    assert page.count("quartz") == 1  # among the proposals alone


def test_results_are_recorded_and_correct_the_shares(named: Path, tmp_path: Path) -> None:
    call("audit", named, "-n", 10, "-o", tmp_path / "audit.csv")
    ids = RunFolder(named).images["id"].astype(str).tolist()
    assigned = read(named).names
    table = pd.read_csv(tmp_path / "audit.csv", dtype=str)
    true = np.array([assigned[ids.index(i)] for i in table["id"]], object)
    true[np.flatnonzero(true == "chert")[:5]] = "Quartz"
    fill(tmp_path / "audit.csv", true)
    result = call("audit", named, "--results", tmp_path / "audit.csv", "--user", "Ada", "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["n_audited"], answer["n_right"]) == (30, 25)
    shares = {row["class"]: row for row in answer["shares"]}
    assert shares["chert"]["share"] == pytest.approx(1 / 6)
    assert shares["quartz"]["share"] == pytest.approx(1 / 2)
    assert shares["quartz"]["low"] < 1 / 2 < shares["quartz"]["high"]
    assert read(named).names.tolist() == assigned.tolist()
    assert set(read(named).audits["user"]) == {"Ada"}
    assert "30 images audited, 25 of them" in call("audit", named).stdout
    call("name", named, "--undo")
    assert read(named).audits.empty


def test_images_that_were_not_judged_are_told_of(named: Path, tmp_path: Path) -> None:
    call("audit", named, "-n", 2, "-o", tmp_path / "audit.csv")
    fill(tmp_path / "audit.csv", ["quartz", "none", "", "", "", ""])
    result = call("audit", named, "--results", tmp_path / "audit.csv")
    assert result.exit_code == 0, result.stderr
    assert "4 images of the table were not judged" in result.stderr
    assert read(named).audits["true"].tolist() in (["quartz", ""], ["", "quartz"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.assign(true="quarts"), "did you mean 'quartz'"),
        (lambda t: t.assign(true=""), "the column true is empty"),
        (lambda t: t.assign(true="quartz", id="nobody"), "'nobody' is no image of own"),
        (lambda t: t.assign(true="quartz", id=t["id"].iloc[0]), "stands there twice"),
        (lambda t: t.drop(columns="true"), "lacks the column true"),
    ],
)
def test_results_that_cannot_be_used_are_refused(named: Path, tmp_path: Path, change: object, expected: str) -> None:
    call("audit", named, "-n", 2, "-o", tmp_path / "audit.csv")
    table = pd.read_csv(tmp_path / "audit.csv", dtype=str, keep_default_na=False)
    change(table).to_csv(tmp_path / "filled.csv", index=False)
    result = call("audit", named, "--results", tmp_path / "filled.csv")
    assert result.exit_code == 2
    assert expected in result.stderr
    assert read(named).revision == 1


def test_new_classes_are_taken_when_asked_for(named: Path, tmp_path: Path) -> None:
    call("audit", named, "-n", 1, "-o", tmp_path / "audit.csv")
    fill(tmp_path / "audit.csv", ["mica"] * 3)
    assert call("audit", named, "--results", tmp_path / "audit.csv", "--new-classes").exit_code == 0
    assert "mica" in read(named).classes["name"].tolist()


def test_misuse_is_said(named: Path, run_path: Path, tmp_path: Path) -> None:
    both = call("audit", named, "-o", tmp_path / "a.csv", "--results", tmp_path / "a.csv")
    assert "use one of them" in both.stderr
    assert "this suffix" in call("audit", named, "-o", tmp_path / "a.txt").stderr
    assert "nothing of own was audited yet" in call("audit", named).stderr
    assert "name groups first" in call("audit", run_path, "-o", tmp_path / "a.csv").stderr
    assert "no such file of the audit" in call("audit", named, "--results", tmp_path / "nowhere.csv").stderr
    (tmp_path / "a.html").write_text("mine")
    assert "already exists" in call("audit", named, "-o", tmp_path / "a.csv").stderr
    assert not (tmp_path / "a.csv").exists()
    assert (tmp_path / "a.html").read_text() == "mine"


def test_the_page_escapes_names(named: Path, tmp_path: Path) -> None:
    call("name", named, '0=<script>"x"')
    call("audit", named, "-n", 1, "-o", tmp_path / "audit.csv")
    page = (tmp_path / "audit.html").read_text()
    assert '<script>"x"' not in page
    assert "&lt;script&gt;&#34;x&#34;" in page
