"""The columns of a run's tables as a browser wants them: numbers as float32, words as codes with a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Column", "read_columns"]

LONGEST_VALUE = 200
"""Characters of a word that are shown; ids and paths may be longer."""
_MOST_WORDS = 65_535


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table, one entry an image.

    Attributes
    ----------
    name : str
        As the table has it.
    kind : str
        ``number`` or ``category``.
    entries : ndarray, shape (N,)
        float32 with NaN where it is missing, or codes (uint16 or uint32) with 0 where it is missing.
    words : list of str
        The word of code c is ``words[c - 1]``; empty for numbers.
    """

    name: str
    kind: str
    entries: NDArray[Any]
    words: list[str]

    @cached_property
    def n_values(self) -> int:
        """Different words, or entries that are numbers."""
        return len(self.words) if self.kind == "category" else int(np.isfinite(self.entries).sum())

    def told(self) -> dict[str, Any]:
        """Return what the page has to know before it asks for the values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "n_values": self.n_values,
            "title": self.name.replace("_", " ")[:LONGEST_VALUE],
        }

    def of(self, row: int) -> float | str | None:
        """Return the entry of one image; None where it is missing."""
        value = self.entries[row]
        if self.kind == "number":
            return float(value) if np.isfinite(value) else None
        return self.words[int(value) - 1] if value else None


def read_columns(images: pd.DataFrame, partition: pd.DataFrame) -> dict[str, Column]:
    """Return those columns of a run that can be a colour, a filter or an order.

    Parameters
    ----------
    images : DataFrame
        The table of the images. ``id`` and other columns of words that are all different are left out: they order
        nothing. True labels are left out too, for nobody may name by them.
    partition : DataFrame
        The table of the partition: ``probability`` and ``distance`` are taken.

    Returns
    -------
    dict of str to Column
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
    codes, words = pd.factorize(texts.where(~missing), sort=True)
    n_known = int((~missing).sum())
    if n_known == 0 or len(words) > _MOST_WORDS or (len(words) == n_known and n_known > 1):
        return None
    return Column(name, "category", (codes + 1).astype(np.uint16), [str(word)[:LONGEST_VALUE] for word in words])
