"""The list of readers: those of Facies, and those of other packages and domains."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from facies.images.image_set import ImageSet
from facies.images.readers.arrays import images_from_npy, images_from_npz
from facies.images.readers.base import Progress, Reader
from facies.images.readers.ecotaxa import READER as ECOTAXA
from facies.images.readers.folder import images_from_file, images_from_folder
from facies.images.readers.ifcb import READER as IFCB
from facies.images.readers.microscopy import MICROSCOPY
from facies.images.readers.ome_zarr import is_ome_zarr
from facies.images.readers.zarr import images_from_zarr, is_zarr
from facies.images.resize import ImageFormat
from facies.plugins import ask_plugin, load_plugins

GROUP = "facies.readers"


def _has_suffix(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() in suffixes and not path.is_dir()


def _as_stored(read: Callable[[Path], ImageSet]) -> Callable[[Path, ImageFormat, Progress | None], ImageSet]:
    return lambda path, _format, _progress: read(path)


_FILES = (
    Reader(name="npy", description=".npy", can_read=_has_suffix(".npy"), read=_as_stored(images_from_npy)),
    Reader(name="npz", description=".npz", can_read=_has_suffix(".npz"), read=_as_stored(images_from_npz)),
    Reader(
        name="tiff",
        description="one .tif of several pages",
        can_read=_has_suffix(".tif", ".tiff", ".lsm", ".stk"),
        read=images_from_file,
        takes_pages=True,
    ),
    Reader(
        name="microscopy",
        description="one .czi, .lif or .nd2 (pip install 'facies[microscopy]')",
        can_read=_has_suffix(*MICROSCOPY),
        read=images_from_file,
        takes_pages=True,
    ),
)
_FOLDERS = (
    ECOTAXA,
    IFCB,
    Reader(
        name="ome-zarr", description="an OME-Zarr image", can_read=is_ome_zarr, read=images_from_file, takes_pages=True
    ),
    Reader(name="zarr", description=".zarr", can_read=is_zarr, read=_as_stored(images_from_zarr)),
    Reader(
        name="folder",
        description="a folder of images",
        can_read=Path.is_dir,
        read=images_from_folder,
        takes_pages=True,
    ),
)


def readers() -> Iterator[Reader]:
    """List the readers in the order in which they are tried.

    First come files that are recognised by their suffix; then the readers of other packages, which recognise their own
    folders; then zarr folders; last any other folder, which is searched for image files.

    Yields
    ------
    Reader
        The other packages are imported only when their readers are tried.
    """
    yield from _FILES
    names = {reader.name for reader in (*_FILES, *_FOLDERS)}
    yield from (reader for _, reader in load_plugins(GROUP, Reader, names))
    yield from _FOLDERS


def find_reader(path: Path, name: str | None = None) -> Reader | None:
    """Find the reader of a file or folder.

    Parameters
    ----------
    path : Path
        An existing path.
    name : str, optional
        The name of the reader that opened it before; no other reader is tried.

    Returns
    -------
    Reader or None
        None if there is no such reader.
    """
    if name is not None:
        return next((reader for reader in readers() if reader.name == name), None)
    return next((reader for reader in readers() if _can_read(reader, path)), None)


def _can_read(reader: Reader, path: Path) -> bool:
    if reader in _FILES or reader in _FOLDERS:
        return reader.can_read(path)
    return ask_plugin(GROUP, reader.name, functools.partial(reader.can_read, path), otherwise=False)
