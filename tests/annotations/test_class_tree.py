from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from facies.annotations import Journal, read_annotations
from facies.annotations.class_tree import MAX_DEPTH, class_parents, tree_order, with_all_below
from facies.errors import InputError
from facies.runs import RunFolder


def paths(run: RunFolder) -> list[str]:
    return read_annotations(run).classes["path"].tolist()


@pytest.fixture
def journal(run: RunFolder) -> Journal:
    journal = Journal(run, user="Ada")
    journal.set_class("foraminifera")
    journal.set_class("planktic", parent="foraminifera")
    journal.set_class("G. ruber", parent="Planktic")
    return journal


def test_a_class_has_a_path_which_undo_and_reopening_keep(journal: Journal, run: RunFolder) -> None:
    assert paths(run) == ["foraminifera", "foraminifera > planktic", "foraminifera > planktic > G. ruber"]
    journal.undo()
    assert paths(run) == ["foraminifera", "foraminifera > planktic"]
    journal.redo()
    journal.set_class("planktic", parent="")
    assert paths(run) == ["foraminifera", "planktic", "planktic > G. ruber"]
    journal.undo()
    assert paths(run)[2] == "foraminifera > planktic > G. ruber"
    assert read_annotations(run).subtrees["foraminifera"] == ["foraminifera", "planktic", "G. ruber"]


def test_the_tree_is_in_the_snapshot(journal: Journal, run: RunFolder) -> None:
    journal._store.write_snapshot(journal._state)
    assert paths(run)[2] == "foraminifera > planktic > G. ruber"


def test_circles_unknown_parents_and_towers_are_refused(journal: Journal) -> None:
    revision = journal.revision
    with pytest.raises(InputError, match=r"'foraminifera' cannot lie under 'G\. ruber', which lies under it"):
        journal.set_class("foraminifera", parent="G. ruber")
    with pytest.raises(InputError, match="cannot lie under"):
        journal.set_class("planktic", parent="planktic")
    with pytest.raises(InputError, match="did you mean 'planktic'"):
        journal.set_class("G. ruber", parent="plankticc")
    assert journal.revision == revision
    for level in range(MAX_DEPTH - 3):
        journal.set_class(f"level {level}", parent="G. ruber" if level == 0 else f"level {level - 1}")
    with pytest.raises(InputError, match="at most 20 levels"):
        journal.set_class("too deep", parent=f"level {MAX_DEPTH - 4}")
    journal.set_class("above all")
    with pytest.raises(InputError, match="at most 20 levels"):
        journal.set_class("foraminifera", parent="above all")


def test_a_circle_that_undoing_closes_is_opened_at_the_class_made_first(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.set_class("a")
        journal.set_class("b")
        journal.set_class("a", parent="b")
        back = journal.set_class("a", parent="")
        journal.set_class("b", parent="a")
        journal.revert(back.id)
        table = journal.annotations().classes
    assert dict(zip(table["name"], table["path"], strict=True)) == {"a": "a", "b": "a > b"}


def test_what_lies_under_a_class_that_is_merged_moves_with_it(journal: Journal, run: RunFolder) -> None:
    journal.set_class("benthic", parent="foraminifera")
    journal.merge_classes(["planktic"], into="benthic")
    assert paths(run)[1:] == ["foraminifera > benthic > G. ruber", "foraminifera > benthic"]
    journal.undo()
    journal.merge_classes(["planktic"], into="G. ruber")
    assert paths(run) == ["foraminifera", "foraminifera > G. ruber", "foraminifera > benthic"]
    journal.undo()
    journal.merge_classes(["foraminifera", "planktic"], into=None)
    assert paths(run) == ["G. ruber", "benthic"]


def test_a_journal_of_a_stranger_cannot_bend_the_tree() -> None:
    fields = {1: {"exists": True, "parent": 2}, 2: {"exists": True, "parent": 3}, 3: {"exists": True, "parent": 2}}
    assert class_parents(fields) == {1: 2, 2: 0, 3: 2}
    odd = [True, "1", 1.5, None, [1], 99, 4]
    assert set(
        class_parents({4: {"exists": True}, **{5 + i: {"exists": True, "parent": p} for i, p in enumerate(odd)}})
    ) == {
        4,
        *range(5, 12),
    }
    tower = class_parents({n: {"exists": True, "parent": n + 1} for n in range(1, 6001)})
    assert max(len(below) for below in with_all_below(tower).values()) <= MAX_DEPTH
    assert sorted(tree_order(tower)) == list(range(1, 6001))


def test_a_journal_of_before_the_tree_is_read(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.set_class("quartz")
        journal.name_group(0, "quartz")
    with sqlite3.connect(run.path / "journal.sqlite") as connection:
        said = [json.loads(text) for (text,) in connection.execute("SELECT parameters FROM action")]
    assert not any("parent" in fields for each in said for fields in each.get("classes", {}).values())
    table = read_annotations(run).classes
    assert table[["name", "parent", "path"]].to_numpy().tolist() == [["quartz", 0, "quartz"]]


def test_images_know_the_path_of_their_class(journal: Journal, run: RunFolder) -> None:
    journal.assign([1, 2], "G. ruber")
    found = read_annotations(run).paths
    assert set(found[[1, 2]]) == {"foraminifera > planktic > G. ruber"}
    assert set(np.delete(found, [1, 2])) == {""}


def test_kept_journals_have_a_flat_tree(tmp_path: Path) -> None:
    import shutil

    kept = Path(__file__).parents[1] / "kept_runs"
    runs = [path.parent for path in kept.rglob("journal.sqlite")]
    assert runs
    for number, path in enumerate(runs):
        table = read_annotations(RunFolder(shutil.copytree(path, tmp_path / str(number)))).classes
        assert table["path"].tolist() == table["name"].tolist()
