"""A partition as one table: CSV, or parquet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from facies.io import guard_formula
from facies.runs import RunFolder


def joined_table(run: RunFolder, partition: pd.DataFrame) -> pd.DataFrame:
    """Return one row an image with all that is known of it.

    First stand id, group, probability and class, then the columns of ``images.parquet`` (``images.NAME`` where a name is
    taken), then what else the partition holds.
    """
    first = partition[
        [name for name in ("id", "group", "probability", "class", "class_path", "state") if name in partition]
    ]
    last = partition.drop(columns=first.columns)
    known = run.images.loc[partition.index].drop(columns="id")
    taken = {*first.columns, *last.columns}
    known = known.rename(columns={name: f"images.{name}" for name in known.columns if name in taken})
    return pd.concat([first, known, last], axis="columns")


def guard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with a ``'`` before every text, names of columns too, that a spreadsheet would run as a formula."""
    guarded = table.copy()
    for position in range(table.shape[1]):
        column = table.iloc[:, position]
        if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)):
            guarded.isetitem(position, column.astype(object).map(_guard).to_numpy(object))
    guarded.columns = pd.Index([_guard(name) for name in table.columns])
    return guarded


def _guard(cell: Any) -> Any:
    return guard_formula(cell) if isinstance(cell, str) else cell


def save_csv(table: pd.DataFrame, path: Path) -> None:
    """Save a table as CSV with its formulas guarded."""
    guarded = guard_formulas(table)
    texts = guarded.select_dtypes(["object", "string"])
    # Python quotes no lone carriage return, which readers then take for the end of the row.
    odd = any(texts[name].astype(str).str.contains("\r", regex=False).any() for name in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL
    guarded.to_csv(path, index=False, encoding="utf-8", lineterminator="\n", quoting=quoting)


def write_csv(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
    """Write the joined table as CSV (UTF-8, comma, dot), safe to open in a spreadsheet."""
    save_csv(joined_table(run, partition), path)


def write_parquet(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
    """Write the joined table as parquet, text as it is: parquet has no formulas."""
    joined_table(run, partition).to_parquet(path, index=False)
