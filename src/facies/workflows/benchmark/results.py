"""The folder of a benchmark's results: of which suite and commit its rows are, and where everything lies in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.io import write_json_atomically
from facies.workflows.benchmark.suite import Suite
from facies.workflows.work_folder import parameter_differences

FORMAT = 1
FEW = 4
"""So many differences an error names."""


class Results:
    """Names of files in a results folder.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record, self.rows = path / "suite.json", path / "rows.jsonl"
        self.table, self.report = path / "table.md", path / "report.html"
        self.sets = path / "sets"

    def run(self, images: str, method: str, seed: int) -> Path:
        """The run folder of one run."""
        return self.path / "runs" / images / method / str(seed)

    def log(self, images: str, method: str, seed: int) -> Path:
        """What the process of a run printed; there is none where it printed nothing."""
        return self.path / "logs" / images / method / f"{seed}.log"

    def begin_or_continue(self, suite: Suite, commit: str | None, version: str, *, overwrite: bool) -> list[str]:
        """Make the folder, or check that it is of this suite and commit.

        Returns
        -------
        list of str
            What a grown suite has that the folder has not yet: new sets and methods are simply run.

        Raises
        ------
        InputError
            If the folder holds other files, or rows of another suite, version or commit; says what differs.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file: give the name of a folder for the results")
        is_ours = self.record.exists()
        if self.path.exists() and not is_ours and any(self.path.iterdir()):
            raise InputError(f"{self.path} holds other files: give a new folder, or one that a benchmark wrote")
        if is_ours and overwrite:
            shutil.rmtree(self.path)
            is_ours = False
        current = {"format": FORMAT, "version": version, "commit": commit, "suite": suite.definition()}
        added = self._check(current) if is_ours else []
        if added or not is_ours:
            write_json_atomically(self.record, current)
        return added

    def _check(self, current: dict[str, Any]) -> list[str]:
        try:
            earlier = json.loads(self.record.read_text("utf-8"))
            then, now = dict(earlier["suite"]), current["suite"]
            about = {name: earlier[name] for name in ("format", "version", "commit")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.record} is damaged ({error}): give another folder, or --overwrite to begin anew"
            ) from error
        entries = {_entry(name) for name in then}
        added = list(dict.fromkeys(_entry(name) for name in now if _entry(name) not in entries))
        gone = list(dict.fromkeys(_entry(name) for name in then if _entry(name) not in {_entry(each) for each in now}))
        same = {name: value for name, value in now.items() if _entry(name) in entries}
        kept = {name: value for name, value in then.items() if _entry(name) not in gone}
        differences = parameter_differences(about, {name: current[name] for name in about})
        differences += [f"{entry} is not in it" for entry in gone] + parameter_differences(kept, same)
        if differences:
            more = f" and {len(differences) - FEW} more" if len(differences) > FEW else ""
            raise InputError(
                f"{self.path} holds results of another suite or commit: {'; '.join(differences[:FEW])}{more}: "
                "give another folder, or --overwrite to begin anew"
            )
        return added


def _entry(name: str) -> str:
    """``method dec.training.epochs`` → ``method dec``; names of entries have no dot."""
    return name.split(".", 1)[0]
