"""What is measured of a grain while its photographs are at hand: outline, focus, colour, whether it is several."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["TOUCHING", "colour_of", "focus_measure", "outline_of", "polygon_area", "touching_score"]

TOUCHING = 0.5
"""From this score on an outline is taken for several grains."""

SMOOTHING = 1.0
"""Standard deviation, in pixels, with which a mask is smoothed before its outline is drawn."""

FINENESS = 0.1
"""Vertices are left out of an outline where it moves by less than this, in pixels."""

_WORKING_SIDE = 96
_LEAST_RADIUS = 0.3
_PEAKS_APART = 0.1


def outline_of(mask: NDArray[np.uint8], x0: int, y0: int) -> NDArray[np.float32]:
    """Draw the outline of a grain: the 0.5 contour of its smoothed mask.

    Parameters
    ----------
    mask : ndarray of uint8, shape (h, w)
        0 or 1; one grain.
    x0, y0 : int
        Where the mask lies in the photograph.

    Returns
    -------
    ndarray of float32, shape (m, 2)
        x and y of the vertices in pixels of the photograph, where pixel ``i`` spans ``[i, i + 1)``; closed from the last
        to the first.
    """
    from skimage.measure import find_contours

    margin = int(np.ceil(4 * SMOOTHING)) + 1
    padded = np.pad(mask, margin).astype(np.float32)
    lines = find_contours(cv2.GaussianBlur(padded, (0, 0), SMOOTHING), 0.5)
    if not lines:  # thinner than the smoothing
        lines = find_contours(padded, 0.5)
    longest = max(lines, key=lambda line: abs(polygon_area(line)))
    points = (longest[:-1, ::-1] + 0.5 - margin + [x0, y0]).astype(np.float32)
    fewer = cv2.approxPolyDP(points.reshape(-1, 1, 2), FINENESS, closed=True).reshape(-1, 2)
    return np.ascontiguousarray(fewer if len(fewer) >= 3 else points)


def polygon_area(points: NDArray[np.floating]) -> float:
    """Area inside of a polygon, with the sign of its sense (Gauss's shoelace formula).

    Parameters
    ----------
    points : ndarray, shape (m, 2)
        The vertices.

    Returns
    -------
    float
    """
    centred = np.asarray(points, np.float64) - np.asarray(points[0], np.float64)
    x, y = centred.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def focus_measure(grey: NDArray[np.float32], mask: NDArray[np.uint8]) -> float:
    """Tell how sharp a grain is: the variance of the Laplacian inside of it (Pech-Pacheco et al., ICPR 2000).

    Parameters
    ----------
    grey : ndarray of float32, shape (h, w)
        The picture, 0 to 255.
    mask : ndarray of uint8, shape (h, w)
        The grain.

    Returns
    -------
    float
        Larger is sharper; of layers of one stack, not of different grains.
    """
    inside = cv2.Laplacian(grey, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)[mask > 0]
    return float(inside.var()) if inside.size else 0.0


def colour_of(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Tell the mean colour of a grain.

    Parameters
    ----------
    picture : ndarray of uint8, shape (h, w, 3)
        RGB.
    mask : ndarray of uint8, shape (h, w)
        The grain.

    Returns
    -------
    hue : float
        0 to 360 degrees.
    saturation, brightness : float
        Of HSV, 0 to 255.
    """
    mean = np.array(cv2.mean(picture, mask)[:3], np.float32)
    hue, saturation, _ = cv2.cvtColor((mean / 255.0).reshape(1, 1, 3), cv2.COLOR_RGB2HSV)[0, 0]
    return float(hue), float(saturation) * 255.0, float(mean.max())


def touching_score(mask: NDArray[np.uint8]) -> float:
    """Tell how likely an outline holds several grains.

    Two signs: the neck between two maxima of the distance map (how much narrower the outline is between them than at the
    smaller of the two), and how much of the convex hull the outline leaves empty. Each is brought to 0 … 1; the score is
    the probability of either, as if they were independent.

    Parameters
    ----------
    mask : ndarray of uint8, shape (h, w)
        0 or 1.

    Returns
    -------
    float
        0 to 1; taken for several from `TOUCHING` on.
    """
    scale = min(1.0, _WORKING_SIDE / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5).astype(np.uint8)
    neck = _neck(np.pad(small, 1))
    hollow = 1.0 - _solidity(mask)
    return float(1 - (1 - _ramp(neck, 0.08, 0.55)) * (1 - _ramp(hollow, 0.06, 0.22)))


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def _solidity(mask: NDArray[np.uint8]) -> float:
    lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(lines, key=cv2.contourArea, default=None)
    if largest is None:
        return 1.0
    hull = cv2.contourArea(cv2.convexHull(largest))
    return cv2.contourArea(largest) / hull if hull > 0 else 1.0


def _neck(mask: NDArray[np.uint8]) -> float:
    """1 − (radius at the narrowest place between two maxima) / (radius at the smaller maximum); the most of all pairs."""
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    distance = cv2.GaussianBlur(cv2.distanceTransform(mask, cv2.DIST_L2, 5), (0, 0), 1.0)
    largest = float(distance.max())
    apart = max(2, round(_PEAKS_APART * max(mask.shape)))
    peaks = peak_local_max(distance, min_distance=apart, threshold_abs=_LEAST_RADIUS * largest, exclude_border=False)
    if len(peaks) < 2:
        return 0.0
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    basins = watershed(-distance, markers, mask=mask > 0)
    saddles = np.zeros((len(peaks) + 1, len(peaks) + 1))
    for first, second, height in (
        (basins[1:], basins[:-1], np.minimum(distance[1:], distance[:-1])),
        (basins[:, 1:], basins[:, :-1], np.minimum(distance[:, 1:], distance[:, :-1])),
    ):
        np.maximum.at(saddles, (first, second), height)
    saddles = np.maximum(saddles, saddles.T)[1:, 1:]
    radii = distance[tuple(peaks.T)]
    smaller = np.minimum(radii[:, None], radii[None])
    meeting = saddles > 0
    np.fill_diagonal(meeting, val=False)
    return float((1 - saddles[meeting] / smaller[meeting]).max()) if meeting.any() else 0.0
