"""Images in a folder of image files, or in one multi-page TIFF."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.axes import AxisOrder
from facies.images.image_set import LEFT_OUT_COLUMNS, ImageSet
from facies.images.readers.base import Progress
from facies.images.readers.image_file import SUFFIXES, decode_pages, read_headers
from facies.images.readers.pixels import PageHeader, UnreadableImage
from facies.images.resize import MIN_SIDE, ImageFormat
from facies.images.sources import PixelSource, SubsetSource, source_from_temporary
from facies.images.temporary_store import TemporaryArray

MAX_DEFAULT_SIDE = 128
UNCHANGED = ImageFormat()


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file, and its name relative to the folder, with forward slashes."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a file: an image of the set, and a row of its table."""

    id: str
    file: ImageFile
    header: PageHeader


@dataclass(frozen=True, slots=True)
class _LeftOut:
    source: str
    reason: str


def find_image_files(folder: Path) -> tuple[list[ImageFile], list[_LeftOut]]:
    """List the image files in a folder and its subfolders, in natural order (2 before 10), and those that cannot be read.

    Hidden files and files with other suffixes are ignored. Links to folders, and links to files outside the folder,
    are not followed.
    """
    root = folder.resolve()
    files: list[ImageFile] = []
    left_out: list[_LeftOut] = []

    def unreadable(error: OSError) -> None:
        name = Path(error.filename).relative_to(root).as_posix()
        left_out.append(_LeftOut(name, f"the folder cannot be read ({error.strerror})"))

    for parent, folders, names in os.walk(root, onerror=unreadable):
        here = Path(parent)
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        links = [name for name in folders if (here / name).is_symlink()]
        left_out += [_LeftOut((here / name).relative_to(root).as_posix(), "a link to a folder") for name in links]
        for name in names:
            path = here / name
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            relative = path.relative_to(root).as_posix()
            reason = _reason_to_skip(path, root)
            if reason is None:
                files.append(ImageFile(path, relative))
            else:
                left_out.append(_LeftOut(relative.encode("utf-8", "replace").decode(), reason))
    return sorted(files, key=lambda file: natural_key(file.name)), left_out


def natural_key(name: str) -> tuple[list[list[tuple[bool, int, str]]], str]:
    """Return a key that sorts names folder by folder, and numbers in them by their value."""
    parts = PurePosixPath(name.lower()).parts
    split = [
        [
            (False, int(piece), "") if piece.isdecimal() else (True, 0, piece)
            for piece in re.split(r"([0-9]+)", part)
            if piece
        ]
        for part in parts
    ]
    return split, name


def _reason_to_skip(path: Path, root: Path) -> str | None:
    """Return why a file with the suffix of an image cannot be read; None if it can."""
    try:
        str(path.relative_to(root)).encode("utf-8")
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            return "a link that leaves the folder"
        # A pipe, for example: opening it would wait for ever.
        return None if path.is_file() else "not a file, or a link to nothing"
    except UnicodeEncodeError:
        return "its name is not UTF-8: rename it"
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        return f"it cannot be reached ({error})"


def images_from_folder(
    folder: Path, image_format: ImageFormat = UNCHANGED, progress: Progress | None = None
) -> ImageSet:
    """Open a folder of image files: each is decoded once, into a temporary memory-mapped file.

    The id of an image is its path relative to the folder; the pages of a TIFF of several pages are ``name.tif#1`` and so on.
    The table gets the columns `folder` and the native `width` and `height`. Without a size, images of different sizes are
    brought to a square of the median side, at most 128 pixels. Mixed grey and colour are refused if no channels are given.
    """
    files, left_out = find_image_files(folder)
    if not files:
        suffixes = " ".join(sorted(SUFFIXES))
        why = f"; {left_out[0].source}: {left_out[0].reason}" if left_out else f" (read are {suffixes})"
        raise InputError(f"{folder}: there is no image file in this folder or below{why}")
    return images_from_files(folder, files, left_out, image_format=image_format, progress=progress)


def images_from_tiff(path: Path, image_format: ImageFormat = UNCHANGED, progress: Progress | None = None) -> ImageSet:
    """Open the pages of one TIFF; the parameters are those of `images_from_folder`."""
    return images_from_files(path, [ImageFile(path, path.name)], image_format=image_format, progress=progress)


def images_from_files(
    path: Path,
    files: Sequence[ImageFile],
    left_out: Sequence[_LeftOut] = (),
    *,
    image_format: ImageFormat = UNCHANGED,
    progress: Progress | None = None,
) -> ImageSet:
    """Open image files in the order of the list; `path` is what errors name, `left_out` are files already found unreadable."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        headers = list(pool.map(_headers, files))
    unreadable = [*left_out, *(item for item in headers if isinstance(item, _LeftOut))]
    pages = [
        _Page(file.name if len(item) == 1 else f"{file.name}#{number}", file, header)
        for file, item in zip(files, headers, strict=True) if not isinstance(item, _LeftOut)
        for number, header in enumerate(item, 1)
    ]  # fmt: skip
    if not pages:
        raise _none_readable(path, len(files), unreadable)
    image_format, notes = choose_format(path, [page.header for page in pages], image_format)
    source, failed = _decode_all(pages, image_format, progress)
    unreadable += failed.values()
    readable = [row for row in range(len(pages)) if row not in failed]
    if not readable:
        raise _none_readable(path, len(files), unreadable)
    return ImageSet(
        source if not failed else SubsetSource(source, np.array(readable, dtype=np.int64)),
        _table([pages[row] for row in readable]),
        left_out=pd.DataFrame(
            [(item.source, item.reason) for item in unreadable], columns=list(LEFT_OUT_COLUMNS), dtype=str
        ),
        notes=notes,
    )


def _headers(file: ImageFile) -> list[PageHeader] | _LeftOut:
    try:
        return read_headers(file.path)
    except UnreadableImage as error:
        return _LeftOut(file.name, str(error))


def _none_readable(path: Path, n_files: int, unreadable: Sequence[_LeftOut]) -> InputError:
    first = unreadable[0]
    files = "the image file" if n_files == 1 else f"none of the {n_files} image files"
    return InputError(f"{path}: {files} can{'not' if n_files == 1 else ''} be read; {first.source}: {first.reason}")


def _table(pages: Sequence[_Page]) -> pd.DataFrame:
    parents = [PurePosixPath(page.file.name).parent.as_posix() for page in pages]
    return pd.DataFrame(
        {
            "id": [page.id for page in pages],
            "source": [page.file.name for page in pages],
            "folder": parents,
            "width": [page.header.width for page in pages],
            "height": [page.header.height for page in pages],
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
    dtypes = sorted({str(header.dtype) for header in headers})
    if len(dtypes) > 1:
        notes.append(f"pixels of the types {', '.join(dtypes)} are mixed: whole numbers were divided by their largest")
    return ImageFormat(channels, size, fit, to_float=len(dtypes) > 1), notes


def _decode_all(
    pages: Sequence[_Page], image_format: ImageFormat, progress: Progress | None
) -> tuple[PixelSource, dict[int, _LeftOut]]:
    """Decode every file once, in parallel; each thread writes the rows of its file."""
    first = pages[0].header
    shape = (len(pages), image_format.n_channels(first.channels), *(image_format.size or (first.height, first.width)))
    store = TemporaryArray.allocate(shape, image_format.dtype(first.dtype), in_memory_below=0)
    rows: dict[ImageFile, list[int]] = {}
    for row, page in enumerate(pages):
        rows.setdefault(page.file, []).append(row)
    failed: dict[int, _LeftOut] = {}
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        jobs = [
            pool.submit(_decode_file, [pages[row] for row in own], own, image_format, store) for own in rows.values()
        ]
        for done, job in enumerate(as_completed(jobs), 1):
            failed.update(job.result())
            if progress is not None:
                progress(done, len(jobs))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return source_from_temporary(store, AxisOrder.FIRST), dict(sorted(failed.items()))


def _finite(pixels: NDArray[Any]) -> bool:
    with np.errstate(over="ignore"):  # a float64 beyond the range of float32 is read as infinite
        return pixels.dtype.kind != "f" or bool(np.isfinite(pixels.astype(np.float32)).all())


def _decode_file(
    pages: Sequence[_Page], rows: Sequence[int], image_format: ImageFormat, store: TemporaryArray
) -> dict[int, _LeftOut]:
    failed = {}
    done = 0
    try:
        for page, row, pixels in zip(pages, rows, decode_pages(pages[0].file.path), strict=False):
            header = PageHeader(pixels.shape[0], pixels.shape[1], pixels.shape[2], pixels.dtype)
            if header != page.header:
                raise UnreadableImage("its header promises something else than it holds")
            if not _finite(pixels):
                failed[row] = _LeftOut(page.id, "NaN or infinite pixels")
            else:
                store.array[row] = image_format.apply(np.moveaxis(pixels, -1, 0)[None])[0]
            done += 1
        if done < len(pages):
            raise UnreadableImage("the file has fewer pages than it says")
    except UnreadableImage as error:
        failed.update({row: _LeftOut(page.id, str(error)) for page, row in zip(pages[done:], rows[done:], strict=True)})
    return failed
