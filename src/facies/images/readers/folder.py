"""Images in a folder of image files, or in one file that holds several."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from statistics import median
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.axes import AxisOrder
from facies.images.bit_depth import WhitePoints
from facies.images.image_set import LEFT_OUT_COLUMNS, ImageSet
from facies.images.readers.base import Progress
from facies.images.readers.file_search import ImageFile, LeftOut, search_folder
from facies.images.readers.image_file import iter_images, read_contents
from facies.images.readers.layout import FileContents, Pages, agree, layout_notes
from facies.images.readers.pixels import PageHeader, UnreadableImage
from facies.images.readers.suffixes import SUFFIXES, passed_over_note
from facies.images.resize import MIN_SIDE, ImageFormat
from facies.images.scale_bar_band import BandCutter, find_bands, notes_of_kept, to_grey
from facies.images.sources import PixelSource, SubsetSource, source_from_temporary
from facies.images.temporary_store import TemporaryArray

MAX_DEFAULT_SIDE = 128
UNCHANGED = ImageFormat()
_LARGE_BYTES = 2**24
_VIGNETTE_BYTES = 2**24
"""In larger images no scale bar is looked for: those are photographs, not vignettes."""
_LARGE = Lock()
"""Held while a file of larger images is decoded: so many at once would fill the memory."""


@dataclass(frozen=True, slots=True)
class _Image:
    """One image of a file: an image of the set, and a row of its table."""

    id: str
    file: ImageFile
    header: PageHeader


def images_from_folder(
    folder: Path, image_format: ImageFormat = UNCHANGED, progress: Progress | None = None, pages: Pages = "axes"
) -> ImageSet:
    """Open a folder of image files: each is decoded once, into a temporary memory-mapped file.

    The id of an image is its path relative to the folder; the images in a file of several are ``name.tif#1`` and so on.
    The table gets the columns `folder` and the native `width` and `height`. Without a size, images of different sizes are
    brought to a square of the median side, at most 128 pixels. Mixed grey and colour are refused if no channels are given,
    images of different numbers of focal layers always.
    """
    found = search_folder(folder)
    passed_over = passed_over_note(found.passed_over)
    if not found.files:
        reasons = [*(f"{item.source}: {item.reason}" for item in found.left_out[:1]), *passed_over]
        why = f"; {'; '.join(reasons)}" if reasons else f" (read are {' '.join(sorted(SUFFIXES))})"
        raise InputError(f"{folder}: there is no image file in this folder or below{why}")
    images = images_from_files(
        folder, found.files, found.left_out, image_format=image_format, progress=progress, pages=pages
    )
    images.notes += passed_over
    return images


def images_from_file(
    path: Path, image_format: ImageFormat = UNCHANGED, progress: Progress | None = None, pages: Pages = "axes"
) -> ImageSet:
    """Open the images in one file, such as the pages of a TIFF; the parameters are those of `images_from_folder`."""
    return images_from_files(
        path, [ImageFile(path, path.name)], image_format=image_format, progress=progress, pages=pages
    )


def images_from_files(
    path: Path,
    files: Sequence[ImageFile],
    left_out: Sequence[LeftOut] = (),
    *,
    image_format: ImageFormat = UNCHANGED,
    progress: Progress | None = None,
    pages: Pages = "axes",
) -> ImageSet:
    """Open image files in the order of the list; `path` is what errors name, `left_out` are files already found unreadable."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda file: _contents(file, pages), files))
    unreadable = [*left_out, *(item for item in found if isinstance(item, LeftOut))]
    readable_files = [(file, item) for file, item in zip(files, found, strict=True) if not isinstance(item, LeftOut)]
    images = [
        _Image(file.name if len(item.headers) == 1 else f"{file.name}#{number}", file, header)
        for file, item in readable_files
        for number, header in enumerate(item.headers, 1)
    ]
    if not images:
        raise _none_readable(path, len(files), unreadable)
    layouts = [item.layout for _, item in readable_files]
    notes = layout_notes(layouts, pages)
    _check_alike(path, readable_files, notes, convert=image_format.channels is not None)
    cutter, band_notes = _band_cutter(images, image_format, pages)
    headers = [_without_band(image.header, cutter) for image in images]
    image_format, format_notes = choose_format(path, headers, image_format)
    if cutter.bands and image_format.size is None:
        image_format = replace(image_format, size=(headers[0].height, headers[0].width))
    whites = WhitePoints([header.dtype for header in headers])
    source, failed = _decode_all(images, image_format, progress, pages, cutter, whites)
    unreadable += failed.values()
    readable = [row for row in range(len(images)) if row not in failed]
    if not readable:
        raise _none_readable(path, len(files), unreadable)
    table = _table([images[row] for row in readable])
    if cutter.rows.any():
        table["height"] -= cutter.rows[readable]
        table["band_px"] = cutter.rows[readable]
    options = {"bands": [band.to_json() for band in cutter.bands]} if cutter.bands else {}
    return ImageSet(
        source if not failed else SubsetSource(source, np.array(readable, dtype=np.int64)),
        table,
        left_out=pd.DataFrame(
            [(item.source, item.reason) for item in unreadable], columns=list(LEFT_OUT_COLUMNS), dtype=str
        ),
        notes=[*notes, *band_notes, *cutter.notes(), *format_notes, *whites.notes],
        origin={"kind": "files", "path": str(path.absolute()), "options": options},
    )


def _band_cutter(images: Sequence[_Image], image_format: ImageFormat, pages: Pages) -> tuple[BandCutter, list[str]]:
    """Find the scale bars below the images, as the format asks for it; if they are to be left, say that they are there."""
    if image_format.bands is None or isinstance(image_format.bands, tuple):
        return BandCutter(image_format.bands or (), len(images)), []
    of_file = Counter(image.file for image in images)
    vignettes = [
        image
        for image in images
        if of_file[image.file] == 1 and not image.header.layers and image.header.n_bytes <= _VIGNETTE_BYTES
    ]

    def read(number: int) -> NDArray[np.uint8] | None:
        pixels = next(iter_images(vignettes[number].file.path, pages), None)
        return None if pixels is None or isinstance(pixels, UnreadableImage) else to_grey(pixels)

    bands = find_bands(len(vignettes), read) if 2 * len(vignettes) > len(images) else []
    if image_format.bands == "keep":
        return BandCutter((), len(images)), notes_of_kept(bands)
    return BandCutter(bands, len(images)), []


def _without_band(header: PageHeader, cutter: BandCutter) -> PageHeader:
    if not cutter.bands or header.layers:
        return header
    return replace(header, height=max(MIN_SIDE, header.height - cutter.bands[0].height))


def _contents(file: ImageFile, pages: Pages) -> FileContents | LeftOut:
    try:
        return read_contents(file.path, pages)
    except UnreadableImage as error:
        return LeftOut(file.name, str(error))


def _check_alike(
    path: Path, files: Sequence[tuple[ImageFile, FileContents]], notes: Sequence[str], *, convert: bool
) -> None:
    """Refuse images of different numbers of focal layers, and of channels where they come from pages."""
    layers: dict[int, str] = {}
    channels: dict[int, str] = {}
    combined = False
    for file, item in files:
        combined |= item.layout.combines
        for header in item.headers:
            layers.setdefault(header.layers, file.name)
            channels.setdefault(header.channels, file.name)
    combining = [note for note in notes if "the pages are" in note]
    how = f" ({combining[0]})" if combining else ""
    if len(layers) > 1:
        (one, first), (other, second) = list(layers.items())[:2]
        raise InputError(
            f"{path}: {first} has {one or 'no'} focal layers, {second} has {other or 'no'}: put them in folders of "
            f"their own, or take each page as an image by --pages images{how}"
        )
    if combined and len(channels) > 1 and not convert:
        (one, first), (other, second) = list(channels.items())[:2]
        raise InputError(
            f"{path}: {first} has {one} channel{'s' if one > 1 else ''}, {second} has {other}: put them in folders of "
            f"their own, or take each page as an image by --pages images{how}"
        )


def _none_readable(path: Path, n_files: int, unreadable: Sequence[LeftOut]) -> InputError:
    first = unreadable[0]
    files = "the image file" if n_files == 1 else f"none of the {n_files} image files"
    return InputError(f"{path}: {files} can{'not' if n_files == 1 else ''} be read; {first.source}: {first.reason}")


def _table(images: Sequence[_Image]) -> pd.DataFrame:
    parents = [PurePosixPath(image.file.name).parent.as_posix() for image in images]
    return pd.DataFrame(
        {
            "id": [image.id for image in images],
            "source": [image.file.name for image in images],
            "folder": parents,
            "width": [image.header.width for image in images],
            "height": [image.header.height for image in images],
        }
    )


def choose_format(path: Path, headers: Sequence[PageHeader], requested: ImageFormat) -> tuple[ImageFormat, list[str]]:
    """Choose the format to which images of different formats are converted, and say what was chosen beyond the request."""
    notes = []
    channels, size, fit = requested.channels, requested.size, requested.fit
    counts = Counter(header.channels for header in headers)
    if channels is None and len(counts) > 1:
        words = " and ".join(f"{n} of {c} channel{'s' if c > 1 else ''}" for c, n in sorted(counts.items()))
        raise InputError(
            f"{path}: grey and colour images are mixed ({words}): choose --channels grey or --channels rgb"
        )
    odd = sorted(set(counts) - {1, 3, 4})
    if channels is not None and odd:
        raise InputError(f"{path}: images of {odd[0]} channels cannot be made {channels}: leave --channels out")
    sizes = {(header.height, header.width) for header in headers}
    if size is None and len(sizes) > 1:
        side = 4 * round(median([side for header in headers for side in (header.height, header.width)]) / 4)
        side = min(max(side, MIN_SIDE), MAX_DEFAULT_SIDE)
        size = (side, side)
        how = "stretched" if fit == "resize" else "padded"
        notes.append(
            f"images of {len(sizes)} sizes were {how} to {side} × {side} pixels: --size and --fit choose otherwise"
        )
    return ImageFormat(channels, size, fit, to_float=len({header.dtype for header in headers}) > 1), notes


def _decode_all(
    images: Sequence[_Image],
    image_format: ImageFormat,
    progress: Progress | None,
    pages: Pages,
    cutter: BandCutter,
    whites: WhitePoints,
) -> tuple[PixelSource, dict[int, LeftOut]]:
    """Decode every file once, in parallel; each thread writes the rows of its file."""
    first = images[0].header
    layers = (first.layers,) if first.layers else ()
    size = image_format.size or (first.height, first.width)
    shape = (len(images), *layers, image_format.n_channels(first.channels), *size)
    store = TemporaryArray.allocate(shape, image_format.dtype(first.dtype), in_memory_below=0)
    rows: dict[ImageFile, list[int]] = {}
    for row, image in enumerate(images):
        rows.setdefault(image.file, []).append(row)
    failed: dict[int, LeftOut] = {}
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        jobs = [
            pool.submit(_decode_file, [images[row] for row in own], own, image_format, store, pages, cutter, whites)
            for own in rows.values()
        ]
        for done, job in enumerate(as_completed(jobs), 1):
            failed.update(job.result())
            if progress is not None:
                progress(done, len(jobs))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if image_format.to_float:
        whites.apply(store.array)
    order = AxisOrder.STACK if layers else AxisOrder.FIRST
    return source_from_temporary(store, order), dict(sorted(failed.items()))


def _finite(pixels: NDArray[Any]) -> bool:
    with np.errstate(over="ignore"):  # a float64 beyond the range of float32 is read as infinite
        return pixels.dtype.kind != "f" or bool(np.isfinite(pixels.astype(np.float32)).all())


def _decode_file(
    images: Sequence[_Image],
    rows: Sequence[int],
    image_format: ImageFormat,
    store: TemporaryArray,
    pages: Pages,
    cutter: BandCutter,
    whites: WhitePoints,
) -> dict[int, LeftOut]:
    failed = {}
    size = max(image.header.n_bytes for image in images)
    with _LARGE if size > _LARGE_BYTES else nullcontext():
        decoded = iter_images(images[0].file.path, pages)
        for image, row, pixels in zip_longest(images, rows, decoded, fillvalue=None):
            if image is None or row is None:  # the file has grown since its header was read
                break
            if isinstance(pixels, UnreadableImage):
                failed[row] = LeftOut(image.id, str(pixels))
            elif pixels is None:
                failed[row] = LeftOut(image.id, "the file has fewer pages than it says")
            elif not agree(image.header, pixels):
                failed[row] = LeftOut(image.id, "its header promises something else than it holds")
            elif not _finite(pixels):
                failed[row] = LeftOut(image.id, "NaN or infinite pixels")
            else:
                whites.observe(row, pixels)
                planes = np.moveaxis(cutter.cut(row, pixels), -1, -3)
                store.array[row] = image_format.apply(planes if pixels.ndim == 4 else planes[None]).reshape(
                    store.array.shape[1:]
                )
    return failed
