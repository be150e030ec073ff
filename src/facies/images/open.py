"""`open_images`: whatever holds images, opened and checked."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facies.errors import InputError
from facies.images.image_set import ImageSet
from facies.images.labels import as_labels, labels_from_csv
from facies.images.readers.arrays import images_from_array, memory_origin
from facies.images.readers.base import Progress
from facies.images.readers.image_file import SUFFIXES
from facies.images.readers.registry import find_reader, readers
from facies.images.readers.torch_dataset import images_from_dataset
from facies.images.resize import Channels, ImageFormat, ResizeMode, convert, parse_size

Source = str | PathLike[str] | NDArray[Any] | Tensor | Dataset[Any] | ImageSet


def open_images(
    source: Source,
    *,
    channels: Channels | None = None,
    size: int | Sequence[int] | None = None,
    fit: ResizeMode = "resize",
    labels: str | PathLike[str] | ArrayLike | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Open a set of images, and check that it is one.

    Parameters
    ----------
    source : path, ndarray, Tensor, torch Dataset or ImageSet
        A folder of image files, ``.npy``, ``.npz`` (with ``images``), ``.zarr``, one TIFF of several pages, or what a
        registered `facies.images.readers.Reader` reads, such as the grains of ``facies extract``; or images in memory,
        (N, H, W), (N, H, W, C), (N, C, H, W) or, for focal stacks, (N, L, C, H, W). An ImageSet is returned as it is,
        if nothing else is asked for.
    channels : {"grey", "rgb"}, optional
        What to convert to; None leaves the images as they are.
    size : int or (int, int), optional
        A side, or rows and columns, to bring the images to.
    fit : {"resize", "pad"}, default="resize"
        Stretch to the size, or keep the proportions and pad with the median of the border.
    labels : path or array_like, optional
        The true labels, where known: a CSV file with the columns ``id`` and ``label``, or one an image. They replace
        those of the source.
    progress : callable, optional
        Called with the number of files (or images of a Dataset) done and their total.

    Returns
    -------
    ImageSet
        At least two images, all finite, not all equal.

    Raises
    ------
    InputError
        If the source cannot be used, in one line that says why, where, and the mend.

    Examples
    --------
    >>> import numpy as np
    >>> images = open_images(np.random.default_rng(0).random((10, 16, 16)))
    >>> len(images), images.image_shape
    (10, (1, 16, 16))
    """
    images = as_image_set(source, channels=channels, size=size, fit=fit, labels=labels, progress=progress)
    name = images.origin["path"] or f"the {images.origin['kind']}"
    if len(images) < 2:
        raise InputError(f"{name}: holds {len(images)} image; at least 2 images are needed to find groups")
    check_finite(images)
    check_not_all_equal(images, name)
    return images


def as_image_set(
    source: Source,
    *,
    channels: Channels | None = None,
    size: int | Sequence[int] | None = None,
    fit: ResizeMode = "resize",
    labels: str | PathLike[str] | ArrayLike | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Open images as `open_images` does, a single one too, without a look at the pixels.

    For images that are not to be grouped but assigned: one is enough, and they may all be equal.

    Parameters
    ----------
    source, channels, size, fit, labels, progress
        As in `open_images`.

    Returns
    -------
    ImageSet

    Raises
    ------
    InputError
        If the source cannot be read.
    """
    wanted = _image_format(channels, size, fit)
    if isinstance(source, str | PathLike):
        images = _from_path(Path(fspath(source)), wanted, progress)
    elif isinstance(source, ImageSet):
        images = source
    elif isinstance(source, np.ndarray | Tensor):
        images = images_from_array(source)
    elif isinstance(source, Dataset):
        images = images_from_dataset(source, progress)
    else:
        raise InputError(
            f"a {type(source).__name__} is not read: give a path ({_formats()}), an array, a tensor or a Dataset"
        )
    return _with_labels(_brought_to(images, wanted), labels)


def reopen(origin: dict[str, Any]) -> ImageSet:
    """Open the images again that `ImageSet.origin` tells of.

    Labels that were given as a CSV file are read again if it is still there.

    Parameters
    ----------
    origin : dict
        `path`, `options` (arguments of `open_images`) and, if it was a part, `subset`.

    Returns
    -------
    ImageSet

    Raises
    ------
    InputError
        If they came from memory, have moved, or are fewer than they were.
    """
    path = origin.get("path")
    if path is None:
        raise InputError("the images came from memory, not from a file: pass them again")
    options = dict(origin.get("options", {}))
    labels = options.pop("labels", None)
    wanted = _image_format(**options)
    images = _brought_to(_from_path(Path(path), wanted, kind=origin.get("kind")), wanted)
    if "subset" in origin:
        try:
            images = images.subset(origin["subset"])
        except IndexError as error:
            raise InputError(f"{path}: has only {len(images)} images left: restore what was removed") from error
    return images if labels is None or not Path(labels).is_file() else as_image_set(images, labels=labels)


def check_finite(images: ImageSet) -> None:
    """Refuse NaN and infinite pixels; whole numbers are not looked at.

    Raises
    ------
    InputError
        Naming the images.
    """
    if images.dtype.kind == "f":
        images.value_range()


def check_not_all_equal(images: ImageSet, name: str) -> None:
    """Refuse a set whose images are one and the same; stops at the first that differs.

    Raises
    ------
    InputError
        If there is nothing to tell apart.
    """
    first = None
    for _, block in images.stored_blocks():
        first = block[:1] if first is None else first
        if (block != first).any():
            return
    raise InputError(f"{name}: all {len(images)} images are equal, there is nothing to group: check how they were made")


def _image_format(
    channels: Channels | None = None, size: int | Sequence[int] | None = None, fit: ResizeMode = "resize"
) -> ImageFormat:
    if channels not in (None, "grey", "rgb"):
        raise InputError(f"channels must be 'grey' or 'rgb', not {channels!r}")
    if fit not in ("resize", "pad"):
        raise InputError(f"fit must be 'resize' or 'pad', not {fit!r}")
    return ImageFormat(channels, parse_size(size), fit)


def _from_path(path: Path, wanted: ImageFormat, progress: Progress | None = None, kind: str | None = None) -> ImageSet:
    """Open a file or folder with the reader that says it can, or with the one that opened it before."""
    try:
        exists = path.exists()
        reader = find_reader(path, kind) if exists else None
    except OSError as error:
        raise InputError(f"{path}: cannot be reached ({error.strerror})") from error
    if not exists:
        raise InputError(f"{path}: no such file or folder")
    if reader is None:
        raise InputError(f"{path}: {_why_not_read(path, kind)}")
    images = reader.read(path, wanted, progress)
    images.origin = {**images.origin, "kind": reader.name, "path": str(path.absolute()), "options": {}}
    return images


def _why_not_read(path: Path, kind: str | None) -> str:
    if kind is not None:
        return f"was read by the reader {kind!r}, which is not there: install the package that brings it"
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return "is one image; give the folder that holds the images"
    return f"files of the kind {suffix or 'without a suffix'!r} are not read; read are {_formats()}"


def _formats() -> str:
    *formats, last = [reader.description for reader in readers()]
    return f"{', '.join(formats)} or {last}"


def _brought_to(images: ImageSet, wanted: ImageFormat) -> ImageSet:
    """Convert what is not yet as wanted, and say in the origin what was asked for."""
    if wanted == ImageFormat():
        return images
    options = images.origin["options"]
    if "fit" in options:  # converted before: what it was made from cannot be told by one set of options
        origin = memory_origin("converted image set")
    else:
        size = None if wanted.size is None else list(wanted.size)
        asked = {"channels": wanted.channels, "size": size, "fit": wanted.fit}
        origin = {**images.origin, "options": {**options, **asked}}
    return images.replace(source=convert(images.source, wanted), origin=origin)


def _with_labels(images: ImageSet, labels: str | PathLike[str] | ArrayLike | None) -> ImageSet:
    if labels is None:
        return images
    origin = images.origin
    if isinstance(labels, str | PathLike):
        path = Path(fspath(labels))
        known = labels_from_csv(path, images.table["id"])
        origin = {**origin, "options": {**origin["options"], "labels": str(path.absolute())}}
    else:
        known = as_labels(labels, len(images), "labels")
    return images.replace(labels=known, origin=origin)
