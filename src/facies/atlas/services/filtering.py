"""Filters: conditions on fields, of which all must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from facies.atlas.services.fields import CategoryField, NoteField, NumberField, TextField, field_of, is_one_of
from facies.atlas.state.open_run import OpenRun
from facies.atlas.state.texts import HOW
from facies.errors import InputError

__all__ = ["MAX_CONDITIONS", "Condition", "Conditions", "Finite", "filter_mask", "matches_condition"]

MAX_CONDITIONS = 50
Finite = Annotated[float, Field(allow_inf_nan=False)]
Value = Annotated[str, Field(max_length=200)]


class Condition(BaseModel):
    """Images whose entry in a field is what is given; of several things that are given, one suffices.

    Attributes
    ----------
    field : str
        One of `facies.atlas.services.fields.fields_to_json`.
    values : list of str
        Of a category: one of these. Groups and classes are given by their numbers.
    low, high : float
        Of a number: from ``low`` to ``high``, both included.
    text, how : str
        Of a text: it contains ``text``, begins with it, or is it, whatever the capitals.
    missing : bool
        Images without a value, too. A number that is not finite is no value.
    """

    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, Field(max_length=1000)]
    values: Annotated[list[Value], Field(max_length=2000)] | None = None
    low: Finite | None = None
    high: Finite | None = None
    text: Annotated[str, Field(max_length=200)] | None = None
    how: HOW = "contains"
    missing: bool = False


Conditions = Annotated[list[Condition], Field(max_length=MAX_CONDITIONS)]


def filter_mask(run: OpenRun, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Return which images fulfil all conditions, bool of shape (N,); see `matches_condition` for errors."""
    mask = np.ones(len(run), np.bool_)
    for condition in conditions:
        mask &= matches_condition(run, condition)
    return mask


def matches_condition(run: OpenRun, condition: Condition) -> NDArray[np.bool_]:
    """Return which images fulfil one condition, bool of shape (N,).

    `InputError` if there is no such field, or the condition gives nothing that a field of its kind can be compared to.
    """
    field = field_of(run, condition.field)
    if isinstance(field, NumberField):
        return _matches_number(field, condition)
    if isinstance(field, CategoryField):
        return _matches_category(field, condition)
    if isinstance(field, NoteField):
        _check(condition, bool(condition.text), "a text", "text")
        mask = run.states.has_note(condition.text, condition.how) if condition.text else np.zeros(len(run), np.bool_)
        return mask | ~run.states.has_note("") if condition.missing else mask
    return _matches_text(run, field, condition)


def _matches_number(field: NumberField, condition: Condition) -> NDArray[np.bool_]:
    given = condition.low is not None or condition.high is not None
    _check(condition, given, "a number", "low or high")
    known = np.isfinite(field.entries)
    mask = ~known if condition.missing else np.zeros(len(known), np.bool_)
    if given:
        largest = float(np.finfo(np.float32).max)
        low = -largest if condition.low is None else max(-largest, min(largest, condition.low))
        high = largest if condition.high is None else max(-largest, min(largest, condition.high))
        mask |= known & (field.entries >= np.float32(low)) & (field.entries <= np.float32(high))
    return mask


def _matches_category(field: CategoryField, condition: Condition) -> NDArray[np.bool_]:
    _check(condition, condition.values is not None, "a category", "values")
    codes = field.codes_of(condition.values or ())
    if condition.missing and field.missing is not None:
        codes.append(field.missing)
    elif field.missing in codes:
        codes.remove(field.missing)
    return is_one_of(field.codes, codes)


def _matches_text(run: OpenRun, field: TextField, condition: Condition) -> NDArray[np.bool_]:
    text = condition.text or ""
    _check(condition, bool(text), "a text", "text")
    mask = np.zeros(len(run), np.bool_)
    if text:
        for name in run.texts.names if field.name is None else (field.name,):
            mask |= run.texts.matches(name, text, condition.how)
    if field.name is not None:
        return mask | run.texts.missing(field.name) if condition.missing else mask
    for column in run.columns.values():
        if column.kind == "category" and text:
            # Texts that many images share are searched once.
            table = np.zeros(len(column.categories) + 1, np.bool_)
            table[1:] = [_holds(category.lower(), text.lower(), condition.how) for category in column.categories]
            mask |= table[column.entries]
    return mask | run.states.has_note(text, condition.how)


def _holds(entry: str, text: str, how: HOW) -> bool:
    return entry == text if how == "is" else entry.startswith(text) if how == "begins" else text in entry


def _check(condition: Condition, given: bool, kind: str, wanted: str) -> None:
    if not given and not condition.missing:
        raise InputError(f"{condition.field[:60]!r} is {kind}: a filter gives {wanted} of it, or that it has no value")
