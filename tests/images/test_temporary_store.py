from __future__ import annotations

import errno
import gc
import os
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.errors import InputError
from facies.images import temporary_store
from facies.images.axes import AxisOrder
from facies.images.sources import source_from_temporary
from facies.images.temporary_store import TemporaryArray, TemporaryFile


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_file_goes_when_the_last_holder_goes(temporary_folder: Path) -> None:
    store = TemporaryArray.allocate((4, 8, 8), np.dtype(np.uint8), in_memory_below=0)
    store.array[:] = 7
    source = source_from_temporary(store, AxisOrder.GREY)
    del store
    gc.collect()
    assert (source.read(np.arange(4)) == 7).all()
    assert len(list(temporary_folder.iterdir())) == 1
    del source
    gc.collect()
    assert not list(temporary_folder.iterdir())


def test_a_forked_child_does_not_remove_the_file(temporary_folder: Path) -> None:
    file = TemporaryFile(10)
    temporary_store._remove(file.path, os.getpid() + 1)
    assert file.path.exists()


def test_small_arrays_stay_in_memory(temporary_folder: Path) -> None:
    assert TemporaryArray.allocate((4, 8, 8), np.dtype(np.uint8)).file is None
    assert not list(temporary_folder.iterdir())


def test_filling_goes_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_store, "BYTES_PER_BLOCK", 3 * 4 * 4)
    whole = np.arange(8 * 4 * 4, dtype=np.uint8).reshape(8, 4, 4)
    asked = []

    def read(start: int, stop: int) -> Any:
        asked.append((start, stop))
        return whole[start:stop]

    np.testing.assert_array_equal(TemporaryArray.from_blocks(read, whole.shape, whole.dtype).array, whole)
    assert asked == [(0, 3), (3, 6), (6, 8)]


def test_a_disk_too_small_is_said_beforehand(monkeypatch: pytest.MonkeyPatch, temporary_folder: Path) -> None:
    usage = namedtuple("usage", "total used free")(10, 5, 5)
    monkeypatch.setattr(temporary_store.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"need 2\.00 GB .* set TMPDIR"):
        TemporaryFile(2 * 10**9)
    gc.collect()
    assert not list(temporary_folder.iterdir())


def test_a_disk_that_fills_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match="set TMPDIR"):
        TemporaryFile(100)


def test_file_systems_without_reservation_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    assert TemporaryFile(100).path.stat().st_size == 100


def test_a_temporary_folder_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="cannot write to the temporary folder"):
        TemporaryFile(100)
