"""The pages of a TIFF in the order of its own axes: OME, Micro-Manager, ImageJ, and all others that tifffile knows."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from facies.images.readers.layout import Series, one_series
from facies.images.readers.pixels import UnreadableImage

_MICRO_MANAGER = 51123
_NO_IMAGES = ("Thumbnail", "Label", "Macro", "Map")
"""Series of whole-slide scanners that show the slide once more."""

Position = dict[str, int]
"""Where a page stands: axis → number."""


def check_chain(path: Path) -> None:
    """Refuse a TIFF whose pages name one another in a circle, which would be walked for ever, or that ends before its last."""
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        count, entry, pointer = (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
        (offset,) = struct.unpack_from(pointer, head, 8 if big else 4)
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise UnreadableImage("damaged: its pages name one another in a circle")
            seen.add(offset)
            file.seek(offset)
            try:
                (n_tags,) = struct.unpack(count, file.read(struct.calcsize(count)))
                if n_tags > 4096:  # no page has as many: this is no page
                    return
                file.seek(n_tags * entry, 1)
                (offset,) = struct.unpack(pointer, file.read(struct.calcsize(pointer)))
            except struct.error as error:
                pages = "its first page" if len(seen) == 1 else f"page {len(seen):,}"
                raise UnreadableImage(f"damaged: it is cut off before {pages}") from error


def tiff_series(tif: Any, pages: Sequence[Any], path: Path) -> tuple[list[Series], bool]:
    """Lay out the pages of an open TIFF along the axes that it names.

    Parameters
    ----------
    tif : tifffile.TiffFile
    pages : sequence of tifffile.TiffPage
        The pages that are images, without reduced copies of others.
    path : Path

    Returns
    -------
    series : list of Series
        With the numbers of pages in `pages`, each once.
    fits : bool
        False if the axes that the file names do not fit its pages. All pages are then on one axis without a name.
    """
    numbers = {page.index: number for number, page in enumerate(pages)}
    plain = one_series(len(pages))
    if len(pages) == 1:
        return plain, True
    try:
        named = _named(tif, pages, path)
    except Exception:  # a description that no program can read says nothing of the axes
        named = None
    if named is None:
        return plain, True
    series = [each for each in named if all(int(page) in numbers for page in each.pages.flat)]
    listed = [int(page) for each in series for page in each.pages.flat]
    if len(set(listed)) != len(listed) or set(listed) != set(numbers):
        return plain, False
    return [
        Series(each.axes, np.vectorize(numbers.__getitem__, otypes=[np.int64])(each.pages)) for each in series
    ], True


def _named(tif: Any, pages: Sequence[Any], path: Path) -> list[Series] | None:
    if tif.is_ome:
        return _ome_series(tif.ome_metadata, path.name, len(tif.pages))
    if tif.is_micromanager:
        return _micro_manager_series(pages)
    return _tifffile_series(path)


def _ome_series(xml: str, name: str, n_pages: int) -> list[Series] | None:
    """Return the series of the pages in this file alone, also where the images of the series are spread over many files."""
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        return None
    root = ET.fromstring(xml)  # noqa: S314 - without a DOCTYPE there are no entities to expand
    images = []
    own = _own_blocks(root, name)
    for element in _children(root, "Image"):
        (pixels,) = _children(element, "Pixels")
        placed = list(_ome_positions(pixels, own, n_pages))
        if placed:
            images.append(placed)
    return [_grid(placed, "TCZ") for placed in images] or None


def _children(element: Any, tag: str) -> list[Any]:
    return [child for child in element if child.tag.rpartition("}")[2] == tag]


def _own_blocks(root: Any, name: str) -> set[int]:
    """Return which `TiffData` elements, by their `id()`, are of the file of a name: those that name it, or no file."""
    blocks = [block for image in _children(root, "Image") for pixels in _children(image, "Pixels")
              for block in _children(pixels, "TiffData")]  # fmt: skip
    files = {id(block): next(iter(_children(block, "UUID")), None) for block in blocks}
    by_name = {
        key for key, uuid in files.items() if uuid is not None and uuid.get("FileName", "").lower() == name.lower()
    }
    by_uuid = {key for key, uuid in files.items() if uuid is not None and uuid.text == root.get("UUID", "")}
    return (by_name or by_uuid) | {key for key, uuid in files.items() if uuid is None}


def _ome_positions(pixels: Any, own: set[int], n_pages: int) -> Iterator[tuple[Position, int]]:
    """Yield the position of each page of one image of an OME description, and its number in the file."""
    order = pixels.get("DimensionOrder", "XYCZT")[2:]
    samples = max([int(channel.get("SamplesPerPixel", 1)) for channel in _children(pixels, "Channel")], default=1)
    sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "TCZ"}
    sizes["C"] = max(1, sizes["C"] // samples)
    blocks = _children(pixels, "TiffData")
    n_planes = sizes["T"] * sizes["C"] * sizes["Z"]
    if not blocks:
        blocks, own = [ET.Element("TiffData")], set()
        own.add(id(blocks[0]))
    for block in blocks:
        if id(block) not in own:
            continue
        first = {axis: int(block.get(f"First{axis}", 0)) for axis in "TCZ"}
        page = int(block.get("IFD", 0))
        count = int(block.get("PlaneCount", block.get("NumPlanes", 1 if "IFD" in block.attrib else n_planes)))
        if not 0 < count <= n_pages:
            raise ValueError("more planes than pages")
        start = first[order[0]] + sizes[order[0]] * (first[order[1]] + sizes[order[1]] * first[order[2]])
        for step in range(count):
            number, position = start + step, {}
            for axis in order:
                number, position[axis] = divmod(number, sizes[axis])
            yield position, page + step


def _micro_manager_series(pages: Sequence[Any]) -> list[Series] | None:
    """Return the series by the position that each page names in its own tag."""
    placed = []
    for page in pages:
        tag = page.tags.get(_MICRO_MANAGER)
        if tag is None:
            return None
        told = tag.value if isinstance(tag.value, dict) else json.loads(tag.value)
        keys = {"R": "PositionIndex", "T": "FrameIndex", "C": "ChannelIndex", "Z": "SliceIndex"}
        placed.append(({axis: int(told.get(key, 0)) for axis, key in keys.items()}, page.index))
    return [_grid(placed, "RTCZ")]


def _grid(placed: Iterable[tuple[Position, int]], axes: str) -> Series:
    """Arrange pages by their positions; where some of the grid are not in the file, on one axis without a name."""
    listed = list(placed)
    steps = [sorted({position[axis] for position, _ in listed}) for axis in axes]
    grid = np.full([len(numbers) for numbers in steps], -1, np.int64)
    for position, page in listed:
        grid[tuple(numbers.index(position[axis]) for axis, numbers in zip(axes, steps, strict=True))] = page
    if (grid < 0).any() or grid.size != len(listed):
        return Series("I", np.array([page for _, page in listed], np.int64))
    return Series(axes, grid)


def _tifffile_series(path: Path) -> list[Series] | None:
    """Return the series as tifffile finds them, without smaller levels and pictures of the whole slide."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        if tif.is_ndtiff:  # which lists the pages of all files of its folder
            return None
        found = []
        for each in tif.series:
            if each.name in _NO_IMAGES:
                continue
            indices = np.array([page.index for page in each.pages], np.int64)
            prefix = each.shape[: len(each.shape) - len(each.keyframe.shape)]
            if int(np.prod(prefix, dtype=np.int64)) != len(indices):
                raise ValueError("axes that do not fit the pages")
            found.append(Series(each.axes[: len(prefix)], indices.reshape(prefix)))
        return found
