"""The binary format of the atlas: a header in JSON, and then arrays that a browser reads without copying them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.io import jsonable

__all__ = ["MEDIA_TYPE", "pack_arrays", "unpack_arrays"]

MEDIA_TYPE = "application/octet-stream"
_ALIGNMENT = 8
_DTYPES = ("uint8", "uint16", "uint32", "int32", "float32")


def pack_arrays(arrays: Mapping[str, NDArray[Any]], **header: Any) -> bytes:
    """Write arrays into one body.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        One-dimensional, of uint8, uint16, uint32, int32 or float32.
    **header
        Further entries of the header; anything that JSON can represent.

    Returns
    -------
    bytes
        The length of the header (uint32, little-endian), the header (JSON, padded with spaces), and the arrays, each
        padded to a multiple of 8 bytes. ``offset`` in the header counts from the start of the body, so that
        ``new Float32Array(body, offset, length)`` copies nothing.

    Raises
    ------
    ValueError
        If an array has another type or shape.
    """
    encoded = {name: _little_endian(name, array) for name, array in arrays.items()}
    sections = [{"name": name, "dtype": str(array.dtype), "length": len(array)} for name, array in encoded.items()]
    start = _header_length(header, sections, 0)
    # Larger offsets have more digits, which may lengthen the header, which moves the offsets.
    while (longer := _header_length(header, sections, start)) > start:
        start = longer
    text = _header_text(header, sections, start)
    parts = [(start - 4).to_bytes(4, "little"), text.ljust(start - 4)]
    for array in encoded.values():
        parts += [array.tobytes(), bytes(-array.nbytes % _ALIGNMENT)]
    return b"".join(parts)


def unpack_arrays(body: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `pack_arrays` wrote: the header, and the arrays by name as views into ``body``."""
    length = int.from_bytes(body[:4], "little")
    header: dict[str, Any] = json.loads(body[4 : 4 + length])
    arrays = {
        entry["name"]: np.frombuffer(body, np.dtype(entry["dtype"]).newbyteorder("<"), entry["length"], entry["offset"])
        for entry in header["sections"]
    }
    return header, arrays


def _little_endian(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.name not in _DTYPES:
        raise ValueError(
            f"a section is one-dimensional and of {', '.join(_DTYPES)}: {name} is {array.dtype}{array.shape}"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _header_text(header: Mapping[str, Any], sections: list[dict[str, Any]], start: int) -> bytes:
    offset, with_offsets = start, []
    for section in sections:
        with_offsets.append({**section, "offset": offset})
        size = section["length"] * np.dtype(section["dtype"]).itemsize
        offset += size + -size % _ALIGNMENT
    content = jsonable({**header, "sections": with_offsets})
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def _header_length(header: Mapping[str, Any], sections: list[dict[str, Any]], start: int) -> int:
    length = 4 + len(_header_text(header, sections, start))
    return max(start, length + -length % _ALIGNMENT)
