"""Tasks that the tests run in blocks, in this process and in others."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError


def open_squares(settings: Mapping[str, Any]) -> Callable[[int], int]:
    """Write the square of each block's number into a file of its own, and a line into a log of all that was begun."""
    folder = Path(settings["folder"])

    def square(block: int) -> int:
        log(folder, block)
        time.sleep(settings.get("seconds", 0.0))
        if block in settings.get("faulty", ()):
            raise InputError(f"chunk {block} is damaged")
        if block in settings.get("deadly", ()):
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / f"{block}.txt").write_text(str(block**2))
        return block**2

    return square


def open_nothing(settings: Mapping[str, Any]) -> Callable[[int], None]:
    return lambda block: None


def log(folder: Path, block: int) -> None:
    descriptor = os.open(folder / "log", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, f"{block} {os.getpid()}\n".encode())
    os.close(descriptor)


def begun(folder: Path) -> list[int]:
    return [int(line.split()[0]) for line in (folder / "log").read_text().splitlines()]


def negative(number: int) -> int:
    time.sleep(0.02 * (number % 3))
    if number == 99:
        raise InputError("99 is no number")
    return -number


def dies_once(path: str) -> str:
    """End the process that calls it first, and return the name when called again."""
    marker = Path(path)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.name
