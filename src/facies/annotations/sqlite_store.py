"""The journal's file: SQLite, one row an action, on disk before it is acknowledged."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facies._version import __version__
from facies.annotations.actions import Action
from facies.annotations.encoding import decode_rows, decode_values, encode_rows, encode_values
from facies.annotations.state import State
from facies.errors import InputError
from facies.io import atomic_file
from facies.runs.manifest import now

FORMAT = 1
"""The number of the journal's format. It grows when a reader of the old format would read the new one wrongly."""

_APPLICATION = 0x4641434A  # "FACJ", in the header of the file
_WAIT_SECONDS = 30.0
_BUSY = "another process has been writing to it for {seconds:g} s: wait for it, or end it"
_FORBIDDEN = "it may not be written to: choose a copy of the run that is yours"
_GONE = "it was removed while it was open: put it back, or open the run again; nothing of this action was kept"
_ERRORS = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_FULL: "the disk is full: free some space; nothing of this action was kept",
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_CANTOPEN: _FORBIDDEN,
}
_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE action (
    id INTEGER PRIMARY KEY, time TEXT NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL, partition TEXT,
    rows BLOB NOT NULL, before BLOB NOT NULL, after BLOB NOT NULL, parameters TEXT NOT NULL, undoes INTEGER,
    checksum INTEGER NOT NULL);
CREATE TABLE snapshot (id INTEGER PRIMARY KEY, arrays BLOB NOT NULL, plain TEXT NOT NULL, checksum INTEGER NOT NULL);
"""
_SCHEMA = {" ".join(statement.split()) for statement in _TABLES.split(";") if statement.strip()}
_MAX_VALUE_BYTES = 2**26
_COLUMNS = "id, time, user, kind, partition, rows, before, after, parameters, undoes"


class JournalStore:
    """Reads and appends actions. It is not safe in several threads by itself; `Journal` holds a lock around it.

    A transaction is a rollback journal with ``synchronous=EXTRA``: when ``COMMIT`` returns, file and folder are flushed.
    Other processes may read and write the same file; SQLite lets one write at a time. The first write makes the file. A
    file that is damaged, of another format, or of another run than ``n_images`` and ``fingerprint`` say is an
    `InputError`.
    """

    def __init__(self, path: Path, n_images: int, fingerprint: str) -> None:
        self.path, self.n_images, self.fingerprint = path, n_images, fingerprint
        self._connection: sqlite3.Connection | None = None
        if path.exists():
            self._open()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the file against other writers; afterwards all that was appended is on disk, or nothing is."""
        if self._connection is None and not self.path.exists():
            self._make()
        connection = self._opened()
        assert connection is not None
        with self._errors():
            connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            with self._errors():
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def append(self, action: Action) -> None:
        """Append a row; to be called within `writing`."""
        values: tuple[Any, ...] = (
            action.id,
            action.time,
            action.user,
            action.kind,
            action.partition,
            encode_rows(action.rows, self.n_images),
            encode_values(action.before),
            encode_values(action.after),
            json.dumps(action.parameters, ensure_ascii=False),
            action.undoes,
        )
        assert self._connection is not None
        with self._errors():
            self._connection.execute(
                f"INSERT INTO action ({_COLUMNS}, checksum) VALUES (?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - our words
                (*values, _checksum(values)),
            )

    def actions(self, after: int = 0, kinds: tuple[str, ...] = (), last: int | None = None) -> Iterator[Action]:
        """Read actions whole, the oldest first: ids above ``after`` up to ``last``, of some kinds (empty: all)."""
        connection = self._opened()
        if connection is None:
            return
        marks = ",".join("?" * len(kinds))
        condition = f" AND kind IN ({marks})" if kinds else ""
        with self._errors():
            numbers = connection.execute(
                f"SELECT id FROM action WHERE id > ? AND id <= ?{condition} ORDER BY id",  # noqa: S608 - question marks
                (after, 2**62 if last is None else last, *kinds),
            ).fetchall()
        for (number,) in numbers:  # one by one: neither all of them in memory, nor a lock held between them
            yield self.action(number)

    def action(self, number: int) -> Action:
        """Read one action whole."""
        connection = self._opened()
        assert connection is not None
        with self._errors():
            row = connection.execute(f"SELECT {_COLUMNS}, checksum FROM action WHERE id = ?", (number,)).fetchone()  # noqa: S608 - the columns are a constant
        if row is None:
            raise self.damaged(f"action {number} is missing")
        return self._decode(list(row[:-1]), row[-1])

    def outline(self) -> list[tuple[int, str, str, int | None]]:
        """Read id, user, kind and undoes of all actions, without their rows; `InputError` if one of them is missing."""
        connection = self._opened()
        if connection is None:
            return []
        with self._errors():
            outline = connection.execute("SELECT id, user, kind, undoes FROM action ORDER BY id").fetchall()
        for expected, row in enumerate(outline, 1):
            if row[0] != expected:
                raise self.damaged(f"action {expected} is missing")
        return outline

    def write_snapshot(self, state: State) -> None:
        """Replace the snapshot, from which opening starts instead of a replay of all actions."""
        arrays, plain = state.to_bytes()
        with self.writing(), self._errors():
            assert self._connection is not None
            self._connection.execute("DELETE FROM snapshot")
            self._connection.execute(
                "INSERT INTO snapshot VALUES (?,?,?,?)", (state.revision, arrays, plain, _checksum((arrays, plain)))
            )

    def read_snapshot(self, state: State) -> None:
        """Load the snapshot into a new state, if there is one."""
        connection = self._opened()
        if connection is None:
            return
        with self._errors():
            row = connection.execute("SELECT arrays, plain, checksum FROM snapshot ORDER BY id DESC").fetchone()
        if row is None:
            return
        try:
            if _checksum(row[:2]) != row[2]:
                raise ValueError("checksum")
            state.load_bytes(row[0], row[1])
        except (AttributeError, ValueError, KeyError, TypeError, RecursionError, zlib.error) as error:
            raise self.damaged("its snapshot") from error

    def _decode(self, values: list[Any], checksum: int) -> Action:
        number, time, user, kind, partition, rows, before, after, parameters, undoes = values
        try:
            if _checksum(tuple(values)) != checksum:
                raise ValueError("checksum")
            unpacked = decode_rows(rows, self.n_images)
            before, after = (decode_values(packed, len(unpacked)) for packed in (before, after))
            details = json.loads(parameters)
        except (AttributeError, ValueError, KeyError, TypeError, RecursionError, zlib.error) as error:
            raise self.damaged(f"action {number}") from error
        return Action(number, time, user, kind, partition, unpacked, before, after, details, undoes)

    def _opened(self) -> sqlite3.Connection | None:
        """Return the connection, or None while nobody has written; another process may have made the file meanwhile."""
        if self._connection is None and self.path.exists():
            self._open()
        return self._connection

    def _make(self) -> None:
        """Make the file whole or not at all; if another process was quicker, its file is used."""
        try:
            with atomic_file(self.path) as temporary, contextlib.closing(sqlite3.connect(temporary)) as connection:
                connection.executescript(f"PRAGMA application_id={_APPLICATION};" + _TABLES)
                about = {
                    "format": str(FORMAT),
                    "version": __version__,
                    "created": now(),
                    "n_images": str(self.n_images),
                    "fingerprint": self.fingerprint,
                }
                connection.executemany("INSERT INTO about VALUES (?,?)", about.items())
                connection.commit()
        except InputError:
            if not self.path.exists():
                raise

    def _open(self) -> None:
        if self.path.stat().st_size == 0:
            raise self.damaged("it is empty")
        uri = f"file:{urllib.parse.quote(str(self.path))}?mode=rw"
        with self._errors():
            connection = sqlite3.connect(
                uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(_MAX_VALUE_BYTES, 32 * self.n_images))
                connection.execute("PRAGMA trusted_schema=OFF")
                connection.execute("PRAGMA synchronous=EXTRA")
                self._check(connection)
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    def _check(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise self.damaged("it is not a journal of Facies")
        # A trigger or a view of a stranger would change or drop what is acknowledged.
        statements = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        if {" ".join(str(sql).split()) for (sql,) in statements} != _SCHEMA:
            raise self.damaged("it holds other tables, views or triggers than a journal of Facies")
        about = dict(connection.execute("SELECT name, value FROM about"))
        if about.get("format") != str(FORMAT):
            raise InputError(
                f"{self.path} is a journal of format {about.get('format')!r}, and this version of facies reads format "
                f"{FORMAT}: open it with the version of facies that wrote it ({about.get('version', 'unknown')})"
            )
        if about.get("fingerprint") != self.fingerprint or about.get("n_images") != str(self.n_images):
            raise InputError(
                f"{self.path} belongs to another run (of {about.get('n_images')} images; this run has {self.n_images}, "
                "or other pixels): put back the journal of this run, or move that file away"
            )

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # The first eight bits are the primary code, the rest say more of the cause.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code not in _ERRORS:
                raise self.damaged(str(error)) from error
            reason = _ERRORS[code].format(seconds=_WAIT_SECONDS)
            if (
                _ERRORS[code] is _FORBIDDEN and not self.path.exists()
            ):  # SQLite tells a file that was removed by the same code
                reason = _GONE
            raise InputError(f"{self.path}: {reason}") from error

    def damaged(self, what: str) -> InputError:
        """Return the error that says what is damaged."""
        return InputError(f"{self.path} is damaged ({what}): restore it from a copy; it is left as it is")


def _checksum(values: tuple[Any, ...]) -> int:
    total = 0
    for value in values:
        part = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
        total = zlib.crc32(part, zlib.crc32(b"\0", total))
    return total
