"""Small pictures of all images, on WebP sheets of 32 × 32, and an index."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.disk import write_json_atomically
from facies.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TILE", "Thumbnails", "to_thumbnails", "write_thumbnails"]

TILE = 64
"""Side of a thumbnail's place on the sheet, in pixels."""
COLUMNS = 32
"""Thumbnails in a row of a sheet, and rows of a sheet."""
_PER_SHEET = COLUMNS * COLUMNS
_BATCH_BYTES = 2**26
_SHEETS_IN_MEMORY = 4


class _Images(Protocol):
    @property
    def image_shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def batches(self, batch_size: int) -> Iterator[Tensor]: ...


def thumbnail_shape(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the thumbnail of an image: it fits in the tile and keeps the image's proportions.

    Small images grow by a whole factor, so that each of their pixels stays a square of equal size.
    """
    side = max(height, width)
    if side <= TILE:
        factor = TILE // side
        return height * factor, width * factor
    return max(1, round(height * TILE / side)), max(1, round(width * TILE / side))


def to_thumbnails(images: Tensor, low: float, high: float) -> NDArray[np.uint8]:
    """Return thumbnails of a batch.

    One channel, and two (their mean), give grey; three and more give colour from the first three. Of a focal stack the
    sharpest layer of each image is shown.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W) or (B, L, C, H, W)
        Pixel values in any unit.
    low, high : float
        The values shown black and white.

    Returns
    -------
    ndarray of uint8, shape (B, h, w) or (B, h, w, 3)
        With ``max(h, w) <= 64``.
    """
    import torch

    if images.ndim == 5:
        images = _sharpest_layers(images)
    images = images.mean(1, keepdim=True) if images.shape[1] == 2 else images[:, : 3 if images.shape[1] > 3 else None]
    height, width = images.shape[-2:]
    shape = thumbnail_shape(height, width)
    if max(height, width) <= TILE:
        factor = shape[0] // height
        images = images.repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    else:
        images = torch.nn.functional.interpolate(images.float(), shape, mode="bilinear", antialias=True)
    scaled = torch.nan_to_num((images - low) / ((high - low) or 1.0)).clamp(0, 1).mul(255).round().to(torch.uint8)
    if scaled.shape[1] == 1:
        return scaled[:, 0].numpy()
    return scaled.permute(0, 2, 3, 1).contiguous().numpy()


def _sharpest_layers(stacks: Tensor) -> Tensor:
    import torch

    rows, columns = stacks.diff(dim=-2), stacks.diff(dim=-1)
    sharpness = rows.square().mean((2, 3, 4)) + columns.square().mean((2, 3, 4))
    return stacks[torch.arange(len(stacks)), sharpness.argmax(1)]


def write_thumbnails(folder: Path, images: _Images, low: float, high: float) -> None:
    """Write the sheets of an image set and ``index.json``, reading the images once, batch by batch.

    Parameters
    ----------
    folder : Path
        A new folder.
    images : ImageSet
        N images.
    low, high : float
        The values shown black and white.
    """
    folder.mkdir()
    bytes_an_image = 4 * int(np.prod(images.image_shape))
    batch_size = max(1, min(_PER_SHEET, _BATCH_BYTES // max(1, bytes_an_image)))
    height, width = thumbnail_shape(*images.image_shape[-2:])
    # Thumbnails enlarged from few pixels are smaller, and exact, without loss; photographs are not.
    lossless = max(images.image_shape[-2:]) <= TILE // 2
    sheets: list[dict[str, Any]] = []
    mode = "L"
    sheet: NDArray[np.uint8] | None = None
    done = 0
    for batch in images.batches(batch_size):
        for thumbnail in to_thumbnails(batch, low, high):
            place = done % _PER_SHEET
            if sheet is None:
                rows = min(COLUMNS, -(-(len(images) - done) // COLUMNS))
                sheet = np.zeros((rows * TILE, COLUMNS * TILE, *thumbnail.shape[2:]), np.uint8)
                mode = "RGB" if thumbnail.ndim == 3 else "L"
            top, left = _corner(place, height, width)
            sheet[top : top + height, left : left + width] = thumbnail
            done += 1
            if done % _PER_SHEET == 0 or done == len(images):
                sheets.append(_write_sheet(folder, sheet, len(sheets), place + 1, lossless=lossless))
                sheet = None
    index = _Index(done, height, width, mode, float(low), float(high), sheets)
    write_json_atomically(folder / "index.json", index.to_dict())


def _write_sheet(folder: Path, sheet: NDArray[np.uint8], number: int, count: int, *, lossless: bool) -> dict[str, Any]:
    name = f"sheet-{number:03d}.webp"
    quality = 0 if lossless else 85
    Image.fromarray(sheet).save(folder / name, "WEBP", lossless=lossless, quality=quality, method=1)
    return {"file": name, "first": number * _PER_SHEET, "count": count}


def _corner(place: int, height: int, width: int) -> tuple[int, int]:
    row, column = divmod(place, COLUMNS)
    return row * TILE + (TILE - height) // 2, column * TILE + (TILE - width) // 2


@dataclass(frozen=True)
class _Index:
    count: int
    height: int
    width: int
    mode: str
    low: float
    high: float
    sheets: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": 1,
            "count": self.count,
            "tile": TILE,
            "columns": COLUMNS,
            "per_sheet": _PER_SHEET,
            "thumbnail": {"height": self.height, "width": self.width, "mode": self.mode},
            "values": {"black": self.low, "white": self.high},
            "sheets": self.sheets,
        }


class Thumbnails:
    """The thumbnails of a run, read sheet by sheet; the sheets used last stay in memory. Safe to read from several
    threads.

    Parameters
    ----------
    folder : Path
        The folder ``thumbnails`` of a run.

    Attributes
    ----------
    index : dict
        The content of ``index.json``: how the sheets are laid out.
    shape : tuple of int
        Height and width of a thumbnail.

    Raises
    ------
    InputError
        If the index is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.index: dict[str, Any] = json.loads((folder / "index.json").read_text("utf-8"))
            self.shape: tuple[int, int] = (self.index["thumbnail"]["height"], self.index["thumbnail"]["width"])
            self._mode: str = self.index["thumbnail"]["mode"]
            self._count: int = self.index["count"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder / 'index.json'} is missing or damaged: restore it, or make the run again"
            ) from error
        self._sheets: OrderedDict[int, Image.Image] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return self._count

    def image(self, i: int) -> Image.Image:
        """Return the thumbnail of image ``i``, grey (mode ``L``) or colour (``RGB``).

        Raises
        ------
        IndexError
            If there is no such image.
        InputError
            If the sheet is missing or damaged.
        """
        if not 0 <= i < self._count:
            raise IndexError(f"image {i} of {self._count}")
        number, place = divmod(int(i), self.index["per_sheet"])
        top, left = _corner(place, *self.shape)
        return self._sheet(number).crop((left, top, left + self.shape[1], top + self.shape[0]))

    def array(self, i: int) -> NDArray[np.uint8]:
        """Return the thumbnail of image ``i`` as uint8, shape (h, w) or (h, w, 3)."""
        return np.asarray(self.image(i))

    def png_bytes(self, i: int) -> bytes:
        """Return the thumbnail of image ``i`` as a PNG file."""
        buffer = io.BytesIO()
        self.image(i).save(buffer, "PNG", compress_level=6)
        return buffer.getvalue()

    def sheet_path(self, number: int) -> Path:
        """Return the file of sheet ``number``, for those who show whole sheets."""
        name: str = self.index["sheets"][number]["file"]
        return self.folder / name

    def _sheet(self, number: int) -> Image.Image:
        with self._lock:
            if number in self._sheets:
                self._sheets.move_to_end(number)
                return self._sheets[number]
        path = self.sheet_path(number)
        try:
            with Image.open(path) as file:
                sheet = file.convert(self._mode)
        except OSError as error:
            raise InputError(f"{path} is missing or damaged: restore it, or make the run again") from error
        with self._lock:
            self._sheets[number] = sheet
            while len(self._sheets) > _SHEETS_IN_MEMORY:
                self._sheets.popitem(last=False)
        return sheet
