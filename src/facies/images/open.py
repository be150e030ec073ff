"""`open_images`: whatever holds images, opened and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facies.errors import InputError
from facies.images.image_set import ImageSet
from facies.images.labels import as_labels, labels_from_csv
from facies.images.readers.arrays import images_from_array, memory_origin
from facies.images.readers.base import Progress, reading_settings
from facies.images.readers.file_search import ImageFile
from facies.images.readers.folder import images_from_files
from facies.images.readers.layout import Pages, check_pages
from facies.images.readers.registry import find_reader, readers
from facies.images.readers.suffixes import SUFFIXES
from facies.images.readers.torch_dataset import images_from_dataset
from facies.images.resize import Channels, ImageFormat, ResizeMode, convert, parse_size
from facies.images.scale_bar_band import Band
from facies.io import path_inside

BandChoice = Literal["cut", "keep"] | Sequence[Mapping[str, Any]] | None
Source = str | PathLike[str] | NDArray[Any] | Tensor | Dataset[Any] | ImageSet


def open_images(
    source: Source,
    *,
    channels: Channels | None = None,
    size: int | Sequence[int] | None = None,
    fit: ResizeMode = "resize",
    pages: Pages | None = None,
    cut_band: bool = True,
    labels: str | PathLike[str] | ArrayLike | None = None,
    value_range: Sequence[float] | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Open a set of images, and check that it is one.

    Parameters
    ----------
    source : path, ndarray, Tensor, torch Dataset or ImageSet
        A folder of image files, ``.npy``, ``.npz`` (with ``images``), ``.zarr``, one TIFF of several pages, or what a
        registered `facies.images.readers.Reader` reads, such as the grains of ``facies extract``; or images in memory,
        (N, H, W), (N, H, W, C), (N, C, H, W) or, for focal stacks, (N, L, C, H, W). An ImageSet is returned as it is,
        if none of the other parameters is given.
    channels : {"grey", "rgb"}, optional
        What to convert to; None leaves the images as they are.
    size : int or (int, int), optional
        The height and width in pixels to bring the images to; one number is both. At least 4. Larger images show more
        and cost more time, in proportion to their area.
    fit : {"resize", "pad"}, default="resize"
        How images of other proportions get the size: stretched, or with their proportions and padded with the median of
        their border.
    pages : {"axes", "images", "channels", "layers"}, optional
        What the pages of a file of several are, such as those of a TIFF. Without it, or with ``axes``, what the file's own
        axes say: channels are channels of one image, focal planes the layers of one stack, and all others, such as time
        or pages of which the file says nothing, are images. The notes of the image set say in a line what was made of them.
        With ``images`` each page is an image; with ``channels`` or ``layers`` the pages are channels or focal layers of
        one image.
    cut_band : bool, default=True
        Whether a band with a scale bar, which stands at the bottom of nearly all files of a folder or zip, is cut off;
        else the notes say that it is there.
    labels : path or array_like, optional
        The true labels, where they are known: a table with the columns ``id`` and ``label`` (commas, semicolons or tabs;
        UTF-8, UTF-16 or Latin-1), which may lack some images, or one label per image. They replace those of the source.
    value_range : (float, float), optional
        The pixel values that become black and white, in the units in which the pixels are stored; others are clipped where
        a network or a picture sees them. Without it, that of the smallest to the largest pixel, but for hot pixels and
        values that stand for no data (`facies.images.value_range`). What is clipped is said in `ImageSet.notes`.
    reading : mapping, optional
        What can be chosen for this format alone, by name, such as ``{"layer": "counts"}`` of an ``.h5ad`` file; see the
        ``settings`` of its `facies.images.readers.Reader`.
    progress : callable, optional
        Called with the number of files (or images of a Dataset) done and their total.

    Returns
    -------
    ImageSet
        At least two images, all finite, not all equal.

    Raises
    ------
    InputError
        If the source cannot be used, in one line that says why, where, and the remedy.

    Examples
    --------
    >>> import numpy as np
    >>> images = open_images(np.random.default_rng(0).random((10, 16, 16)))
    >>> len(images), images.image_shape
    (10, (1, 16, 16))
    """
    images = as_image_set(
        source,
        channels=channels,
        size=size,
        fit=fit,
        pages=pages,
        bands="cut" if cut_band else "keep",
        labels=labels,
        reading=reading,
        progress=progress,
    )
    name = images.origin["path"] or f"the {images.origin['kind']}"
    if len(images) < 2:
        notes = "".join(f"; {note}" for note in images.notes)
        raise InputError(f"{name}: holds {len(images)} image; at least 2 images are needed to find groups{notes}")
    images.value_range()  # refuses NaN and infinite pixels
    _check_not_all_equal(images, name)
    if value_range is not None:
        images = _with_range(images, value_range)
    images.notes += [note for note in images.pixel_notes() if note not in images.notes]
    return images


def as_image_set(
    source: Source,
    *,
    channels: Channels | None = None,
    size: int | Sequence[int] | None = None,
    fit: ResizeMode = "resize",
    pages: Pages | None = None,
    bands: BandChoice = None,
    labels: str | PathLike[str] | ArrayLike | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Open images as `open_images` does, but accept a single image, and do not check the pixels.

    For images that are assigned to existing groups: one is enough, and they may all be equal.

    Parameters
    ----------
    source, channels, size, fit, pages, labels, reading, progress
        As in `open_images`.
    bands : {"cut", "keep"} or sequence of mapping, optional
        What is done with a scale bar below all images; or the bands to cut off, as the ``options`` of `ImageSet.origin`
        hold them. None does not look for one.

    Returns
    -------
    ImageSet

    Raises
    ------
    InputError
        If the source cannot be read.
    """
    image_format = _image_format(channels, size, fit, bands)
    if isinstance(source, str | PathLike):
        images = _from_path(Path(fspath(source)), image_format, progress, pages=pages, reading=reading)
    elif reading:
        raise InputError("reading is for what is read from a file: of images in memory there is nothing to choose")
    elif pages not in (None, "axes"):
        raise InputError("pages is for files of several pages, such as TIFF: an array or a Dataset has none")
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
    return _add_labels(_convert(images, image_format), labels)


def reopen(origin: dict[str, Any], files: Sequence[str] | None = None) -> ImageSet:
    """Open again the images that `ImageSet.origin` describes.

    They are opened by the same reader. Of a folder only the given files are opened: nothing else in it is looked at.
    Labels that came from a CSV file are read again if the file still exists.

    Parameters
    ----------
    origin : dict
        `kind` (the name of the reader), `path`, `options` (arguments of `open_images`) and, for a part of a set, `subset`.
    files : sequence of str, optional
        Of a folder, the files to open, by their names relative to it.

    Returns
    -------
    ImageSet

    Raises
    ------
    InputError
        If the images came from memory, were moved, or are fewer than before, or if the reader is not installed.
    """
    path = origin.get("path")
    if path is None:
        raise InputError("the images came from memory, not from a file: pass them again")
    options = dict(origin.get("options", {}))
    labels, value_range = options.pop("labels", None), options.pop("value_range", None)
    reading = options.pop("reading", None)
    pages = options.pop("pages", "images")  # up to version 0.2 each page was an image
    image_format = _image_format(**options)
    if origin.get("kind") == "folder" and files is not None:
        folder = Path(path).resolve()
        names = [ImageFile(path_inside(folder, name), name) for name in files]
        images = images_from_files(folder, names, image_format=image_format, pages=pages)
        images.origin = {**images.origin, "kind": "folder", "path": str(path), "options": {}}
    else:
        images = _from_path(Path(path), image_format, kind=origin.get("kind"), pages=pages, reading=reading)
    images = _convert(images, image_format)
    if "subset" in origin:
        try:
            images = images.subset(origin["subset"])
        except IndexError as error:
            raise InputError(f"{path}: has only {len(images)} images left: restore what was removed") from error
    if labels is not None and Path(labels).is_file():
        images = as_image_set(images, labels=labels)
    return images if value_range is None else _with_range(images, value_range)


def kind_of(source: Source) -> str | None:
    """Return the name of the reader of a source that is a path; None of all others, and where none can read it."""
    if not isinstance(source, str | PathLike):
        return None
    path = Path(fspath(source))
    reader = find_reader(path) if path.exists() else None
    return None if reader is None else reader.name


def takes_pages(source: Source) -> bool:
    """Return whether `pages` has a meaning for a source: a folder or a file of several pages."""
    if not isinstance(source, str | PathLike):
        return False
    path = Path(fspath(source))
    reader = find_reader(path) if path.exists() else None
    return reader is not None and reader.takes_pages


def _check_not_all_equal(images: ImageSet, name: str) -> None:
    """Refuse a set whose images are all equal; reading stops at the first image that differs."""
    first = None
    for _, block in images.stored_blocks():
        first = block[:1] if first is None else first
        if (block != first).any():
            return
    raise InputError(f"{name}: all {len(images)} images are equal, there is nothing to group: check how they were made")


def _with_range(images: ImageSet, value_range: Sequence[float]) -> ImageSet:
    if len(value_range) != 2:
        raise InputError(f"value_range needs two numbers, the smallest and the largest; it is {value_range!r}")
    return images.with_range(*map(float, value_range))


def _image_format(
    channels: Channels | None = None,
    size: int | Sequence[int] | None = None,
    fit: ResizeMode = "resize",
    bands: BandChoice = None,
) -> ImageFormat:
    if channels not in (None, "grey", "rgb"):
        raise InputError(f"channels must be 'grey' or 'rgb', not {channels!r}")
    if fit not in ("resize", "pad"):
        raise InputError(f"fit must be 'resize' or 'pad', not {fit!r}")
    known = bands if bands is None or isinstance(bands, str) else tuple(map(_read_band, bands))
    return ImageFormat(channels, parse_size(size), fit, bands=known)


def _read_band(value: Mapping[str, Any]) -> Band:
    try:
        return Band.from_json(value)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise InputError(f"the scale bar that was cut off cannot be read ({error}): restore run.json") from error


def _from_path(
    path: Path,
    image_format: ImageFormat,
    progress: Progress | None = None,
    *,
    kind: str | None = None,
    pages: str | None = None,
    reading: Mapping[str, Any] | None = None,
) -> ImageSet:
    """Open a file or folder with the first reader that can read it, or with the reader of a given name."""
    checked = check_pages(pages)
    try:
        exists = path.exists()
        reader = find_reader(path, kind) if exists else None
    except OSError as error:
        raise InputError(f"{path}: cannot be reached ({error.strerror})") from error
    if not exists:
        raise InputError(f"{path}: no such file or folder")
    if reader is None:
        raise InputError(f"{path}: {_why_not_read(path, kind)}")
    given = reading_settings(reader, reading or {}, path)
    options: dict[str, Any]
    if reader.takes_pages:
        images, options = reader.read(path, image_format, progress, checked), {"pages": checked}
    elif kind is None and checked != "axes":
        raise InputError(f"{path}: pages is for files of several pages, such as TIFF; {reader.description} has none")
    elif given is not None:
        images, options = reader.read(path, image_format, progress, settings=given), {"reading": dict(reading or {})}
    else:
        images, options = reader.read(path, image_format, progress), {}
    bands = images.origin["options"].get("bands")
    if bands:
        options = {**options, "bands": bands}
    images.origin = {**images.origin, "kind": reader.name, "path": str(path.absolute()), "options": options}
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


def _convert(images: ImageSet, image_format: ImageFormat) -> ImageSet:
    """Convert images that do not have the format yet, and record the format in the origin."""
    if replace(image_format, bands=None) == ImageFormat():
        return images
    options = images.origin["options"]
    if "fit" in options:  # converted before: one set of options cannot describe both conversions
        origin = memory_origin("converted image set")
    else:
        size = None if image_format.size is None else list(image_format.size)
        options = {**options, "channels": image_format.channels, "size": size, "fit": image_format.fit}
        origin = {**images.origin, "options": options}
    return images.replace(source=convert(images.source, image_format), origin=origin)


def _add_labels(images: ImageSet, labels: str | PathLike[str] | ArrayLike | None) -> ImageSet:
    if labels is None:
        return images
    origin = images.origin
    if isinstance(labels, str | PathLike):
        path = Path(fspath(labels))
        true_labels = labels_from_csv(path, images.table["id"])
        origin = {**origin, "options": {**origin["options"], "labels": str(path.absolute())}}
    else:
        true_labels = as_labels(labels, len(images), "labels")
    labelled = images.replace(labels=true_labels, origin=origin)
    labelled.notes += [true_labels.note] if true_labels.note else []
    return labelled
