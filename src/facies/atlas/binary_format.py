"""The one binary form of the atlas: a line of JSON that says what follows, and then arrays that a browser reads in place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.io import jsonable

__all__ = ["MEDIA_TYPE", "pack_arrays", "unpack_frame"]

MEDIA_TYPE = "application/octet-stream"
_ALIGNMENT = 8
_DTYPES = ("uint8", "uint16", "uint32", "int32", "float32")


def pack_arrays(sections: Mapping[str, NDArray[Any]], **header: Any) -> bytes:
    """Put arrays into one body.

    Parameters
    ----------
    sections : mapping of str to ndarray, each one-dimensional
        Of uint8, uint16, uint32, int32 or float32.
    **header
        What else the header says; anything that JSON can hold.

    Returns
    -------
    bytes
        The length of the header (uint32, little-endian), the header (JSON, padded with spaces), and the sections, each
        padded to a multiple of 8 bytes. ``offset`` in the header counts from the start of the body, so that
        ``new Float32Array(body, offset, length)`` copies nothing.

    Raises
    ------
    ValueError
        If an array has another type or shape.
    """
    arrays = {name: _little_endian(name, array) for name, array in sections.items()}
    described = [{"name": name, "dtype": str(array.dtype), "length": len(array)} for name, array in arrays.items()]
    start = _header_length(header, described, 0)
    # The offsets' own digits may lengthen the header; its padding absorbs that, and seldom one more round is needed.
    while (longer := _header_length(header, described, start)) > start:
        start = longer
    text = _header_text(header, described, start)
    parts = [(start - 4).to_bytes(4, "little"), text.ljust(start - 4)]
    for array in arrays.values():
        parts += [array.tobytes(), bytes(-array.nbytes % _ALIGNMENT)]
    return b"".join(parts)


def unpack_frame(body: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `pack_arrays` wrote.

    Returns
    -------
    header : dict
    sections : dict of str to ndarray
        Views into ``body``.
    """
    length = int.from_bytes(body[:4], "little")
    header: dict[str, Any] = json.loads(body[4 : 4 + length])
    sections = {
        told["name"]: np.frombuffer(body, np.dtype(told["dtype"]).newbyteorder("<"), told["length"], told["offset"])
        for told in header["sections"]
    }
    return header, sections


def _little_endian(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.name not in _DTYPES:
        raise ValueError(
            f"a section is one-dimensional and of {', '.join(_DTYPES)}: {name} is {array.dtype}{array.shape}"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _header_text(header: Mapping[str, Any], described: list[dict[str, Any]], start: int) -> bytes:
    offset, placed = start, []
    for told in described:
        placed.append({**told, "offset": offset})
        size = told["length"] * np.dtype(told["dtype"]).itemsize
        offset += size + -size % _ALIGNMENT
    plain = jsonable({**header, "sections": placed})
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode()


def _header_length(header: Mapping[str, Any], described: list[dict[str, Any]], start: int) -> int:
    length = 4 + len(_header_text(header, described, start))
    return max(start, length + -length % _ALIGNMENT)
