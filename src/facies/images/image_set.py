"""`ImageSet`: a sequence of images of one shape, read lazily, with a table of one row per image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facies.images.copies import Copies, count_copies
from facies.images.labels import UNLABELLED, Labels
from facies.images.sources import PixelSource, SubsetSource
from facies.images.temporary_store import rows_per_block
from facies.images.value_range import ClippedSource, ValueRange, find_value_range, given_value_range

LEFT_OUT_COLUMNS = ("source", "reason")

Companion = Callable[[Sequence[str]], pd.DataFrame]
"""Reads a further table of images: from their ids to one row an id, in that order, with the column `id`."""


class ImageSet(Dataset[Tensor]):
    """N images of one shape.

    Pixels have the units in which they are stored; nothing is scaled. `open_images` makes one.

    Parameters
    ----------
    source : PixelSource
        Where the pixels are.
    table : DataFrame
        One row per image, with at least the columns `id` (unique) and `source`.
    labels : array_like of int, shape (N,), optional
        The true labels, `facies.images.labels.UNLABELLED` where none is known. Only `facies.metrics` may read them.
    label_names : list of str, optional
        The name of label ``i`` at position ``i``.
    left_out : DataFrame, optional
        Files that could not be read: columns `source` and `reason`.
    notes : sequence of str, optional
        What was done to the images beyond what was requested, for the user.
    origin : dict, optional
        How to open the images again: `kind` (the name of the reader), `path`, `options` (arguments of `open_images`),
        `subset`.
    value_range : (float, float), optional
        The range of the pixels, where it is known: no pixel is read to find it, and none is clipped.
    fingerprint : str, optional
        The digest of the images, where it is recorded with them.
    pixel_size_um : float, optional
        The side in micrometres of a pixel of the original photographs or scans, before any resizing.
    companions : mapping of str to callable, optional
        Further tables about the images, such as the outlines of grains, by name. Each is a function that reads the
        table for a list of ids; see `read_companions`.
    measured : array_like of bool, shape (H, W), optional
        Which pixels of the images were measured at all; without it all were. Elsewhere the images hold 0, which is no value.

    Attributes
    ----------
    source : PixelSource
    table : DataFrame
        One row per image, numbered from 0.
    labels : ndarray of int64, shape (N,), or None
    label_names : list of str or None
    image_shape : tuple of int
        ``(C, H, W)``, or ``(L, C, H, W)`` for focal stacks.
    dtype : numpy.dtype
        The type in which the pixels are stored.
    left_out : DataFrame
    notes : list of str
    origin : dict
        Holds only what JSON can hold.
    pixel_size_um : float or None
    companions : dict of str to callable
    measured : ndarray of bool, shape (H, W), or None

    Raises
    ------
    ValueError
        If the table or the labels do not have one row per image, or two images share an id.
    """

    def __init__(
        self,
        source: PixelSource,
        table: pd.DataFrame,
        *,
        labels: ArrayLike | None = None,
        label_names: list[str] | None = None,
        left_out: pd.DataFrame | None = None,
        notes: Sequence[str] = (),
        origin: dict[str, Any] | None = None,
        value_range: tuple[float, float] | None = None,
        fingerprint: str | None = None,
        pixel_size_um: float | None = None,
        companions: Mapping[str, Companion] | None = None,
        measured: ArrayLike | None = None,
    ) -> None:
        self.source = source
        self.table = table.reset_index(drop=True)
        self.labels: NDArray[np.int64] | None = None if labels is None else np.array(labels, dtype=np.int64)
        self.label_names = label_names
        self.image_shape: tuple[int, ...] = tuple(source.shape[1:])
        self.dtype: np.dtype[Any] = source.dtype
        self.left_out = pd.DataFrame(columns=list(LEFT_OUT_COLUMNS), dtype=str) if left_out is None else left_out
        self.notes = list(notes)
        self.origin: dict[str, Any] = dict(origin or {"kind": "memory", "path": None, "options": {}})
        self._range: ValueRange | None = None if value_range is None else ValueRange(*value_range)
        self._range_is_fixed = False
        self._copies: Copies | None = None
        self._fingerprint = fingerprint
        self.pixel_size_um = pixel_size_um
        self.companions: dict[str, Companion] = dict(companions or {})
        self.measured: NDArray[np.bool_] | None = None if measured is None else np.array(measured, dtype=bool)
        if self.measured is not None and self.measured.shape != self.image_shape[-2:]:
            raise ValueError(
                f"the mask of measured pixels is {self.measured.shape}, the images are {self.image_shape[-2:]}"
            )
        if len(self.table) != len(self) or (self.labels is not None and self.labels.shape != (len(self),)):
            raise ValueError(f"{len(self)} images need as many rows of the table and as many labels")
        if not self.table["id"].is_unique:
            raise ValueError("two images share an id")

    @property
    def labelled(self) -> NDArray[np.bool_] | None:
        """Of which images the label is known, (N,); None if there are no labels."""
        return None if self.labels is None else self.labels != UNLABELLED

    def __len__(self) -> int:
        return int(self.source.shape[0])

    def __repr__(self) -> str:
        return f"ImageSet({len(self)} images {'×'.join(map(str, self.image_shape))} {self.dtype})"

    def __getitem__(self, index: int) -> Tensor:
        """Read one image: float32, (C, H, W) or (L, C, H, W)."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int] | NDArray[Any] | Tensor) -> Tensor:
        """Read a batch at once, in the order of the indices, each from ``-N`` to ``N - 1``.

        The result is float32, (B, C, H, W) or (B, L, C, H, W); its memory is not that of the source.
        """
        return _to_float32_tensor(self.source.read(self._rows(indices)))

    def _rows(self, indices: Sequence[int] | NDArray[Any] | Tensor) -> NDArray[np.int64]:
        rows = np.asarray(indices)
        if rows.dtype == bool:
            if rows.shape != (len(self),):
                raise IndexError(f"a mask needs {len(self)} entries, has {rows.size}")
            return np.flatnonzero(rows)
        rows = rows.astype(np.int64).reshape(-1)
        if rows.size and not (-len(self) <= rows.min() and rows.max() < len(self)):
            raise IndexError(f"there are {len(self)} images, numbered from 0")
        return np.where(rows < 0, rows + len(self), rows)

    def batches(self, batch_size: int = 256) -> Iterator[Tensor]:
        """Read all images in order.

        Parameters
        ----------
        batch_size : int, default=256
            Images per batch; the last batch may be smaller. Larger batches take more memory.

        Yields
        ------
        Tensor of float32, shape (B, C, H, W) or (B, L, C, H, W)

        Raises
        ------
        ValueError
            If the batch size is not positive.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, is {batch_size}")
        for start in range(0, len(self), batch_size):
            yield _to_float32_tensor(self.source.read(np.arange(start, min(start + batch_size, len(self)))))

    def stored_blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Read all images in order, with their stored type, in blocks of a few megabytes.

        Yields
        ------
        start : int
            The number of the block's first image.
        block : ndarray, shape (B, C, H, W) or (B, L, C, H, W)
            Of the type `dtype`; not to be written to.
        """
        step = rows_per_block(self.source.shape, self.dtype)
        for start in range(0, len(self), step):
            yield start, self.source.read(np.arange(start, min(start + step, len(self))))

    def subset(self, indices: Sequence[int] | NDArray[Any] | Tensor) -> ImageSet:
        """Select some of the images, without reading them.

        Parameters
        ----------
        indices : sequence of int, or of bool of length N
            The images, in order; each at most once.

        Returns
        -------
        ImageSet
            With the table and the labels of the same images.

        Raises
        ------
        IndexError
            If an image does not exist.
        ValueError
            If an image is selected twice.
        """
        rows = self._rows(indices)
        source = self.source
        part = SubsetSource(source, rows)
        if isinstance(source, SubsetSource):  # a part of a part reads from the first source
            part = SubsetSource(source.parent, source.rows[rows])
        earlier = self.origin.get("subset")
        numbers = rows if earlier is None else np.asarray(earlier, dtype=np.int64)[rows]
        made = ImageSet(
            part,
            self.table.iloc[rows],
            labels=None if self.labels is None else self.labels[rows],
            label_names=self.label_names,
            left_out=self.left_out,
            notes=self.notes,
            origin={**self.origin, "subset": numbers.tolist()},
            pixel_size_um=self.pixel_size_um,
            companions=self.companions,
            measured=self.measured,
        )
        return made._with_fixed_range_of(self)

    def replace(
        self,
        *,
        source: PixelSource | None = None,
        labels: Labels | None = None,
        origin: dict[str, Any] | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> ImageSet:
        """Make a set of the same images with other pixels, true labels, origin or range; everything else is as in this set."""
        made = ImageSet(
            source or self.source,
            self.table,
            labels=self.labels if labels is None else labels.codes,
            label_names=self.label_names if labels is None else labels.names,
            left_out=self.left_out,
            notes=self.notes,
            origin=origin or self.origin,
            value_range=value_range,
            fingerprint=self._fingerprint if source is None else None,
            pixel_size_um=self.pixel_size_um,
            companions=self.companions,
            measured=self.measured if source is None or tuple(source.shape[1:]) == self.image_shape else None,
        )
        if value_range is not None:
            return made
        if source is None:
            made._range, made._copies = self._range, self._copies
        return made._with_fixed_range_of(self)

    def with_range(self, low: float, high: float) -> ImageSet:
        """Return the same images with a range of pixels that is given, to which `clipped` clips.

        Raises
        ------
        InputError
            If it is none, or holds none of the pixels.
        """
        made = self.replace()
        made._range, made._range_is_fixed = given_value_range(self, low, high), True
        made.origin = {**self.origin, "options": {**self.origin["options"], "value_range": [float(low), float(high)]}}
        return made

    def read_companions(self) -> dict[str, pd.DataFrame]:
        """Read the further tables by name, each with the column `id` and one row per image, in order."""
        ids = self.table["id"].tolist()
        return {name: read(ids) for name, read in self.companions.items()}

    def value_range(self) -> tuple[float, float]:
        """Return the range of the pixels, which becomes black to white; the first call reads all images.

        It is that of the smallest to the largest pixel, or less where a few pixels lie far from all others, such as hot
        pixels and values that stand for no data (see `facies.images.value_range`), or the one that was given.

        Returns
        -------
        low, high : float
            In the units in which the pixels are stored.

        Raises
        ------
        InputError
            If a pixel is NaN or infinite as float32, naming the images.
        """
        found = self._found_range()
        return found.low, found.high

    def clipped(self) -> ImageSet:
        """Return the same images with the pixels clipped to `value_range`, which then stays; nothing is read or copied."""
        found = self._found_range()
        source = ClippedSource(self.source, found.low, found.high) if found.clips else self.source
        made = self.replace(source=source, value_range=(found.low, found.high))
        made._range_is_fixed = True
        return made

    def pixel_notes(self) -> list[str]:
        """Say which pixels are clipped, and how many images are copies of others; the first call reads all images."""
        if self._copies is None:
            self._copies = count_copies(self)
        return [note for note in (self._found_range().note, self._copies.note) if note]

    def _with_fixed_range_of(self, other: ImageSet) -> ImageSet:
        """Take over a range that was given, or found for all of the images; return this set."""
        if other._range_is_fixed:
            self._range, self._range_is_fixed = other._range, True
        return self

    def _found_range(self) -> ValueRange:
        if self._range is None:
            self._range = find_value_range(self)
        return self._range

    def fingerprint(self) -> str:
        """Return the SHA-256 of the shape, the type, the ids and every pixel.

        The first call reads all images, unless the digest was recorded with them.
        """
        if self._fingerprint is None:
            digest = hashlib.sha256(f"{len(self)} {self.image_shape} {self.dtype.str}".encode())
            for name in self.table["id"]:
                digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
            for _, block in self.stored_blocks():
                digest.update(np.ascontiguousarray(block).data)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint


def _to_float32_tensor(batch: NDArray[Any]) -> Tensor:
    flags = batch.flags
    if batch.dtype == np.float32 and flags.owndata and flags.c_contiguous:
        return torch.from_numpy(batch)
    with np.errstate(over="ignore"):
        return torch.from_numpy(np.array(batch, dtype=np.float32, order="C"))
