"""The ids and texts of a run's images, held so that a million of them are searched in a fraction of a second."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HOW = Literal["contains", "begins", "is"]
_CACHED = 8


class Texts:
    """The columns of texts: the ids, and all columns that are neither numbers nor categories.

    Parameters
    ----------
    images : DataFrame
        The table of the run's images, with the column ``id``.
    columns : set of str
        Columns that are known as numbers or categories already.

    Attributes
    ----------
    names : list of str
        Names of the columns, ``id`` first; true labels are left out, because nobody may name images by them.
    """

    def __init__(self, images: pd.DataFrame, columns: set[str]) -> None:
        self._images = images
        others = [name for name in images.columns if str(name) not in {"id", "label", *columns}]
        self.names: list[str] = ["id", *(str(name) for name in others if not _is_number(images[name]))]
        self._lower = lru_cache(maxsize=None)(self._read)
        self.matches = lru_cache(maxsize=_CACHED)(self._matches)

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Return which images have no text in a column, bool of shape (N,)."""
        return np.asarray(self._lower(name).is_null().to_numpy(zero_copy_only=False), np.bool_)

    def _matches(self, name: str, text: str, how: HOW) -> NDArray[np.bool_]:
        """Return which images have a text in a column, whatever its capitals, bool of shape (N,); not to be changed."""
        import pyarrow.compute as pc

        entries, sought = self._lower(name), text.lower()
        if how == "is":
            found = pc.equal(entries, sought)
        elif how == "begins":
            found = pc.starts_with(entries, pattern=sought)
        else:
            found = pc.match_substring(entries, pattern=sought)
        return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), np.bool_)

    def _read(self, name: str) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        series = self._images[name]
        missing = series.isna().to_numpy(np.bool_)
        texts = np.array([str(entry) for entry in series], object)
        try:
            array = pa.array(texts, pa.large_string(), mask=missing)
        except (pa.ArrowInvalid, UnicodeEncodeError):  # file names that are not UTF-8
            readable = np.array([text.encode("utf-8", "replace").decode() for text in texts], object)
            array = pa.array(readable, pa.large_string(), mask=missing)
        return pc.utf8_lower(array)


def _is_number(series: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series))
