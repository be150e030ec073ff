"""Grains that were cut out, read back."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.grains.extraction.extraction_request import read_description
from facies.images.readers.base import Reader

if TYPE_CHECKING:
    from facies.images import ImageSet


def images_from_grains(folder: Path) -> ImageSet:
    """Open a folder of grains; pixels are read where they lie, when they are asked for.

    Parameters
    ----------
    folder : Path
        What `facies.grains.extraction.extract_grains` wrote.

    Returns
    -------
    ImageSet
        Images (L, 3, S, S); the columns of the table are those of ``images.parquet``. It has the size of a pixel, where
        that is known, and the companion ``outlines``.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    import zarr

    from facies.images import ImageSet
    from facies.images.axes import AxisOrder
    from facies.images.sources import ZarrSource

    description = read_description(folder)
    table = _read_parquet(folder / "images.parquet")
    try:
        array = zarr.open_array(str(folder / "images.zarr"), mode="r")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / 'images.zarr'}: is damaged ({error}): extract the grains again") from error
    if len(table) != array.shape[0]:
        raise InputError(
            f"{folder}: images.parquet has {len(table)} rows and images.zarr {array.shape[0]} grains: extract them again"
        )
    source = ZarrSource(
        (folder / "images.zarr").absolute(), None, tuple(array.shape), np.dtype(array.dtype), AxisOrder.STACK
    )
    low, high = description["value_range"]
    return ImageSet(
        source,
        table,
        left_out=pd.DataFrame(
            [(item["source"], item["reason"]) for item in description["left_out"]], columns=["source", "reason"], dtype=str
        ),
        notes=description["notes"],
        origin={
            "kind": "grains", "path": str(folder.absolute()), "options": {}, "um_per_px": description["um_per_px"],
        },
        value_range=(float(low), float(high)) if source.dtype == np.uint8 else None,
        fingerprint=description["fingerprint"],
        pixel_size_um=description["um_per_px"],
        companions={"outlines": functools.partial(_outlines, folder.absolute())},
    )  # fmt: skip


def read_outlines(images: ImageSet) -> pd.DataFrame | None:
    """Read the outlines of the grains of a set.

    Parameters
    ----------
    images : ImageSet
        What `facies.images.open_images` opened, or a part of it.

    Returns
    -------
    DataFrame or None
        One row an image, in its order: ``id`` and ``outline``, a float32 array of x and y in turn, in pixels of the
        photograph, pixel ``i`` spanning ``[i, i + 1)``; closed from the last to the first. None for images that are no
        grains.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    read = images.companions.get("outlines")
    return None if read is None else read(images.table["id"].tolist())


def _outlines(folder: Path, ids: Sequence[str]) -> pd.DataFrame:
    outlines = _read_parquet(folder / "outlines.parquet").set_index("id")
    missing = [each for each in ids if each not in outlines.index]
    if missing:
        raise InputError(f"{folder}: has no outline of the grain {missing[0]}: extract it again")
    return outlines.loc[list(ids)].reset_index()


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: restore it, or extract the grains again") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error}): extract the grains again") from error


READER = Reader(
    name="grains",
    description="a folder of grains",
    can_read=lambda path: (path / "grains.json").is_file() and (path / "images.zarr").is_dir(),
    read=lambda folder, _format, _progress: images_from_grains(folder),
)
