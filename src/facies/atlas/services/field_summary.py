"""How the values of a field are distributed: histograms of numbers, frequencies of categories, and what a filter leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.atlas.services.fields import CategoryField, NoteField, NumberField, field_of
from facies.atlas.services.filtering import Condition, filter_mask
from facies.atlas.state.open_run import OpenRun

__all__ = ["MAX_VALUES", "N_BINS", "summarise_field"]

N_BINS = 48
MAX_VALUES = 200
_SKEWED = 20.0


def summarise_field(run: OpenRun, name: str, conditions: Sequence[Condition], find: str = "") -> dict[str, Any]:
    """Return the distribution of a field over all images, and over those that the conditions on other fields leave.

    Of a category the `MAX_VALUES` most frequent values are listed whose name contains ``find``. A number has at most
    `N_BINS` bins: one an integer where there are few of them, of equal width on a logarithmic scale where the largest
    value is far from the median, and of equal width otherwise. ``missing`` are the numbers of images without a value.

    Raises
    ------
    InputError
        If there is no such field, or a condition is wrong.
    """
    left = filter_mask(run, [condition for condition in conditions if condition.field != name])
    field = field_of(run, name)
    if isinstance(field, NumberField):
        return _summarise_number(field, left)
    if isinstance(field, CategoryField):
        return _summarise_category(field, left, find)
    if isinstance(field, NoteField):
        return {"kind": "text", "missing": _both(~run.states.has_note(""), left)}
    missing = np.zeros(len(run), np.bool_) if field.name is None else run.texts.missing(field.name)
    return {"kind": "text", "missing": _both(missing, left)}


def _summarise_number(field: NumberField, left: NDArray[np.bool_]) -> dict[str, Any]:
    known = np.isfinite(field.entries)
    values, kept = field.entries[known].astype(np.float64), left[known]
    summary: dict[str, Any] = {"kind": "number", "missing": _both(~known, left), "scale": "linear"}
    if not len(values):
        return {**summary, "edges": [], "all": [], "left": []}
    low, high = float(values.min()), float(values.max())
    n_bins = N_BINS
    if high - low < N_BINS and not (values % 1).any():
        n_bins, low, high = int(high - low) + 1, low - 0.5, high + 0.5
    elif low > 0 and high > _SKEWED * float(np.median(values)):
        summary["scale"] = "log"
        values, low, high = np.log10(values), float(np.log10(low)), float(np.log10(high))
    counts, edges = np.histogram(values, n_bins, (low, high))
    counts_left = np.histogram(values[kept], n_bins, (low, high))[0]
    edges = 10**edges if summary["scale"] == "log" else edges
    return {**summary, "edges": edges, "all": counts, "left": counts_left}


def _summarise_category(field: CategoryField, left: NDArray[np.bool_], find: str) -> dict[str, Any]:
    # Groups are numbers from -1 on, and all other codes from 0, so that they can be counted instead of sorted.
    shifted = field.codes.astype(np.int64) + 1
    every = np.bincount(shifted)
    codes = np.flatnonzero(every) - 1
    counts, counts_left = every[codes + 1], np.bincount(shifted[left], minlength=len(every))[codes + 1]
    names = field.names()
    lines: list[dict[str, Any]] = [
        {"value": value, "n": int(n), "left": int(n_left)}
        for code, n, n_left in zip(codes.tolist(), counts, counts_left, strict=True)
        if code != field.missing and find.lower() in (value := names.get(code, str(code))).lower()
    ]
    lines.sort(key=lambda line: -line["n"])
    missing = np.zeros(len(left), np.bool_) if field.missing is None else field.codes == field.missing
    return {
        "kind": "category",
        "missing": _both(missing, left),
        "n_values": len(lines),
        "values": lines[:MAX_VALUES],
    }


def _both(mask: NDArray[np.bool_], left: NDArray[np.bool_]) -> list[int]:
    return [int(np.count_nonzero(mask)), int(np.count_nonzero(mask & left))]
