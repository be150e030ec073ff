from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facies.annotations import Journal
from tests.cli.factories import call, error_line
from tests.workflows.factories import K, N, make_input, make_photos


def measured(*arguments: Any) -> dict[str, Any]:
    result = call("evaluate", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_all_measures(run_path: Path) -> None:
    found = measured(run_path)
    assert found["partition"] == "brightness"
    assert found["accuracy"] == found["nmi"] == found["ari"] == found["purity"] == found["accuracy_labelled"] == 1.0
    assert found["n_groups"] == K
    assert found["labelled_fraction"] == 1.0
    assert found["silhouette"] > 0.5
    assert found["davies_bouldin"] > 0


def test_another_partition(run_path: Path) -> None:
    found = measured(run_path, "--partition", "density")
    assert found["labelled_fraction"] == 0.9
    assert found["accuracy"] == pytest.approx(0.9)
    assert found["accuracy_labelled"] == 1.0


def test_groups_as_the_expert_left_them(tmp_path: Path) -> None:
    call("cluster", make_input(tmp_path), "-o", tmp_path / "run", "--method", "brightness")
    with Journal(tmp_path / "run") as journal:
        journal.merge([0, 1])
    found = measured(tmp_path / "run")
    assert found["n_groups"] == K - 1
    assert found["accuracy"] < 1


def test_labels_from_a_column(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 24)
    call("cluster", photos, "-o", tmp_path / "run", "--method", "brightness")
    assert "accuracy" not in measured(tmp_path / "run")
    assert measured(tmp_path / "run", "--labels", "folder")["accuracy"] == 1.0


def test_labels_from_a_file(tmp_path: Path) -> None:
    call("cluster", make_input(tmp_path, labels=False), "-o", tmp_path / "run", "--method", "brightness")
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{row},{'abc'[row % K]}\n" for row in range(N)))
    assert measured(tmp_path / "run", "--labels", labels)["ari"] == 1.0


def test_for_people(run_path: Path, tmp_path: Path) -> None:
    text = " ".join(call("evaluate", run_path).stdout.split())
    assert "Accuracy (ACC) 1.000" in text
    assert "--labels" not in text
    call("cluster", make_input(tmp_path, labels=False), "-o", tmp_path / "run", "--method", "brightness")
    text = call("evaluate", tmp_path / "run").stdout
    assert "Silhouette" in text
    assert "No labels are known; --labels" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--labels", "kind"), "neither a file nor a column of"),
        (("--labels", "nowhere.csv"), "no such file of labels"),
        (("--partition", "other"), "it has density, brightness"),
    ],
)
def test_what_is_not_there(options: tuple[str, ...], words: str, run_path: Path) -> None:
    result = call("evaluate", run_path, *options)
    assert result.exit_code == 2
    assert words in error_line(result)


def test_labels_that_miss_an_image(run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,label\n0,a\n")
    result = call("evaluate", run_path, "--labels", tmp_path / "labels.csv")
    assert result.exit_code == 2
    assert "no label for 59 of 60 images" in error_line(result)
