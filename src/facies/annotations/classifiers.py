"""Classifiers fitted to an expert's names: ``RUN/probes/NAME/``, added beside what the run found, never overwritten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.io import atomic_folder, lock_run, write_json_atomically
from facies.runs.files import check_name, names_by_age
from facies.runs.folder import RunFolder
from facies.runs.manifest import now

__all__ = ["add_classifier", "classifier_names", "find_classifier"]

_FOLDER, _ABOUT = "probes", "about.json"


def classifier_names(run: RunFolder) -> list[str]:
    """Return the names of the probes of a run, the oldest first."""
    descriptions = (run.path / _FOLDER).glob(f"[!.]*/{_ABOUT}")
    return names_by_age(
        ((path.parent.name, path) for path in descriptions), "remove its folder, and fit the probe again"
    )


def find_classifier(run: RunFolder, name: str | None = None) -> Path:
    """Return the folder of a probe; without a name of the newest.

    Raises
    ------
    InputError
        If there is none (of that name).
    """
    names = classifier_names(run)
    if not names:
        raise InputError(f"{run.path} holds no probe: name groups, then fit one with `facies classify {run.path.name}`")
    if name is not None and name not in names:
        raise InputError(f"{run.path} holds no probe {name!r}: it has {', '.join(names)}")
    return run.path / _FOLDER / (names[-1] if name is None else name)


def add_classifier(run: RunFolder, name: str | None, save: Callable[[Path], None], about: Mapping[str, Any]) -> str:
    """Add a probe, whole or not at all; it becomes the default.

    Parameters
    ----------
    run : RunFolder
    name : str or None
        A new name; None takes ``probe-1``, ``probe-2``, …
    save : callable
        Writes the probe into the new folder that it is given (`LinearProbe.save`).
    about : mapping
        How it came about, for ``about.json``.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    InputError
        If the name is taken, or the run is being written to.
    """
    with lock_run(run.path):
        taken = classifier_names(run)
        chosen = check_name(name) if name is not None else _free_name(taken)
        if chosen in taken:
            raise InputError(
                f"{run.path} already holds a probe {chosen!r}, and none is ever overwritten: choose another"
            )
        with atomic_folder(run.path / _FOLDER / chosen) as folder:
            save(folder)
            write_json_atomically(folder / _ABOUT, {"created": now(), **about})
    return chosen


def _free_name(taken: list[str]) -> str:
    return next(name for name in (f"probe-{number}" for number in range(1, len(taken) + 2)) if name not in taken)
