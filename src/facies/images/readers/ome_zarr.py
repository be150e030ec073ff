"""Images in OME-Zarr: the largest level of a multiscale image, along the axes that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.images.readers.layout import Series
from facies.images.readers.pixels import PageHeader, UnreadableImage

_BEFORE_04 = "tczyx"
"""The axes of versions that named none."""


class ZarrContainer:
    """An open OME-Zarr image; a page is what lies at one place of all axes but y and x."""

    animated = False
    fits = True

    def __init__(self, path: Path) -> None:
        import zarr

        described = _multiscales(path)
        if described is None:
            raise UnreadableImage("a zarr folder without OME metadata: give it by itself, not in a folder of images")
        names = [axis["name"] if isinstance(axis, dict) else axis for axis in described.get("axes", _BEFORE_04)]
        self._array: Any = zarr.open_array(str(path), mode="r", path=described["datasets"][0]["path"])
        names = names[-len(self._array.shape) :]
        if names[-2:] != ["y", "x"] or np.dtype(self._array.dtype).kind not in "biuf":
            raise UnreadableImage(f"an OME-Zarr of axes {''.join(names)} and type {self._array.dtype} is not an image")
        self._shape = tuple(self._array.shape[:-2])
        axes = "".join(name[0].upper() if name in ("t", "c", "z") else "Q" for name in names[:-2])
        self.series = [Series(axes, np.arange(int(np.prod(self._shape, dtype=np.int64))).reshape(self._shape))]

    def header(self, page: int) -> PageHeader:
        """Return shape and type of a page."""
        height, width = self._array.shape[-2:]
        return PageHeader(int(height), int(width), 1, _native(np.dtype(self._array.dtype)))

    def read(self, page: int) -> NDArray[Any]:
        """Read a page to (H, W, 1)."""
        plane = np.asarray(self._array[tuple(int(i) for i in np.unravel_index(page, self._shape))])
        if plane.dtype.kind == "b":
            plane = plane.astype(np.uint8) * np.uint8(255)
        return plane.astype(_native(plane.dtype), copy=False)[..., None]


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


@contextmanager
def open_ome_zarr(path: Path) -> Iterator[ZarrContainer]:
    """Open an OME-Zarr image; an `UnreadableImage` says why it is none."""
    yield ZarrContainer(path)


def is_ome_zarr(path: Path) -> bool:
    """Return whether a path is a folder with the metadata of a multiscale OME-Zarr image, of version 0.1 to 0.5."""
    return path.is_dir() and _multiscales(path) is not None


def _multiscales(path: Path) -> dict[str, Any] | None:
    for name, keys in (("zarr.json", ("attributes", "ome")), (".zattrs", ())):
        try:
            metadata = json.loads((path / name).read_text("utf-8"))
            for key in keys:
                metadata = metadata[key]
            first = metadata["multiscales"][0]
            first["datasets"][0]["path"]
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            continue
        return dict(first)
    return None
