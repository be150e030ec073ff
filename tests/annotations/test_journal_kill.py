"""A process that writes is killed at any moment: what it acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from facies.annotations import Journal, read_annotations
from facies.runs import RunFolder

WRITER = """
import os, sys
import numpy as np
from facies.annotations import Journal

user, first, last = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with Journal(sys.argv[1], user=user) as journal:
    print("ready", flush=True)
    for number in range(first, last):
        rows = np.random.default_rng(number).choice(60, 1 + number % 40, replace=False)
        action = journal.assign(rows, f"class {number % 7}", parameters={"number": number})
        os.write(1, f"{action.id} {number}\\n".encode())
"""


def start(run: RunFolder, user: str, first: int, last: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(run.path), user, str(first), str(last)],
        stdout=subprocess.PIPE,
        env=environment,
    )


def expected(numbers: list[int]) -> list[str]:
    names = [""] * 60
    for number in numbers:
        for row in np.random.default_rng(number).choice(60, 1 + number % 40, replace=False):
            names[row] = f"class {number % 7}"
    return names


@pytest.mark.parametrize("seed", range(5))
def test_every_acknowledged_action_is_there_and_none_half(run: RunFolder, seed: int) -> None:
    wait = np.random.default_rng(seed).uniform(0.0, 0.4)
    with start(run, "Ada", 0, 100_000) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        acknowledged = [tuple(map(int, line.split())) for line in writer.stdout.read().splitlines()]
    with Journal(run) as journal:
        actions = list(journal.actions())
        assert [action.id for action in actions] == list(range(1, len(actions) + 1))
        kept = [action.parameters["number"] for action in actions]
        assert kept[: len(acknowledged)] == [number for _, number in acknowledged]
        assert len(kept) - len(acknowledged) in (0, 1)  # one may be on the disk and not yet acknowledged
        assert journal.annotations().names.tolist() == expected(kept)
        journal.assign([0], "after the kill")
    assert read_annotations(run).revision == len(actions) + 1


def test_two_processes_interleave_and_the_replay_is_what_both_see(run: RunFolder) -> None:
    with Journal(run, user="Cy") as watching:
        writers = [start(run, "Ada", 0, 120), start(run, "Bo", 120, 240)]
        while any(writer.poll() is None for writer in writers):
            watching.refresh()
            time.sleep(0.005)
        acknowledged = {}
        for user, writer in zip(("Ada", "Bo"), writers, strict=True):
            assert writer.stdout is not None
            acknowledged[user] = [tuple(map(int, line.split())) for line in writer.stdout.read().splitlines()[1:]]
            writer.stdout.close()
            assert writer.returncode == 0
        numbers = dict([*acknowledged["Ada"], *acknowledged["Bo"]])
        assert sorted(numbers) == list(range(1, 241))
        live = watching.annotations()
        assert live.revision == 240
        assert live.names.tolist() == expected([numbers[i] for i in range(1, 241)])
        assert {action.user for action in watching.actions()} == {"Ada", "Bo"}
    assert read_annotations(run).names.tolist() == live.names.tolist()


def test_the_file_is_made_once_by_processes_that_start_together(run: RunFolder, tmp_path: Path) -> None:
    writers = [start(run, f"user {k}", k * 5, k * 5 + 5) for k in range(3)]
    for writer in writers:
        out, _ = writer.communicate(timeout=120)
        assert writer.returncode == 0
        assert len(out.splitlines()) == 6
    assert read_annotations(run).revision == 15
    assert [path.name for path in run.path.glob("*journal*")] == ["journal.sqlite"]
