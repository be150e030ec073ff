"""TIFF files that tifffile does not write: series over several files, chains of pages in a circle, few and odd bits."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray


def save_ome_series(
    folder: Path, planes: Sequence[NDArray[np.uint8]], per_file: int = 1, sizes: dict[str, int] | None = None
) -> list[Path]:
    """Write planes in the order of T, then Z, then C, the fastest, as OME-TIFFs of `per_file` pages that name one another."""
    sizes = {"C": 1, "Z": 1, "T": len(planes), **(sizes or {})}
    n_files = len(planes) // per_file
    names = [f"cells_T{i:03d}.ome.tif" for i in range(n_files)]
    ids = [f"urn:uuid:{uuid.UUID(int=i + 1)}" for i in range(n_files)]
    blocks = ""
    for number in range(len(planes)):
        c, z, t = (
            number % sizes["C"], number // sizes["C"] % sizes["Z"], number // (sizes["C"] * sizes["Z"])
        )  # fmt: skip
        file, page = divmod(number, per_file)
        blocks += (
            f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="{t}" IFD="{page}" PlaneCount="1">'
            f'<UUID FileName="{names[file]}">{ids[file]}</UUID></TiffData>'
        )
    height, width = planes[0].shape
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{ids[i]}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" '
            f'SizeX="{width}" SizeY="{height}" SizeZ="{sizes["Z"]}" SizeC="{sizes["C"]}" SizeT="{sizes["T"]}">'
            f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
        )
        own = np.stack(planes[i * per_file : (i + 1) * per_file])
        tifffile.imwrite(folder / name, own, description=xml, metadata=None, photometric="minisblack")
    return [folder / name for name in names]


def pack(pixels: NDArray[np.integer], bits: int) -> bytes:
    """Pack the rows of an image, each of its own whole bytes."""
    rows = []
    for row in pixels:
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return b"".join(rows)


def tiff_bytes(
    pixels: NDArray[np.integer],
    bits: int,
    photometric: int = 1,
    palette: Sequence[tuple[int, int, int]] = (),
    *,
    next_page: int = 0,
    compression: int = 1,
    data: bytes = b"",
) -> bytes:
    """Return a TIFF of one page of grey or palette, of any number of bits; `next_page` is -1 for the page itself.

    It is uncompressed, unless the compressed `data` are given.
    """
    data = data or pack(pixels, bits)
    data += b"\0" * (len(data) % 2)
    height, width = pixels.shape
    at = 8 + len(data)
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, bits), (259, 3, 1, compression), (262, 3, 1, photometric),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, height), (279, 4, 1, len(data)),
    ]  # fmt: skip
    extra = b""
    if palette:
        extra = b"".join(struct.pack("<H", value * 257) for channel in zip(*palette, strict=True) for value in channel)
        tags.append((320, 3, 3 * len(palette), at + 2 + 12 * (len(tags) + 1) + 4))
    body = struct.pack("<H", len(tags))
    for tag, kind, count, value in tags:
        entry = struct.pack("<HH", value, 0) if kind == 3 and count == 1 else struct.pack("<I", value)
        body += struct.pack("<HHI", tag, kind, count) + entry
    body += struct.pack("<I", at if next_page == -1 else next_page)
    return b"II*\0" + struct.pack("<I", at) + data + body + extra


def close_the_chain(path: Path, page: int) -> None:
    """Let the last page of a classic little-endian TIFF name an earlier one as the next."""
    data = bytearray(path.read_bytes())
    offsets, at = [], 4
    while True:
        (offset,) = struct.unpack_from("<I", data, at)
        if not offset:
            break
        offsets.append(offset)
        (n_tags,) = struct.unpack_from("<H", data, offset)
        at = offset + 2 + 12 * n_tags
    struct.pack_into("<I", data, at, offsets[page])
    path.write_bytes(data)
