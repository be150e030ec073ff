"""A folder of slices: one image file each, in the order of the numbers in their names."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.readers.file_search import natural_key
from facies.images.readers.image_file import iter_images, read_headers
from facies.images.readers.pixels import PageHeader, UnreadableImage
from facies.images.readers.suffixes import SUFFIXES
from facies.volumes.voxels import StoredArray

_KEPT = 4
_NUMBER = re.compile(r"\d+")


class _Slices:
    """Image files as an array (z, y, x), decoded one by one; the last few are kept."""

    def __init__(self, paths: list[Path], header: PageHeader) -> None:
        self._paths = paths
        self.shape = (len(paths), header.height, header.width)
        self.dtype = np.dtype(header.dtype)
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def __getitem__(self, index: tuple[slice, slice, slice]) -> NDArray[Any]:
        rows, y, x = index
        values = np.empty(
            (len(range(*rows.indices(self.shape[0]))), *np.empty(self.shape[1:], bool)[y, x].shape), self.dtype
        )
        for position, number in enumerate(range(*rows.indices(self.shape[0]))):
            values[position] = self._slice(number)[y, x]
        return values

    def _slice(self, number: int) -> NDArray[Any]:
        if number not in self._kept:
            image = next(iter_images(self._paths[number]))
            if isinstance(image, UnreadableImage):
                raise OSError(f"{self._paths[number].name}: {image}")
            if image.shape[:2] != self.shape[1:] or image.dtype != self.dtype:
                raise OSError(f"{self._paths[number].name} is not as the first slice is")
            self._kept[number] = image[..., 0]
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[number]


def open_slices(path: Path, level: int) -> StoredArray:
    """Open a folder of slices; all must have one shape and one type. The size of the voxels is not known."""
    if level:
        raise InputError(f"{path}: has 1 level, numbered from 0: there is no level {level}")
    files = sorted(
        (each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and not each.name.startswith(".")),
        key=lambda each: natural_key(each.name),
    )
    if not files:
        raise InputError(f"{path}: holds no slices (image files), and is no zarr, N5 or precomputed volume")
    headers = [_header(each) for each in files]
    for file, header in zip(files, headers, strict=True):
        if header.channels > 1:
            raise InputError(f"{file}: is in colour, and slices of a volume are grey: write them in grey")
        if (header.height, header.width, header.dtype) != (headers[0].height, headers[0].width, headers[0].dtype):
            raise InputError(
                f"{file}: is {header.height} × {header.width} of {header.dtype}, and the first slice ({files[0].name}) is "
                f"{headers[0].height} × {headers[0].width} of {headers[0].dtype}: leave it out, or cut it alike"
            )
    array = _Slices(files, headers[0])
    return StoredArray(array, "zyx", chunks=(1, *array.shape[1:]), notes=(*_passed_over(path, files), *_gaps(files)))


def _passed_over(path: Path, files: list[Path]) -> tuple[str, ...]:
    """Count in is count out: other files in the folder are named."""
    others = sorted(
        {each.name for each in path.iterdir() if not each.name.startswith(".")} - {file.name for file in files}
    )
    if not others:
        return ()
    listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return (f"not taken for slices: {listed}",)


def _gaps(files: list[Path]) -> tuple[str, ...]:
    """Say where the numbers in the names leave slices out, which would be where others are."""
    names = [[int(digits) for digits in _NUMBER.findall(file.stem)] for file in files]
    if len({len(name) for name in names}) != 1 or not names[0] or len(files) < 3:
        return ()
    changing = [column for column in range(len(names[0])) if len({name[column] for name in names}) > 1]
    if len(changing) != 1:
        return ()
    numbers = [name[changing[0]] for name in names]
    steps = np.diff(numbers)
    usual = int(np.median(steps))
    after = [numbers[place] for place in np.flatnonzero(steps > usual)]
    if usual < 1 or not after:
        return ()
    listed = ", ".join(map(str, after[:5]))
    return (
        f"numbers are missing among the names of the slices (after {listed}): those on both sides were put together",
    )


def _header(path: Path) -> PageHeader:
    try:
        headers = read_headers(path)
    except UnreadableImage as error:
        raise InputError(f"{path}: cannot be read as a slice ({error}): leave it out or write it again") from error
    if len(headers) != 1:
        raise InputError(f"{path}: holds {len(headers)} pages, and a slice is one: give this file by itself")
    return headers[0]
