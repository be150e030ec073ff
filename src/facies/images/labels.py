"""True labels: read from arrays and tables, and made whole numbers; images may lack one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.io import match_ids, read_table

UNLABELLED = int(np.iinfo(np.int64).min)
"""The code of an image of which no label is known."""


@dataclass(frozen=True)
class Labels:
    """One whole number per image (`UNLABELLED` where none is known) and, where they were words, these in alphabetical order.

    `note` says of how many images the label is known, where it is not that of all.
    """

    codes: NDArray[np.int64]
    names: list[str] | None
    note: str | None = None


def as_labels(labels: ArrayLike, n_images: int, name: str) -> Labels:
    """Read one label per image from an array (N,) or (N, 1) of whole numbers or words; `name` is its name in errors."""
    values = np.asarray(labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"{name}: labels need one number an image, have the shape {values.shape}: pass argmax(axis=1)")
    if len(values) != n_images:
        raise InputError(f"{name}: {len(values)} labels for {n_images} images: give one label an image")
    if values.dtype.kind in "OUSV":
        return _from_words(values, name)
    if values.dtype.kind not in "biuf" or (
        values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.round(values)).all())
    ):
        raise InputError(f"{name}: labels must be whole numbers or words, some are neither")
    return Labels(values.astype(np.int64), None)


def _from_words(values: NDArray[Any], name: str) -> Labels:
    words = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    if all(isinstance(word, int | np.integer) for word in words):
        return Labels(np.array(words, dtype=np.int64), None)
    missing = next((row for row, word in enumerate(words) if not isinstance(word, str) or not word.strip()), None)
    if missing is not None:
        raise InputError(f"{name}: label number {missing} is missing or is neither a whole number nor a word")
    names, codes = np.unique(np.array([str(word).strip() for word in words], dtype=str), return_inverse=True)
    return Labels(codes.astype(np.int64), names.tolist())


def partial_labels(values: Sequence[Any] | NDArray[Any], name: str) -> Labels:
    """Read labels of which some may be missing: None, NaN, or a text of blanks alone."""
    column = pd.Series(list(values), dtype=object)
    known = (~column.isna() & (column.map(str).str.strip() != "")).to_numpy(bool)
    if not known.any():
        raise InputError(f"{name}: holds no label")
    given = as_labels(_plain(column[known].tolist()), int(known.sum()), name)
    codes = np.full(len(column), UNLABELLED)
    codes[known] = given.codes
    if known.all():
        return Labels(codes, given.names)
    share = f"{known.sum():,} of {known.size:,} images have a label ({known.mean():.1%})"
    return Labels(codes, given.names, f"{share.replace('%', ' %')}: measures that need labels are of these")


def labels_from_csv(path: str | PathLike[str], ids: pd.Series[str]) -> Labels:
    """Read labels from a table with the columns `id` and `label`, in the order of `ids`.

    Rows of other ids are passed over, so that one file serves a set and its parts; images without a row, or with an empty
    cell, have no label, and the note says how many have one.
    """
    file = Path(path)
    table = read_table(file, "labels", ("id", "label"), exact=("id",))
    missing = [column for column in ("id", "label") if column not in table.columns]
    if missing:
        raise InputError(f"{file}: needs the columns id and label, has {', '.join(map(str, table.columns))}")
    names = ids.tolist()
    rows = match_ids(table["id"].tolist(), names)
    found, counts = np.unique(rows[rows >= 0], return_counts=True)
    if (counts > 1).any():
        more = f" (and {(counts > 1).sum() - 1:,} more)" if (counts > 1).sum() > 1 else ""
        raise InputError(f"{file}: names the image {names[found[counts > 1][0]]!r} twice{more}: keep one row an image")
    if not found.size:
        first = f"it begins with {table['id'].iloc[0]!r}" if len(table) else "it has no row"
        raise InputError(f"{file}: names none of the {len(names)} images ({first}, and they with {names[0]!r})")
    values = np.full(len(names), "", dtype=object)
    values[rows[rows >= 0]] = table["label"].to_numpy(object)[rows >= 0]
    labels = partial_labels(values, str(file))
    if labels.note is None or (rows >= 0).all():
        return labels
    unknown = table["id"].iloc[int((rows < 0).argmax())]
    note = f"{labels.note}; rows of {file.name} that name no image: {(rows < 0).sum():,}, the first {unknown!r}"
    return Labels(labels.codes, labels.names, note)


def _plain(values: list[Any]) -> list[Any]:
    """Make texts that are all whole numbers, such as ``3`` and ``3.0``, numbers; others stay texts."""
    try:
        return [_whole(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return [value if isinstance(value, bytes) else str(value) for value in values]


def _whole(value: Any) -> int:
    with contextlib.suppress(ValueError):
        if not isinstance(value, float):
            return int(value)
    number = float(value)
    if number != round(number):
        raise ValueError
    return round(number)
