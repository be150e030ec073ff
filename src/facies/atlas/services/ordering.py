"""Sorts images by distance, certainty, a column or at random; finds neighbours; counts what a selection holds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from facies.atlas.services.row_query import RowQuery, select_rows
from facies.atlas.services.search import argsort_page, distances_to, mean_embedding, nearest_to_any
from facies.atlas.state.group_statistics import group_index
from facies.atlas.state.image_states import ImageStates
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

_MAX_COUNTED = 20


class SortOrder(BaseModel):
    """Which images, sorted how: at most ``limit`` of them, from position ``offset`` on.

    ``nearest`` and ``farthest`` sort by the distance in the embedding to the mean of ``to``, or of the images
    themselves; ``similar`` as ``nearest``, but ``to`` must be given; ``least_certain`` and ``most_certain`` by the
    certainty of the classifier; ``column`` by a column of the run, from its largest value on if ``descending``; ``row``
    by row; ``random`` shuffles, in another order with another ``seed``.
    """

    model_config = ConfigDict(extra="forbid")

    of: RowQuery
    by: Literal["nearest", "farthest", "similar", "random", "least_certain", "most_certain", "column", "row"]
    to: RowQuery | None = None
    column: str | None = None
    descending: bool = False
    seed: int = Field(default=0, ge=0, le=2**31)
    offset: int = Field(default=0, ge=0, le=2**31)
    limit: int = Field(default=2000, ge=1, le=2**24)


def sort_rows(run: OpenRun, order: SortOrder) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Return one page of sorted images: their rows, what they are sorted by, and how many images all pages have.

    `InputError` if there are no images to measure distances to, no classifier, or no such column.
    """
    rows = select_rows(run, order.of)
    end = min(len(rows), order.offset + order.limit)
    if order.by in ("row", "random"):
        if order.by == "random":
            # Each image has its place by chance once for all: the order of the others stays when some leave.
            chance = np.random.default_rng(order.seed).random(len(run), np.float32)[rows]
            page = rows[argsort_page(chance, order.limit, offset=order.offset)]
        else:
            page = rows[order.offset : end]
        return page, np.arange(order.offset, order.offset + len(page), dtype=np.float32), len(rows)
    if not len(rows):  # A page may ask for a group that an action has just emptied.
        return rows, np.empty(0, np.float32), 0
    values, descending = _values(run, order, rows)
    page = argsort_page(values, order.limit, descending=descending, offset=order.offset)
    return rows[page], values[page], len(rows)


def _values(run: OpenRun, order: SortOrder, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], bool]:
    if order.by in ("nearest", "farthest", "similar"):
        if order.by == "similar" and order.to is None:
            raise InputError("similar to what? Give the images in `to`")
        to = rows if order.to is None else select_rows(run, order.to)
        if not len(to):
            raise InputError("there are no images to be near to: choose a class or group that has some")
        return distances_to(
            run.folder.embedding, rows, mean_embedding(run.folder.embedding, to)
        ), order.by == "farthest"
    if order.by in ("least_certain", "most_certain"):
        if run.predictions is None:
            raise InputError("there is no classifier yet: name images of two classes")
        return run.predictions.certainty[rows], order.by == "most_certain"
    column = run.columns.get(order.column or "")
    if column is None:
        raise InputError(f"there is no column {str(order.column)[:40]!r}: there are {', '.join(run.columns)}")
    return column.entries[rows].astype(np.float32), order.descending


def nearest_rows(
    run: OpenRun, queries: NDArray[np.int64], among: NDArray[np.int64] | None, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the ``k`` images nearest to any of ``queries``, and their distances; see `nearest_to_any`."""
    if not len(queries):
        raise InputError("near to what? Choose at least one image")
    candidates = np.arange(len(run)) if among is None else among
    return nearest_to_any(run.folder.embedding, queries, candidates, k)


def count_rows(states: ImageStates, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return the number of rows: of all, of the most frequent groups and classes, and of each state."""
    return {
        "n": len(rows),
        "groups": _most_frequent(states.groups[rows]),
        "classes": _most_frequent(states.classes[rows]),
        "states": np.bincount(states.states[rows], minlength=5),
    }


def _most_frequent(values: NDArray[Any]) -> list[list[int]]:
    numbers, _, counts = group_index(values.astype(np.int32))
    order = np.argsort(-counts, kind="stable")[:_MAX_COUNTED]
    return [[int(numbers[i]), int(counts[i])] for i in order]
