"""What is measured of a grain while its photographs are at hand: outline, focus, colour, whether it is several."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TOUCHING_THRESHOLD = 0.5
"""From this score on an outline is taken for several grains."""

SMOOTHING = 1.0
"""Standard deviation, in pixels, with which a mask is smoothed before its outline is drawn."""

FINENESS = 0.1
"""Vertices are left out of an outline where it moves by less than this, in pixels."""

_WEIGHTS, _OFFSET = (6.3, 13.3, 24.3), -8.7
_WORKING_SIDE = 96
_GRAIN_OF_FILM = 1.0
_MIN_RADIUS = 0.3
_PEAKS_APART = 0.1


def outline_of(mask: NDArray[np.uint8], x0: int, y0: int) -> NDArray[np.float32]:
    """Draw the outline of the grain of a mask that lies at x0, y0: the 0.5 contour of the smoothed mask.

    Returned are x and y of the vertices, float32 (m, 2), in pixels of the photograph, where pixel ``i`` spans ``[i, i +
    1)``; closed from the last to the first.
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
    """Return the area inside of a polygon (m, 2), with the sign of its sense (Gauss's shoelace formula)."""
    centred = np.asarray(points, np.float64) - np.asarray(points[0], np.float64)
    x, y = centred.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def focus_measure(grey: NDArray[np.float32], mask: NDArray[np.uint8]) -> float:
    """Measure how sharp a grain is: the variance of the Laplacian inside of it (Pech-Pacheco et al., ICPR 2000).

    The picture, 0 to 255, is smoothed a little before, for the noise of the camera is sharp in every layer. Larger is
    sharper, among layers of one stack, not among grains.
    """
    smooth = cv2.GaussianBlur(grey, (0, 0), _GRAIN_OF_FILM)
    inside = cv2.Laplacian(smooth, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)[mask > 0]
    return float(inside.var()) if inside.size else 0.0


def edge_blur(grey: NDArray[np.float32], mask: NDArray[np.uint8]) -> float:
    """Measure how blurred the edge of a grain is: the standard deviation of the blur in pixels, at most 20.

    The picture, 0 to 255, shows some ground around the mask. Blurred once more by a known amount, a sharp edge loses most
    of its slope and a blurred one little (Zhuo & Sim, Pattern Recognition 44, 1852, 2011): the ratio of the slopes gives
    the blur, whatever the contrast; so it can be compared among grains. NaN without an edge.
    """
    narrow, wide = 2.0**2, 2.0**2 + 3.0**2  # squared: against the noise, and to compare
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    band = (cv2.dilate(mask, disc) > 0) & (cv2.erode(mask, disc, borderValue=1) == 0)
    slopes = []
    for squared in (narrow, wide):
        smooth = cv2.GaussianBlur(grey, (0, 0), float(np.sqrt(squared)))
        slopes.append(np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))[band])
    if not slopes[0].size or float(slopes[0].max()) <= 0:
        return float("nan")
    steep = slopes[0] >= np.quantile(slopes[0], 0.75)
    ratio = float(np.square(slopes[0][steep].sum() / max(float(slopes[1][steep].sum()), 1e-6)))
    squared = (wide - ratio * narrow) / max(ratio - 1.0, 1e-6)
    return float(np.sqrt(np.clip(squared, 0.0, 400.0)))


def colour_of(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return hue (0 to 360 degrees), saturation and brightness (HSV, 0 to 255) of the mean colour of a grain."""
    mean = np.array(cv2.mean(picture, mask)[:3], np.float32)
    hue, saturation, _ = cv2.cvtColor((mean / 255.0).reshape(1, 1, 3), cv2.COLOR_RGB2HSV)[0, 0]
    return float(hue), float(saturation) * 255.0, float(mean.max())


def touching_score(mask: NDArray[np.uint8]) -> float:
    """Estimate how likely the outline of a mask holds several grains, 0 to 1; taken so from `TOUCHING_THRESHOLD` on.

    A logistic function of three signs (`touching_signs`): the constriction, and the two deepest concavities. Two grains
    that touch leave a constriction, and a concavity to either side of it; a bent grain has one concavity only. The
    weights were fitted to outlines of rendered plates, half of them made of real particles, a missed pair counting as
    four false alarms (``benchmarks/extraction.py touching``).
    """
    return float(1 / (1 + np.exp(-(np.dot(touching_signs(mask), _WEIGHTS) + _OFFSET))))


def touching_signs(mask: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Measure what distinguishes an outline of several grains from that of one: constriction and two concavities.

    The constriction is 1 − (radius of the largest circle at the narrowest place between two maxima of the distance map)
    / (radius at the smaller maximum), the most of all pairs of maxima. The two deepest concavities are measured from
    the convex hull, in diameters of a circle of the same area.
    """
    scale = min(1.0, _WORKING_SIDE / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5).astype(np.uint8)
    padded = np.pad(small, 1)
    return (_constriction(padded), *_concavity_depths(padded))


def _concavity_depths(mask: NDArray[np.uint8]) -> tuple[float, float]:
    lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(lines, key=len, default=None)
    if largest is None or len(largest) < 4:
        return 0.0, 0.0
    hull = np.sort(cv2.convexHull(largest, returnPoints=False), axis=0)[::-1]
    defects = cv2.convexityDefects(largest, hull)
    if defects is None:
        return 0.0, 0.0
    diameter = 2 * np.sqrt(float(mask.sum()) / np.pi)
    depths = np.sort(defects.reshape(-1, 4)[:, 3] / 256.0 / diameter)[::-1]
    return float(depths[0]), float(depths[1]) if len(depths) > 1 else 0.0


def _constriction(mask: NDArray[np.uint8]) -> float:
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    distance = cv2.GaussianBlur(cv2.distanceTransform(mask, cv2.DIST_L2, 5), (0, 0), 1.0)
    largest = float(distance.max())
    apart = max(2, round(_PEAKS_APART * max(mask.shape)))
    peaks = peak_local_max(distance, min_distance=apart, threshold_abs=_MIN_RADIUS * largest, exclude_border=False)
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
