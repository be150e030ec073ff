"""The classes themselves: names, keys, parents, colours and roles, in the form in which they are read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.annotations import class_list_csv, class_list_text, read_annotations
from facies.errors import InputError
from facies.runs import RunFolder


def write_class_list(run: RunFolder, partition: pd.DataFrame, path: Path) -> list[str]:
    """Write all classes of a run as CSV, which ``facies name --class-list`` and the atlas read."""
    return _write(path, class_list_csv(_classes(run)), run, partition)


def write_class_list_tsv(run: RunFolder, partition: pd.DataFrame, path: Path) -> list[str]:
    """Write the same table with tabs."""
    return _write(path, class_list_csv(_classes(run), "\t"), run, partition)


def write_class_list_text(run: RunFolder, partition: pd.DataFrame, path: Path) -> list[str]:
    """Write the names alone, what lies under a class further right."""
    notes = _write(path, class_list_text(_classes(run)), run, partition)
    return [*notes, "plain text holds the names and their tree alone: keys, colours and roles need a .csv or .tsv"]


def _classes(run: RunFolder) -> pd.DataFrame:
    classes = read_annotations(run).classes
    if classes.empty:
        raise InputError(f"no class of {run.path.name} has been named yet: name some first")
    return classes


def _write(path: Path, text: str, run: RunFolder, partition: pd.DataFrame) -> list[str]:
    path.write_text(text, "utf-8")
    return ["the list has all classes of the run, whatever images are chosen"] if len(partition) < len(run) else []
