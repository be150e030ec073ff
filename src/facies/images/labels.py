"""True labels: read from arrays and CSV files, and made whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError


@dataclass(frozen=True)
class Labels:
    """One whole number per image and, where the labels were words, the words in alphabetical order."""

    codes: NDArray[np.int64]
    names: list[str] | None


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
    names, codes = np.unique(np.array(words, dtype=str), return_inverse=True)
    return Labels(codes.astype(np.int64), names.tolist())


def labels_from_csv(path: str | PathLike[str], ids: pd.Series[str]) -> Labels:
    """Read labels from a CSV file with the columns `id` and `label`, in the order of `ids`.

    Rows of other ids are ignored, so that one file serves a set and its parts.
    """
    file = Path(path)
    try:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise InputError(f"{file}: no such file of labels") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as a CSV file of labels ({str(error).splitlines()[0]})") from error
    missing = [column for column in ("id", "label") if column not in rows.columns]
    if missing:
        raise InputError(f"{file}: needs the columns id and label, has {', '.join(map(str, rows.columns))}")
    twice = rows["id"][rows["id"].duplicated()]
    if len(twice):
        raise InputError(f"{file}: names the image {twice.iloc[0]!r} twice: keep one row an image")
    labels = rows.set_index("id")["label"].reindex(ids)
    unlabelled = labels.index[labels.isna()]
    if len(unlabelled):
        raise InputError(
            f"{file}: has no label for {len(unlabelled)} of {len(ids)} images, the first is {unlabelled[0]!r}"
        )
    words = labels.to_numpy(dtype=str)
    try:
        return Labels(np.array([int(word) for word in words], dtype=np.int64), None)
    except ValueError:
        return as_labels(words, len(words), str(file))
