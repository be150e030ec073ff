"""How commands end."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from facies.errors import FaciesWarning
from tests.cli.factories import call, error_line
from tests.workflows.factories import Brightness


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Brightness, "check", check)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("oh\nno"), 1, "RuntimeError: oh no: this is a fault of Facies; run again with --debug"),
        (OSError(errno.EIO, "Input/output error"), 1, "OSError"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 2, "the disk is full"),
        (MemoryError(), 2, "not enough memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), 2, "CUDA out of memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_one_line_and_a_code(
    error: BaseException, code: int, words: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(error, monkeypatch)
    result = call("cluster", source, "-o", tmp_path / "run", "--method", "brightness")
    assert result.exit_code == code
    assert words in error_line(result)
    assert {path.name for path in tmp_path.iterdir()} == {"images.npz"}


def test_debug_shows_where_it_came_from(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(RuntimeError("oh no"), monkeypatch)
    result = call("cluster", source, "-o", tmp_path / "run", "--method", "brightness", "--debug")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "run again" not in result.stderr
    assert result.stderr.splitlines()[-1] == "facies: RuntimeError: oh no: this is a fault of Facies"


def test_debug_of_the_users_fault(tmp_path: Path) -> None:
    result = call("evaluate", tmp_path / "nowhere", "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("facies: ")


def test_our_warnings_are_lines_and_others_are_not_seen(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: Any) -> None:
        warnings.warn("left something out", FaciesWarning, stacklevel=1)
        warnings.warn("numba has an opinion", UserWarning, stacklevel=1)

    monkeypatch.setattr(Brightness, "check", check)
    result = call("cluster", source, "-o", tmp_path / "run", "--method", "brightness")
    assert result.exit_code == 0
    assert "facies: note: left something out" in result.stderr.splitlines()
    assert "opinion" not in result.stderr


@pytest.mark.parametrize("command", [("presets", "--json"), ("doctor",)])
def test_a_reader_that_goes_away_is_no_error(command: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "facies.cli", *command],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 141


def test_names_that_are_no_text_are_escaped(run_path: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    command = [sys.executable, "-m", "facies.cli", "export", run_path, "--to", "csv", "-o", name]
    result = subprocess.run(command, capture_output=True, check=True, text=True)
    assert r"caf\udce9.csv" in result.stdout
    assert Path(os.fsdecode(name)).is_file()
