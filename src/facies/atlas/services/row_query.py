"""How a request selects images: by rows, by a bitmask, by group, class, state or column, or by several of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from facies.annotations import STATES
from facies.atlas.services.fields import is_one_of
from facies.atlas.services.filtering import Conditions, filter_mask
from facies.atlas.state.columns import Column
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["MAX_ROWS", "Number", "Numbers", "RowQuery", "match_rows", "select_rows"]

MAX_ROWS = 20_000
"""Number of rows that a request may list; more are sent as a bitmask."""

Number = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Numbers = Number | Annotated[list[Number], Field(max_length=10_000)]


class RowQuery(BaseModel):
    """Selects the images that match all conditions that are given.

    Attributes
    ----------
    all : bool
        All images.
    rows : list of int
        Images by row.
    mask : str
        Base64 of ceil(N/8) bytes; bit i (the least significant is 0) of byte j stands for row 8 j + i.
    group, class_, state, prediction : int or list of int
        Images that have one of these values now; class 0 is no class.
    column, value, low, high
        Images whose entry in a column is a category (``value``), or a number from ``low`` to ``high``, both included.
    note : str
        Images of whose notes one holds this text, whatever its capitals; ``""`` for those with any note.
    looked_at : bool
        Only images that an expert has judged by themselves, or only those that nobody has.
    not_excluded : bool
        Leaves out excluded images.
    where : list of Condition
        A filter: only images that fulfil all of these, too.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    all: bool = False
    rows: Annotated[list[Number], Field(max_length=MAX_ROWS)] | None = None
    mask: str | None = None
    group: Numbers | None = None
    class_: Numbers | None = Field(default=None, alias="class")
    state: Numbers | None = None
    prediction: Numbers | None = None
    column: str | None = None
    value: str | None = None
    low: float | None = None
    high: float | None = None
    note: Annotated[str, Field(max_length=500)] | None = None
    looked_at: bool | None = None
    not_excluded: bool = False
    where: Conditions = []


def select_rows(run: OpenRun, query: RowQuery) -> NDArray[np.int64]:
    """Return the images of a run that a query selects, ascending; see `match_rows`."""
    values = dict(run.states.by_name())
    if query.prediction is not None:
        predictions = run.predictions
        values["prediction"] = np.zeros(len(run), np.uint16) if predictions is None else predictions.classes
    if query.note is not None:
        values["note"] = run.states.has_note(query.note)
    rows = match_rows(query, len(run), values, run.columns)
    return rows[filter_mask(run, query.where)[rows]] if query.where else rows


def match_rows(
    query: RowQuery,
    n_images: int,
    values: Mapping[str, NDArray[Any]],
    columns: Mapping[str, Column],
) -> NDArray[np.int64]:
    """Return the rows that match a query, ascending, by ``values`` (group, class, state, prediction) of shape (N,) each.

    `InputError` if the query has no condition, a mask has another length, or a row or column does not exist.
    """
    masks: list[NDArray[np.bool_]] = []
    if query.mask is not None:
        masks.append(_from_mask(query.mask, n_images))
    for name in ("group", "class", "state", "prediction"):
        numbers = getattr(query, "class_" if name == "class" else name)
        if numbers is not None:
            masks.append(is_one_of(values[name], [numbers] if isinstance(numbers, int) else numbers))
    if query.column is not None:
        masks.append(_matches_column(query, columns))
    if query.note is not None:
        masks.append(values["note"])
    if query.looked_at is not None:
        masks.append(values["looked"] == query.looked_at)
    if query.not_excluded and (masks or query.rows is not None or query.all):
        masks.append(values["state"] != STATES["excluded"])
    if query.rows is not None:
        rows = _check_rows(query.rows, n_images)
        for mask in masks:
            rows = rows[mask[rows]]
        return rows
    if not masks:
        if query.all:
            return np.arange(n_images, dtype=np.int64)
        raise InputError('no images are meant: give rows, mask, group, class, state, column or note, or {"all": true}')
    return np.flatnonzero(np.logical_and.reduce(masks)).astype(np.int64, copy=False)


def _from_mask(text: str, n_images: int) -> NDArray[np.bool_]:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("a mask is base64 of packed bits: other text was given") from error
    if len(packed) != -(-n_images // 8):
        raise InputError(f"a mask of {n_images} images has {-(-n_images // 8)} bytes: {len(packed)} were given")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    if bits[n_images:].any():
        raise InputError(f"a mask of {n_images} images has no bits beyond them: some were set")
    return bits[:n_images].view(np.bool_)


def _check_rows(rows: Sequence[int], n_images: int) -> NDArray[np.int64]:
    wrong = next((row for row in rows if not 0 <= row < n_images), None)
    if wrong is not None:
        raise InputError(f"there is no image {wrong}: the run has {n_images}, numbered from 0")
    return np.unique(np.array(rows, np.int64))


def _matches_column(query: RowQuery, columns: Mapping[str, Column]) -> NDArray[np.bool_]:
    column = columns.get(query.column or "")
    if column is None:
        raise InputError(f"there is no column {str(query.column)[:40]!r}: there are {', '.join(columns)}")
    if column.kind == "category":
        if query.value is None or query.value not in column.categories:
            return np.zeros(len(column.entries), np.bool_) if query.value else column.entries == 0
        return np.asarray(column.entries == column.categories.index(query.value) + 1)
    low = -np.inf if query.low is None else query.low
    high = np.inf if query.high is None else query.high
    return np.asarray((column.entries >= low) & (column.entries <= high))
