"""A time limit for fits, kept where they say how far they have come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facies.training import Progress


class OutOfTimeError(Exception):
    """The time for a fit is over; what its stages have given is kept in its work folder."""


class Deadline:
    """A `Progress` that ends a fit when its time is over, and shows the rest as the one that it is given does.

    Parameters
    ----------
    seconds : float
        How long from now on.
    progress : Progress
        Shows how far the work has come.
    """

    def __init__(self, seconds: float, progress: Progress) -> None:
        self._end, self._progress = time.monotonic() + seconds, progress

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self._end

    @property
    def left_in_words(self) -> str:
        """The time that is left, in minutes or seconds."""
        left = max(0.0, self._end - time.monotonic())
        return f"{left / 60:.0f} minutes" if left >= 120 else f"{left:.0f} seconds"

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a stage, if there is time."""
        self._check()
        self._progress.start(stage, total, unit)

    def advance(self, count: int, note: str = "") -> None:
        """Say that `count` more units are done, and end the fit if the time is over."""
        self._progress.advance(count, note)
        self._check()

    def finish(self) -> None:
        """End the stage."""
        self._progress.finish()

    def say(self, line: str) -> None:
        """Tell the user something."""
        self._progress.say(line)

    def _check(self) -> None:
        if self.is_over:
            raise OutOfTimeError
