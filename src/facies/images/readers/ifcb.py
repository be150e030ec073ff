"""Bins of the Imaging FlowCytobot (IFCB): the files .adc, .hdr and .roi of one name.

Each line of the ``.adc`` is a trigger with its measures and the place of one region of interest (ROI); its number, from 1,
is the number of the ROI. The ``.roi`` holds the pixels, one byte each, row by row, and the ``.hdr`` the settings. The
columns are those that pyifcb documents (joefutrelle/pyifcb, ifcb/data/adc.py).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.axes import AxisOrder
from facies.images.image_set import LEFT_OUT_COLUMNS, ImageSet
from facies.images.readers.base import Progress, Reader
from facies.images.readers.file_search import listings
from facies.images.readers.folder import choose_format
from facies.images.readers.pixels import PageHeader
from facies.images.resize import ImageFormat, border_median
from facies.images.sources import source_from_temporary
from facies.images.temporary_store import TemporaryArray

_SUFFIXES = (".adc", ".hdr", ".roi")
_NEW_NAME = re.compile(r"D(\d{8})T(\d{6})_IFCB(\d+)")
_OLD_NAME = re.compile(r"IFCB(\d+)_(\d{4})_(\d{3})_(\d{6})")
_PLACES = {"old": (9, 10, 11, 12, 13), "new": (13, 14, 15, 16, 17)}  # x, y, width, height, first byte
_MEASURES = {
    "old": {2: "fluorescence_low", 3: "fluorescence_high", 4: "scattering_low", 5: "scattering_high"},
    "new": {2: "pmt_a", 3: "pmt_b", 4: "pmt_c", 5: "pmt_d", 6: "peak_a", 7: "peak_b", 8: "peak_c", 9: "peak_d"},
}
_SETTINGS = ("sampleNumber", "SyringeSampleVolume", "runTime", "inhibitTime", "temperature", "humidity")
_MAX_SIDE = 16_383
_DEPTH = 3
_OVERLAP = 2
"""Regions that share more pixels than this in both directions show one thing."""


@dataclass(frozen=True)
class _Region:
    """A region of interest: its number in the bin, its place on the camera, and where its pixels begin."""

    number: int
    trigger: int
    x: int
    y: int
    width: int
    height: int
    first_byte: int
    measures: dict[str, float]

    def overlaps(self, other: _Region) -> bool:
        """Return whether both are of one trigger, and share pixels."""
        return (
            self.trigger == other.trigger
            and self.x < other.x + other.width - _OVERLAP
            and other.x < self.x + self.width - _OVERLAP
            and self.y < other.y + other.height - _OVERLAP
            and other.y < self.y + self.height - _OVERLAP
        )


@dataclass(frozen=True)
class _Bin:
    """A bin whose table was read; `pairs` are regions of the old instruments that show one thing, by the first's number."""

    name: str
    path: Path
    regions: list[_Region]
    pairs: dict[int, _Region]
    metadata: dict[str, Any]


def _bins_below(folder: Path) -> Iterator[Path]:
    """Yield the names of the bins, without a suffix, in a folder and a few levels below."""
    for entries in listings(folder, _DEPTH):
        stems = {Path(entry.path).with_suffix("") for entry in entries if Path(entry.name).suffix.lower() in _SUFFIXES}
        yield from sorted(stem for stem in stems if _is_bin_name(stem.name))


def _is_bin_name(name: str) -> bool:
    return bool(_NEW_NAME.fullmatch(name) or _OLD_NAME.fullmatch(name))


def holds_bins(path: Path) -> bool:
    """Return whether a path is a file of a bin, or a folder with one, at most two folders deep."""
    if path.is_dir():
        return next(_bins_below(path), None) is not None
    return path.suffix.lower() in _SUFFIXES


def images_from_ifcb(path: Path, image_format: ImageFormat, progress: Progress | None = None) -> ImageSet:
    """Open the regions of interest of IFCB bins.

    The id of an image is that of the IFCB, ``D20260101T120000_IFCB101_00003``. The table gets ``sample_id`` (the bin),
    instrument, date and time, trigger, place on the camera, measures of the trigger, and settings of the header.

    The first instruments (bins ``IFCB1_2008_…``) cut one thing into two regions that overlap: these are put together, and
    keep the number of the first. What lies in neither is filled with the median of their borders.

    Raises
    ------
    InputError
        If no bin is whole, or one cannot be read.
    """
    stems = list(_bins_below(path)) if path.is_dir() else [path.with_suffix("")]
    left_out: list[tuple[str, str]] = []
    bins: list[_Bin] = []
    empty = 0
    for stem in stems:
        lacking = [suffix for suffix in (".adc", ".roi") if _file(stem, suffix) is None]
        if lacking:
            left_out.append(
                (stem.name, f"{stem.name}{' and '.join(lacking)} is missing: a bin is .adc, .hdr and .roi of one name")
            )
            continue
        found, n_empty, unread = _read_bin(stem)
        left_out += unread
        empty += n_empty
        bins.append(found)
    regions = [(one, region) for one in bins for region in one.regions]
    if not regions:
        why = f"{left_out[0][0]}: {left_out[0][1]}" if left_out else "no trigger has a region of interest"
        raise InputError(f"{path}: holds no image of an IFCB; {why}")
    headers = [_header(one, region) for one, region in regions]
    image_format, notes = choose_format(path, headers, image_format)
    store = _decode(regions, headers, image_format, progress)
    return ImageSet(
        source_from_temporary(store, AxisOrder.FIRST),
        _table(path, regions, headers),
        left_out=pd.DataFrame(left_out, columns=list(LEFT_OUT_COLUMNS), dtype=str),
        notes=[*_notes(bins, empty), *notes],
    )


def _notes(bins: Sequence[_Bin], empty: int) -> list[str]:
    notes = []
    joined = sum(len(one.pairs) for one in bins)
    if joined:
        notes.append(
            f"{joined} pairs of overlapping regions were put together, as one image each: old bins cut one thing into two"
        )
    if empty:
        notes.append(f"{empty} triggers have no region of interest, and so no image")
    without = sum(_file(one.path, ".hdr") is None for one in bins)
    if without:
        notes.append(f"{without} of {len(bins)} bins have no .hdr: their settings are not known")
    return notes


def _file(stem: Path, suffix: str) -> Path | None:
    return next(
        (file for file in (stem.with_name(stem.name + each) for each in (suffix, suffix.upper())) if file.is_file()),
        None,
    )


def _read_bin(stem: Path) -> tuple[_Bin, int, list[tuple[str, str]]]:
    """Read the table of a bin: its regions, how many triggers have none, and which cannot be read."""
    adc, roi = _file(stem, ".adc"), _file(stem, ".roi")
    assert adc is not None, "the caller looked for it"
    assert roi is not None, "the caller looked for it"
    generation = "old" if _OLD_NAME.fullmatch(stem.name) else "new"
    try:
        lines = adc.read_text("latin-1").splitlines()
        size = roi.stat().st_size
    except OSError as error:
        raise InputError(f"{adc}: cannot be read ({error.strerror})") from error
    regions: list[_Region] = []
    left_out: list[tuple[str, str]] = []
    empty = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        region = _region(number, line.split(","), generation)
        name = f"{stem.name}_{number:05d}"
        if region is None:
            left_out.append((name, f"line {number} of the .adc has not the numbers of a region"))
        elif region.width == 0 or region.height == 0:
            empty += 1
        elif not (0 < region.width <= _MAX_SIDE and 0 < region.height <= _MAX_SIDE and region.first_byte >= 0):
            left_out.append((name, "the .adc gives it an impossible size or place"))
        elif region.first_byte + region.width * region.height > size:
            left_out.append((name, "the .roi ends before it: copy the bin again"))
        else:
            regions.append(region)
    pairs = _pairs(regions) if generation == "old" else {}
    seconds = {region.number: number for number, region in pairs.items()}
    left_out += [
        (f"{stem.name}_{second:05d}", f"it is part of {stem.name}_{first:05d}, which it overlaps")
        for second, first in seconds.items()
    ]
    kept = [region for region in regions if region.number not in seconds]
    return _Bin(stem.name, stem, kept, pairs, _metadata(stem)), empty, left_out


def _region(number: int, cells: Sequence[str], generation: str) -> _Region | None:
    try:
        x, y, width, height, first_byte = (round(float(cells[place])) for place in _PLACES[generation])
        measures = {name: float(cells[place]) for place, name in _MEASURES[generation].items()}
        return _Region(number, round(float(cells[0])), x, y, width, height, first_byte, measures)
    except (IndexError, ValueError, OverflowError):
        return None


def _pairs(regions: Sequence[_Region]) -> dict[int, _Region]:
    """Return the second region of each overlapping pair, by the number of the first; a region is in one pair at most."""
    pairs: dict[int, _Region] = {}
    taken: set[int] = set()
    for first, second in itertools.pairwise(regions):
        if first.number not in taken and first.overlaps(second):
            pairs[first.number] = second
            taken.add(second.number)
    return pairs


def _metadata(stem: Path) -> dict[str, Any]:
    """Return what the name of a bin and its header say."""
    new, old = _NEW_NAME.fullmatch(stem.name), _OLD_NAME.fullmatch(stem.name)
    known: dict[str, Any] = {"sample_id": stem.name, "acq_id": stem.name}
    if new is not None:
        known |= {"acq_instrument": f"IFCB{new[3]}", "object_date": new[1], "object_time": new[2]}
    elif old is not None:
        day = pd.to_datetime(f"{old[2]}{old[3]}", format="%Y%j", errors="coerce")
        date = "" if pd.isna(day) else day.strftime("%Y%m%d")
        known |= {"acq_instrument": f"IFCB{old[1]}", "object_date": date, "object_time": old[4]}
    header = _file(stem, ".hdr")
    text = "" if header is None else header.read_text("latin-1")[: 2**20]
    for name in _SETTINGS:
        match = re.search(rf"^{name}:\s*(\S+)\s*$", text, re.MULTILINE)
        if match:
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
            known[f"acq_{snake}"] = pd.to_numeric(match[1], errors="coerce")
    return known


def _header(one: _Bin, region: _Region) -> PageHeader:
    x, y, right, bottom = _box(region, one.pairs.get(region.number))
    return PageHeader(bottom - y, right - x, 1, np.dtype(np.uint8))


def _box(region: _Region, second: _Region | None) -> tuple[int, int, int, int]:
    both = [region] if second is None else [region, second]
    return (
        min(each.x for each in both),
        min(each.y for each in both),
        max(each.x + each.width for each in both),
        max(each.y + each.height for each in both),
    )


def _decode(
    regions: Sequence[tuple[_Bin, _Region]],
    headers: Sequence[PageHeader],
    image_format: ImageFormat,
    progress: Progress | None,
) -> TemporaryArray:
    size = image_format.size or (headers[0].height, headers[0].width)
    shape = (len(regions), image_format.n_channels(1), *size)
    store = TemporaryArray.allocate(shape, image_format.dtype(np.dtype(np.uint8)), in_memory_below=0)
    opened: tuple[str, NDArray[np.uint8]] | None = None
    for row, (one, region) in enumerate(regions):
        if opened is None or opened[0] != one.name:
            file = _file(one.path, ".roi")
            assert file is not None, "it was there when the table was read"
            opened = (one.name, np.memmap(file, np.uint8, mode="r"))
        pixels = _pixels(opened[1], region, one.pairs.get(region.number))
        store.array[row] = image_format.apply(pixels[None, None])[0]
        if progress is not None:
            progress(row + 1, len(regions))
    return store


def _pixels(data: NDArray[np.uint8], region: _Region, second: _Region | None) -> NDArray[np.uint8]:
    """Return the pixels of a region, or of two on one canvas, (H, W)."""
    first = _cut(data, region)
    if second is None:
        return first
    other = _cut(data, second)
    left, top, right, bottom = _box(region, second)
    fill = np.median([float(border_median(each)) for each in (first, other)])
    canvas = np.full((bottom - top, right - left), round(float(fill)), np.uint8)
    for each, pixels in ((second, other), (region, first)):
        canvas[each.y - top : each.y - top + each.height, each.x - left : each.x - left + each.width] = pixels
    return canvas


def _cut(data: NDArray[np.uint8], region: _Region) -> NDArray[np.uint8]:
    flat = data[region.first_byte : region.first_byte + region.width * region.height]
    return np.asarray(flat).reshape(region.height, region.width)


def _table(path: Path, regions: Sequence[tuple[_Bin, _Region]], headers: Sequence[PageHeader]) -> pd.DataFrame:
    root = path if path.is_dir() else path.parent
    rows = [
        {
            "id": f"{one.name}_{region.number:05d}",
            "source": one.path.relative_to(root).as_posix() + ".roi",
            "width": header.width,
            "height": header.height,
            "sample": one.name,
            **one.metadata,
            "object_roi_number": region.number,
            "object_trigger": region.trigger,
            "object_x_px": region.x,
            "object_y_px": region.y,
            **{f"object_{name}": value for name, value in region.measures.items()},
        }
        for (one, region), header in zip(regions, headers, strict=True)
    ]
    return pd.DataFrame(rows)


READER = Reader(
    name="ifcb",
    description="bins of an IFCB (.adc, .hdr, .roi)",
    can_read=holds_bins,
    read=images_from_ifcb,
)
