"""Tables that a user gives, read whatever a spreadsheet made of them; and cells that no spreadsheet runs as a formula."""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_MEND = "save it as CSV UTF-8"
_NO_TEXT = {b"PK\x03\x04": "it is a workbook", b"\xd0\xcf\x11\xe0": "it is a workbook", b"\x1f\x8b": "it is compressed"}
# A spreadsheet takes a cell that begins so for a formula, and runs it (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def guard_formula(text: str) -> str:
    """Put a ``'`` before a text that a spreadsheet would run as a formula, or that is guarded already."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA_STARTS) else text


def unguard_formula(text: str) -> str:
    """Take away the ``'`` that `guard_formula` put before a text."""
    return text[1:] if text.startswith("'") and text[1:].lstrip("'").startswith(_FORMULA_STARTS) else text


def read_table(path: Path, what: str, names: Sequence[str], exact: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table of text, parted by commas, semicolons or tabs, in UTF-8, UTF-16 or Latin-1 (Windows-1252).

    Blanks around cells and empty rows are dropped, and the guard of Facies' own tables against formulas is undone.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it is a table of, for messages.
    names : sequence of str
        Columns that it may have. They are found in capitals, too, and tell what parts the columns; others are kept.
    exact : sequence of str
        Columns whose cells keep the blanks around them; see `match_ids`.

    Returns
    -------
    DataFrame
        Of str, without missing values; its index holds the line of the file on which each row ends.

    Raises
    ------
    InputError
        If there is no such file, it is no table, a row has more cells than the first, or two columns have one name.
    """
    return parse_table(_bytes_of(path, what), str(path), what, names, exact)


def parse_table(raw: bytes, where: str, what: str, names: Sequence[str], exact: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table from the bytes of a file, which messages call ``where``; see `read_table`."""
    lines = decode_text(raw, where, what).split("\n", 1)
    if lines[0].strip().lower().startswith("sep="):  # what a spreadsheet writes to tell itself what parts the columns
        lines[0] = ""
    text = "\n".join(lines)
    known = {name.casefold(): name for name in names}
    delimiter = max(_DELIMITERS, key=lambda each: _fitness(_header(text, each), known))
    header = _header(text, delimiter)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)][1:]
    except csv.Error as error:
        raise _unreadable(where, what, str(error)) from error
    if not any(header):
        raise _unreadable(where, what, "it is empty")
    columns = [known.get(cell.casefold(), cell) for cell in header]
    _check(where, columns, rows, _DELIMITERS[delimiter])
    cells = [
        [
            unguard_formula(cell if column in exact else cell.strip())
            for column, cell in zip(columns, [*row, *[""] * len(columns)], strict=False)
        ]
        for _, row in rows
    ]
    table = pd.DataFrame(cells, columns=columns, index=[line for line, _ in rows], dtype=object)
    return table.loc[:, [bool(column) for column in columns]]


def match_ids(given: Sequence[str], ids: Sequence[str]) -> NDArray[np.int64]:
    r"""Find the rows of ids that a user gives; −1 where there is none.

    What is not there as it is given is sought without blanks around it, with ``/`` for ``\``, and with letters and their
    accents as one character (as a Mac does not write them), unless two ids are then alike.
    """
    rows = pd.Index(ids).get_indexer(pd.Index(given, dtype=object)).astype(np.int64)
    counts = Counter(map(_loosely, ids))
    loose = {key: row for row, key in enumerate(map(_loosely, ids)) if counts[key] == 1}
    for row in np.flatnonzero(rows < 0):
        rows[row] = loose.get(_loosely(given[int(row)]), -1)
    return rows


def _loosely(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip().replace("\\", "/"))


def _bytes_of(path: Path, what: str) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file of {what}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a CSV file of {what}") from error


def decode_text(raw: bytes, where: str, what: str) -> str:
    """Return the text of a file, in UTF-8, UTF-16 or Latin-1 (Windows-1252); `InputError` if it is none."""
    for start, reason in _NO_TEXT.items():
        if raw.startswith(start):
            raise _unreadable(where, what, reason)
    try:
        text = raw.decode(_encoding(raw))
    except UnicodeDecodeError as error:
        raise _unreadable(where, what, "it is neither UTF-8, UTF-16 nor Latin-1") from error
    if "\0" in text:
        raise _unreadable(where, what, "it is no text")
    return text


def _encoding(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    odd, even = raw[1:2000:2], raw[:2000:2]
    if odd.count(0) > len(odd) / 2:
        return "utf-16-le"
    if even.count(0) > len(even) / 2:
        return "utf-16-be"
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _header(text: str, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    first = next((row for row in rows if any(cell.strip() for cell in row)), [])
    return [unguard_formula(cell.strip()) for cell in first]


def _fitness(header: Sequence[str], known: Mapping[str, str]) -> tuple[int, int]:
    return sum(cell.casefold() in known for cell in header), len(header)


def _check(where: str, columns: Sequence[str], rows: Sequence[tuple[int, list[str]]], delimiter: str) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1 and column]
    if twice:
        raise InputError(f"{where} has two columns {twice[0]!r}: keep one")
    for line, row in rows:
        if any(cell.strip() for cell in row[len(columns) :]):
            raise InputError(
                f"{where}, line {line}: has {len(row)} cells and the first line {len(columns)}: put cells that hold a "
                f"{delimiter}, such as numbers with a decimal comma, into quotes"
            )


def _unreadable(where: str, what: str, reason: str) -> InputError:
    return InputError(f"{where}: cannot be read as a CSV file of {what} ({reason}): {_MEND}")
