"""The background that the grains lie on: of which kind it is, and how bright it is where."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

BackgroundKind = Literal["green", "dark", "light"]

HUE_WINDOW = 20.0
"""Degrees to either side of the plate's modal hue that are still the plate's."""

_MOTTLE, _MOTTLE_WIDTH, _ROUNDS = (128, 160), 3.0, 3


@dataclass(frozen=True)
class Thresholds:
    """What was learnt from the photographs of a session, and is then left as it is.

    Above the level, 0 to 255, the `background_likelihood` is that of the background; its mode is the most frequent one.
    From the difference to the smooth colour field of the background on, in grey levels of the brightest channel, a
    place is no background. The hue is the background's modal one in degrees; white is the value of a stored pixel that
    becomes 255; `how` says in words how the level came about.
    """

    ground: BackgroundKind
    level: float
    mode: float
    difference: float
    hue: float
    white: float = 255.0
    how: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return all of them, fit for JSON."""
        return asdict(self)


def to_eight_bits(pixels: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """Bring stored pixels to 0 … 255, the value `white` to 255; the same memory, if they have 8 bits already."""
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    scaled = pixels.astype(np.float32) * np.float32(255.0 / white)
    return np.clip(np.nan_to_num(scaled), 0, 255).round().astype(np.uint8)


def background_likelihood(colour: NDArray[Any], ground: BackgroundKind) -> NDArray[np.float32]:
    """Measure how much like the background an RGB colour (..., 3) from 0 to 255 is: float32 (...), 0 to 255.

    On a coloured plate the saturation of HSV, ``255 (max − min) / max``; on a dark background how dark the brightest
    channel is, ``255 − max``; on a light background how bright the darkest channel is, ``min``.
    """
    planes = cv2.split(np.ascontiguousarray(colour, np.float32)) if colour.ndim == 3 else np.moveaxis(colour, -1, 0)
    red, green, blue = (np.asarray(plane, np.float32) for plane in planes)
    low = np.minimum(np.minimum(red, green), blue)
    if ground == "light":
        return low
    high = np.maximum(np.maximum(red, green), blue)
    if ground == "dark":
        return np.float32(255.0) - high
    return np.asarray(255.0 * (high - low) / np.maximum(high, 1.0), np.float32)


def hue_degrees(colour: NDArray[Any]) -> NDArray[np.float32]:
    """Return the hue of HSV, 0 to 360 degrees, of a picture in RGB from 0 to 255."""
    return cv2.cvtColor(np.ascontiguousarray(colour, np.float32) / 255.0, cv2.COLOR_RGB2HSV)[..., 0]


@dataclass(frozen=True)
class SmoothField:
    """The colour of the background as a quadratic function of the place, so that uneven light is no difference.

    The coefficients, float32 (6, 3), are those of 1, x, y, x², xy, y² (x and y from −1 to 1 over the photograph), for
    each channel. The mottle, float32 (h, w, 3), is what a smooth picture of the background adds to that.
    """

    coefficients: NDArray[np.float32]
    height: int
    width: int
    mottle: NDArray[np.float32] | None = None

    def at(self, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the colour of the background, float32 (h, w, 3), at rows (h,) and columns (w,) of the photograph.

        They are in pixels; pixel ``i`` spans ``[i, i + 1)``.
        """
        y, x = 2 * rows / self.height - 1, 2 * columns / self.width - 1
        c = self.coefficients
        along_x = c[0] + x[:, None] * c[1] + (x * x)[:, None] * c[3]  # (w, 3)
        along_y = y[:, None] * c[2] + (y * y)[:, None] * c[5]  # (h, 3)
        crossed = (y[:, None] * x[None, :])[..., None] * c[4]
        smooth = (along_x[None] + along_y[:, None] + crossed).astype(np.float32)
        return smooth if self.mottle is None else smooth + self._mottle_at(rows, columns)

    def _mottle_at(self, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self.mottle is not None
        height, width = self.mottle.shape[:2]
        across = np.tile(columns * np.float32(width / self.width) - np.float32(0.5), (rows.size, 1))
        down = np.tile((rows * np.float32(height / self.height) - np.float32(0.5))[:, None], (1, columns.size))
        return cv2.remap(self.mottle, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def smooth_field(small: NDArray[Any], height: int, width: int, ground: BackgroundKind) -> SmoothField:
    """Fit the colour field of the background to a photograph of height × width pixels, or a smaller picture of it.

    Least squares with Tukey's biweight, whatever lies on it, begun from the places that are most like the background:
    of a quadratic, for a lamp lights a plate smoothly. On a light background, from which pale grains differ by less
    than its own mottle, the field follows that, too.
    """
    grid = cv2.resize(small, (40, 32), interpolation=cv2.INTER_AREA).astype(np.float64)
    y, x = np.mgrid[0:32, 0:40]
    y, x = ((2 * (y + 0.5) / 32 - 1).ravel(), (2 * (x + 0.5) / 40 - 1).ravel())
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    colours = grid.reshape(-1, 3)
    like = background_likelihood(colours, ground)
    weights = (like >= np.quantile(like, 0.4)).astype(np.float64)
    coefficients = np.zeros((6, 3))
    for _ in range(8):
        weighted = terms * weights[:, None]
        coefficients = np.linalg.solve(weighted.T @ terms + 1e-9 * np.eye(6), weighted.T @ colours)
        distance = np.abs(colours - terms @ coefficients).max(axis=1)
        scale = max(float(np.median(distance[weights > 0])) * 1.4826, 1.0)
        weights = np.square(np.clip(1 - np.square(distance / (4.685 * scale)), 0, None))
    field = SmoothField(coefficients.astype(np.float32), height, width)
    return replace(field, mottle=_mottle(field, small)) if ground == "light" else field


def _mottle(field: SmoothField, small: NDArray[Any]) -> NDArray[np.float32]:
    """Smooth what a photograph adds to the field where it is bare, and carry it on under the grains.

    Bare is what lies within five robust standard deviations of the background, in its colour at equal brightness, which does
    not change with the mottle, and as a whole. The better the background is known, the smaller they are: each round leaves
    out more of the pale grains, with what they surround and a rim around.
    """
    height, width = _MOTTLE
    rows, columns = np.arange(height, dtype=np.float32) + 0.5, np.arange(width, dtype=np.float32) + 0.5
    smooth = field.at(rows * (field.height / height), columns * (field.width / width))
    added = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) - smooth
    mottle = np.zeros_like(added)
    bare = np.ones((height, width), bool)
    for _ in range(_ROUNDS):
        ground, away = smooth + mottle, added - mottle
        like = (away * ground).sum(axis=2) / np.maximum((ground * ground).sum(axis=2), 1.0)
        other = np.zeros((height, width), np.uint8)
        for distance in (np.abs(away).max(axis=2), np.abs(away - like[..., None] * ground).max(axis=2)):
            scale = max(1.4826 * float(np.median(distance[bare])), 1.0)
            other |= distance > 5 * scale
        other = cv2.morphologyEx(other, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        outlines, _ = cv2.findContours(other, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(other, outlines, -1, 1, cv2.FILLED)
        bare = cv2.dilate(other, np.ones((5, 5), np.uint8)) == 0
        if not bare.any():
            return np.zeros_like(added)
        weight = bare.astype(np.float32)
        total = cv2.GaussianBlur(added * weight[..., None], (0, 0), _MOTTLE_WIDTH)
        mottle = total / (cv2.GaussianBlur(weight, (0, 0), _MOTTLE_WIDTH) + 1e-6)[..., None]
    return mottle
