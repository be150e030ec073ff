"""Images in an order: by nearness, by chance, by certainty, by a column; and what a choice of images holds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from facies.atlas.services.row_query import RowsQuery
from facies.atlas.services.search import centre_of, distances_to, first_of, nearest_to_any
from facies.atlas.state.group_statistics import numbered
from facies.atlas.state.image_states import ImageStates
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["SortOrder", "count_rows", "neighbours_of", "ordered"]

_MOST_COUNTED = 20


class SortOrder(BaseModel):
    """Which images, and in what order.

    Attributes
    ----------
    of : RowsQuery
        The images.
    by : str
        ``nearest`` and ``farthest`` (to the mean of `to`, or of the images themselves), ``similar`` (nearest to the mean
        of `to`), ``random``, ``least_certain`` and ``most_certain`` (of the classifier), ``column``, ``row``.
    to : RowsQuery, optional
        The images whose mean is the point to be near to.
    column : str, optional
        For ``column``.
    descending : bool
        For ``column``.
    seed : int
        For ``random``.
    offset, limit : int
        The page.
    """

    model_config = ConfigDict(extra="forbid")

    of: RowsQuery
    by: Literal["nearest", "farthest", "similar", "random", "least_certain", "most_certain", "column", "row"]
    to: RowsQuery | None = None
    column: str | None = None
    descending: bool = False
    seed: int = Field(default=0, ge=0, le=2**31)
    offset: int = Field(default=0, ge=0, le=2**31)
    limit: int = Field(default=2000, ge=1, le=2**24)


def ordered(run: OpenRun, order: SortOrder) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Return a page of images in an order, what they are ordered by, and how many there are in all.

    Raises
    ------
    InputError
        If the order needs something that is not there: images to be near to, a classifier, a column.
    """
    rows = run.rows(order.of)
    end = min(len(rows), order.offset + order.limit)
    if order.by in ("row", "random"):
        if order.by == "random":
            rows = np.random.default_rng(order.seed).permutation(rows)
        page = rows[order.offset : end]
        return page, np.arange(order.offset, order.offset + len(page), dtype=np.float32), len(rows)
    if not len(rows):  # A page may ask for a group that an action has just emptied.
        return rows, np.empty(0, np.float32), 0
    values, descending = _values(run, order, rows)
    places = first_of(values, order.limit, descending=descending, offset=order.offset)
    return rows[places], values[places], len(rows)


def _values(run: OpenRun, order: SortOrder, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], bool]:
    if order.by in ("nearest", "farthest", "similar"):
        if order.by == "similar" and order.to is None:
            raise InputError("similar to what? Give the images in `to`")
        to = rows if order.to is None else run.rows(order.to)
        if not len(to):
            raise InputError("there are no images to be near to: choose a class or group that has some")
        return distances_to(run.run.embedding, rows, centre_of(run.run.embedding, to)), order.by == "farthest"
    if order.by in ("least_certain", "most_certain"):
        if run.probing.fitted is None:
            raise InputError("there is no classifier yet: name images of two classes")
        return run.probing.fitted.certainty[rows], order.by == "most_certain"
    column = run.columns.get(order.column or "")
    if column is None:
        raise InputError(f"there is no column {str(order.column)[:40]!r}: there are {', '.join(run.columns)}")
    return column.entries[rows].astype(np.float32), order.descending


def neighbours_of(
    run: OpenRun, queries: NDArray[np.int64], among: NDArray[np.int64] | None, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the images nearest to any of some.

    Raises
    ------
    InputError
        If none are given.
    """
    if not len(queries):
        raise InputError("near to what? Choose at least one image")
    everything = np.arange(len(run)) if among is None else among
    return nearest_to_any(run.run.embedding, queries, everything, k)


def count_rows(standing: ImageStates, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return how many images a choice holds, of which groups, classes and states."""
    return {
        "n": len(rows),
        "groups": _most_frequent(standing.groups[rows]),
        "classes": _most_frequent(standing.classes[rows]),
        "states": np.bincount(standing.states[rows], minlength=5),
    }


def _most_frequent(values: NDArray[Any]) -> list[list[int]]:
    names, _, counts = numbered(values.astype(np.int32))
    order = np.argsort(-counts, kind="stable")[:_MOST_COUNTED]
    return [[int(names[i]), int(counts[i])] for i in order]
