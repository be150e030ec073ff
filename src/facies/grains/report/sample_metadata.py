"""What is known of the samples beside the photographs: core, depth, masses, sieves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.io import read_table

COLUMNS: dict[str, tuple[str, float]] = {
    "depth_cm": ("depth in the core, cm", 0.0),
    "age_ka": ("age, thousand years", -np.inf),
    "dry_mass_g": ("dry bulk mass, g", np.nextafter(0, 1)),
    "split": ("split factor, 2^k (8 for an eighth of the sample)", 1.0),
    "sieve_lower_um": ("mesh that the grains stayed on, µm", np.nextafter(0, 1)),
    "sieve_upper_um": ("mesh that the grains passed, µm", np.nextafter(0, 1)),
    "coarse_mass_g": ("mass above 63 µm, g", 0.0),
    "lsr_cm_per_ka": ("linear sedimentation rate, cm/ka", np.nextafter(0, 1)),
    "dbd_g_per_cm3": ("dry bulk density, g/cm³", np.nextafter(0, 1)),
}
"""What each column of the table of samples holds, and its least allowed value."""


def read_sample_metadata(path: str | Path) -> pd.DataFrame:
    """Read a CSV of samples: ``sample``, ``core`` if there are several, and any of `COLUMNS`.

    Comma, semicolon or tab may part the columns (`facies.io.read_table`). Empty cells are unknown. Other columns are kept as they are.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    DataFrame
        One row a sample; ``sample`` and ``core`` are texts, the facts float64.

    Raises
    ------
    InputError
        If it cannot be read, has no column ``sample``, names a sample twice or not at all, or a fact is no number or out of
        range; the message names line and column.
    """
    path = Path(path)
    table = read_table(path, "samples", ("sample", "core", *COLUMNS))
    return check_sample_metadata(table, str(path), table.index.tolist())


def check_sample_metadata(
    table: pd.DataFrame, where: str = "the table of samples", lines: Sequence[int] | None = None
) -> pd.DataFrame:
    """Return a table of samples as `read_sample_metadata` gives it, or say what is wrong with it.

    `lines` are the lines of the file, if they are not 2, 3 and so on.
    """
    lines = range(2, len(table) + 2) if lines is None else lines
    if "sample" not in table.columns:
        raise InputError(f"{where} has no column 'sample': its columns are {', '.join(map(str, table.columns))}")
    if table.columns.has_duplicates:
        twice = table.columns[table.columns.duplicated()][0]
        raise InputError(f"{where} has two columns {twice!r}: keep one")
    table = table.reset_index(drop=True)
    for name in ("sample", *(["core"] if "core" in table.columns else [])):
        table[name] = _texts(table[name])
    for wrong, says in (
        (table["sample"] == "", "names no sample"),
        (table["sample"].duplicated(), "names a sample again"),
    ):
        if wrong.any():
            line = int(np.argmax(wrong))
            raise InputError(f"{where}, line {lines[line]}, {says}: give one line a sample ({table['sample'][line]!r})")
    for name, (what, least) in COLUMNS.items():
        if name in table.columns:
            table[name] = _numbers(table[name], name, what, least, where, lines)
    if {"sieve_lower_um", "sieve_upper_um"} <= set(table.columns):
        crossed = table["sieve_lower_um"] >= table["sieve_upper_um"]
        if crossed.any():
            raise InputError(
                f"{where}, line {lines[int(np.argmax(crossed))]}: sieve_lower_um is not below sieve_upper_um: swap them"
            )
    return table


def _numbers(column: pd.Series, name: str, what: str, least: float, where: str, lines: Sequence[int]) -> pd.Series:
    texts = _texts(column).replace({"NA": "", "nan": "", "NaN": ""})
    values = pd.to_numeric(texts.where(texts != ""), errors="coerce").astype(np.float64)
    wrong = ((texts != "") & values.isna()) | (values < least) | np.isinf(values)
    if wrong.any():
        line = int(np.argmax(wrong))
        hint = "; write it with a dot" if "," in texts[line] else ""
        if name == "split":
            hint = "; write 8 for an eighth"
        raise InputError(f"{where}, line {lines[line]}: {name} is {texts[line]!r} and should be the {what}{hint}")
    return values


def _texts(column: pd.Series) -> pd.Series:
    return column.map(lambda cell: "" if pd.isna(cell) else str(cell).strip()).astype(object)
