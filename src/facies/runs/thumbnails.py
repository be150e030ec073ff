"""Thumbnails of all images, on WebP sheets of 32 × 32, and an index. Every layer of focal stacks has its own sheets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.io import write_json_atomically
from facies.runs.files import reading
from facies.runs.masked_pictures import in_colours
from facies.runs.thumbnail_index import COLUMNS, PER_SHEET, TILE, read_index

if TYPE_CHECKING:
    from torch import Tensor

_BATCH_BYTES = 2**26
_CACHE_BYTES = 2**26


class ImageBatches(Protocol):
    """The part of an image set that thumbnails are made from."""

    @property
    def table(self) -> pd.DataFrame:
        """One row an image."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W) or (L, C, H, W)."""

    def __len__(self) -> int: ...

    def batches(self, batch_size: int) -> Iterator[Tensor]:
        """Yield the images in order."""


def thumbnail_shape(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the thumbnail of an image: it fits in the tile and keeps the image's proportions.

    Small images grow by a whole factor, so that each of their pixels stays a square of equal size.
    """
    side = max(height, width)
    if side <= TILE:
        factor = TILE // side
        return height * factor, width * factor
    return max(1, round(height * TILE / side)), max(1, round(width * TILE / side))


def to_thumbnails(
    images: Tensor,
    low: float,
    high: float,
    layers: NDArray[np.int64] | None = None,
    measured: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Return thumbnails of a batch: one channel, or the mean of two, gives grey; the first of three or more give colour.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W) or (B, L, C, H, W)
        Pixel values in any unit.
    low, high : float
        The pixel values that become black and white.
    layers : ndarray of int, shape (B,), optional
        The layer of each focal stack that is taken. Without it the sharpest.
    measured : ndarray of bool, shape (H, W), optional
        Which pixels were measured. The images are then shown as `facies.runs.masked_pictures.in_colours` shows them.

    Returns
    -------
    ndarray of uint8, shape (B, h, w) or (B, h, w, 3)
        With ``max(h, w) <= 64``.
    """
    import torch

    if images.ndim == 5:
        chosen = _sharpest_layers(images) if layers is None else torch.tensor(layers)
        images = images[torch.arange(len(images)), chosen]
    if measured is not None:
        images = torch.from_numpy(in_colours(images.numpy(), measured)).permute(0, 3, 1, 2)
        low, high = 0.0, 255.0
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
    rows, columns = stacks.diff(dim=-2), stacks.diff(dim=-1)
    sharpness = rows.square().mean((2, 3, 4)) + columns.square().mean((2, 3, 4))
    return sharpness.argmax(1)


def write_thumbnails(
    folder: Path, images: ImageBatches, low: float, high: float, measured: NDArray[np.bool_] | None = None
) -> None:
    """Write the sheets of N images and ``index.json`` into a new folder, reading the images once, batch by batch.

    Of focal stacks ``sheet-000.webp`` … show the best layer of each image, which is the one that the column
    ``best_layer`` of the table names, or else the sharpest; ``layer-0-000.webp`` … show layer 0 of all, and so on.
    Pixels of the value ``low`` become black, those of ``high`` white; where not all were `measured`, see `to_thumbnails`.
    """
    folder.mkdir()
    bytes_an_image = 4 * int(np.prod(images.image_shape))
    batch_size = max(1, min(PER_SHEET, _BATCH_BYTES // max(1, bytes_an_image)))
    # Thumbnails enlarged from few pixels are smaller, and exact, without loss; photographs are not.
    lossless = measured is not None or max(images.image_shape[-2:]) <= TILE // 2
    n_layers = images.image_shape[0] if len(images.image_shape) == 4 else 0
    best = _best_layers(images, n_layers)
    shape = thumbnail_shape(*images.image_shape[-2:])
    sheets = _Sheets(folder, "sheet", len(images), shape, lossless=lossless)
    layers = [_Sheets(folder, f"layer-{i}", len(images), shape, lossless=lossless) for i in range(n_layers)]
    done = 0
    for batch in images.batches(batch_size):
        chosen = None if best is None else best[done : done + len(batch)]
        sheets.add(to_thumbnails(batch, low, high, chosen, measured))
        for number, sheets_of_layer in enumerate(layers):
            sheets_of_layer.add(to_thumbnails(batch[:, number], low, high, measured=measured))
        done += len(batch)
    index = {
        "format": 1,
        "count": done,
        "tile": TILE,
        "columns": COLUMNS,
        "per_sheet": PER_SHEET,
        "thumbnail": {"height": shape[0], "width": shape[1], "mode": sheets.mode},
        "values": {"black": float(low), "white": float(high)},
        "sheets": sheets.written,
        **({"layers": [sheets_of_layer.written for sheets_of_layer in layers]} if layers else {}),
    }
    write_json_atomically(folder / "index.json", index)


def _best_layers(images: ImageBatches, n_layers: int) -> NDArray[np.int64] | None:
    if not n_layers or "best_layer" not in images.table:
        return None
    best = pd.to_numeric(images.table["best_layer"], errors="coerce").fillna(-1).to_numpy(np.int64)
    return best if ((best >= 0) & (best < n_layers)).all() else None


class _Sheets:
    """Writes the sheets of one kind; only the one that is being filled is in memory."""

    def __init__(self, folder: Path, kind: str, count: int, shape: tuple[int, int], *, lossless: bool) -> None:
        self._folder, self._kind, self._count, self._shape = folder, kind, count, shape
        self._lossless = lossless
        self._sheet: NDArray[np.uint8] | None = None
        self._done = 0
        self.mode = "L"
        self.written: list[dict[str, Any]] = []

    def add(self, thumbnails: NDArray[np.uint8]) -> None:
        """Add the next thumbnails, and write each sheet that is full, and the last one."""
        height, width = self._shape
        for thumbnail in thumbnails:
            if self._sheet is None:
                rows = min(COLUMNS, -(-(self._count - self._done) // COLUMNS))
                self._sheet = np.zeros((rows * TILE, COLUMNS * TILE, *thumbnail.shape[2:]), np.uint8)
                self.mode = "RGB" if thumbnail.ndim == 3 else "L"
            tile = self._done % PER_SHEET
            top, left = _corner(tile, height, width)
            self._sheet[top : top + height, left : left + width] = thumbnail
            self._done += 1
            if tile + 1 == PER_SHEET or self._done == self._count:
                self._write(self._sheet, tile + 1)
                self._sheet = None

    def _write(self, sheet: NDArray[np.uint8], count: int) -> None:
        number = len(self.written)
        name = f"{self._kind}-{number:03d}.webp"
        quality = 0 if self._lossless else 85
        Image.fromarray(sheet).save(self._folder / name, "WEBP", lossless=self._lossless, quality=quality, method=1)
        self.written.append({"file": name, "first": number * PER_SHEET, "count": count})


def _corner(tile: int, height: int, width: int) -> tuple[int, int]:
    row, column = divmod(tile, COLUMNS)
    return row * TILE + (TILE - height) // 2, column * TILE + (TILE - width) // 2


class Thumbnails:
    """Reads the thumbnails of a run, sheet by sheet; the sheets used last stay in memory. Several threads may read.

    Parameters
    ----------
    folder : Path
        The folder ``thumbnails`` of a run.
    max_bytes : int, default=64 MB
        Memory for sheets; a grey one takes 4 MB. With more of it, fewer sheets are read again. The latest stays,
        whatever its size.

    Attributes
    ----------
    index : dict
        The content of ``index.json``: how the sheets are laid out.
    shape : tuple of int
        Height and width of a thumbnail.

    Raises
    ------
    InputError
        If the index, or later a sheet, is missing or damaged.
    """

    def __init__(self, folder: Path, *, max_bytes: int = _CACHE_BYTES) -> None:
        self.folder, self._max_bytes = folder, max_bytes
        self.index: dict[str, Any] = read_index(folder)
        self.shape: tuple[int, int] = (self.index["thumbnail"]["height"], self.index["thumbnail"]["width"])
        self._mode: str = self.index["thumbnail"]["mode"]
        self._count: int = self.index["count"]
        self._sheets: OrderedDict[tuple[int | None, int], Image.Image] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return self._count

    @property
    def n_layers(self) -> int:
        """The number of focal layers that have thumbnails; 0 for images that are not focal stacks."""
        return len(self.index.get("layers", []))

    def image(self, i: int, layer: int | None = None) -> Image.Image:
        """Return the thumbnail of image ``i``, grey (mode ``L``) or colour (``RGB``).

        Parameters
        ----------
        i : int
            The image.
        layer : int, optional
            The focal layer. Without it the best one of this image.

        Raises
        ------
        IndexError
            If there is no such image, or no such layer.
        """
        if not 0 <= i < self._count:
            raise IndexError(f"image {i} of {self._count}")
        number, tile = divmod(int(i), self.index["per_sheet"])
        top, left = _corner(tile, *self.shape)
        return self._sheet(number, layer).crop((left, top, left + self.shape[1], top + self.shape[0]))

    def is_cached(self, i: int, layer: int | None = None) -> bool:
        """Whether the sheet of image ``i`` is in memory, so that its thumbnail needs no reading."""
        with self._lock:
            return (layer, int(i) // self.index["per_sheet"]) in self._sheets

    def array(self, i: int, layer: int | None = None) -> NDArray[np.uint8]:
        """Return the thumbnail of image ``i`` as uint8, shape (h, w) or (h, w, 3)."""
        return np.asarray(self.image(i, layer))

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Yield all thumbnails in order, a sheet at a time: uint8, shape (n, h, w) or (n, h, w, 3)."""
        height, width = self.shape
        top, left = _corner(0, height, width)
        for number, described in enumerate(self.index["sheets"]):
            sheet = np.asarray(self._sheet(number, None))
            tiles = sheet.reshape(-1, TILE, COLUMNS, TILE, *sheet.shape[2:]).swapaxes(1, 2)
            tiles = tiles.reshape(-1, *tiles.shape[2:])[: described["count"]]
            yield tiles[:, top : top + height, left : left + width]

    def sheet_path(self, number: int, layer: int | None = None) -> Path:
        """Return the file of a sheet, of the best layers or of one layer; `IndexError` if there is no such layer."""
        if layer is not None and not 0 <= layer < self.n_layers:
            raise IndexError(f"focal layer {layer} of {self.n_layers}")
        sheets = self.index["sheets"] if layer is None else self.index["layers"][layer]
        name: str = sheets[number]["file"]
        return self.folder / name

    def _sheet(self, number: int, layer: int | None) -> Image.Image:
        key = (layer, number)
        with self._lock:
            if key in self._sheets:
                self._sheets.move_to_end(key)
                return self._sheets[key]
        path = self.sheet_path(number, layer)
        with reading(path), _opened(path) as file:
            if file.width != COLUMNS * TILE or file.height % TILE or file.height > COLUMNS * TILE:
                raise InputError(f"{path} is no sheet of thumbnails ({file.width} × {file.height} pixels): restore it")
            sheet = file.convert(self._mode)
        with self._lock:
            self._sheets[key] = sheet
            while len(self._sheets) > 1 and sum(map(_bytes_of, self._sheets.values())) > self._max_bytes:
                self._sheets.popitem(last=False)
        return sheet


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=("WEBP",))
    except Image.DecompressionBombError as error:
        raise ValueError("too many pixels") from error


def _bytes_of(sheet: Image.Image) -> int:
    return sheet.width * sheet.height * len(sheet.getbands())
