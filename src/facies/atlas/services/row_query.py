"""How a request names images: by rows, by a bitmask, by group, class, state or column, or by several at once."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from facies.annotations import STATES
from facies.atlas.state.columns import Column
from facies.errors import InputError

__all__ = ["MOST_ROWS", "RowsQuery", "chosen_rows", "to_mask"]

MOST_ROWS = 20_000
"""Rows that may be written out in a request; more come as a bitmask."""

Number = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Numbers = Number | Annotated[list[Number], Field(max_length=10_000)]


class RowsQuery(BaseModel):
    """The images that fulfil everything that is given.

    Attributes
    ----------
    all : bool
        Every image.
    rows : list of int
        By number.
    mask : str
        Base64 of ceil(N/8) bytes; bit i of byte j (the least is 0) stands for row 8 j + i.
    group, class_, state, prediction : int or list of int
        By what they are now; class 0 has no name.
    column, value, low, high
        By a column of the table: a word, or a range of numbers with both ends.
    not_excluded : bool
        Leaves the excluded ones out.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    all: bool = False
    rows: Annotated[list[Number], Field(max_length=MOST_ROWS)] | None = None
    mask: str | None = None
    group: Numbers | None = None
    class_: Numbers | None = Field(default=None, alias="class")
    state: Numbers | None = None
    prediction: Numbers | None = None
    column: str | None = None
    value: str | None = None
    low: float | None = None
    high: float | None = None
    not_excluded: bool = False


def chosen_rows(
    query: RowsQuery,
    count: int,
    standing: Mapping[str, NDArray[Any]],
    columns: Mapping[str, Column],
) -> NDArray[np.int64]:
    """Return the rows that a query means, rising.

    Parameters
    ----------
    query : RowsQuery
        What is asked for.
    count : int
        N.
    standing : mapping of str to ndarray, shape (N,)
        ``group``, ``class``, ``state`` and ``prediction`` as they are now.
    columns : mapping of str to Column
        The columns of the run.

    Raises
    ------
    InputError
        If nothing is given, a mask is of another length, or a row, state or column is not there.
    """
    masks: list[NDArray[np.bool_]] = []
    if query.mask is not None:
        masks.append(_from_mask(query.mask, count))
    for name in ("group", "class", "state", "prediction"):
        wanted = getattr(query, "class_" if name == "class" else name)
        if wanted is not None:
            masks.append(_is_one_of(standing[name], [wanted] if isinstance(wanted, int) else wanted))
    if query.column is not None:
        masks.append(_in_column(query, columns))
    if query.not_excluded and (masks or query.rows is not None or query.all):
        masks.append(standing["state"] != STATES["excluded"])
    if query.rows is not None:
        rows = _checked(query.rows, count)
        for mask in masks:
            rows = rows[mask[rows]]
        return rows
    if not masks:
        if query.all:
            return np.arange(count, dtype=np.int64)
        raise InputError('no images are meant: give rows, mask, group, class, state or column, or {"all": true}')
    return np.flatnonzero(np.logical_and.reduce(masks)).astype(np.int64, copy=False)


def to_mask(rows: NDArray[np.int64], count: int) -> str:
    """Return rows as the text of a bitmask of N bits."""
    bits = np.zeros(count, np.bool_)
    bits[rows] = True
    return base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode("ascii")


def _from_mask(text: str, count: int) -> NDArray[np.bool_]:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("a mask is base64 of packed bits: other text was given") from error
    if len(packed) != -(-count // 8):
        raise InputError(f"a mask of {count} images has {-(-count // 8)} bytes: {len(packed)} were given")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    if bits[count:].any():
        raise InputError(f"a mask of {count} images has no bits beyond them: some were set")
    return bits[:count].view(np.bool_)


def _checked(rows: Sequence[int], count: int) -> NDArray[np.int64]:
    wrong = next((row for row in rows if not 0 <= row < count), None)
    if wrong is not None:
        raise InputError(f"there is no image {wrong}: the run has {count}, numbered from 0")
    return np.unique(np.array(rows, np.int64))


def _is_one_of(values: NDArray[Any], wanted: Sequence[int]) -> NDArray[np.bool_]:
    limits = np.iinfo(values.dtype)
    known = [number for number in wanted if limits.min <= number <= limits.max]
    if len(known) == 1:
        return np.asarray(values == known[0])
    return np.isin(values, np.array(known, values.dtype))


def _in_column(query: RowsQuery, columns: Mapping[str, Column]) -> NDArray[np.bool_]:
    column = columns.get(query.column or "")
    if column is None:
        raise InputError(f"there is no column {str(query.column)[:40]!r}: there are {', '.join(columns)}")
    if column.kind == "category":
        if query.value is None or query.value not in column.words:
            return np.zeros(len(column.entries), np.bool_) if query.value else column.entries == 0
        return np.asarray(column.entries == column.words.index(query.value) + 1)
    low = -np.inf if query.low is None else query.low
    high = np.inf if query.high is None else query.high
    return np.asarray((column.entries >= low) & (column.entries <= high))
