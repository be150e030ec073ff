"""Tables of the first Spatial Transcriptomics arrays: spots as rows called ``10x13``, genes as columns, tab-separated."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix

from facies.errors import InputError
from facies.genes.spatial_table import SpatialTable

_SPOT = re.compile(r"^(-?\d+(?:\.\d+)?)x(-?\d+(?:\.\d+)?)$")


def is_legacy_st(path: Path) -> bool:
    """Whether a ``.tsv`` (or ``.tsv.gz``, ``.txt``) has a second line that begins with a spot such as ``10x13``."""
    if not path.is_file() or not path.name.lower().endswith((".tsv", ".tsv.gz", ".st.txt")):
        return False
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            file.readline(2**22)
            return _SPOT.match(file.readline(64).split("\t")[0]) is not None
    except (OSError, UnicodeDecodeError, EOFError):
        return False


def read_legacy_st(path: Path) -> SpatialTable:
    """Read counts; the place of a spot is its name, column x row.

    Raises
    ------
    InputError
        If the table is damaged, or a row is not called by its place.
    """
    try:
        table = pd.read_csv(path, sep="\t", index_col=0)
        counts = csc_matrix(table.to_numpy(np.float32))
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path}: cannot be read as a table of counts ({' '.join(str(error).split())[:100]})"
        ) from error
    places = [_SPOT.match(str(name)) for name in table.index]
    if not all(places):
        wrong = next(str(name) for name, place in zip(table.index, places, strict=True) if not place)
        raise InputError(f"{path}: the row {wrong[:40]!r} is not called by its place, such as 10x13: correct it")
    array = np.array([[float(place[2]), float(place[1])] for place in places if place])
    return SpatialTable(
        values=counts,
        names=[str(name) for name in table.columns],
        where=path.name,
        array=np.round(array).astype(np.int64),
        coordinates=array[:, ::-1].copy(),
    )
