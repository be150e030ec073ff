"""What an expert does to a run, without a console."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Journal, read_annotations
from facies.errors import InputError
from facies.runs import RunFolder
from facies.workflows import (
    GroupNaming,
    audit_result,
    classify,
    draw_audit_sheet,
    evaluate,
    export,
    group_names,
    name_groups,
    predict,
    recluster,
    record_audit_sheet,
    redo,
    refine,
    undo,
)
from tests.workflows.factories import K, N, make_pixels

NAMES = ("quartz", "chert", "shells")


@pytest.fixture
def own(run: RunFolder, tmp_path: Path) -> RunFolder:
    """A run that a test may change."""
    return RunFolder(shutil.copytree(run.path, tmp_path / "own"))


def test_groups_are_named_and_the_names_undone(own: RunFolder) -> None:
    name_groups(own, {0: "quartz", 1: "chert"}, user="Ada")
    names = group_names(own)
    assert names.partition == "brightness"
    assert names.revision == 1
    assert names.groups["class"].tolist() == ["quartz", "chert", ""]
    assert names.classes["n_images"].sum() == names.groups["n_images"][:2].sum()
    undone = undo(own)
    assert undone is not None
    assert (undone.user, undone.kind) == ("Ada", "name")
    assert group_names(own).groups["class"].tolist() == ["", "", ""]
    assert redo(own) is not None
    assert redo(own) is None


def test_a_naming_also_excludes(own: RunFolder) -> None:
    naming = GroupNaming.from_words(["0=quartz", "1=chert"], ["lithic=chert"], ["2=cut", "chert=contaminated"])
    assert naming.excluded_groups == {2: "cut"}
    name_groups(own, naming)
    names = group_names(own)
    assert names.groups["n_excluded"].tolist()[2] == names.groups["n_images"].tolist()[2]
    assert names.classes.set_index("name").loc["chert", "reason"] == "contaminated"


def test_a_classifier_predicts_the_others_and_new_images(own: RunFolder) -> None:
    groups = own.partition()[0]["group"]
    with Journal(own) as journal:
        for group, name in enumerate(NAMES):
            journal.assign(np.flatnonzero(groups == group)[:8], name)
    result = classify(own, name="first")
    assert (result.name, result.fold_column, result.n_predicted) == ("first", "id", N - 8 * K)
    assert result.probe.report_.accuracy == 1.0
    expected = np.array(NAMES)[groups].tolist()
    assert read_annotations(own).names.tolist() == expected
    assert predict(own, make_pixels()).table["class"].tolist() == expected


def test_an_audit(own: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing of own was audited"):
        audit_result(own)
    name_groups(own, dict(enumerate(NAMES)))
    sheet = draw_audit_sheet(own, tmp_path / "audit.csv", per_class=5)
    assert (sheet.n_images, sheet.classes) == (15, list(NAMES))
    assert sheet.page.is_file()
    table = pd.read_csv(sheet.table, dtype=str)
    table["true"] = "quartz"
    table.loc[0, "true"] = ""
    table.to_csv(sheet.table, index=False)
    assert record_audit_sheet(own, sheet.table) == 1
    result = audit_result(own)
    assert result.n_audited == 14
    assert result.n_right <= 5
    assert set(result.shares["class"]) == set(NAMES)


def test_groups_are_pooled_and_grouped_again(own: RunFolder) -> None:
    new = recluster(own, [0, 1], 2)
    assert (new.name, new.base) == ("recluster-1", "brightness")
    assert set(new.group_sizes) == {3, 4}
    assert own.partition()[1]["name"] == "recluster-1"
    refit = recluster(own, [3, 4], 2, name="refit", partition="recluster-1", refit=True)
    assert set(refit.group_sizes) == {5, 6}


def test_refining_keeps_the_numbers_of_the_groups(own: RunFolder) -> None:
    new = refine(own, name="refined")
    assert new.name == "refined"
    assert sum(new.group_sizes.values()) == N
    assert set(new.group_sizes) <= set(range(K))


def test_measures_with_and_without_labels(run: RunFolder) -> None:
    measures = evaluate(run)
    assert measures["partition"] == "brightness"
    assert measures["accuracy"] == 1.0
    assert evaluate(run, "label")["nmi"] == 1.0
    with pytest.raises(InputError, match="neither a file nor a column"):
        evaluate(run, "tray")


def test_export(run: RunFolder, tmp_path: Path) -> None:
    path = export(run, "csv", tmp_path / "groups.csv", groups=[0])
    assert set(pd.read_csv(path)["group"]) == {0}
    with pytest.raises(InputError, match="takes the model whole: leave out --groups"):
        export(run, "onnx", tmp_path / "model.onnx", groups=[0])
