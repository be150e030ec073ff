"""A writer that is killed leaves the whole run or none, at whatever moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facies.errors import InputError
from facies.io import lock_run
from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images

_WRITER = """
import sys
from pathlib import Path
from facies.images import open_images
from facies.runs import write_run
from tests.runs.factories import make_contents
source, output = sys.argv[1:]
contents = make_contents(open_images(source))
print("ready", flush=True)
while True:
    write_run(output, contents, overwrite=Path(output).exists())
    print("written", flush=True)
"""

_HOLDER = """
import sys, time
from facies.io import lock_run
with lock_run(sys.argv[1]):
    print("held", flush=True)
    """


def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_kill_at_random_moments(tmp_path: Path) -> None:
    images = make_images(tmp_path)
    chance = random.Random(0)
    seen_none = seen_whole = 0
    for attempt in range(6):
        output = tmp_path / f"run {attempt}"
        process = start(_WRITER, tmp_path / "images.npz", output)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # The even attempts are killed within the first writing, the odd ones within a later one, which overwrites.
        if attempt % 2:
            assert process.stdout.readline() == "written\n"
        time.sleep(chance.uniform(0, 0.08) if attempt > 1 else 0)
        kill(process)
        if output.exists():
            run = RunFolder(output)
            assert run.partition()[1]["n_groups"] == 3
            assert run.thumbnails.image(59).size == (60, 60)
            assert run.embedding.shape == (60, 4)
            seen_whole += 1
        else:
            seen_none += 1
        # Whatever was left behind, the next writer is not in its way.
        write_run(output, make_contents(images), overwrite=True)
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert seen_whole >= 1
    assert seen_none >= 1


def test_a_run_is_locked_against_another_process_and_falls_free_with_it(tmp_path: Path) -> None:
    code = _HOLDER + "time.sleep(60)"
    process = start(code, tmp_path / "run")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    images = make_images(tmp_path)
    with pytest.raises(InputError, match=rf"being written by another process \(pid {process.pid}\)"):
        write_run(tmp_path / "run", make_contents(images))
    with lock_run(tmp_path / "another"):
        pass
    kill(process)
    assert (tmp_path / ".run.lock").exists()
    assert write_run(tmp_path / "run", make_contents(images)).path.exists()
    assert not (tmp_path / ".run.lock").exists()


def test_the_holder_may_lock_again_and_keeps_the_lock(tmp_path: Path) -> None:
    def other_output() -> str:
        process = start(_HOLDER, tmp_path / "run")
        return process.communicate()[0]

    with lock_run(tmp_path / "run"):
        with lock_run(tmp_path / "sub" / ".." / "run"):
            pass
        assert other_output() == ""
    assert other_output() == "held\n"


def test_the_lock_falls_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lock_run(tmp_path / "run"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
