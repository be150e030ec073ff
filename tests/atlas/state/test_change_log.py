from __future__ import annotations

import threading

import numpy as np
import pytest

from facies.atlas.state import change_log as module
from facies.atlas.state.change_log import ChangeLog


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_what_changed_since_is_the_union() -> None:
    changes = ChangeLog(1000, 5)
    changes.add(6, rows(1, 2))
    changes.add(7, np.arange(100, 900))
    changes.add(8, rows(2, 999))
    assert changes.since(8).tolist() == []
    assert changes.since(7).tolist() == [2, 999]
    assert changes.since(6).tolist() == [2, *range(100, 900), 999]
    assert changes.since(5).tolist() == [1, 2, *range(100, 900), 999]


def test_before_the_beginning_nothing_is_known() -> None:
    changes = ChangeLog(10, 5)
    assert changes.since(4) is None
    assert changes.since(5).tolist() == []


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BYTES", 100)
    changes = ChangeLog(1000, 0)
    for number in range(1, 31):
        changes.add(number, rows(number))
    assert changes.since(0) is None
    assert changes.since(25).tolist() == [26, 27, 28, 29, 30]


def test_reading_and_adding_at_once() -> None:
    changes = ChangeLog(1000, 0)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while len(seen := changes.since(0)) < 999:
                assert seen.tolist() == list(range(1, len(seen) + 1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 1000):
        changes.add(number, rows(number))
    for thread in threads:
        thread.join()
    assert failures == []
