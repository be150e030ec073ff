"""Classifiers that learned from the expert's classes: ``RUN/probes/NAME/``, added to the run and never overwritten."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.io import atomic_folder, lock_run, write_json_atomically
from facies.runs.files import check_name, names_by_age
from facies.runs.folder import RunFolder
from facies.runs.manifest import now

_FOLDER, _ABOUT = "probes", "about.json"


def classifier_names(run: RunFolder) -> list[str]:
    """Return the names of the classifiers of a run, the oldest first."""
    descriptions = (run.path / _FOLDER).glob(f"[!.]*/{_ABOUT}")
    return names_by_age(
        ((path.parent.name, path) for path in descriptions), "remove its folder, and fit the probe again"
    )


def find_classifier(run: RunFolder, name: str | None = None) -> Path:
    """Return the folder of a classifier, without a name the newest's; `InputError` if there is none (of that name)."""
    names = classifier_names(run)
    if not names:
        raise InputError(f"{run.path} holds no probe: name groups, then fit one with `facies classify {run.path.name}`")
    if name is not None and name not in names:
        raise InputError(f"{run.path} holds no probe {name!r}: it has {', '.join(names)}")
    return run.path / _FOLDER / (names[-1] if name is None else name)


def add_classifier(run: RunFolder, name: str | None, save: Callable[[Path], None], about: Mapping[str, Any]) -> str:
    """Add a classifier, whole or not at all, and return its name; it becomes the default.

    Parameters
    ----------
    run : RunFolder
        The run whose embedding and classes it learned from.
    name : str or None
        A new name; None takes the first free one of ``probe-1``, ``probe-2``, …
    save : callable
        Writes the classifier into the new folder that it is given (`LinearProbe.save`).
    about : mapping
        How it was fitted, for ``about.json``.

    Raises
    ------
    InputError
        If the name is taken, or the run is being written to.
    """
    with lock_run(run.path):
        existing = classifier_names(run)
        chosen = check_name(name) if name is not None else _free_name(existing)
        if chosen in existing:
            raise InputError(
                f"{run.path} already holds a probe {chosen!r}, and none is ever overwritten: choose another"
            )
        with atomic_folder(run.path / _FOLDER / chosen) as folder:
            save(folder)
            write_json_atomically(folder / _ABOUT, {"created": now(), **about})
    return chosen


def _free_name(existing: list[str]) -> str:
    return next(name for number in itertools.count(1) if (name := f"probe-{number}") not in existing)
