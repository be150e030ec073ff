"""Grains as on a plate of one colour in even light, so that groups cannot follow the lamp, the plate or a neighbour."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import SmoothField, Thresholds
from facies.grains.extraction.foreground_score import Window

BRIGHTNESS = {"green": 128.0, "light": 224.0}
"""What the brightest channel of the background is brought to: well below white, so that pale grains in dim corners stay whole."""

GAINS = (0.25, 4.0)
"""Beyond these the field of the background is no light, but a mistake."""

RIM = 3
"""The blurred edge of a grain, in pixels, that is kept around it; and as many in which it fades into the plate."""


class BackgroundNormalisation:
    """The plate as it would be, lit evenly and with one grain on it.

    On a coloured or a light background a picture is multiplied by the target brightness over that of the background's
    smooth field at each place: what a lamp does to the plate, it does to the grain. A dark background has no
    information on the light, which is left as it is. What is not the grain is painted in one colour, that of the
    session's background.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self.brightness = BRIGHTNESS.get(thresholds.ground)
        self.colour = _colour(thresholds)

    def apply(
        self, picture: NDArray[np.uint8], window: Window, field: SmoothField, grain: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Put one layer of a grain on this plate.

        The picture is the window of a photograph whose background is the field; the mask, uint8 (h, w), is 1 where any
        layer shows the grain.
        """
        x0, y0, x1, y1 = window
        rows, columns = (np.arange(a, b, dtype=np.float32) + 0.5 for a, b in ((y0, y1), (x0, x1)))
        even = picture.astype(np.float32)
        if self.brightness is not None:
            ground = np.maximum(field.at(rows, columns).max(axis=2), 1.0)
            even *= np.clip(self.brightness / ground, *GAINS)[..., None]
        near = cv2.dilate(grain, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1)))
        share = cv2.GaussianBlur(near.astype(np.float32), (0, 0), RIM / 2, borderType=cv2.BORDER_REPLICATE)[..., None]
        mixed = share * even + (1 - share) * self.colour
        return np.clip(mixed, 0, 255).round().astype(np.uint8)


def _colour(thresholds: Thresholds) -> NDArray[np.float32]:
    """Return the colour of the plate, RGB from 0 to 255, by the session's hue and most frequent likelihood."""
    if thresholds.ground == "green":
        hsv = (thresholds.hue, thresholds.mode / 255, BRIGHTNESS["green"] / 255)
        return cv2.cvtColor(np.array(hsv, np.float32).reshape(1, 1, 3), cv2.COLOR_HSV2RGB)[0, 0] * np.float32(255)
    grey = BRIGHTNESS["light"] if thresholds.ground == "light" else 255 - thresholds.mode
    return np.full(3, grey, np.float32)
