"""Thresholds of a session, from the pooled histogram of a sample of its photographs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.extraction.background import (
    BackgroundKind,
    Thresholds,
    background_likelihood,
    hue_degrees,
    smooth_field,
    to_eight_bits,
)
from facies.grains.extraction.extraction_settings import Background
from facies.grains.extraction.foreground_score import foreground_score
from facies.grains.extraction.ground_evenness import check_ground, has_ground

BLOCK = 4
"""Histograms are of the mean colours of blocks of this side: superpixels of equal size, found for nothing."""

FALLBACK_LEVEL = 110.0
"""The threshold of saturation where the histogram has no valley (of 255)."""

MIN_DIFFERENCE = 10.0
"""Grey levels below which a difference to the background may be its unevenness."""


@dataclass
class SessionSample:
    """A sample of photographs, small, uint8 (h, w, 3), and the value of a stored pixel that became 255."""

    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    white: float = 255.0

    @classmethod
    def from_photographs(cls, photographs: Iterable[NDArray[np.generic]], white: float | None = None) -> SessionSample:
        """Read photographs, (H, W, 3) as stored, one at a time.

        `white` is the value that becomes 255; without it the full scale is guessed from the largest value.
        """
        small: list[NDArray[np.generic]] = []
        largest = 0.0
        kind: np.dtype[Any] = np.dtype(np.uint8)
        for photograph in photographs:
            kind = max(kind, photograph.dtype, key=lambda dtype: dtype.itemsize)
            stored = photograph if photograph.dtype in (np.uint8, np.uint16) else photograph.astype(np.float32)
            largest = max(largest, float(photograph.max()))
            size = (max(1, stored.shape[1] // BLOCK), max(1, stored.shape[0] // BLOCK))
            small.append(cv2.resize(stored, size, interpolation=cv2.INTER_AREA))
        white = _white(kind, largest) if white is None else white
        return cls([to_eight_bits(picture, white) for picture in small], white)


def full_scale(pixels: NDArray[np.generic]) -> float:
    """Guess the full scale of a photograph by itself."""
    return _white(pixels.dtype, float(pixels.max()))


def _white(dtype: np.dtype[np.generic], largest: float) -> float:
    """Guess the full scale: cameras of 10 to 14 bits write files of 16."""
    if dtype == np.uint8:
        return 255.0
    if dtype.kind == "f" and largest <= 1.0:
        return 1.0
    bits = next(bits for bits in (8, 10, 12, 14, 16, 32, 64) if largest < 2**bits)
    return float(2**bits - 1)


def learn_thresholds(sample: SessionSample, background: Background) -> tuple[Thresholds, NDArray[np.int64]]:
    """Learn what the background is, and from where on it is none; return that and the `pooled_histogram`.

    `background` is what the user says of it. An InputError names the kind to try if the photographs have none of that
    kind.
    """
    ground, colour = _recognise_background(sample, background)
    check_ground(sample.pictures, ground)
    hue = float(hue_degrees(np.array(colour, np.float32).reshape(1, 1, 3))[0, 0])
    counts = pooled_histogram(sample, ground)
    mode = float(np.average(np.arange(256), weights=np.where(_near(counts, 6), counts, 0)))
    level, how = _level(counts, mode, ground)
    draft = Thresholds(ground, level, mode, 1.0, hue, sample.white, how)
    return replace(draft, difference=_difference(sample, draft)), counts


def pooled_histogram(sample: SessionSample, ground: BackgroundKind) -> NDArray[np.int64]:
    """Count the blocks of all photographs of a sample by their `background_likelihood`, int64 (256,)."""
    counts = np.zeros(256, np.int64)
    for picture in sample.pictures:
        even: NDArray[np.float32] = picture.astype(np.float32)
        if ground == "light":
            even = np.minimum(even * (255.0 / np.maximum(_field_of(picture, ground), 1.0)), 255.0)
        counts += np.bincount(background_likelihood(even, ground).ravel().astype(np.int64), minlength=256)
    return counts


def _field_of(picture: NDArray[np.uint8], ground: BackgroundKind) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    field = smooth_field(picture, height, width, ground)
    return field.at(np.arange(height, dtype=np.float32) + 0.5, np.arange(width, dtype=np.float32) + 0.5)


def _near(counts: NDArray[np.int64], width: int) -> NDArray[np.bool_]:
    smooth = np.convolve(counts, np.ones(7) / 7, mode="same")
    return np.abs(np.arange(256) - smooth.argmax()) <= width


def _recognise_background(
    sample: SessionSample, background: Background
) -> tuple[BackgroundKind, tuple[float, float, float]]:
    """Infer the kind of the background from the most frequent colour, and check what the user says against it."""
    cells = np.zeros(16**3, np.int64)
    for picture in sample.pictures:
        red, green, blue = (picture[..., channel].astype(np.int64) >> 4 for channel in range(3))
        cells += np.bincount((red * 256 + green * 16 + blue).ravel(), minlength=16**3)
    cube = cv2.GaussianBlur(cells.reshape(16, 16, 16).astype(np.float32), (3, 3), 0)
    index = np.unravel_index(int(cube.argmax()), cube.shape)
    colour = (16.0 * index[0] + 8, 16.0 * index[1] + 8, 16.0 * index[2] + 8)
    low, high = min(colour), max(colour)
    saturation = 255 * (high - low) / high
    kind: BackgroundKind | None = None
    if high < 80:
        kind = "dark"
    elif saturation >= 90:
        kind = "green"
    elif low >= 110 and saturation < 60:
        kind = "light"
    words = f"red {colour[0]:.0f}, green {colour[1]:.0f}, blue {colour[2]:.0f}"
    if background == "auto":
        if kind is None:
            if not has_ground(sample.pictures):
                check_ground(sample.pictures, "dark")
            raise InputError(
                f"the colour of the plate was not found: the most frequent colour ({words}) is neither saturated, dark "
                "nor light: try --background dark where the grains are brighter than what they lie on, --background "
                "light where they are darker, --background green on a coloured plate"
            )
        return kind, colour
    if background == "green" and saturation < 40:
        other = f": try --background {kind}" if kind else ""
        raise InputError(
            f"no coloured plate was found: the most frequent colour ({words}) is a grey{other or ': try --background auto'}"
        )
    if background == "light" and saturation >= 90 and low < 110:
        raise InputError(
            f"no light ground was found, and so no grains were found: the most frequent colour ({words}) is that of a "
            "coloured plate: try --background green"
        )
    return background, colour


def _level(counts: NDArray[np.int64], mode: float, ground: BackgroundKind) -> tuple[float, str]:
    """Otsu's threshold (IEEE Trans. SMC 9, 62, 1979), where it lies in a valley below the mode of the background."""
    values = np.arange(256)
    at_least = values >= mode
    spread = float(np.sqrt(np.average(np.square(values - mode), weights=np.where(at_least, counts, 0) + 1e-9)))
    spread = max(min(spread, 20.0), 2.0)
    nearest = mode - max(4 * spread, 20.0)
    below = np.where(values < nearest, counts, 0)
    if below.sum() >= 1e-4 * counts.sum() and nearest > 0:
        # The background takes most of the photograph: weighed alike, the two classes do not pull the threshold aside.
        balanced = below / below.sum() + np.where(values >= nearest, counts, 0) / counts[values >= nearest].sum()
        level = _otsu(balanced)
        return float(np.clip(level, 0.35 * mode, nearest)), "Otsu's threshold of the pooled histogram"
    level = FALLBACK_LEVEL if ground == "green" and nearest > FALLBACK_LEVEL else 0.6 * mode
    return float(min(level, nearest)), "no valley in the histogram: a fixed part of the ground's own value"


def _otsu(counts: NDArray[np.float64]) -> float:
    values = np.arange(counts.size)
    weight = np.cumsum(counts) / counts.sum()
    mean = np.cumsum(counts * values) / counts.sum()
    between = (mean[-1] * weight - mean) ** 2 / np.maximum(weight * (1 - weight), 1e-12)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(best.mean()) + 0.5


def _difference(sample: SessionSample, draft: Thresholds) -> float:
    """Six times the unevenness of the background about its smooth field: what four of five of its places stay within."""
    spreads = []
    for picture in sample.pictures:
        height, width = picture.shape[:2]
        field = smooth_field(picture, height, width, draft.ground)
        score = foreground_score(picture, (0, 0, width, height), field, draft)
        saturated = foreground_score(picture, (0, 0, width, height), field, draft, shine=False)
        own = score[saturated < 0.5]
        if own.size:
            spreads.append(6 * float(np.quantile(own, 0.8)))
    return max(MIN_DIFFERENCE, float(np.median(spreads)) if spreads else MIN_DIFFERENCE)
