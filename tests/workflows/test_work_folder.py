from __future__ import annotations

from pathlib import Path

import pytest

from facies.errors import InputError
from facies.workflows.work_folder import UnfinishedFit, WorkFolder, parameter_differences

FIT = UnfinishedFit(facies="1.0", method="a", parameters={"epochs": 3, "size": None}, fingerprint="f", n_images=10)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "run")
    assert work.read() is None
    work.begin(FIT)
    assert WorkFolder(tmp_path / "run").read() == FIT
    assert work.path == tmp_path / ".run.work"


def test_begin_forgets_what_was_there(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "run")
    work.begin(FIT)
    (work.path / "01-stage.safetensors").write_bytes(b"old")
    work.begin(FIT)
    assert [path.name for path in work.path.iterdir()] == ["fit.json"]
    work.remove()
    work.remove()
    assert list(tmp_path.iterdir()) == []


def test_only_a_folder_without_finished_stages_is_removed(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "run")
    work.remove_if_no_stage_is_finished()
    work.begin(FIT)
    (work.path / "01-stage.safetensors").write_bytes(b"found")
    work.remove_if_no_stage_is_finished()
    assert work.read() == FIT
    (work.path / "01-stage.safetensors").unlink()
    work.remove_if_no_stage_is_finished()
    assert not work.path.exists()


def test_two_fits_have_names_of_their_own() -> None:
    other = UnfinishedFit(facies="1.0", method="a", parameters={}, fingerprint="f", n_images=10)
    assert other.id != FIT.id


def test_differences() -> None:
    same = UnfinishedFit(
        facies="1.0", method="a", parameters={"epochs": 3, "size": None}, fingerprint="f", n_images=10, replaces=True
    )
    assert FIT.differences(same) == []
    other = UnfinishedFit(facies="1.1", method="b", parameters={}, fingerprint="g", n_images=10)
    assert FIT.differences(other) == [
        "it was begun by facies 1.0, and this is 1.1",
        "it was begun with --method a, not b",
        "the images are no longer the same",
    ]
    assert parameter_differences({"a": None, "b": 1, "c": "x"}, {"b": 2, "c": "x", "d": []}) == [
        "a was null, is unknown",
        "b was 1, is 2",
        "d was unknown, is []",
    ]


def test_a_place_where_nothing_may_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        WorkFolder(tmp_path / "file" / "run").begin(FIT)


def test_unreadable_description(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "run")
    work.begin(FIT)
    (work.path / "fit.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="--overwrite begins anew"):
        work.read()
