"""The rows of a benchmark: one line of JSON a run, written whole or not trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.io import atomic_file, jsonable, user_errors

Row = dict[str, Any]
Key = tuple[str, str, int]


class RowFile:
    """``rows.jsonl``, opened by the one writer that holds the lock of its folder.

    Parameters
    ----------
    path
        The file; it may not be there yet. A last line without its end, which a kill leaves, is cut off, and `cut` is true.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.cut = path, False
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        self.rows = _parse(whole, path)
        if whole != text:
            self.cut = True
            self._write(self.rows)

    def append(self, row: Row) -> None:
        """Write a row in one call, to the disk; it takes the place of an earlier row of its run."""
        if _key(row) in self.latest():
            self._write([*(each for each in self.rows if _key(each) != _key(row)), json.loads(_line(row))])
            return
        line = _line(row)
        with user_errors(self.path):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                start = os.fstat(descriptor).st_size
                if os.write(descriptor, line) != len(line):  # a full disk
                    os.ftruncate(descriptor, start)
                    raise OSError(28, os.strerror(28), str(self.path))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self.rows.append(json.loads(line))

    def latest(self) -> dict[Key, Row]:
        """The last row of each run; one that was run again replaces its failure."""
        return {_key(row): row for row in self.rows}

    def _write(self, rows: list[Row]) -> None:
        with user_errors(self.path), atomic_file(self.path, overwrite=True) as temporary:
            temporary.write_bytes(b"".join(map(_line, rows)))
        self.rows = rows


def rows_in(path: Path) -> list[Row]:
    """The whole rows of a file, which stays as it is; none where there is no file."""
    text = path.read_bytes() if path.exists() else b""
    return _parse(text[: text.rfind(b"\n") + 1], path)


def _key(row: Row) -> Key:
    return row["set"], row["method"], row["seed"]


def _line(row: Row) -> bytes:
    return json.dumps(jsonable(row), ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"


def _parse(text: bytes, path: Path) -> list[Row]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            _ = row["set"], row["method"], row["seed"], row["error"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: line {number} is no row of a benchmark; remove that line, and its run is repeated"
            ) from error
        rows.append(row)
    return rows
