"""The columns of a run's tables in the form that the page receives: numbers, or categories as codes with a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.images.readers.file_search import natural_key

MAX_VALUE_LENGTH = 200
"""Number of characters to which categories, ids and paths are shortened."""
_MAX_CATEGORIES = 65_535


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table, with one entry per image.

    The entries of kind ``number`` are float32 with NaN for missing values; those of kind ``category`` uint16 codes with
    0 for missing values, where the category of code c is ``categories[c - 1]``.
    """

    name: str
    kind: str
    entries: NDArray[Any]
    categories: list[str]

    @cached_property
    def n_values(self) -> int:
        """Number of categories, or of entries that are finite."""
        return len(self.categories) if self.kind == "category" else int(np.isfinite(self.entries).sum())

    def to_json(self) -> dict[str, Any]:
        """Return the description of the column, without its values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "n_values": self.n_values,
            "title": self.name.replace("_", " ")[:MAX_VALUE_LENGTH],
        }


def read_columns(images: pd.DataFrame, partition: pd.DataFrame) -> dict[str, Column]:
    """Return those columns of a run's images and of its partition that can colour, filter or sort the images.

    ``id`` and other columns of texts that are all different are left out, and true labels, because nobody may name
    images by them.
    """
    columns: dict[str, Column] = {}
    for name in ("probability", "distance"):
        columns[name] = Column(name, "number", partition[name].to_numpy(np.float32), [])
    for name in images.columns:
        if name in ("id", "label") or str(name) in columns:
            continue
        column = _column(str(name), images[name])
        if column is not None:
            columns[column.name] = column
    return columns


def _column(name: str, series: pd.Series) -> Column | None:
    if pd.api.types.is_bool_dtype(series):
        series = series.map({True: "yes", False: "no"})
    elif pd.api.types.is_numeric_dtype(series):
        return Column(name, "number", series.to_numpy(np.float32, na_value=np.nan), [])
    missing = series.isna()
    texts = series.astype(str)
    codes, categories = pd.factorize(texts.where(~missing))
    order = np.array(sorted(range(len(categories)), key=lambda code: natural_key(str(categories[code]))), np.int64)
    codes, categories = np.where(codes < 0, -1, np.argsort(order)[codes] if len(order) else -1), categories[order]
    n_known = int((~missing).sum())
    if n_known == 0 or len(categories) > _MAX_CATEGORIES or (len(categories) == n_known and n_known > 1):
        return None
    return Column(
        name, "category", (codes + 1).astype(np.uint16), [str(text)[:MAX_VALUE_LENGTH] for text in categories]
    )
