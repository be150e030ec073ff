from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import ROLES, Action, Journal, read_annotations
from facies.errors import InputError
from facies.runs import RunFolder, partition_table


def members(run: RunFolder, group: int) -> np.ndarray:
    return np.flatnonzero(run.partition()[0]["group"] == group)


def test_a_run_without_a_journal_has_empty_decisions_and_reading_makes_no_file(run: RunFolder) -> None:
    annotations = read_annotations(run)
    assert len(annotations) == len(run)
    assert set(annotations.names) == {""}
    assert not annotations.states.any()
    assert annotations.counts().empty
    assert annotations.audits.columns.tolist() == ["row", "assigned", "true", "time", "user"]
    with Journal(run) as journal:
        assert journal.revision == 0
        assert journal.annotations().classes.columns.tolist()[:2] == ["id", "name"]
    assert not (run.path / "journal.sqlite").exists()


def test_the_members_of_a_named_group_get_the_class_and_it_is_there_after_reopening(run: RunFolder) -> None:
    with Journal(run, user="Ada") as journal:
        action = journal.name_group(1, "quartz")
    assert (action.id, action.user, action.kind, action.partition) == (1, "Ada", "name", run.partition()[1]["name"])
    np.testing.assert_array_equal(action.rows, members(run, 1))
    annotations = read_annotations(run)
    np.testing.assert_array_equal(np.flatnonzero(annotations.names == "quartz"), members(run, 1))
    assert set(annotations.states[members(run, 1)]) == {2}
    assert annotations.counts().to_dict() == {"quartz": len(members(run, 1))}


def test_several_groups_roles_and_exclusions_are_one_action(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.name_groups(
            {0: "quartz", 1: "foraminifera"},
            roles={"quartz": "terrigenous", "foraminifera": ["whole", "biogenic"]},
            excluded_groups={2: "cut by the border"},
            excluded_classes={"quartz": "counted elsewhere"},
        )
        annotations = journal.annotations()
        assert journal.revision == 1
        assert annotations.classes["roles"].tolist() == [["terrigenous"], ["biogenic", "whole"]]
        assert annotations.classes["excluded"].tolist() == [True, False]
        assert set(annotations.reasons[members(run, 2)]) == {"cut by the border"}
        assert set(annotations.reasons[members(run, 0)]) == {"counted elsewhere"}
        assert set(annotations.states[members(run, 0)]) == {4}
        assert annotations.counts().to_dict() == {"quartz": 0, "foraminifera": len(members(run, 1))}
        journal.undo()
        assert journal.annotations().classes.empty
        assert not journal.annotations().states.any()


def test_an_unknown_group_is_named_with_its_nearest_and_nothing_is_applied(run: RunFolder) -> None:
    with Journal(run) as journal:
        with pytest.raises(InputError, match=r"no group 40 \(nearest: 2\), 77 \(nearest: 2\)"):
            journal.name_groups({1: "quartz", 40: "foraminifera", 77: "x"})
        assert journal.revision == 0
        assert journal.annotations().classes.empty


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("x" * 10_000, "10,000 characters"),
        ("a\nb", "invisible character"),
        ("a\u202eb", "invisible character"),
        ("a\ud800", "invisible character"),
        (7, "is a text"),
    ],
)
def test_names_that_cannot_be_used_are_refused(run: RunFolder, name: str, words: str) -> None:
    with Journal(run) as journal:
        with pytest.raises(InputError, match=words):
            journal.name_group(1, name)
        assert journal.revision == 0


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "'; DROP TABLE action; --", "=1+1", "砂粒", "foram\u0301"]
)
def test_odd_names_stay_text(run: RunFolder, name: str) -> None:
    with Journal(run) as journal:
        journal.name_group(1, name)
    assert read_annotations(run).counts().iloc[0] == len(members(run, 1))


def test_a_name_is_one_class_whatever_its_capitals_and_form(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([1], "Café")
        journal.assign([2], " cafe\u0301 ")
        assert journal.annotations().classes["name"].tolist() == ["Café"]


def test_excluded_images_keep_their_class_and_come_back_with_it(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([3, 4], "quartz")
        journal.exclude([4, 5], "blurred")
        journal.name_group(2, "chert")
        annotations = journal.annotations()
        assert annotations.states[[3, 4, 5]].tolist() == [2, 4, 4]
        assert annotations.reasons[[3, 4, 5]].tolist() == ["", "blurred", "blurred"]
        journal.include([4])
        assert journal.annotations().states[4] == 2
        assert journal.annotations().names[4] == "quartz"


def test_dubious_images_are_not_counted_until_validated(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([1, 2], "quartz")
        journal.dubious([2])
        assert journal.annotations().counts()["quartz"] == 1
        action = journal.validate([2, 3])
        assert action.rows.tolist() == [2]
        assert journal.annotations().counts()["quartz"] == 2
        with pytest.raises(InputError, match="none of these images has a class"):
            journal.validate([3])


def test_a_classifier_does_not_touch_what_the_expert_has_judged(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([0], "quartz")
        journal.assign([1], "quartz", "dubious")
        n = len(run)
        action = journal.classify(np.arange(n), ["chert"], np.zeros(n, int), np.full(n, 0.75))
        assert action is not None
        annotations = journal.annotations()
        assert annotations.states[:3].tolist() == [2, 3, 1]
        assert annotations.names[:3].tolist() == ["quartz", "quartz", "chert"]
        assert annotations.confidence[2] == 0.75
        assert journal.classify([0, 1], ["chert"], [0, 0], [1.0, 1.0]) is None


def test_classes_can_be_renamed_and_keep_their_images_and_number(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([1], "quarz")
        journal.set_class("quarz", rename="quartz", colour="#FF0000", key="q", role="terrigenous")
        journal.assign([2], "chert")
        journal.set_class("chert", key="q")
        annotations = journal.annotations()
        assert annotations.classes["name"].tolist() == ["quartz", "chert"]
        assert annotations.classes["key"].tolist() == ["", "q"]
        assert annotations.classes["colour"].tolist() == ["#ff0000", ""]
        assert annotations.names[1] == "quartz"
        with pytest.raises(InputError, match="already"):
            journal.set_class("chert", rename="Quartz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": "biogenous"}, "did you mean 'biogenic'"),
        ({"role": ["whole", "fragment"]}, "cannot be both whole and fragment"),
        ({"colour": "red"}, "#rrggbb"),
        ({"key": "ab"}, "one letter or digit"),
    ],
)
def test_class_facts_that_cannot_be_used_are_refused(run: RunFolder, change: dict, words: str) -> None:
    with Journal(run) as journal:
        with pytest.raises(InputError, match=words):
            journal.set_class("quartz", **change)
        assert journal.revision == 0


def test_every_role_can_be_given_and_taken_away(run: RunFolder) -> None:
    with Journal(run) as journal:
        for role in ROLES:
            journal.set_class(role, role=role)
        assert journal.annotations().classes["roles"].tolist() == [[role] for role in ROLES]
        journal.set_class("lithic", role=[])
        assert journal.annotations().classes["roles"].tolist()[-1] == []


def test_merging_and_splitting_never_reuse_a_number_not_even_after_undo(run: RunFolder) -> None:
    with Journal(run) as journal:
        merged = journal.merge([0, 1])
        assert set(merged.after["group"]) == {3}
        journal.undo()
        again = journal.merge([0, 2])
        assert set(again.after["group"]) == {4}
        split = journal.split(members(run, 1)[:3])
        assert set(split.after["group"]) == {5}
        assert set(np.unique(journal.groups())) == {-1, 1, 4, 5}
    with Journal(run) as journal:
        assert set(journal.merge([1, 5]).after["group"]) == {6}


def test_parts_of_a_reclustering_get_the_next_numbers_and_noise_stays_noise(run: RunFolder) -> None:
    rows = members(run, 0)
    labels = np.arange(len(rows)) % 3 - 1
    with Journal(run) as journal:
        action = journal.recluster(rows[::-1], labels[::-1], parameters={"method": "k-means"})
        np.testing.assert_array_equal(action.rows, rows)
        np.testing.assert_array_equal(action.after["group"], np.where(labels < 0, -1, labels + 3))
        assert action.parameters["method"] == "k-means"


def test_validated_members_vote_for_the_class_of_a_new_group(run: RunFolder) -> None:
    rows = members(run, 0)
    with Journal(run) as journal:
        journal.assign(rows[:3], "quartz")
        journal.assign(rows[3:4], "chert")
        journal.assign(rows[4:5], "chert", "dubious")
        journal.recluster(rows, np.zeros(len(rows), int))
        annotations = journal.annotations()
        assert annotations.names[rows[:5]].tolist() == ["quartz"] * 3 + ["chert"] * 2
        assert set(annotations.names[rows[5:]]) == {"quartz"}
        assert set(annotations.states[rows[5:]]) == {1}
        assert set(annotations.confidence[rows[5:]].tolist()) == {0.75}
        journal.undo()
        assert set(journal.annotations().names[rows[5:]]) == {""}


def test_equal_votes_name_nothing(run: RunFolder) -> None:
    rows = members(run, 0)
    with Journal(run) as journal:
        journal.assign(rows[:1], "quartz")
        journal.assign(rows[1:2], "chert")
        journal.split(rows)
        assert set(journal.annotations().names[rows[2:]]) == {""}


def test_an_added_partition_becomes_the_one_whose_groups_are_named(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.name_group(0, "quartz")
        table = partition_table(run.images["id"], np.arange(len(run)) % 2, run.embedding)
        run.add_partition("two", table, {})
        journal.name_group(1, "odd")
        assert journal.annotations().counts()["odd"] == len(run) // 2
        with pytest.raises(InputError, match="no partition 'three'"):
            journal.name_group(1, "odd", "three")


def test_a_partition_made_elsewhere_takes_its_names_by_votes(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([1, 3], "odd")
        journal.assign([0], "even")
        journal.dubious([5])
        table = partition_table(run.images["id"], np.arange(len(run)) % 2, run.embedding)
        run.add_partition("two", table, {})
        action = journal.vote()
        assert action is not None
        assert action.partition == "two"
        assert journal.annotations().names.tolist() == ["even", "odd", "even", "odd", "even", ""] + ["even", "odd"] * 27
        assert journal.vote() is None


def test_an_audit_is_kept_beside_the_classes(run: RunFolder) -> None:
    with Journal(run, user="Ada") as journal:
        journal.assign([1, 2, 3], "quartz")
        journal.record_audit([3, 1], ["chert", "quartz"])
        journal.assign([3], "chert")
        audits = journal.annotations().audits
        assert audits[["row", "assigned", "true", "user"]].to_numpy(object).tolist() == [
            [1, "quartz", "quartz", "Ada"],
            [3, "quartz", "chert", "Ada"],
        ]
    assert read_annotations(run).audits["true"].tolist() == ["quartz", "chert"]
    with Journal(run) as journal:
        journal.undo()
        journal.undo()
        assert journal.annotations().audits.empty


def test_rejections_and_notes_are_kept_and_undone(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([1], "quartz")
        journal.reject([5, 6], "Quartz")
        journal.note("the light was low", [2, 3])
        annotations = journal.annotations()
        assert annotations.rejections.to_numpy(object).tolist() == [[5, "quartz"], [6, "quartz"]]
        assert annotations.notes["text"].tolist() == ["the light was low"]
        assert annotations.notes["rows"][0].tolist() == [2, 3]
        with pytest.raises(InputError, match="did you mean 'quartz'"):
            journal.reject([5], "quarts")
        journal.undo()
        journal.undo()
        assert journal.annotations().rejections.empty


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no images"),
        ([60], "no image 60"),
        ([-1], "no image -1"),
        ([0.5], "whole numbers"),
        (np.ones(59, bool), "60 entries"),
        ([[1, 2]], "no images"),
    ],
)
def test_rows_that_are_not_there_are_refused(run: RunFolder, rows: object, words: str) -> None:
    with Journal(run) as journal, pytest.raises(InputError, match=words):
        journal.exclude(rows, "cut")


def test_a_selection_may_be_a_mask_and_hold_an_image_twice(run: RunFolder) -> None:
    mask = np.zeros(len(run), bool)
    mask[[5, 9]] = True
    with Journal(run) as journal:
        assert journal.exclude(mask, "cut").rows.tolist() == [5, 9]
        assert journal.exclude([9, 5, 9], "cut").rows.tolist() == [5, 9]
        with pytest.raises(InputError, match="given twice"):
            journal.record_audit([5, 5], ["a", "b"])


def test_watchers_hear_of_each_action_once_and_of_those_of_others(run: RunFolder) -> None:
    heard: list[Action] = []
    with Journal(run, user="Ada") as one, Journal(run, user="Bo") as two:
        end = one.subscribe(heard.append)
        one.assign([1], "quartz")
        two.assign([2], "chert")
        assert [action.user for action in one.refresh()] == ["Bo"]
        one.undo("Ada")
        assert [(a.user, a.kind) for a in heard] == [("Ada", "assign"), ("Bo", "assign"), ("Ada", "undo")]
        end()
        one.redo("Ada")
        assert len(heard) == 3
        assert two.annotations().names[[1, 2]].tolist() == ["quartz", "chert"]
        assert [action.kind for action in two.actions()] == ["assign", "assign", "undo", "redo"]


def test_nothing_to_undo_and_nothing_to_do_again_is_said(run: RunFolder) -> None:
    with Journal(run) as journal:
        assert journal.undo() is None
        journal.assign([1], "quartz")
        assert journal.redo() is None
        assert journal.undo("somebody else") is None


def test_tables_have_the_types_that_reports_build_on(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.assign([1], "quartz")
        annotations = journal.annotations()
    assert annotations.codes.dtype == np.uint16
    assert annotations.states.dtype == np.uint8
    assert annotations.names.shape == annotations.reasons.shape == (len(run),)
    assert annotations.state_names[:2].tolist() == ["none", "validated"]
    assert isinstance(annotations.classes, pd.DataFrame)
    assert annotations.classes["excluded"].dtype == bool


def test_the_run_may_be_given_by_its_path(run: RunFolder, tmp_path: Path) -> None:
    with Journal(str(run.path)) as journal:
        journal.assign([1], "quartz")
    assert (run.path / "journal.sqlite").is_file()
    assert not list(run.path.glob("journal.sqlite-*"))
    RunFolder(run.path)  # the run is whole still
