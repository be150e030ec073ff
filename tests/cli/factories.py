"""Ways to call the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from facies.cli import app


def call(*arguments: Any) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def error_line(result: Result) -> str:
    """The one line of an error: it is the last on standard error, and there is no traceback."""
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("facies: ")]
    assert lines, result.stderr
    assert result.stderr.splitlines()[-1] == lines[-1]
    return lines[-1].removeprefix("facies: ")


def entries(folder: Path) -> set[str]:
    """All that lies in a folder and below, hidden files too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def start(*arguments: Any) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    code = "from tests.workflows.factories import register; register(); from facies.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts() -> None:
    """Undo what a job in the background inherits: to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(happened: Any, process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Wait for something that the process does."""
    end = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)
