from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facies.annotations import Journal
from facies.runs import RunFolder
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


def test_labels_of_a_part_score_that_part_and_say_its_share(run_path: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id;label\n" + "".join(f"{row};{'abc'[row % K]} \n" for row in range(12)) + "20;\nother;a\n")
    found = measured(run_path, "--labels", labels)
    assert (found["n_labelled"], found["labelled_share"], found["n_images"]) == (12, 12 / N, N)
    assert found["accuracy"] == found["ari"] == found["purity"] == 1.0
    text = " ".join(call("evaluate", run_path, "--labels", labels).stdout.split())
    assert "Share with a label 0.2000" in text
    assert f"12 of {N} images have a label." in text
    labels.write_text("id,label\nother,a\n")
    assert "names none of the 60 images" in error_line(call("evaluate", run_path, "--labels", labels))


def test_a_run_keeps_which_images_have_a_label(tmp_path: Path) -> None:
    source, labels = make_input(tmp_path, labels=False), tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{row},{'abc'[row % K]}\n" for row in range(0, N, 2)))
    result = call("cluster", source, "-o", tmp_path / "run", "--method", "brightness", "--labels", labels)
    assert f"{N // 2} of {N} images have a label (50.0 %): measures that need labels are of these" in result.stdout
    run = RunFolder(tmp_path / "run")
    assert run.images["label"].isna().sum() == run.labelled.size - run.labelled.sum() == N // 2
    assert run.manifest["metrics"]["n_labelled"] == N // 2
    assert run.manifest["metrics"].items() <= measured(tmp_path / "run").items()
    call("report", tmp_path / "run", "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Share with a label" in page
    assert "have a label (50.0 %)" in page
    assert "-9223372036854775808" not in page
    exported = tmp_path / "groups.csv"
    call("export", tmp_path / "run", "--to", "csv", "-o", exported)
    assert f"{N // 2} of {N} images have a label." in call("evaluate", tmp_path / "run", "--labels", exported).stdout
