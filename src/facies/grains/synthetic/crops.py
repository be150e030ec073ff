"""Grains cut out of pictures, for SYNTHETIC plates: each picture shows one grain on plain ground.

The ground is what the border of the picture shows. What differs from it is refined by GrabCut (Rother, Kolmogorov and
Blake, 2004), and the rim, in which grain and old ground are mixed, is painted anew from inside: otherwise each grain
would carry a seam of its old ground onto the new plate, by which it could be recognised.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.errors import FaciesWarning, InputError
from facies.grains.synthetic.shapes import Grain

Mask = NDArray[np.bool_]


def grains_from_crops(
    crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    kinds: Sequence[str] | None = None,
    masks: Sequence[Mask] | None = None,
) -> list[Grain]:
    """Cut grains out of pictures, for `facies.grains.synthetic.render_stack`.

    Parameters
    ----------
    crops : array of uint8, shape (N, h, w, 3), or sequence of such pictures
        Each shows one grain, RGB.
    kinds : sequence of str, optional
        What each is; "grain" by default.
    masks : sequence of ndarray of bool, optional
        Where each grain is, shape (h, w). Computed by `cut_out` by default.

    Returns
    -------
    list of Grain
        In the order of the pictures, without those that show no grain; a `FaciesWarning` names these.

    Raises
    ------
    InputError
        If a picture is not RGB of 8 bits, the numbers of pictures, kinds and masks differ, or no picture shows a grain.
    """
    for name, given in (("kinds", kinds), ("masks", masks)):
        if given is not None and len(given) != len(crops):
            raise InputError(f"{len(crops)} crops but {len(given)} {name}: give one each")
    grains, left_out = [], []
    for row, crop in enumerate(crops):
        if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8:
            raise InputError(
                f"crop {row} is {crop.dtype} of shape {crop.shape}: give RGB of 8 bits, (height, width, 3)"
            )
        mask = cut_out(crop) if masks is None else _checked_mask(masks[row], crop, row)
        if mask is None:
            left_out.append(row)
            continue
        grains.append(_grain(crop, mask, "grain" if kinds is None else str(kinds[row])))
    if not grains:
        raise InputError(f"none of the {len(crops)} crops shows one grain on plain ground: give masks")
    if left_out:
        rows = ", ".join(map(str, left_out[:8])) + (" …" if len(left_out) > 8 else "")
        note = f"{len(left_out)} of {len(crops)} crops show no grain that stands out from its ground, and are left out: rows {rows}"
        warnings.warn(note, FaciesWarning, stacklevel=2)
    return grains


def _checked_mask(mask: Mask, crop: NDArray[np.uint8], row: int) -> Mask | None:
    mask = np.asarray(mask, dtype=bool)
    if mask.shape != crop.shape[:2]:
        raise InputError(f"mask {row} has shape {mask.shape}, its crop {crop.shape[:2]}: give one of equal size")
    return mask if mask.any() else None


def cut_out(crop: NDArray[np.uint8]) -> Mask | None:
    """Find the grain in a picture of one grain on plain ground.

    Parameters
    ----------
    crop : ndarray of uint8, shape (h, w, 3)
        RGB.

    Returns
    -------
    ndarray of bool, shape (h, w), or None
        Where the grain is, in one piece without holes; None if nothing stands out, or what stands out is no larger than
        a speck or reaches far along the border.
    """
    differs = _difference(crop)
    otsu, _ = cv2.threshold(np.clip(differs * 8, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    # A small grain hardly weighs in Otsu's histogram, which then parts the ground's own texture.
    texture = 1.5 * float(np.percentile(differs[_border(crop)], 90))
    sure = _middle_part(differs > max(otsu / 8, texture))
    if sure is None:
        return None
    mask = _middle_part(_grab_cut(crop, sure))
    if mask is None or not 0.6 < mask.sum() / sure.sum() < 1.6:  # GrabCut lost the grain
        mask = sure
    rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    inside, outside = float(differs[mask].mean()), float(differs[~mask].mean())
    return mask if rim.mean() < 0.25 and inside > max(3 * outside, 3.5) else None


def _difference(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far each pixel is from the colours of the border, in robust standard deviations, at most 32."""
    smooth = cv2.bilateralFilter(crop, 5, 30, 3)
    colour = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    border = _border(crop)
    ground = np.median(colour[border], axis=0)
    spread = 1.4826 * np.median(np.abs(colour[border] - ground), axis=0) + 1.5
    return np.asarray(np.minimum(np.sqrt((((colour - ground) / spread) ** 2).sum(axis=2)), 32), dtype=np.float32)


def _border(crop: NDArray[np.uint8]) -> Mask:
    width = max(2, min(crop.shape[:2]) // 16)
    border = np.ones(crop.shape[:2], dtype=bool)
    border[width:-width, width:-width] = False
    return border


def _middle_part(mask: Mask) -> Mask | None:
    """Return the part that is largest and nearest the middle, its holes filled; None if it is a speck."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, middles = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    centre = (np.array(mask.shape[::-1]) - 1) / 2
    away = np.linalg.norm((middles[1:] - centre) / mask.shape[::-1], axis=1)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA] * np.exp(-((away / 0.35) ** 2))))
    if stats[best, cv2.CC_STAT_AREA] < max(60, 0.001 * mask.size):
        return None
    outlines, _ = cv2.findContours((labels == best).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, dtype=np.uint8)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return np.asarray(filled > 0)


def _grab_cut(crop: NDArray[np.uint8], sure: Mask) -> Mask:
    ring = np.ones((5, 5), np.uint8)
    wide = cv2.dilate(sure.astype(np.uint8), ring, iterations=2)
    narrow = cv2.erode(sure.astype(np.uint8), ring)
    state = np.full(sure.shape, cv2.GC_BGD, dtype=np.uint8)
    state[wide > 0] = cv2.GC_PR_BGD
    state[sure] = cv2.GC_PR_FGD
    state[narrow > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(crop, state, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    return np.asarray((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD))


def _grain(crop: NDArray[np.uint8], mask: Mask, kind: str) -> Grain:
    """Make a grain of a cut-out: its rim painted from inside, and a height swelling inwards from its outline."""
    margin = 6
    mask = np.pad(mask, margin)
    wide = np.pad(crop, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    colour = wide.astype(np.float32) / np.float32(255)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    thick = float(depth.max())
    rim = min(2.5, 0.3 * thick)
    albedo = _painted_outwards(colour, depth > rim)
    # The outermost half pixel is mixed with the old ground, too.
    coverage = cv2.GaussianBlur((depth > min(1.0, 0.2 * thick)).astype(np.float32), (0, 0), 0.6)
    swell = np.sqrt(np.clip(2 * depth * thick - depth**2, 0, None)) * 0.9 + 0.3 * thick * mask
    height = cv2.GaussianBlur(swell.astype(np.float32), (0, 0), max(0.15 * thick, 0.8))
    y, x = np.nonzero(mask)
    rows = slice(max(int(y.min()) - 4, 0), int(y.max()) + 5)
    columns = slice(max(int(x.min()) - 4, 0), int(x.max()) + 5)
    opacity = np.ones_like(coverage)
    albedo, coverage, opacity, height = (field[rows, columns] for field in (albedo, coverage, opacity, height))
    return Grain(kind, albedo, coverage, opacity, height, relief=0.3, gloss=0.0)


def _painted_outwards(colour: NDArray[np.float32], keep: Mask) -> NDArray[np.float32]:
    """Give each pixel outside of ``keep`` the colour of the nearest inside, softened."""
    _, nearest = cv2.distanceTransformWithLabels(
        (~keep).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros((int(nearest.max()) + 1, 3), dtype=np.float32)
    of_label[nearest[keep]] = colour[keep]
    painted = of_label[nearest]
    soft = cv2.GaussianBlur(painted, (0, 0), 1.0)
    return np.where(keep[..., None], colour, soft).astype(np.float32)
