"""An open atlas: its runs, the events it publishes, and the folder of its exports."""

from __future__ import annotations

import contextlib
import importlib
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facies.atlas.errors import MissingError
from facies.atlas.services.events import Events
from facies.atlas.services.export_folder import ExportFolder
from facies.atlas.services.run_services import RunServices
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError
from facies.runs import RunFolder

REFRESH_SECONDS = 2.0
"""How often the journals are read for what other programs have written."""


class Atlas:
    """Some open runs; a context manager that closes them.

    Parameters
    ----------
    paths : sequence of str or Path
        Run folders.
    partition : str, optional
        Name of the partition whose groups are shown; by default the newest one of each run.
    user : str, optional
        The person who acts, where a page names nobody else; by default the login name.
    is_shared : bool
        Whether other machines can reach the atlas, so that each page asks for the name of its person.
    is_demo : bool
        Whether the page says that this is the demonstration.

    Attributes
    ----------
    services : dict of str to RunServices
        The runs and their services, by the name of the run in addresses.
    events : Events
        What is sent to the browsers.

    Raises
    ------
    InputError
        If one of the folders is not a run, is damaged, is given twice, or is open in another atlas.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        partition: str | None = None,
        user: str | None = None,
        is_shared: bool = False,
        is_demo: bool = False,
    ) -> None:
        self.is_demo, self.is_shared, self._user = is_demo, is_shared, user
        self.events = Events()
        self.services: dict[str, RunServices] = {}
        self._exports = ExportFolder()
        self._ended = threading.Event()
        try:
            for path in paths:
                self._open(RunFolder(path), partition)
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._refresh, name="facies journals", daemon=True).start()

    def __enter__(self) -> Atlas:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def exports_folder(self) -> Path:
        """Where exports are until they are fetched; deleted when the atlas is closed."""
        return self._exports.path

    def remove_exports(self) -> None:
        """Remove what was exported and not fetched."""
        self._exports.remove()

    @property
    def runs(self) -> dict[str, OpenRun]:
        """The open runs by their names in addresses."""
        return {key: services.run for key, services in self.services.items()}

    @property
    def max_images(self) -> int:
        """Number of images of the largest run."""
        return max(map(len, self.runs.values()), default=0)

    def run_services(self, key: str) -> RunServices:
        """Return the services of a run by its name in addresses; `MissingError` if there is no such run."""
        if key not in self.services:
            raise MissingError("there is no such run in this atlas: go back to the list of runs")
        return self.services[key]

    def run(self, key: str) -> OpenRun:
        """Return a run by its name in addresses; `MissingError` if there is no such run."""
        return self.run_services(key).run

    def revisions_to_json(self) -> dict[str, Any]:
        """Return the revision of each run: the first event that a browser receives."""
        return {"runs": {key: run.states.revision for key, run in self.runs.items()}}

    def close(self) -> None:
        """End the streams of the browsers and all work in the background, and close all files."""
        self._ended.set()
        self.events.close()
        for services in self.services.values():
            services.close()
        self.services = {}
        self.remove_exports()

    def _open(self, folder: RunFolder, partition: str | None) -> None:
        if any(run.folder.path == folder.path for run in self.runs.values()):
            raise InputError(f"{folder.path} is given twice: name it once")
        key = _unique_key(folder.path.name, set(self.services))
        self.services[key] = RunServices(folder, key, self.events.publish, partition, self._user)

    def _refresh(self) -> None:
        # What the page asks for first is computed while the browser starts.
        for run in self.runs.values():
            run.group_statistics.by_group()
        importlib.import_module("facies.atlas.services.counts")
        while not self._ended.wait(REFRESH_SECONDS):
            for run in self.runs.values():
                if self._ended.is_set():
                    return
                with contextlib.suppress(InputError):  # the next action fails with the same message, in a browser
                    run.refresh()


def _unique_key(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    key, n = plain, 1
    while key in taken:
        n += 1
        key = f"{plain}-{n}"
    return key
