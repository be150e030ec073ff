"""Views that people have named: kept in ``RUN/atlas/views.json``, so that whoever opens the run finds them."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from facies.annotations.actions import check_text
from facies.atlas.errors import MissingError
from facies.errors import InputError
from facies.io import path_inside, write_json_atomically

__all__ = ["MAX_VIEWS", "SavedView", "SavedViews", "ViewQuery"]

MAX_VIEWS = 200
_MAX_BYTES = 8_000_000

ViewQuery = Annotated[
    dict[Annotated[str, Field(pattern="^[a-z]{1,20}$")], Annotated[str, Field(max_length=8000)]], Field(max_length=30)
]


class SavedView(BaseModel):
    """A view with its name.

    Attributes
    ----------
    name : str
        One line of at most 100 characters.
    user : str
        Who saved it last.
    time : str
        When, ISO 8601 in UTC.
    query : dict of str to str
        What the address of the page says of the view: filter, target, order, colouring, camera. It is never interpreted
        here; a page reads it as carefully as its own address.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    user: Annotated[str, Field(max_length=100)] = ""
    time: Annotated[str, Field(max_length=40)] = ""
    query: ViewQuery


_VIEWS = TypeAdapter(Annotated[list[SavedView], Field(max_length=MAX_VIEWS)])


class SavedViews:
    """The named views of a run.

    Parameters
    ----------
    folder : Path
        The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()

    def read(self) -> list[SavedView]:
        """Return the views, sorted by name; `InputError` if the file is damaged, which is then never written over."""
        path = self._path()
        try:
            if not path.exists():
                return []
            if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > _MAX_BYTES:
                raise InputError(f"{path} does not hold saved views: move it away, and save the views again")
            views = _VIEWS.validate_python(json.loads(path.read_bytes()))
            for view in views:
                check_text(view.name, "the name of a view")
        except (OSError, ValueError, RecursionError, ValidationError, InputError) as error:
            reason = "" if isinstance(error, ValidationError) else f" ({' '.join(str(error).split())[:120]})"
            raise InputError(f"{path} is damaged{reason}: move it away, and save the views again") from error
        return sorted(views, key=lambda view: view.name.casefold())

    def save(self, name: str, query: dict[str, str], user: str) -> SavedView:
        """Write a view, in place of one of the same name; it is on the disk when this returns."""
        view = SavedView(
            name=check_text(name, "the name of a view"),
            user=user[:100],
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            query=query,
        )
        with self._lock:
            others = [other for other in self.read() if other.name.casefold() != view.name.casefold()]
            if len(others) >= MAX_VIEWS:
                raise InputError(f"there are {MAX_VIEWS} saved views: remove one first")
            self._write([*others, view])
        return view

    def remove(self, name: str) -> None:
        """Remove a view by its name; `MissingError` if there is none."""
        with self._lock:
            views = self.read()
            others = [view for view in views if view.name != name]
            if len(others) == len(views):
                raise MissingError(f"there is no saved view {name[:60]!r}: somebody has removed it")
            self._write(others)

    def _path(self) -> Path:
        return path_inside(self._folder, "atlas/views.json")

    def _write(self, views: list[SavedView]) -> None:
        write_json_atomically(self._path(), [view.model_dump() for view in views])
