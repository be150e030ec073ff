"""How much a place differs from the background: 1 is where a grain begins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import HUE_WINDOW, SmoothField, Thresholds, background_likelihood, hue_degrees

SHADE = {"green": (0.55, 1.15), "light": (0.9, 1.0)}
"""The brightness of a background in shadow and in stray light, as shares of that around.

A grain on a coloured plate is recognised by its colour, however bright it is; on a light background clear and pale grains differ in
brightness alone, so there only the outskirts of a shadow are background for sure, and stray light is not.
"""

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the photograph, half-open."""


def foreground_score(
    picture: NDArray[np.uint8],
    window: Window,
    field: SmoothField,
    thresholds: Thresholds,
    *,
    shine: bool = True,
    hue_gate: bool = False,
    shadows: bool = False,
) -> NDArray[np.float32]:
    """Measure how much each pixel of a picture speaks for a grain: float32 (h, w), from 1 on it is no background.

    The larger of two: how far the `background_likelihood` lies below its mode, in units of the distance from the mode
    to the threshold; and, with `shine`, the difference to the colour field of the background, in units of the threshold
    of that. On a dark background only what is brighter counts; on a coloured plate and on a light background the
    difference that is left after the brightness is set equal within what a shadow may do (`SHADE`), for a grain throws
    one.

    The picture shows the window of a photograph, perhaps smaller. With `hue_gate` what has not the hue of a coloured
    plate is no background. With `shadows` the shadows on a light background count, too: a pale grain has parts that are
    as grey as they are.
    """
    x0, y0, x1, y1 = window
    height, width = picture.shape[:2]
    rows = y0 + (np.arange(height, dtype=np.float32) + 0.5) * ((y1 - y0) / height)
    columns = x0 + (np.arange(width, dtype=np.float32) + 0.5) * ((x1 - x0) / width)
    colour = even = picture.astype(np.float32)
    if shine or thresholds.ground == "light":
        ground = field.at(rows, columns)
    if thresholds.ground == "light":  # a light ground is only as light as the lamp makes it
        even = np.minimum(colour * (255.0 / np.maximum(ground, 1.0)), 255.0)
    like = background_likelihood(even, thresholds.ground)
    score = (thresholds.mode - like) * np.float32(1.0 / (thresholds.mode - thresholds.level))
    if shine:
        score = np.maximum(score, _difference(colour, ground, thresholds, shadows=shadows))
    if hue_gate and thresholds.ground == "green":
        away = np.abs((hue_degrees(picture) - thresholds.hue + 180) % 360 - 180)
        score = np.maximum(score, away / np.float32(HUE_WINDOW))
    return np.maximum(score, 0.0)


def _difference(
    colour: NDArray[np.float32], ground: NDArray[np.float32], thresholds: Thresholds, *, shadows: bool
) -> NDArray[np.float32]:
    difference = colour - ground
    if thresholds.ground == "light" and shadows:
        difference = np.abs(difference)
    elif thresholds.ground != "dark":  # a shadow darkens the ground, and leaves it its colour
        like = (colour * ground).sum(axis=2) / np.maximum((ground * ground).sum(axis=2), 1.0)
        difference = np.abs(colour - np.clip(like, *SHADE[thresholds.ground])[..., None] * ground)
    red, green, blue = cv2.split(difference)
    return cv2.max(cv2.max(red, green), blue) * np.float32(1.0 / thresholds.difference)
