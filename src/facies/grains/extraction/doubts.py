"""What speaks against an outline: it may be a gap between grains, a fold of the ground, or too few pixels to say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOO_SMALL = "too few pixels for an outline"
CONCAVE = "as concave as a gap between grains or a clump of them"
FAINT = "hardly clearer than the unevenness of the ground"
NO_OUTLINE = "it could not be measured"

LEAST_PIXELS = 20
"""A region of fewer pixels has an area, and no shape."""

ALARM = 1 / 3
"""From this share of the outlines on doubts are said."""

_POINTS, _SMOOTHING, _TURN = 128, 2.5, 0.01
_CONCAVE_SHARE, _SOLIDITY = 0.3, 0.8
_FAINT_SCORE = 2.0


def doubts_about(outline: NDArray[np.float32], n_pixels: int, score: float | None) -> str:
    """Return what speaks against an outline, float32 (m, 2), of a region of so many pixels; nothing if all is well.

    The score is the median `foreground_score` inside, where the ground is uneven; else None. Of gaps between grains in
    photographs that sand fills, half to two thirds are as concave as that, of single grains hardly any.
    """
    doubts = []
    if n_pixels < LEAST_PIXELS:
        doubts.append(TOO_SMALL)
    elif is_concave(outline):
        doubts.append(CONCAVE)
    if score is not None and score < _FAINT_SCORE:
        doubts.append(FAINT)
    return "; ".join(doubts)


def is_concave(outline: NDArray[np.float32]) -> bool:
    """Return whether an outline turns inwards along three tenths of its length, and fills less than 0.8 of its hull."""
    import cv2

    hull = cv2.contourArea(cv2.convexHull(np.asarray(outline, np.float32)))
    if hull <= 0 or cv2.contourArea(np.asarray(outline, np.float32)) >= _SOLIDITY * hull:
        return False
    return concave_share(outline) > _CONCAVE_SHARE


def concave_share(outline: NDArray[np.floating]) -> float:
    """Return the share of the length of a closed outline (m, 2), a little smoothed, along which it turns inwards."""
    from scipy.ndimage import gaussian_filter1d

    closed = np.vstack([outline, outline[:1]]).astype(np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, along[-1], _POINTS, endpoint=False)
    points = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    smooth = gaussian_filter1d(points, _SMOOTHING, axis=0, mode="wrap")
    edges = np.roll(smooth, -1, axis=0) - smooth
    following = np.roll(edges, -1, axis=0)
    cross = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    turn = np.arctan2(cross, (edges * following).sum(axis=1))
    return float((np.sign(turn.sum()) * turn < -_TURN).mean())


def doubt_notes(flags: list[str]) -> list[str]:
    """Return a sentence for each doubt that more than a third of the outlines have."""
    notes = []
    for doubt in (CONCAVE, FAINT, TOO_SMALL):
        n = sum(doubt in flag for flag in flags)
        if n >= 3 and n > ALARM * len(flags):
            notes.append(
                f"{n} of {len(flags)} outlines are doubtful ({doubt}): look at check/ before you count them; column flag"
            )
    return notes
