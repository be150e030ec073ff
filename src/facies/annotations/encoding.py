"""Encodes rows and values of an action as few bytes: the journal's columns ``rows``, ``before`` and ``after``."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_BITMAP, _STEPS = b"b", b"s"
_LEVEL = 1
_MAX_COLUMNS, _MAX_HEAD = 64, 256
"""Bounds of what an action or a snapshot can hold; a snapshot has a column for each partition whose groups changed."""


def encode_rows(rows: NDArray[np.int64], n_images: int) -> bytes:
    """Encode rows (rising, each once) as a compressed bitmap, or, where they are few, as compressed steps between them.

    The bytes are one letter (``b`` bitmap, ``s`` steps as little-endian uint32), then zlib.
    """
    if 16 * len(rows) < n_images:  # steps cost about two bytes a row once compressed, a bitmap a bit an image
        return _STEPS + zlib.compress(np.diff(rows, prepend=0).astype("<u4").tobytes(), _LEVEL)
    bits = np.zeros(n_images, np.bool_)
    bits[rows] = True
    return _BITMAP + zlib.compress(np.packbits(bits).tobytes(), _LEVEL)


def decode_rows(encoded: bytes, n_images: int) -> NDArray[np.int64]:
    """Return the rows that `encode_rows` encoded; ValueError or zlib.error if the bytes are damaged."""
    plain = _decompress(encoded[1:], 4 * n_images + 8)
    if encoded[:1] == _STEPS:
        rows = np.cumsum(np.frombuffer(plain, "<u4"), dtype=np.int64)
        if (np.diff(rows) <= 0).any():
            raise ValueError("a row is there twice")
    elif encoded[:1] == _BITMAP:
        rows = np.flatnonzero(np.unpackbits(np.frombuffer(plain, np.uint8)))
    else:
        raise ValueError("neither a bitmap nor steps")
    if len(rows) and rows[-1] >= n_images:
        raise ValueError(f"row {rows[-1]} of {n_images}")
    return rows


def encode_values(values: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Encode columns of numbers; one that holds the same number throughout is stored as that number.

    The bytes are zlib over a line of JSON (name → type and count) and the numbers, little-endian.
    """
    columns = {name: _shorten(np.asarray(column)) for name, column in values.items()}
    head = {name: [column.dtype.str, len(column)] for name, column in columns.items()}
    body = b"".join(column.tobytes() for column in columns.values())
    return zlib.compress(json.dumps(head).encode("ascii") + b"\n" + body, _LEVEL)


def decode_values(encoded: bytes, n_rows: int) -> dict[str, NDArray[np.generic]]:
    """Return the columns that `encode_values` encoded, each of ``n_rows`` numbers (read-only).

    ValueError or zlib.error if the bytes are damaged.
    """
    head, body = _decompress(encoded, _MAX_COLUMNS * (_MAX_HEAD + 8 * n_rows)).split(b"\n", 1)
    columns = json.loads(head)
    if len(columns) > _MAX_COLUMNS:
        raise ValueError(f"{len(columns)} columns")
    values: dict[str, NDArray[np.generic]] = {}
    start = 0
    for name, (text, count) in columns.items():
        dtype = np.dtype(text)
        if dtype.kind not in "iuf":
            raise ValueError(f"numbers of type {dtype}")
        if count not in (1, n_rows):
            raise ValueError(f"{count} numbers for {n_rows} rows")
        column = np.frombuffer(body, dtype, count, start)
        start += column.nbytes
        values[name] = np.broadcast_to(column, (n_rows,)) if count == 1 else column
    return values


def _decompress(encoded: bytes, max_bytes: int) -> bytes:
    """Decompress zlib up to a size: a few kilobytes can stand for gigabytes."""
    decompressor = zlib.decompressobj()
    plain = decompressor.decompress(encoded, max_bytes + 1)
    if len(plain) > max_bytes or not decompressor.eof:
        raise ValueError("longer than its images allow, or cut off")
    return plain


def _shorten(column: NDArray[np.generic]) -> NDArray[np.generic]:
    column = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    # NaN is unequal to itself, and then the column stays whole.
    return column[:1] if len(column) > 1 and bool((column == column[0]).all()) else column
