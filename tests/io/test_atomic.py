"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facies.errors import InputError
from facies.io import atomic_file, atomic_folder, jsonable, user_errors, write_json_atomically


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_file_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with atomic_file(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write() -> None:
        with atomic_file(path) as temporary:
            temporary.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(InputError, match="already exists"):
        write()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_without_hard_links_nothing_is_replaced_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    write_json_atomically(tmp_path / "a.json", [1], overwrite=False)
    assert json.loads((tmp_path / "a.json").read_text()) == [1]
    with pytest.raises(InputError, match="already exists"):
        write_json_atomically(tmp_path / "a.json", [2], overwrite=False)


def test_a_folder_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder"

    def write() -> None:
        with atomic_folder(path) as temporary:
            (temporary / "mine").write_text("x")
            path.mkdir()
            (path / "theirs").write_text("x")

    with pytest.raises(InputError, match="already exists"):
        write()
    assert [p.name for p in path.iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [path]


def test_every_file_is_flushed_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        assert "folder" not in flushed
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "deep").write_text("x")
        (temporary / "top").write_text("x")
    assert {"deep", "sub", "top"} <= set(flushed)
    assert flushed[-1] == tmp_path.name


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError("4096 requested and 12 written"),
    ],
)
def test_a_full_disk_is_the_users_to_mend(tmp_path: Path, error: Exception) -> None:
    with (
        pytest.raises(InputError, match=rf"disk that holds {tmp_path} is full: name did not fit"),
        user_errors(tmp_path / "not yet" / "name"),
    ):
        raise error


def test_a_forbidden_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written .*Permission denied"), user_errors(tmp_path / "x"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), user_errors(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "No such file")


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(np.float32(0.5))


@given(st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_whatever_is_jsonable_is_json(value: object) -> None:
    plain = jsonable(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_numpy_paths_and_file_names_that_are_no_text(tmp_path: Path) -> None:
    value = {"a": np.arange(3), "b": np.int64(4), "c": Path("x/y"), "d": (1.5, float("inf")), "e": "ü\udcff"}
    write_json_atomically(tmp_path / "x.json", value)
    expected = {"a": [0, 1, 2], "b": 4, "c": "x/y", "d": [1.5, None], "e": "ü\udcff"}
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == expected
