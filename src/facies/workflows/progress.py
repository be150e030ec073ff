"""How far a reader of files has come, as one stage of a `Progress`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facies.training import Progress


def progress_callback(progress: Progress, stage: str = "reading", unit: str = "files") -> Callable[[int, int], None]:
    """Make the callback that `open_images` and `extract_grains` call after each file.

    It takes the number of files that are done and their total. The stage starts with the first call and finishes with the
    last one; `unit` says in the plural what is counted.
    """
    previous = 0

    def update(done: int, total: int) -> None:
        nonlocal previous
        if previous == 0:
            progress.start(stage, total, unit)
        progress.advance(done - previous)
        previous = done
        if done == total:
            progress.finish()

    return update
