"""The checks that every metric makes of its arguments before it counts anything."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError

NOISE = -1


class TooFewGroupsError(InputError):
    """The metric compares groups, and there are not two of them to compare."""


class Coded(NamedTuple):
    """One name an image as an index into the distinct names, in the order of their first appearance."""

    codes: NDArray[np.int64]
    names: list[Any]


def encode(values: ArrayLike, name: str) -> Coded:
    """Number the distinct values of a column of labels or groups from 0.

    Parameters
    ----------
    values : array_like of shape (N,)
        Integers, booleans, whole-valued floats or strings.
    name : str
        What the error messages call the column.

    Returns
    -------
    Coded
        ``codes`` int64 of shape (N,) and the distinct ``names`` as Python scalars.

    Raises
    ------
    InputError
        Not one-dimensional, empty, or with missing or fractional values.
    """
    column = _column(values, name)
    if column.ndim != 1:
        raise InputError(f"{name} has shape {column.shape}: give one value an image, shape (N,)")
    if column.size == 0:
        raise InputError(f"{name} is empty: give one value an image")
    if column.dtype.kind in "fc":
        column = _whole(column, name)
    try:
        codes, names = pd.factorize(column)
    except TypeError as error:
        raise InputError(f"{name} has values that cannot be compared ({error}): give integers or strings") from error
    if (codes < 0).any():
        raise InputError(f"{name} has missing values, the first at row {int(np.argmax(codes < 0))}: fill or drop them")
    return Coded(codes.astype(np.int64), [value.item() if isinstance(value, np.generic) else value for value in names])


def encode_groups(groups: ArrayLike, name: str = "groups") -> Coded:
    """Number the groups from 0 and give noise (the integer -1) the code -1; ``names`` are then the true groups alone.

    Parameters
    ----------
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.
    name : str
        What the error messages call the column.

    Returns
    -------
    Coded
        ``codes`` int64 of shape (N,), -1 for noise, and the distinct ``names`` without the noise.

    Raises
    ------
    InputError
        As `encode`.
    """
    codes, names = encode(groups, name)
    if NOISE not in names:
        return Coded(codes, names)
    noise = names.index(NOISE)
    renumbered = np.where(codes == noise, NOISE, codes - (codes > noise))
    return Coded(renumbered, names[:noise] + names[noise + 1 :])


def check_lengths(first: NDArray[Any], second: NDArray[Any], names: tuple[str, str]) -> None:
    """Raise InputError unless both have one row an image."""
    if len(first) != len(second):
        raise InputError(
            f"{names[0]} has {len(first)} rows and {names[1]} has {len(second)}: they must be of the same images"
        )


def matrix(embedding: ArrayLike, name: str = "embedding") -> NDArray[np.float64]:
    """Return the embedding as a finite float64 matrix of shape (N, D).

    Parameters
    ----------
    embedding : array_like of shape (N, D)
        One row an image.
    name : str
        What the error messages call it.

    Returns
    -------
    ndarray of float64, shape (N, D)

    Raises
    ------
    InputError
        Not numbers, not two-dimensional, empty, or with NaN or infinity.
    """
    try:
        rows = np.asarray(embedding, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not a matrix of numbers ({error}): give shape (N, D)") from error
    if rows.ndim != 2 or rows.size == 0:
        raise InputError(f"{name} has shape {rows.shape}: give one row an image, shape (N, D)")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{name} has NaN or infinite values, the first in row {int(np.argmin(finite))}: drop such rows"
        )
    return rows


def _column(values: ArrayLike, name: str) -> NDArray[Any]:
    try:
        column = np.asarray(values)
        # A list of both strings and numbers would turn the noise -1 into "-1" and NaN into "nan".
        if column.dtype.kind == "U" and not isinstance(values, np.ndarray):
            column = np.asarray(values, dtype=object)
    except ValueError as error:
        raise InputError(f"{name} is not one row of values ({error}): give one value an image, shape (N,)") from error
    return column


def _whole(column: NDArray[Any], name: str) -> NDArray[np.int64]:
    if np.isnan(column).any():
        row = int(np.argmax(np.isnan(column)))
        raise InputError(f"{name} has missing values (NaN), the first at row {row}: fill or drop them")
    if column.dtype.kind == "c" or not np.isfinite(column).all() or (column != np.floor(column)).any():
        raise InputError(f"{name} has values that are not whole numbers: give integers or strings")
    return column.astype(np.int64)
