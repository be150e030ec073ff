"""Reads Parquet tables of a run, whose size in memory is bounded before it is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from facies.errors import InputError
from facies.runs.files import reading

_MAX_BYTES = 2**29
_MAX_BYTES_AN_IMAGE = 2**13
_PLAIN_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}


def read_table(path: Path, n_images: int) -> pd.DataFrame:
    """Read a Parquet table that has one row an image.

    A few kilobytes of Parquet can stand for gigabytes: one long text in every row, or a billion equal numbers. What the
    table takes in memory is computed from its header and its dictionaries first, and may be 512 MB and 8 kB an image.

    Parameters
    ----------
    path : Path
        The file.
    n_images : int
        The number of rows that it should have.

    Raises
    ------
    InputError
        If it is missing or damaged, has another number of rows, or would take more memory.
    """
    import pyarrow.parquet as pq

    with reading(path), pq.ParquetFile(path) as file:
        metadata = file.metadata
        if metadata.num_rows != n_images:
            raise InputError(f"{path} has {metadata.num_rows} rows and should have {n_images}: restore it")
        limit = _MAX_BYTES + _MAX_BYTES_AN_IMAGE * n_images
        _check_header(path, metadata, limit)
        _check_texts(path, metadata, limit)
    with reading(path):
        return pd.read_parquet(path)


def _column_chunks(metadata: Any) -> list[Any]:
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return [group.column(number) for group in groups for number in range(group.num_columns)]


def _check_header(path: Path, metadata: Any, limit: int) -> None:
    total = sum(max(chunk.total_uncompressed_size, 8 * chunk.num_values) for chunk in _column_chunks(metadata))
    if total > limit:
        raise _too_large(path, total)


def _check_texts(path: Path, metadata: Any, limit: int) -> None:
    """Bound the texts, read with each text once; encodings that share parts between texts cannot be bounded so."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    texts = [chunk for chunk in _column_chunks(metadata) if chunk.physical_type == "BYTE_ARRAY"]
    if any(set(chunk.encodings) - _PLAIN_ENCODINGS for chunk in texts):
        raise InputError(f"{path} holds texts in an encoding that facies does not write: restore it")
    total = 0
    with pq.ParquetFile(path, read_dictionary=sorted({chunk.path_in_schema for chunk in texts})) as file:
        for field in file.schema_arrow:
            if not str(field.type).startswith("dictionary<values=string"):
                continue
            for chunk in file.read(columns=[field.name]).column(0).chunks:
                lengths = pc.binary_length(chunk.dictionary)
                total += int(pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0)
            if total > limit:
                raise _too_large(path, total)


def _too_large(path: Path, n_bytes: int) -> InputError:
    return InputError(f"{path} would take {n_bytes / 2**30:.1f} GB of memory, far more than its images: restore it")
