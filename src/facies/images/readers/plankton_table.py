"""The tables of plankton imagers, as EcoTaxa, PlanktoScope and ZooProcess write them: one row an image, with its metadata."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from facies.errors import InputError
from facies.images.readers.zooprocess_table import PID_NAME, table_of_pid

_TABLE_NAME = re.compile(r"ecotaxa.*\.(tsv|txt)", re.IGNORECASE)
# The names that EcoTaxa takes for tables; other programs write them with a capital, too.

MAX_TABLE_BYTES = 2**30

_NEEDED = ("img_file_name", "object_id")
# EcoTaxa's full backups bear the names of its data base.
_PREFIXES = {"obj_field_": "object_", "samples_": "sample_", "acquisitions_": "acq_"}
_TYPES = {"[t]", "[f]", ""}
_TEXT_ENDINGS = ("_id", "_date", "_time", "_name", "_email", "_status", "_category", "_hierarchy", "_uuid")


@dataclass(frozen=True)
class PlanktonTable:
    """Rows of one or more tables.

    Attributes
    ----------
    rows : DataFrame
        Texts without blanks around them, and numbers where the table says so; the names of the columns are lower case.
        ``table`` is the file that a row stands in.
    notes : list of str
        What was done beyond reading.
    """

    rows: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def is_table(name: str) -> bool:
    """Return whether a file of this name, without its folder, is a table of plankton."""
    return bool(_TABLE_NAME.fullmatch(name) or PID_NAME.fullmatch(name))


def tables_to_read(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Choose the tables to read: ZooProcess puts ``ecotaxa_*.tsv`` beside its own, with the same objects.

    Returns
    -------
    list of str
        Those of EcoTaxa's kind where there are any, else ZooProcess's own, sorted.
    list of str
        The others: ZooProcess's own beside one of EcoTaxa's kind.
    """
    tables = sorted(name for name in names if is_table(PurePosixPath(name).name))
    own = [name for name in tables if PID_NAME.fullmatch(PurePosixPath(name).name)]
    others = [name for name in tables if name not in own]
    return (others, own) if others else (own, [])


def read_tables(where: Path, files: Sequence[tuple[str, bytes]]) -> PlanktonTable:
    """Read tables of EcoTaxa's kind, with or without a row of types.

    Parameters
    ----------
    where : Path
        The folder or zip that holds them, for errors.
    files : sequence of (str, bytes)
        The name of each below it, and its content. Tab, semicolon or comma part the columns; UTF-8 or Latin-1.

    Raises
    ------
    InputError
        If one is no such table: it names the file, and what it lacks.
    """
    tables = [_read(where, name, content) for name, content in files]
    numeric: dict[str, list[bool]] = {}
    for table, numbers in tables:
        for name in table.columns:
            numeric.setdefault(name, []).append(name in numbers)
    rows = pd.concat([table for table, _ in tables], ignore_index=True)
    mixed: list[str] = []
    for name in rows.columns:
        rows[name] = rows[name].fillna("")
        if all(numeric[name]):
            values = pd.to_numeric(rows[name].where(rows[name] != ""), errors="coerce")
            if (values.isna() & (rows[name] != "")).any():
                mixed.append(name)
            else:
                rows[name] = values.astype("float64")
    notes = []
    if mixed:
        notes.append(f"columns of numbers that hold words were read as words: {', '.join(mixed)}")
    return PlanktonTable(rows, notes)


def _read(where: Path, name: str, content: bytes) -> tuple[pd.DataFrame, set[str]]:
    """Return the rows of a table as texts, and which columns are numbers."""
    text = _decoded(content)
    if PID_NAME.fullmatch(PurePosixPath(name).name):
        table, numbers = table_of_pid(where, name, text)
        return table.assign(table=name), numbers
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=first.count)
    try:
        raw = pd.read_csv(
            io.StringIO(text), sep=delimiter, header=None, dtype=str, keep_default_na=False, quotechar='"', index_col=False,
            skip_blank_lines=True,
        )  # fmt: skip
    except (ValueError, csv.Error) as error:  # pandas' errors of parsing are among these
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "it is empty"
        raise InputError(f"{where / name}: is no table of EcoTaxa's kind ({reason}): export it again") from error
    raw = raw.fillna("").apply(lambda column: column.str.strip())
    names = [_column_name(cell) for cell in raw.iloc[0]]
    missing = [needed for needed in _NEEDED if needed not in names]
    if missing:
        raise InputError(
            f"{where / name}: has no column {' or '.join(missing)} (it has {', '.join(filter(None, names[:6]))} …): a table of "
            "EcoTaxa, PlanktoScope or ZooProcess has both"
        )
    table = raw.iloc[1:]
    table.columns = pd.Index(names)
    table = table.loc[:, [bool(each) for each in names]]
    table = table.loc[:, ~table.columns.duplicated()]
    types = table.iloc[0].to_dict() if len(table) else {}
    has_types = bool(types) and set(types.values()) <= _TYPES and set(types.values()) != {""}
    if has_types:
        table = table.iloc[1:]
        numbers = {column for column, kind in types.items() if kind == "[f]"}
    else:
        numbers = {column for column in table.columns if _holds_numbers(column, table[column])}
    return table.assign(table=name).reset_index(drop=True), numbers


def _decoded(content: bytes) -> str:
    for encoding in ("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "latin-1"):
        try:
            return content.decode(encoding).replace("\0", "")
        except UnicodeDecodeError:
            continue
    raise AssertionError("every byte is a letter of Latin-1")


def _column_name(cell: str) -> str:
    name = re.sub(r"\s+", "_", cell.strip().lower())
    for full, short in _PREFIXES.items():
        if name.startswith(full):
            return short + name.removeprefix(full)
    return name


def _holds_numbers(name: str, column: pd.Series) -> bool:
    if name.endswith(_TEXT_ENDINGS):
        return False
    filled = column[column != ""]
    return bool(len(filled)) and bool(pd.to_numeric(filled, errors="coerce").notna().all())
