"""The folder of a benchmark's results: of which suite and commit its rows are, and where everything lies in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.io import write_json_atomically
from facies.workflows.benchmark.rows import Key, rows_in
from facies.workflows.benchmark.suite import Suite
from facies.workflows.work_folder import parameter_differences

FORMAT = 1
FEW = 4
"""So many differences an error names."""


@dataclass(frozen=True)
class Begun:
    """How a results folder stands to what is run now.

    Attributes
    ----------
    added
        What a grown suite has that the folder has not yet: new sets and methods are simply run.
    gone
        What was taken out of the suite before it had a row.
    earlier
        In what the commit or version of its rows differs from the present one; empty where they are the same.
    about
        What the folder says of itself beside the suite; empty of a new one.
    """

    added: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)


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

    def begin_or_continue(
        self, suite: Suite, commit: str | None, version: str, *, overwrite: bool, other_commit: bool = False
    ) -> Begun:
        """Make the folder, or check that it is of this suite and commit.

        Parameters
        ----------
        suite, commit, version
            What is run, of which state of Facies.
        overwrite
            Whether a folder of results is begun anew.
        other_commit
            Whether a folder of another commit or version goes on; its rows stay what they are.

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
        begun = self._check(current, other_commit) if is_ours else Begun()
        if begun.added or begun.gone or not is_ours:
            write_json_atomically(self.record, {**current, **begun.about})
        return begun

    def take_over(self, suite: Suite, commit: str | None, version: str, kept: Collection[Key]) -> None:
        """Have the folder be of another commit or version, with the rows of `kept`: fits without a row begin anew."""
        for path in sorted((self.path / "runs").glob("*/*/*")):
            images, method, seed = path.relative_to(self.path / "runs").parts
            if seed.isdigit() and (images, method, int(seed)) in kept:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:  # the lock of a fit that was killed
                path.unlink()
        current = {"format": FORMAT, "version": version, "commit": commit, "suite": suite.definition()}
        write_json_atomically(self.record, current)

    def begin_again(self, runs: Iterable[Key]) -> None:
        """Take away what earlier fits of some runs left, once: what they leave now, a later call goes on from."""
        record = json.loads(self.record.read_text("utf-8"))
        begun = [tuple(key) for key in record.get("begun_again", [])]
        new = [key for key in runs if key not in begun]
        for key in new:
            shutil.rmtree(self.run(*key), ignore_errors=True)
        if new:
            write_json_atomically(self.record, {**record, "begun_again": [*begun, *new]})

    def _check(self, current: dict[str, Any], other_commit: bool) -> Begun:
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
        counted = {f"{kind} {row[kind]}" for row in rows_in(self.rows) for kind in ("set", "method")}
        same = {name: value for name, value in now.items() if _entry(name) in entries}
        kept = {name: value for name, value in then.items() if _entry(name) not in gone}
        changed = parameter_differences(about, {name: current[name] for name in about})
        accepts = other_commit and about["format"] == FORMAT
        differences = [] if accepts else list(changed)
        differences += [f"{entry} is not in it" for entry in gone if entry in counted] + parameter_differences(
            kept, same
        )
        if differences:
            more = f" and {len(differences) - FEW} more" if len(differences) > FEW else ""
            go_on = "" if accepts or differences != changed else ", or --other-commit to keep its rows and go on"
            raise InputError(
                f"{self.path} holds results of another suite or commit: {'; '.join(differences[:FEW])}{more}: "
                f"give another folder, or --overwrite to begin anew{go_on}"
            )
        again = {"begun_again": earlier["begun_again"]} if "begun_again" in earlier else {}
        return Begun(added, gone, changed, {**about, **again})


def _entry(name: str) -> str:
    """``method dec.training.epochs`` → ``method dec``; names of entries have no dot."""
    return name.split(".", 1)[0]
