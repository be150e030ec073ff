"""Files of microscopes that an installed package reads: Zeiss CZI, Leica LIF and Nikon ND2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.images.readers.layout import Container, Series
from facies.images.readers.pixels import PageHeader, UnreadableImage


@dataclass(frozen=True, eq=False)
class Scene:
    """One array of a file: its axes by letter (``TCZYXS``, S for the samples of colour), and a function that reads it.

    `read` returns something that is indexed as an array of `shape` is.
    """

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Any]


class SceneContainer:
    """An open file of arrays; a page is what lies at one place of all axes but Y, X and S."""

    animated = False
    fits = True

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = [scene for scene in scenes if {"Y", "X"} <= set(scene.axes) and 0 not in scene.shape]
        if not self._scenes:
            raise UnreadableImage("it holds no image")
        self._opened: tuple[int, Any] | None = None
        self._places: list[tuple[int, tuple[int, ...]]] = []
        self.series = [self._series(number, scene) for number, scene in enumerate(self._scenes)]

    def _series(self, number: int, scene: Scene) -> Series:
        lengths = [n for axis, n in zip(scene.axes, scene.shape, strict=True) if axis not in "YXS"]
        first = len(self._places)
        self._places += [(number, place) for place in np.ndindex(*lengths)]
        axes = "".join(axis for axis in scene.axes if axis not in "YXS")
        return Series(axes, np.arange(first, len(self._places)).reshape(lengths))

    def header(self, page: int) -> PageHeader:
        """Return shape and type of a page."""
        scene = self._scenes[self._places[page][0]]
        if scene.dtype.kind not in "biuf":
            raise UnreadableImage(f"pixels of the type {scene.dtype} are no image")
        length = dict(zip(scene.axes, scene.shape, strict=True))
        return PageHeader(length["Y"], length["X"], length.get("S", 1), scene.dtype.newbyteorder("="))

    def read(self, page: int) -> NDArray[Any]:
        """Read a page to (H, W, C)."""
        number, place = self._places[page]
        scene = self._scenes[number]
        if self._opened is None or self._opened[0] != number:
            self._opened = (number, scene.read())
        steps = iter(place)
        where = tuple(slice(None) if axis in "YXS" else next(steps) for axis in scene.axes)
        pixels = np.asarray(self._opened[1][where]).astype(scene.dtype.newbyteorder("="), copy=False)
        kept = [axis for axis in scene.axes if axis in "YXS"]
        pixels = pixels.transpose([kept.index(axis) for axis in "YXS" if axis in kept])
        return pixels if pixels.ndim == 3 else pixels[..., None]


@contextmanager
def _open_czi(path: Path) -> Iterator[SceneContainer]:
    czifile = _module("czifile", path)
    if not hasattr(czifile.CziFile, "scenes"):  # it would lay scenes side by side on one canvas
        raise UnreadableImage("it needs czifile of 2026 or later, which needs Python 3.12")
    with czifile.CziFile(path) as czi:
        yield SceneContainer([_scene(image) for image in czi.scenes.values()])


@contextmanager
def _open_lif(path: Path) -> Iterator[SceneContainer]:
    liffile = _module("liffile", path)
    with liffile.LifFile(path) as lif:
        yield SceneContainer([_scene(image) for image in lif.images])


def _scene(image: Any) -> Scene:
    return Scene("".join(image.dims), tuple(image.shape), np.dtype(image.dtype), image.asarray)


@contextmanager
def _open_nd2(path: Path) -> Iterator[SceneContainer]:
    nd2 = _module("nd2", path)
    with nd2.ND2File(path) as file:
        axes = "".join(file.sizes)
        yield SceneContainer([Scene(axes, tuple(file.sizes.values()), np.dtype(file.dtype), file.to_dask)])


def _module(name: str, path: Path) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnreadableImage(f"pip install 'facies[microscopy]' reads {path.suffix.lower()} files") from error


MICROSCOPY: dict[str, Callable[[Path], AbstractContextManager[Container]]] = {
    ".czi": _open_czi,
    ".lif": _open_lif,
    ".nd2": _open_nd2,
}
"""What opens the files of a suffix."""
