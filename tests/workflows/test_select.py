"""The best of several candidates is kept, the others beside it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from facies.errors import InputError
from facies.report import write_report
from facies.runs import RunFolder
from facies.workflows import Candidate, default_candidates, select
from facies.workflows.candidates import best_first
from tests.cli.factories import call
from tests.workflows.factories import Brightness, N

GOOD = Candidate("three", "brightness", "brightness", {"n_clusters": 3})
POOR = Candidate("nine", "brightness", "brightness", {"n_clusters": 9})


def test_the_better_is_kept_and_the_other_lies_beside_it(source, tmp_path):
    lines = []
    run = select(source, tmp_path / "run", candidates=[POOR, GOOD], report=lines.append)
    selection = run.manifest["selection"]
    assert selection["chosen"] == "three"
    assert [row["name"] for row in selection["candidates"]] == ["three", "nine"]
    assert selection["why"] in run.manifest["notes"]
    assert {"nine", "brightness"} <= set(run.partitions())
    assert run.partition()[1]["name"] == "brightness"
    assert run.partition()[0]["group"].nunique() == 3
    assert run.partition("nine")[0]["group"].nunique() == 9
    assert [line.split(";")[0] for line in lines] == ["1 of 2: nine", "2 of 2: three"]
    assert not list(tmp_path.glob(".run.work"))
    page = write_report(run, tmp_path / "report.html").read_text("utf-8")
    assert page.index("three, chosen") < page.index("<h3>nine</h3>")
    assert page.count('<p class="strip">') == 3 + 8


def test_what_fits_no_budget_is_said_and_resumed(source, tmp_path, monkeypatch):
    with pytest.raises(
        InputError, match=r"none of 2 candidates could be finished .*give more --minutes, with --resume"
    ):
        select(source, tmp_path / "run", candidates=[POOR, GOOD], minutes=1e-9)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="was not finished: use --resume"):
        select(source, tmp_path / "run", candidates=[POOR, GOOD])
    run = select(source, tmp_path / "run", candidates=[POOR, GOOD], resume=True)
    assert len(run) == N


def test_an_interrupted_selection_goes_on_without_fitting_again(source, tmp_path, monkeypatch):
    real = Brightness.group

    def interrupted(self, fit, outputs):
        if self.n_clusters == 3:
            raise KeyboardInterrupt
        return real(self, fit, outputs)

    monkeypatch.setattr(Brightness, "group", interrupted)
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        select(source, tmp_path / "run", candidates=[POOR, GOOD])
    monkeypatch.setattr(Brightness, "group", real)
    before = Brightness.measured
    run = select(source, tmp_path / "run", candidates=[POOR, GOOD], resume=True)
    assert Brightness.measured == before
    assert run.manifest["selection"]["chosen"] == "three"


def test_a_candidate_that_cannot_look_at_the_images_is_left_out_with_the_reason(source, tmp_path):
    wrong = Candidate("wrong", "moe-vae", "moe-vae", {"density.min_cluster_size": 1000})
    run = select(source, tmp_path / "run", candidates=[wrong, GOOD, POOR])
    assert "fewer than twice the smallest group" in run.manifest["selection"]["left_out"]["wrong"]
    assert any(note.startswith("not tried: wrong, for") for note in run.manifest["notes"])


def test_labels_choose_nothing(source, tmp_path):
    with np.load(source) as arrays:
        shuffled = {**arrays, "labels": np.random.default_rng(0).permutation(arrays["labels"])}
    np.savez(tmp_path / "shuffled.npz", **shuffled)
    rows = [
        select(path, tmp_path / name, candidates=[POOR, GOOD]).manifest["selection"]["candidates"]
        for path, name in ((source, "one"), (tmp_path / "shuffled.npz", "other"))
    ]
    assert [[row["score"] for row in part] for part in rows[:1]] == [
        [row["score"] for row in part] for part in rows[1:]
    ]


def test_the_encoder_is_judged_by_all_its_groupings_and_of_these_a_level_is_taken():
    rows = [
        {"encoder": "one", "score": 0.7, "finds_level": False},  # an accident of a cut
        {"encoder": "one", "score": 0.1, "finds_level": True},
        {"encoder": "other", "score": 0.6, "finds_level": False},
        {"encoder": "other", "score": 0.5, "finds_level": True},
    ]
    assert best_first(rows) == [3, 2, 1, 0]
    assert [candidate.name for candidate in default_candidates() if candidate.finds_level] == [
        "pixels-k-means",
        "efficientnet-lite0-k-means",
    ]


def test_wrong_arguments_are_one_line(source, tmp_path):
    with pytest.raises(InputError, match="two candidates or more"):
        select(source, tmp_path / "run", candidates=[GOOD])
    with pytest.raises(InputError, match="one name"):
        select(source, tmp_path / "run", candidates=[GOOD, GOOD])
    with pytest.raises(InputError, match="more than 0"):
        select(source, tmp_path / "run", candidates=[GOOD, POOR], minutes=0)


def test_the_command_prints_the_table(source, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["facies.workflows.select"], "default_candidates", lambda: [POOR, GOOD])
    result = call("select", source, "-o", tmp_path / "run", "--minutes", 5)
    assert result.exit_code == 0, result.stderr
    assert "three was chosen of 2 without labels: 3 groups" in result.stdout
    assert RunFolder(tmp_path / "run").manifest["selection"]["minutes"] == 5
