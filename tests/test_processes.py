"""Processes that work together end together, and one that fails is named in one line."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facies import processes
from facies.errors import InputError
from facies.processes import run_together


def test_a_process_that_raises_is_told_in_one_line():
    with pytest.raises(RuntimeError, match=r"^process 2 of 2: KeyError: 'what'") as caught:
        run_together(2, raise_in_the_second)
    assert "in raise_in_the_second" in "".join(caught.value.__notes__)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("kill", "process 2 of 2 was ended by SIGKILL, often for want of memory: set a smaller training.batch_size"),
        ("terminate", "process 2 of 2 was ended by SIGTERM"),
        (
            "leave",
            "process 2 of 2 ended before it began .exit code 3.: in a script, put what it does under `if __name__",
        ),
        ("memory", "process 2 of 2 had not enough memory .MemoryError.: set a smaller training.batch_size"),
        ("input", "^the images are no images$"),
    ],
)
def test_how_a_process_fails(how, line, monkeypatch, capfd):
    """The first, who waits for the second through the group, is ended too, and nobody but the error says anything."""
    monkeypatch.setattr(processes, "GRACE_S", 0.5)
    with pytest.raises(InputError, match=line) as caught:
        run_together(2, functools.partial(fail, how))
    assert "\n" not in str(caught.value)
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().err == ""


def test_work_that_cannot_be_sent():
    with pytest.raises(InputError, match=r"cannot be sent to other processes .*: use hardware\.devices=1"):
        run_together(2, lambda rank: None)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_one_that_started_them(number, tmp_path):
    # A shell starts what runs in its background with SIGINT ignored, and the tests may run there.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from tests.test_processes import wait_in_two; wait_in_two({str(tmp_path)!r})"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(list(tmp_path.iterdir())) < 2 and parent.poll() is None:
        time.sleep(0.02)
    children = [int(path.name) for path in tmp_path.iterdir()]
    # As a terminal does for Ctrl-C: to all of the group.
    os.killpg(parent.pid, number) if number == signal.SIGINT else parent.send_signal(number)
    said = parent.communicate(timeout=60)[1]
    assert len(children) == 2
    assert said.count("Traceback") == (number == signal.SIGINT)  # of the one that started them alone
    deadline = time.monotonic() + 30
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, children))


def raise_in_the_second(rank):
    if rank == 1:
        raise KeyError("what")


def fail(how, rank):
    if rank == 0:
        time.sleep(60)
    elif how in ("kill", "terminate"):
        os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGTERM)
        time.sleep(60)
    elif how == "leave":
        os._exit(3)
    raise MemoryError if how == "memory" else InputError("the images are no images")


def wait_in_two(folder):
    run_together(2, functools.partial(wait, folder))


def wait(folder, rank):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
