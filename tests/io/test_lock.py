from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from facies.io import LockedError, lock_run

_HOLDER = """
import sys
from facies.io import lock_run
with lock_run(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def start(run: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _HOLDER, str(run)]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_each_refusal_names_the_holder_and_the_lock_goes_with_it(tmp_path: Path) -> None:
    process = start(tmp_path / "run")
    for _ in range(2):
        with pytest.raises(LockedError, match=rf"{tmp_path}/run is being written by another process") as caught:
            lock_run(tmp_path / "run").__enter__()
        assert caught.value.holder == str(process.pid)
    process.communicate("")
    assert list(tmp_path.iterdir()) == []
    with lock_run(tmp_path / "run"):
        assert (tmp_path / ".run.lock").read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    process = start(tmp_path / "run")
    process.kill()
    process.communicate()
    with lock_run(tmp_path / "run"):
        assert (tmp_path / ".run.lock").read_text() == f"{os.getpid()}\n"


def test_other_threads_of_the_holder_may_lock_too(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                with lock_run(tmp_path / "run"):
                    assert (tmp_path / ".run.lock").exists()
        except BaseException as error:
            failed.append(error)

    for nested in (True, False):
        with lock_run(tmp_path / "run") if nested else contextlib.nullcontext():
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert (tmp_path / ".run.lock").exists() == nested
    assert failed == []
    assert list(tmp_path.iterdir()) == []
