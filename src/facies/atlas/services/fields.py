"""What images can be filtered by: the expert's decisions, the classifier's predictions, and every column of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import STATES
from facies.atlas.state.columns import Column
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["CategoryField", "Field", "NoteField", "NumberField", "TextField", "field_of", "fields_to_json", "is_one_of"]

_COLUMN = "column:"
ANY_TEXT = "text"


@dataclass(frozen=True, eq=False)
class NumberField:
    """One number for each image, float32 of shape (N,); what is not finite is no value."""

    entries: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CategoryField:
    """One of some values for each image.

    ``codes`` has the shape (N,), and the value of code ``numbers[i]`` is ``values[i]``; the code ``missing`` is no value.
    Without ``numbers``, the codes are themselves the values, written as decimal numbers.
    """

    codes: NDArray[Any]
    numbers: Sequence[int] | None = None
    values: Sequence[str] = ()
    missing: int | None = None

    def codes_of(self, values: Sequence[str]) -> list[int]:
        """Return the codes of those of some values that exist."""
        wanted = set(values)
        if self.numbers is None:
            return [int(value) for value in wanted if value.removeprefix("-").isdecimal() and len(value) < 12]
        return [number for number, value in zip(self.numbers, self.values, strict=True) if value in wanted]

    def names(self) -> dict[int, str]:
        """Return the value of each code that has one."""
        return {} if self.numbers is None else dict(zip(self.numbers, self.values, strict=True))


@dataclass(frozen=True)
class TextField:
    """A column of texts by its name; None stands for the ids, and all texts and categories together."""

    name: str | None


@dataclass(frozen=True)
class NoteField:
    """The notes that experts wrote on images."""


Field = NumberField | CategoryField | TextField | NoteField


def field_of(run: OpenRun, name: str) -> Field:
    """Return the field of a name that `fields_to_json` lists; `InputError` if there is none, or it has no values yet."""
    states = run.states
    if name in ("group", "class"):
        codes = states.groups if name == "group" else states.classes
        return CategoryField(codes, missing=0 if name == "class" else None)
    if name == "state":
        return CategoryField(states.states, list(STATES.values()), list(STATES))
    if name == "looked_at":
        return CategoryField(states.looked_at.view(np.uint8), (0, 1), ("no", "yes"))
    if name in ("prediction", "certainty"):
        if run.predictions is None:
            raise InputError("there is no classifier yet, so that nothing is predicted: name images of two classes")
        if name == "certainty":
            return NumberField(run.predictions.certainty)
        return CategoryField(run.predictions.classes, missing=0)
    if name == ANY_TEXT:
        return TextField(None)
    if name == "id":
        return TextField("id")
    if name == "note":
        return NoteField()
    column = name.removeprefix(_COLUMN)
    if name.startswith(_COLUMN) and column in run.columns:
        return _column_field(run.columns[column])
    if name.startswith(_COLUMN) and column in run.texts.names:
        return TextField(column)
    known = ", ".join(entry["field"] for entry in fields_to_json(run))
    raise InputError(f"there is nothing called {name[:60]!r} to filter by: there are {known[:600]}")


def fields_to_json(run: OpenRun) -> list[dict[str, str]]:
    """Return name, kind and title of all that images can be filtered by."""
    fields = [
        ("looked_at", "category", "Looked at"),
        ("state", "category", "State"),
        ("class", "category", "Class"),
        ("group", "category", "Group"),
        ("prediction", "category", "Predicted class"),
        ("certainty", "number", "Certainty"),
    ]
    fields += [(_COLUMN + column.name, column.kind, column.to_json()["title"]) for column in run.columns.values()]
    fields += [("id", "text", "Id")]
    fields += [(_COLUMN + name, "text", name.replace("_", " ")[:200]) for name in run.texts.names if name != "id"]
    fields += [("note", "text", "Notes"), (ANY_TEXT, "text", "Any text")]
    return [{"field": name, "kind": kind, "title": title} for name, kind, title in fields]


def is_one_of(values: NDArray[Any], numbers: Sequence[int]) -> NDArray[np.bool_]:
    """Return which integers are one of some numbers, of which those beyond the type of the values are ignored."""
    limits = np.iinfo(values.dtype)
    possible = [number for number in numbers if limits.min <= number <= limits.max]
    if len(possible) == 1:
        return np.asarray(values == possible[0])
    return np.isin(values, np.array(possible, values.dtype))


def _column_field(column: Column) -> Field:
    if column.kind == "number":
        return NumberField(column.entries)
    return CategoryField(column.entries, range(1, len(column.categories) + 1), column.categories, missing=0)
