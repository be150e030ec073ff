"""A band with a scale bar below each vignette, as PlanktoScope, FlowCam and ZooProcess burn it in: found, told and cut off.

Such a band is plain, is as wide as its vignette, and has a bar and a word at the same place in all images. Were it left, groups
would follow the lengths of the bars and the sizes of the images that it tells.
"""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SAMPLES = 48
_FIRST = 8
"""Without two alike among so many samples, no more are decoded."""
_MIN_MEMBERS = 3
_LOW = 0.1
_MIN_SHARE = 0.8
_MIN_IMAGES = 8
_MIN_HEIGHT = 6
_MAX_SHARE_OF_HEIGHT = 0.6
_TOLERANCE = 24  # of 255: what JPEG makes of equal pixels
_GROUND_TOLERANCE = 12
_GROUND_SHARE = 0.05
_LOWEST_ROWS = 3
_INK = 60
_MIN_INK = 12
_ABOVE_THE_BAR = 4
_MIN_LEFT = 4
_ALIKE = 0.97
_ALIKE_AT_WORST = 0.8  # JPEG rings at the edge of the picture above
_PLAIN = 0.7

Grey = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Band:
    """A band at the bottom of images.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w)
        The band as grey, of the narrowest image that bore it, from the left edge.
    """

    pixels: Grey

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return len(self.pixels)

    @property
    def ground(self) -> int:
        """The grey of the plain part."""
        return _ground(self.pixels)

    def is_on(self, image: Grey) -> bool:
        """Return whether an image, grey (H, W), bears the band: a bar at the same place, and plain ground beside it."""
        if len(image) <= self.height:
            return False
        bottom = image[-self.height :]
        width = min(bottom.shape[1], self.pixels.shape[1])
        alike = _alike(bottom[:, :width], self.pixels[:, :width])
        if alike.mean() < _ALIKE or alike.min() < _ALIKE_AT_WORST:
            return False
        beside = bottom[:, width:]
        return not beside.size or bool(
            (np.abs(beside.astype(int) - self.ground) <= _TOLERANCE).mean() >= _ALIKE_AT_WORST
        )

    def to_json(self) -> dict[str, str]:
        """Return the band in what JSON can hold: a PNG in base64."""
        packed = io.BytesIO()
        Image.fromarray(self.pixels).save(packed, "PNG")
        return {"png": base64.b64encode(packed.getvalue()).decode("ascii")}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Band:
        """Return the band that `to_json` described."""
        with Image.open(io.BytesIO(base64.b64decode(value["png"])), formats=("PNG",)) as picture:
            return cls(np.array(picture.convert("L")))


def to_grey(pixels: NDArray[Any]) -> Grey:
    """Convert an image (H, W, C) to grey of 8 bits (H, W), for the comparison."""
    white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
    mean = pixels[..., :3].mean(axis=-1, dtype=np.float32)
    return np.clip(mean * (255.0 / white), 0, 255).astype(np.uint8)


def find_bands(n_images: int, read: Callable[[int], Grey | None]) -> list[Band]:
    """Find the bands that nearly all images of a set bear at their bottom.

    Parameters
    ----------
    n_images : int
        The number of images.
    read : callable
        Returns the image of a number as grey (H, W); None if it cannot be read.

    Returns
    -------
    list of Band
        One for each length of bar; empty where less than four fifths of up to 48 samples bear one.
    """
    from scipy.sparse.csgraph import connected_components

    if n_images < _MIN_IMAGES:
        return []
    samples: list[Grey] = []
    for count, number in enumerate(_spread(n_images), 1):
        image = read(number)
        if image is not None:
            samples.append(image)
        if count == _FIRST and not _shared_heights(samples).any():
            return []
    shared = _shared_heights(samples)
    if not shared.any():
        return []
    # What a sample shares with two others at least; images of another length of bar share less, the word alone.
    of_each = np.sort(shared, axis=1)[:, -(_MIN_MEMBERS - 1)]
    bearing = of_each >= _MIN_HEIGHT
    if bearing.sum() < _MIN_SHARE * len(samples):
        return []
    # Above the band of some images the picture is plain, too.
    height = int(np.quantile(of_each[bearing], _LOW, method="lower"))
    tallest = _MAX_SHARE_OF_HEIGHT * np.median([len(image) for image in samples])
    if height > tallest:  # the pictures are plain far up: the band ends above what is drawn in it
        drawn = np.flatnonzero((_apart(samples[int(of_each.argmax())][-height:]) > _INK).any(axis=1))
        height -= max(0, int(drawn[0]) - _ABOVE_THE_BAR)
        if height > tallest:
            return []
    _, kinds = connected_components(shared >= height, directed=False)
    counts = np.bincount(kinds)
    bands = []
    for kind in np.flatnonzero(counts >= _MIN_MEMBERS):
        members = [samples[number] for number in np.flatnonzero(kinds == kind)]
        narrowest = min(members, key=lambda image: image.shape[1])
        bands.append(Band(np.ascontiguousarray(narrowest[-height:])))
    return bands


def _spread(n_images: int) -> list[int]:
    """Choose samples evenly, and put neighbours apart: images of one acquisition stand together."""
    chosen = np.unique(np.linspace(0, n_images - 1, min(_SAMPLES, n_images)).round().astype(int))
    step = 5
    return [int(chosen[place]) for start in range(step) for place in range(start, len(chosen), step)]


def _shared_heights(samples: Sequence[Grey]) -> NDArray[np.int64]:
    """Return how many rows from the bottom each two samples share, if there is a bar in them; 0 for an image with itself."""
    shared = np.zeros((len(samples), len(samples)), np.int64)
    for (i, one), (j, other) in itertools.combinations(enumerate(samples), 2):
        width = min(one.shape[1], other.shape[1])
        if _are_equal(one, other):
            continue  # the same image again proves nothing
        height = _shared_height(one[:, :width], other[:, :width])
        if height >= _MIN_HEIGHT and _has_bar(one[-height:, :width]):
            shared[i, j] = shared[j, i] = height
    return shared


def _shared_height(one: Grey, other: Grey) -> int:
    """Count the rows from the bottom in which two images of one width are alike, and show the ground of the lowest rows."""
    height = min(len(one), len(other))
    first, second = one[len(one) - height :][::-1], other[len(other) - height :][::-1]
    ground = _ground(first[:_LOWEST_ROWS])
    shows_ground = (np.abs(first.astype(int) - ground) <= _GROUND_TOLERANCE).mean(axis=1) >= _GROUND_SHARE
    of_band = (_alike(first, second) >= _ALIKE) & shows_ground
    return height if of_band.all() else int(of_band.argmin())


def _are_equal(one: Grey, other: Grey) -> bool:
    return one.shape == other.shape and bool(np.abs(one.astype(int) - other).mean() < 1)


def _alike(one: Grey, other: Grey) -> NDArray[np.float64]:
    """Return the share of alike pixels of each row."""
    return np.asarray((np.abs(one.astype(int) - other) <= _TOLERANCE).mean(axis=1))


def _ground(rows: Grey) -> int:
    return int(np.bincount(rows.ravel(), minlength=256).argmax())


def _apart(rows: Grey) -> NDArray[np.int64]:
    """Return how far each pixel is from the ground."""
    return np.abs(rows.astype(np.int64) - _ground(rows))


def _has_bar(rows: Grey) -> bool:
    """Return whether rows are a plain ground with something drawn on it."""
    apart = _apart(rows)
    return bool((apart > _INK).sum() >= _MIN_INK and (apart <= _TOLERANCE).mean() >= _PLAIN)


class BandCutter:
    """Cuts bands off images, and notes how many rows of each.

    Parameters
    ----------
    bands : sequence of Band
        An image loses the first of them that it bears.
    n_images : int
        The number of images.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_images,)
        The rows cut off each image so far.
    """

    def __init__(self, bands: Sequence[Band], n_images: int) -> None:
        self.bands = list(bands)
        self.rows = np.zeros(n_images, np.int64)

    def cut(self, number: int, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return an image (H, W, C) without its band; focal stacks (L, H, W, C) are returned as they are."""
        if not self.bands or pixels.ndim != 3:
            return pixels
        grey = to_grey(pixels)
        for band in self.bands:
            if band.is_on(grey) and len(pixels) - band.height >= _MIN_LEFT:
                self.rows[number] = band.height
                return pixels[: -band.height]
        return pixels

    def notes(self) -> list[str]:
        """Say of how many images a band was cut off."""
        if not self.bands:
            return []
        n_cut = int((self.rows > 0).sum())
        return [
            f"{_described(self.bands)} was cut off the bottom of {n_cut} of {len(self.rows)} images; --keep-band leaves it"
        ]


def notes_of_kept(bands: Sequence[Band]) -> list[str]:
    """Say that bands were found and left."""
    return [f"{_described(bands)} stands below the images, and was left: groups may follow it"] if bands else []


def _described(bands: Sequence[Band]) -> str:
    return f"a band of {' or '.join(map(str, sorted({band.height for band in bands})))} pixels with a scale bar"
