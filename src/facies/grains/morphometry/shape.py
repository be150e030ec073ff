"""Size and shape of a grain, from its sub-pixel outline.

Measure the outline in the photograph, never in the crop that was resized for the network: resizing changes proportions.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist, pdist

from facies.errors import InputError

LENGTHS = (
    "equivalent_diameter", "feret_max", "feret_min", "perimeter", "convex_perimeter", "ellipse_major", "ellipse_minor",
    "inscribed_diameter", "circumscribed_diameter",
)  # fmt: skip
RATIOS = (
    "circularity", "circularity_iso", "aspect_ratio", "solidity", "convexity", "roundness", "sphericity", "compactness",
    "elongation", "extent",
)  # fmt: skip
AREAS = ("area", "convex_area")
MIN_DIAMETER_PX = 30.0

_PRECISION = 2e-3  # of the inscribed radius
_POINTS_ROUND = 360  # boundary points for the inscribed circle, 4e-5 of the radius too large for a disc

Points = NDArray[np.float64]


def shape_measures(
    outline: ArrayLike, um_per_px: float | None = None, smallest_px: float = MIN_DIAMETER_PX
) -> dict[str, float]:
    """Measure one grain on its outline.

    With A and P the area and perimeter of the polygon, A_c and P_c those of its convex hull:

    - ``area`` A, ``perimeter`` P, ``convex_area`` A_c, ``convex_perimeter`` P_c;
    - ``equivalent_diameter`` √(4A/π), of the circle of the same area;
    - ``feret_max``, ``feret_min``: greatest and least distance of two parallel lines that hold the grain between them;
    - ``ellipse_major``, ``ellipse_minor``: axes of the ellipse of the same second moments;
    - ``inscribed_diameter``, ``circumscribed_diameter``: of the largest circle inside, and the smallest around;
    - ``circularity`` 4πA/P², the form factor of ImageJ, and ``circularity_iso``, its square root, of ISO 9276-6:2008;
    - ``aspect_ratio`` feret_min/feret_max, and ``elongation`` 1 − aspect_ratio;
    - ``solidity`` A/A_c, ``convexity`` P_c/P, ``roundness`` 4A/(π ellipse_major²) (ImageJ);
    - ``sphericity`` √(inscribed/circumscribed diameter) (Riley, 1941), ``compactness`` √(4A/π)/feret_max;
    - ``extent`` A/(area of the upright box); it alone depends on how the grain lies.

    All ratios lie in (0, 1] but for rounding.

    Parameters
    ----------
    outline : array_like of float, shape (M, 2)
        x and y of the exterior polygon, in pixels, M ≥ 3, closed by itself; either sense. A contour at level 0.5 of a
        slightly smoothed mask: that of a raw mask is stepped, and its perimeter about 5 % too long.
    um_per_px : float, optional
        Micrometres a pixel. With it lengths are in µm and areas in µm², without it in px and px².
    smallest_px : float
        Least equivalent diameter, in pixels, for which ratios are given, else NaN: the outline of a smaller grain follows
        the pixels, not the grain.

    Raises
    ------
    InputError
        If the outline has fewer than three points, holds NaN or encloses nothing, or the scale is not above 0.
    """
    scale = _checked_scale(um_per_px)
    points = _checked_outline(outline)
    hull = _hull(points)
    areas = {"area": abs(_signed_area(points)), "convex_area": abs(_signed_area(hull))}
    lengths = _lengths(points, hull, areas["area"])
    large_enough = lengths["equivalent_diameter"] >= smallest_px
    box = float(np.prod(np.ptp(points, axis=0)))
    ratios = _ratios({**areas, **lengths}, box) if large_enough else dict.fromkeys(RATIOS, np.nan)
    return {
        **{name: value * scale**2 for name, value in areas.items()},
        **{name: value * scale for name, value in lengths.items()},
        **ratios,
    }


def _lengths(points: Points, hull: Points, area: float) -> dict[str, float]:
    feret_max, feret_min = _feret(hull)
    major, minor = _ellipse_axes(points)
    return {
        "equivalent_diameter": float(np.sqrt(4 * area / np.pi)),
        "feret_max": feret_max,
        "feret_min": feret_min,
        "perimeter": _length(points),
        "convex_perimeter": _length(hull),
        "ellipse_major": major,
        "ellipse_minor": minor,
        "inscribed_diameter": 2 * _inscribed_radius(points),
        "circumscribed_diameter": 2 * _circumscribed_radius(hull),
    }


def _ratios(sizes: dict[str, float], box: float) -> dict[str, float]:
    form = 4 * np.pi * sizes["area"] / sizes["perimeter"] ** 2
    return {
        "circularity": form,
        "circularity_iso": float(np.sqrt(form)),
        "aspect_ratio": sizes["feret_min"] / sizes["feret_max"],
        "solidity": sizes["area"] / sizes["convex_area"],
        "convexity": sizes["convex_perimeter"] / sizes["perimeter"],
        "roundness": 4 * sizes["area"] / (np.pi * sizes["ellipse_major"] ** 2),
        "sphericity": float(np.sqrt(sizes["inscribed_diameter"] / sizes["circumscribed_diameter"])),
        "compactness": sizes["equivalent_diameter"] / sizes["feret_max"],
        "elongation": 1 - sizes["feret_min"] / sizes["feret_max"],
        "extent": sizes["area"] / box,
    }


def shape_table(
    outlines: pd.DataFrame, um_per_px: float | None = None, smallest_px: float = MIN_DIAMETER_PX
) -> pd.DataFrame:
    """Measure many grains.

    Parameters
    ----------
    outlines : DataFrame
        Columns ``id`` and ``outline``: x and y alternating, or (M, 2).
    um_per_px, smallest_px : float
        As in `shape_measures`.

    Returns
    -------
    DataFrame
        Index ``id``, the columns of `shape_measures`, and ``flag``: why there are no ratios ("under 30 px across"), or
        no values at all ("no outline"); else "".
    """
    for column in ("id", "outline"):
        if column not in outlines.columns:
            raise InputError(f"a table of outlines has the columns id and outline: {column} is missing")
    _checked_scale(um_per_px)
    rows: list[dict[str, Any]] = []
    for flat in outlines["outline"]:
        try:
            measures = shape_measures(_pairs(flat), um_per_px, smallest_px)
        except InputError:
            rows.append({"flag": "no outline"})
            continue
        small = np.isnan(measures["circularity"])
        rows.append({**measures, "flag": f"under {smallest_px:g} px across" if small else ""})
    index = pd.Index(outlines["id"], name="id")
    return pd.DataFrame(rows, index=index, columns=[*AREAS, *LENGTHS, *RATIOS, "flag"])


def _pairs(flat: Any) -> NDArray[np.float64]:
    values = np.asarray([] if flat is None else flat, np.float64)
    return values if values.ndim == 2 else values[: len(values) // 2 * 2].reshape(-1, 2)


def _checked_scale(um_per_px: float | None) -> float:
    if um_per_px is None:
        return 1.0
    if not (np.isfinite(um_per_px) and um_per_px > 0):
        raise InputError(f"micrometres a pixel are above 0: {um_per_px} was given")
    return float(um_per_px)


def _checked_outline(outline: ArrayLike) -> Points:
    points = np.asarray(outline, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise InputError(f"an outline has the shape (M, 2) with M of 3 or more: {points.shape} was given")
    if not np.isfinite(points).all():
        raise InputError("an outline holds NaN or infinity: leave that grain out")
    points = points - points.mean(axis=0)  # sums of products of large coordinates would lose digits
    points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
    if len(points) < 3 or abs(_signed_area(points)) <= 1e-9 * _length(points) ** 2:
        raise InputError("an outline encloses nothing: leave that grain out")
    return points


def _signed_area(points: Points) -> float:
    x, y = points.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _length(points: Points) -> float:
    return float(np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1).sum())


def _hull(points: Points) -> Points:
    try:
        return points[ConvexHull(points).vertices]
    except QhullError as error:
        raise InputError("an outline encloses nothing: leave that grain out") from error


def _feret(hull: Points) -> tuple[float, float]:
    """Greatest and least width; the least one lies square to an edge (Shamos, 1978, rotating calipers)."""
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    widths = np.ptp(hull @ normals.T, axis=0)
    return float(pdist(hull).max()), float(widths.min())


def _ellipse_axes(points: Points) -> tuple[float, float]:
    """Axes of the ellipse with the polygon's second moments, by Green's theorem (Steger, 1996): exact."""
    x, y = points.T
    x1, y1 = np.roll(x, -1), np.roll(y, -1)
    cross = x * y1 - x1 * y
    area = cross.sum() / 2
    mean_x, mean_y = ((x + x1) * cross).sum() / (6 * area), ((y + y1) * cross).sum() / (6 * area)
    xx = ((x * x + x * x1 + x1 * x1) * cross).sum() / (12 * area) - mean_x**2
    yy = ((y * y + y * y1 + y1 * y1) * cross).sum() / (12 * area) - mean_y**2
    xy = ((2 * x * y + x * y1 + x1 * y + 2 * x1 * y1) * cross).sum() / (24 * area) - mean_x * mean_y
    spread, half = np.hypot((xx - yy) / 2, xy), (xx + yy) / 2
    return 4 * float(np.sqrt(half + spread)), 4 * float(np.sqrt(max(half - spread, 0.0)))


def _inscribed_radius(points: Points) -> float:
    """Radius of the largest circle inside, by quartering the squares that may still hold its centre.

    A square of half side h whose centre lies d inside holds no centre of a circle larger than d + √2 h (Garcia-Castellanos
    & Lombardo, 2007).
    """
    from skimage.measure import points_in_poly

    boundary = _densified(points, _length(points) / _POINTS_ROUND)
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).min()) / 8
    x, y = (np.arange(start + half, stop + half, 2 * half) for start, stop in zip(low, high, strict=True))
    centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    quarters = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)])
    best = 0.0
    while len(centres):
        distance = cdist(centres, boundary).min(axis=1)
        inside = np.where(points_in_poly(centres, points), distance, -distance)
        best = max(best, float(inside.max()))
        hopeful = centres[inside + np.sqrt(2) * half > best * (1 + _PRECISION) + 1e-12]
        centres = (hopeful[:, None] + half * quarters).reshape(-1, 2)
        half /= 2
    return best


def _densified(points: Points, step: float) -> Points:
    """Points on the polygon, at most `step` apart."""
    edges = np.roll(points, -1, axis=0) - points
    parts = np.maximum(1, np.ceil(np.linalg.norm(edges, axis=1) / step)).astype(int)
    which = np.repeat(np.arange(len(points)), parts)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[which]
    return points[which] + share[:, None] * edges[which]


def _circumscribed_radius(hull: Points) -> float:
    """Radius of the smallest circle around: it rests on two or three points, and each point left out enlarges it."""
    first = hull[np.argmax(np.linalg.norm(hull - hull.mean(axis=0), axis=1))]
    support = np.stack([first, hull[np.argmax(np.linalg.norm(hull - first, axis=1))]])
    while True:
        centre, radius, support = _smallest_circle(support)
        distance = np.linalg.norm(hull - centre, axis=1)
        farthest = int(np.argmax(distance))
        if distance[farthest] <= radius * (1 + 1e-9):
            return radius
        support = np.vstack([support, hull[farthest]])


def _smallest_circle(points: Points) -> tuple[Points, float, Points]:
    """Smallest circle around two to four points: centre, radius, and the points it rests on."""
    circles: list[tuple[Points, float, Points]] = []
    for size in (2, 3):
        for chosen in itertools.combinations(range(len(points)), size):
            on = points[list(chosen)]
            centre = _centre(on)
            if centre is not None:
                circles.append((centre, float(np.linalg.norm(on - centre, axis=1).max()), on))
    holds_all = (np.linalg.norm(points - centre, axis=1).max() <= radius * (1 + 1e-9) for centre, radius, _ in circles)
    return min(itertools.compress(circles, holds_all), key=lambda circle: circle[1])


def _centre(on: Points) -> Points | None:
    """Centre of the circle on a pair as diameter, or through three points; None if they lie in a line."""
    if len(on) == 2:
        return on.mean(axis=0)
    sides = 2 * (on[1:] - on[0])
    if abs(np.linalg.det(sides)) < 1e-12 * np.abs(sides).max() ** 2:
        return None
    squares = (on**2).sum(axis=1)
    return np.asarray(np.linalg.solve(sides, squares[1:] - squares[0]), np.float64)
