"""A table brought within the limits of EcoTaxa, and written as the text file that it reads."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import numpy as np
import pandas as pd

from facies.report.exporters.tables import guard_formulas

PREFIXES = ("img", "object", "sample", "acq", "process")
"""What names of columns begin with: the tables of EcoTaxa."""

LONGEST_TEXT = 250
_PREDEFINED = {
    "object_id", "object_lat", "object_lon", "object_date", "object_time", "object_link", "object_depth_min",
    "object_depth_max", "object_annotation_category", "object_annotation_category_id", "object_annotation_date",
    "object_annotation_time", "object_annotation_person_name", "object_annotation_person_email",
    "object_annotation_status", "img_rank", "img_file_name", "sample_id", "sample_dataportal_descriptor", "acq_id",
    "acq_instrument", "process_id",
}  # fmt: skip
# EcoTaxa has so many free columns of each table and type (ecotaxa_back, py/DB).
_FREE_COLUMNS = {("object", "[f]"): 500, ("object", "[t]"): 20, ("sample", "[t]"): 30, ("acq", "[t]"): 30}
_FREE_OF_PROCESS = 30


def fit_to_ecotaxa(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Bring a table within what EcoTaxa takes.

    Names become lower case. Of texts of more than 250 characters the columns are left out where most are so long (an
    outline as text, say), else the texts are cut; so are columns beyond the number of free columns. Values that are no
    finite number become empty.

    Parameters
    ----------
    table : DataFrame
        One row an image; names begin with one of `PREFIXES`.

    Returns
    -------
    DataFrame
        The table as it can be imported.
    list of str
        What was left out or cut, in lines for the user.
    """
    table = table.rename(columns={name: str(name).lower() for name in table.columns})
    table = table.loc[:, ~table.columns.duplicated()]
    columns: dict[str, pd.Series] = {}
    left_out: list[str] = []
    cut: list[str] = []
    for name in table.columns:
        column = _plain(table[name])
        if not pd.api.types.is_numeric_dtype(column):
            lengths = column.astype(str).str.len()
            too_long = lengths > LONGEST_TEXT
            if too_long.any() and too_long.sum() > (lengths > 0).sum() / 2 and name not in _PREDEFINED:
                left_out.append(name)
                continue
            if too_long.any():
                cut.append(f"{name} ({int(too_long.sum())} texts)")
                column = column.astype(str).str.slice(0, LONGEST_TEXT)
        columns[name] = column
    beyond = _beyond_the_free_columns(columns)
    notes = []
    if left_out:
        notes.append(f"left out, for EcoTaxa takes {LONGEST_TEXT} characters: {', '.join(left_out)}")
    if cut:
        notes.append(f"cut to {LONGEST_TEXT} characters, the most that EcoTaxa takes: {', '.join(cut)}")
    if beyond:
        notes.append(f"left out, for EcoTaxa has no more free columns of their table: {', '.join(beyond)}")
    return pd.DataFrame({name: column for name, column in columns.items() if name not in beyond}), notes


def type_of(column: pd.Series) -> str:
    """Return ``[f]`` for numbers, ``[t]`` for texts."""
    return "[f]" if pd.api.types.is_numeric_dtype(column) else "[t]"


def as_tsv(table: pd.DataFrame) -> bytes:
    """Return the table as EcoTaxa reads it: tabs, Latin-1, the types below the names; other letters as ``&#956;``.

    Texts that a spreadsheet would run as a formula are guarded, but for numbers.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerow([type_of(column) for _, column in table.items()])
    guarded = guard_formulas(table)
    for row, safe in zip(table.itertuples(index=False), guarded.itertuples(index=False), strict=True):
        writer.writerow([_cell(cell if _is_number(cell) else other) for cell, other in zip(row, safe, strict=True)])
    return text.getvalue().encode("latin-1", "xmlcharrefreplace")


def _plain(column: pd.Series) -> pd.Series:
    """Return numbers, or texts in one line: a truth value is 0 or 1, what is missing is empty."""
    if pd.api.types.is_bool_dtype(column):
        return column.astype(int)
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.astype(object).map(lambda cell: "" if _is_missing(cell) else " ".join(str(cell).split()))


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def _cell(cell: Any) -> Any:
    if isinstance(cell, float | np.floating):
        return cell if np.isfinite(cell) else ""
    return "" if _is_missing(cell) else cell


def _beyond_the_free_columns(columns: dict[str, pd.Series]) -> list[str]:
    counts: dict[tuple[str, str], int] = {}
    beyond = []
    for name, column in columns.items():
        if name in _PREDEFINED:
            continue
        prefix = name.split("_")[0]
        # Of samples, acquisitions and processes EcoTaxa keeps numbers as texts.
        bucket = (prefix, type_of(column) if prefix == "object" else "[t]")
        counts[bucket] = counts.get(bucket, 0) + 1
        if counts[bucket] > _FREE_COLUMNS.get(bucket, _FREE_OF_PROCESS):
            beyond.append(name)
    return beyond
