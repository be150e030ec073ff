"""Checks of the arguments that the metrics share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError

NOISE = -1


class TooFewGroupsError(InputError):
    """The metric compares groups, and there are not two of them to compare."""


class Encoded(NamedTuple):
    """A column as int64 codes (N,), each an index into `names`, the distinct values in order of first appearance."""

    codes: NDArray[np.int64]
    names: list[Any]


def encode(values: ArrayLike, name: str) -> Encoded:
    """Number the distinct values of a column of labels or groups from 0."""
    try:
        column = np.asarray(values)
        # A list of both strings and numbers would turn the noise -1 into "-1" and NaN into "nan".
        if column.dtype.kind == "U" and not isinstance(values, np.ndarray):
            column = np.asarray(values, dtype=object)
        codes, uniques = pd.factorize(column.ravel())
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not one row of values ({error}): give one integer or string an image") from error
    if column.ndim != 1:
        raise InputError(f"{name} has shape {column.shape}: give one value an image, shape (N,)")
    if column.size == 0:
        raise InputError(f"{name} is empty: give one value an image")
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise InputError(f"{name} has missing values (NaN), the first at row {row}: fill or drop them")
    if uniques.dtype.kind == "c" or (uniques.dtype.kind == "f" and not all(u.is_integer() for u in uniques)):
        raise InputError(f"{name} has values that are not whole numbers: give integers or strings")
    if uniques.dtype.kind == "f":
        uniques = uniques.astype(np.int64)
    return Encoded(codes.astype(np.int64), [u.item() if isinstance(u, np.generic) else u for u in uniques])


def encode_groups(groups: ArrayLike) -> Encoded:
    """Encode the groups, giving noise (the integer -1) the code -1; `names` are then those of the groups alone."""
    codes, names = encode(groups, "groups")
    if NOISE not in names:
        return Encoded(codes, names)
    noise = names.index(NOISE)
    return Encoded(np.where(codes == noise, NOISE, codes - (codes > noise)), names[:noise] + names[noise + 1 :])


def check_lengths(first: NDArray[Any], second: NDArray[Any], names: tuple[str, str]) -> None:
    """Raise InputError unless both arrays have one row an image."""
    if len(first) != len(second):
        raise InputError(
            f"{names[0]} has {len(first)} rows and {names[1]} has {len(second)}: they must be of the same images"
        )


def check_embedding(embedding: ArrayLike, name: str = "embedding") -> NDArray[np.float64]:
    """Return an embedding as a finite float64 matrix (N, D), N and D at least 1; raise InputError if it is none."""
    try:
        rows = np.asarray(embedding, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not a matrix of numbers ({error}): give shape (N, D)") from error
    if rows.ndim != 2 or rows.size == 0:
        raise InputError(f"{name} has shape {rows.shape}: give one row an image, shape (N, D)")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InputError(f"{name} has NaN or infinite values, the first in row {row}: drop such rows")
    return rows
