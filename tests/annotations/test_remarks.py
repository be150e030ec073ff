from __future__ import annotations

import json
import sqlite3

import pytest

from facies.annotations import Journal, read_annotations
from facies.annotations.sqlite_store import _checksum
from facies.errors import InputError
from facies.runs import RunFolder


def test_notes_are_there_after_reopening_and_undone(run: RunFolder) -> None:
    with Journal(run, user="Ada") as journal:
        journal.note("a second chamber, broken", [3])
        journal.note("look again", [3, 4], user="Bo")
        notes = read_annotations(run).notes
        assert notes["user"].tolist() == ["Ada", "Bo"]
        assert notes["id"].tolist() == [1, 2]
        day = notes["time"][0][:10]
        texts = read_annotations(run).note_texts
        assert texts[3] == f"a second chamber, broken (Ada, {day}) | look again (Bo, {day})"
        assert (texts[4], texts[5]) == (f"look again (Bo, {day})", "")
        journal.revert(1)
        assert read_annotations(run).notes["text"].tolist() == ["look again"]
        journal.redo()
        assert len(read_annotations(run).notes) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * 501, "at most 500"),
        ("a\u200fb", "invisible character"),
        ("\u200b", "invisible"),
        ("a\nb", "invisible character"),
        ("a\x00b", "invisible character"),
        ("", "empty"),
        (7, "is a text"),
    ],
)
def test_notes_that_nobody_could_read_are_refused(run: RunFolder, text: str, words: str) -> None:
    with Journal(run) as journal, pytest.raises(InputError, match=words):
        journal.note(text, [0])


def test_a_ratio_is_defined_anew_removed_and_undone(run: RunFolder) -> None:
    with Journal(run) as journal:
        for name in ("planktic", "benthic", "quartz"):
            journal.set_class(name)
        journal.set_class("G. ruber", parent="planktic")
        journal.define_ratio("P/B", ["planktic"], ["benthic"])
        journal.define_ratio("p/b", ["planktic"], ["benthic", "quartz"])
        table = read_annotations(run).ratios
        assert table.to_numpy().tolist() == [["p/b", ["planktic"], ["benthic", "quartz"], []]]
        journal.undo()
        assert read_annotations(run).ratios["denominator"].tolist() == [["benthic"]]
        journal.set_class("planktic", rename="plankton")
        assert read_annotations(run).ratios["numerator"].tolist() == [["plankton"]]
        journal.merge_classes(["benthic"], into="quartz")
        assert read_annotations(run).ratios["gone"].tolist() == [["benthic"]]
        journal.remove_ratio("P/B")
        assert read_annotations(run).ratios.empty
        with pytest.raises(InputError, match="no ratio"):
            journal.remove_ratio("P/B")
        journal.undo()
        assert len(read_annotations(run).ratios) == 1


def test_ratios_that_mean_nothing_are_refused(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.set_class("planktic")
        journal.set_class("G. ruber", parent="planktic")
        revision = journal.revision
        with pytest.raises(InputError, match=r"counts 'G\. ruber' over and under"):
            journal.define_ratio("r", ["planktic"], ["G. ruber"])
        with pytest.raises(InputError, match="give both"):
            journal.define_ratio("r", ["planktic"], [])
        with pytest.raises(InputError, match="there is no class"):
            journal.define_ratio("r", ["planktic"], ["xyz"])
        with pytest.raises(InputError, match="empty"):
            journal.define_ratio(" ", ["planktic"], ["G. ruber"])
        assert journal.revision == revision


def test_a_pair_that_is_no_duplicate_is_remembered(run: RunFolder) -> None:
    with Journal(run) as journal:
        journal.set_distinct([5, 2])
        assert read_annotations(run).distinct.tolist() == [[2, 5]]
        journal.undo()
        assert read_annotations(run).distinct.shape == (0, 2)
        with pytest.raises(InputError, match="in pairs"):
            journal.set_distinct([1, 2, 3])


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("note", {"text": "a\u202eb"}),
        ("note", {"text": "x" * 10_000}),
        ("note", {}),
        ("ratio", {"name": "r", "numerator": 7, "denominator": [1]}),
        ("ratio", {"name": "r", "numerator": ["x"], "denominator": [1]}),
        ("distinct", {}),
    ],
)
def test_remarks_that_a_stranger_wrote_are_named_as_damage(run: RunFolder, kind: str, parameters: dict) -> None:
    with Journal(run) as journal:
        journal.note("fine", [0])
    with sqlite3.connect(run.path / "journal.sqlite") as connection:
        columns = "id, time, user, kind, partition, rows, before, after, parameters, undoes"
        row = list(connection.execute(f"SELECT {columns} FROM action").fetchone())
        row[3], row[8] = kind, json.dumps(parameters)
        connection.execute(
            "UPDATE action SET kind = ?, parameters = ?, checksum = ?", (row[3], row[8], _checksum(tuple(row)))
        )
    with pytest.raises(InputError, match="damaged"):
        Journal(run)
