"""The runs that one atlas has open, the news it tells, and the folder of what it exports."""

from __future__ import annotations

import contextlib
import importlib
import re
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facies.atlas.errors import MissingError
from facies.atlas.state.events import Events
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError
from facies.runs import RunFolder

__all__ = ["Atlas"]

SECONDS_BETWEEN_LOOKS = 2.0
"""How often the journals are asked whether another program has written to them."""


class Atlas:
    """Some runs, open; a context manager.

    Parameters
    ----------
    paths : sequence of str or Path
        Run folders.
    partition : str, optional
        Which groups of them are shown; without it those of the newest partition of each.
    is_demo : bool
        Whether this is the demonstration.

    Raises
    ------
    InputError
        If one of them is no run, is damaged, given twice, or open in another atlas.
    """

    def __init__(self, paths: Sequence[str | Path], *, partition: str | None = None, is_demo: bool = False) -> None:
        self.is_demo = is_demo
        self.events = Events()
        self.runs: dict[str, OpenRun] = {}
        self._exports = tempfile.TemporaryDirectory(prefix="facies-atlas-")
        self._ended = threading.Event()
        try:
            for path in paths:
                self._open(RunFolder(path), partition)
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._look, name="facies journals", daemon=True).start()

    def __enter__(self) -> Atlas:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Where exports wait until they are fetched; it goes with the atlas."""
        return Path(self._exports.name)

    @property
    def most_images(self) -> int:
        """Images of the largest run."""
        return max(map(len, self.runs.values()), default=0)

    def run(self, key: str) -> OpenRun:
        """Return a run by its name in addresses.

        Raises
        ------
        MissingError
            If there is none.
        """
        if key not in self.runs:
            raise MissingError("there is no such run in this atlas: go back to the list of runs")
        return self.runs[key]

    def hello(self) -> dict[str, Any]:
        """Return what a browser is told first when it listens."""
        return {"runs": {key: run.standing.revision for key, run in self.runs.items()}}

    def close(self) -> None:
        """Say goodbye to the browsers, end all work, let go of all files."""
        self._ended.set()
        self.events.close()
        for run in self.runs.values():
            run.close()
        self.runs = {}
        self._exports.cleanup()

    def _open(self, run: RunFolder, partition: str | None) -> None:
        if any(other.run.path == run.path for other in self.runs.values()):
            raise InputError(f"{run.path} is given twice: name it once")
        key = _key(run.path.name, self.runs)
        self.runs[key] = OpenRun(run, key, self.events.publish, partition)

    def _look(self) -> None:
        # What the first page asks for, begun while the browser starts.
        for run in list(self.runs.values()):
            run.groups.facts()
        importlib.import_module("facies.atlas.services.counts")
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            for run in list(self.runs.values()):
                if self._ended.is_set():
                    return
                with contextlib.suppress(InputError):  # whoever acts next is told the same, in a browser
                    run.look()


def _key(name: str, taken: dict[str, OpenRun]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    key, n = plain, 1
    while key in taken:
        n += 1
        key = f"{plain}-{n}"
    return key
