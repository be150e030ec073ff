from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from facies.annotations import Journal, read_annotations
from facies.errors import InputError
from facies.io import lock_run
from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def file(run: RunFolder) -> Path:
    """A journal of three actions."""
    with Journal(run, user="Ada") as journal:
        journal.name_group(1, "quartz")
        journal.assign(np.arange(0, 60, 2), "chert")
        journal.exclude([1, 5], "cut")
    return run.path / "journal.sqlite"


def change(file: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


def test_the_file_is_made_for_lasting(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        about = dict(connection.execute("SELECT name, value FROM about"))
        kinds = [kind for (kind,) in connection.execute("SELECT kind FROM action ORDER BY id")]
    assert about["format"] == "1"
    assert about["n_images"] == "60"
    assert kinds == ["name", "assign", "exclude"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE action SET rows = zeroblob(length(rows)) WHERE id = 2",
        "UPDATE action SET rows = substr(rows, 1, 5) WHERE id = 2",
        "UPDATE action SET after = x'00' WHERE id = 3",
        "UPDATE action SET parameters = '{}' WHERE id = 1",
        "UPDATE action SET user = 'Bo' WHERE id = 1",
        "DELETE FROM action WHERE id = 2",
        "DROP TABLE action",
    ],
)
def test_a_changed_row_is_found_and_the_file_left_as_it_is(run: RunFolder, file: Path, statement: str) -> None:
    change(file, statement)
    before = file.read_bytes()
    with pytest.raises(InputError, match="is damaged"):
        Journal(run)
    with pytest.raises(InputError, match="is damaged"):
        read_annotations(run)
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "header", "text"])
def test_a_damaged_file_is_refused_and_left_as_it_is(run: RunFolder, file: Path, damage: str) -> None:
    whole = file.read_bytes()
    noise = np.random.default_rng(0).bytes(len(whole) - 100)
    broken = {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "noise": whole[:100] + noise,
        "header": b"x" * 100 + whole[100:],
        "text": b"id,group\n",
    }[damage]
    file.write_bytes(broken)
    with pytest.raises(InputError, match=r"journal\.sqlite.* is damaged .*restore it"):
        Journal(run)
    assert file.read_bytes() == broken


def test_a_database_of_another_program_is_refused(run: RunFolder) -> None:
    change(run.path / "journal.sqlite", "CREATE TABLE about (name, value)")
    with pytest.raises(InputError, match="not a journal of Facies"):
        Journal(run)


def test_a_damaged_snapshot_is_found(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facies.annotations.action_log.ACTIONS_BETWEEN_SNAPSHOTS", 2)
    with Journal(run) as journal:
        journal.assign([1], "quartz")
        journal.assign([2], "quartz")
    change(run.path / "journal.sqlite", "UPDATE snapshot SET arrays = zeroblob(9)")
    with pytest.raises(InputError, match="its snapshot"):
        Journal(run)


def test_a_journal_of_another_format_is_refused(run: RunFolder, file: Path) -> None:
    change(file, "UPDATE about SET value = '99' WHERE name = 'format'")
    with pytest.raises(InputError, match="format '99', and this version of facies reads format 1"):
        Journal(run)


def test_a_journal_of_another_run_is_refused(run: RunFolder, file: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = write_run(tmp_path / "b" / "run", make_contents(make_images(tmp_path / "b", n=63)))
    (other.path / "journal.sqlite").write_bytes(file.read_bytes())
    with pytest.raises(InputError, match=r"belongs to another run \(of 60 images; this run has 63"):
        Journal(other)
    (tmp_path / "c").mkdir()
    alike = write_run(tmp_path / "c" / "run", make_contents(make_images(tmp_path / "c", seed=5)))
    (alike.path / "journal.sqlite").write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="other pixels"):
        read_annotations(alike)


def test_an_action_that_fails_halfway_leaves_nothing(run: RunFolder, file: Path) -> None:
    with Journal(run) as journal:
        before = journal.annotations()

        def fail_halfway() -> None:
            with journal._writing(None) as writer:
                writer.write("exclude", np.array([7]), {"reason": writer.reason_code("blurred")})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_halfway()
        assert journal.revision == before.revision == 3
        assert journal.annotations().reasons.tolist() == before.reasons.tolist()
        assert journal.exclude([8], "blurred").id == 4


def test_a_writer_that_never_ends_is_told_of(run: RunFolder, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facies.annotations.sqlite_store._WAIT_SECONDS", 0.2)
    with contextlib.closing(sqlite3.connect(file)) as other, Journal(run) as journal:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match=r"another process has been writing to it for 0\.2 s"):
            journal.assign([1], "x")
        assert journal.annotations().revision == 3  # readers are not kept waiting
        other.rollback()
        assert journal.assign([1], "x").id == 4


def test_a_full_disk_is_told_of_and_loses_nothing(run: RunFolder, file: Path) -> None:
    with Journal(run) as journal:
        connection = journal._store._connection
        assert connection is not None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        rng = np.random.default_rng(0)

        def fill() -> None:
            for _ in range(2000):
                journal.note("".join(rng.choice(list("abcdefghij"), 100)))

        with pytest.raises(InputError, match="the disk is full"):
            fill()
        kept = journal.revision
        connection.execute(f"PRAGMA max_page_count = {pages + 100}")
        assert journal.assign([1], "x").id == kept + 1
    assert read_annotations(run).revision == kept + 1


def test_the_lock_of_the_run_does_not_keep_the_expert_waiting(run: RunFolder) -> None:
    with lock_run(run.path), Journal(run) as journal:  # while a re-clustering adds a partition
        assert journal.assign([1], "quartz").id == 1


def test_a_run_with_decisions_is_not_overwritten(run: RunFolder, file: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    contents = make_contents(make_images(tmp_path / "b"))
    with pytest.raises(InputError, match=r"holds the decisions of an expert.*another output"):
        write_run(run.path, contents, overwrite=True)
    assert read_annotations(run).revision == 3
    file.unlink()
    assert len(write_run(run.path, contents, overwrite=True)) == 60
