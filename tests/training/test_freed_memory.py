"""Memory that is freed within a training stays with the process, and goes back to the system afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from facies.training import freed_memory
from facies.training.freed_memory import keep_freed_memory

BYTES = 2**27


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def use_and_free() -> int:
    """Write to much memory, free it, and say how much of it is still there."""
    before = resident()
    array = np.ones(BYTES // 8)
    assert resident() - before > BYTES // 2
    del array
    return resident() - before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other allocators")
def test_it_is_kept_within_and_given_back_at_the_end():
    if freed_memory._glibc() is None:
        pytest.skip("another C library than glibc")
    use_and_free()
    before = resident()
    assert use_and_free() < BYTES // 4
    with keep_freed_memory():
        assert use_and_free() > BYTES // 2
    assert resident() - before < BYTES // 4
    assert use_and_free() < BYTES // 4


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with keep_freed_memory():
        assert freed_memory._glibc() is None


@pytest.mark.parametrize(
    ("began_with", "chosen"),
    [
        (b"HOME=/root\0PATH=/bin\0", False),
        (b"HOME=/root\0MALLOC_TRIM_THRESHOLD_=100000\0", True),
        (b"GLIBC_TUNABLES=glibc.malloc.trim_threshold=100000\0", True),
        (b"GLIBC_TUNABLES=glibc.cpu.x86_ibt=on\0", False),
    ],
)
def test_what_a_user_has_set_stays(tmp_path, began_with, chosen):
    (tmp_path / "environ").write_bytes(began_with)
    assert freed_memory._is_chosen(tmp_path / "environ") is chosen


def test_what_others_put_into_the_environment_later_is_no_choice(monkeypatch):
    before = freed_memory._glibc()
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "100000")
    assert (freed_memory._glibc() is None) == (before is None)
