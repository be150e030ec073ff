"""What one file of the drawn corpus is, and how it is checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.images.readers.image_file import iter_images, read_contents
from facies.images.readers.layout import agree
from facies.images.readers.pixels import UnreadableImage

Pixels = NDArray[Any]

DAMAGED = (
    r"damaged|cut off|not an image|fewer pages|promises something else|without pages|is empty|not supported|"
    r"larger than 178|is not an image|holds no image"
)
"""Reasons that fit a file that was cut or changed at random."""


@dataclass(frozen=True)
class Case:
    """One file: how it is written, and what must come of it.

    Either it is read as `images`, each (H, W, C) or (L, H, W, C), to within `tolerance`, or it is left out for a reason
    that matches `reason`. A file that was cut may be read, but only right: it has both.
    """

    name: str
    write: Callable[[Path], Any]
    images: tuple[Pixels, ...] | None = None
    reason: str | None = None
    tolerance: int = 0
    kind: str = ""
    heavy: bool = False
    any_pixels: bool = False
    """Whether the pixels of a file that was changed at random are not compared."""


def outcome(path: Path) -> tuple[list[Pixels], list[str]]:
    """Read a file as a folder is read: the images, and the reasons of what cannot be read."""
    try:
        headers = read_contents(path, "axes").headers
    except UnreadableImage as error:
        return [], [str(error)]
    images: list[Pixels] = []
    reasons: list[str] = []
    found = list(iter_images(path, "axes"))
    for number, header in enumerate(headers):
        image = found[number] if number < len(found) else UnreadableImage("the file has fewer pages than it says")
        if isinstance(image, UnreadableImage):
            reasons.append(str(image))
        elif not agree(header, image):
            reasons.append("its header promises something else than it holds")
        else:
            images.append(image)
    if len(found) > len(headers):
        reasons.append(f"FAULT: {len(found)} images where the headers promise {len(headers)}")
    return images, reasons


def judge(case: Case, images: list[Pixels], reasons: list[str]) -> str:
    """Return what is wrong with the outcome of a case; an empty text if it is right."""
    if any("\n" in reason or not reason or reason.startswith("FAULT") for reason in reasons):
        return f"a bad reason: {reasons}"
    if reasons:
        if case.reason is None:
            return f"left out: {reasons[0]}"
        wrong = [reason for reason in reasons if not re.search(case.reason, reason)]
        if wrong:
            return f"left out for the wrong reason: {wrong[0]}"
    if case.any_pixels or (reasons and not images):
        return ""
    if case.images is None:
        return "read, and should have been left out"
    return _compare(case, images, partly=bool(reasons))


def _compare(case: Case, images: list[Pixels], *, partly: bool) -> str:
    assert case.images is not None
    if not partly and len(images) != len(case.images):
        return f"{len(images)} images, not {len(case.images)}"
    for image in images:
        if not any(_equal(image, truth, case.tolerance) for truth in case.images):
            return f"wrong pixels: {image.shape} {image.dtype}, not {case.images[0].shape} {case.images[0].dtype}"
    if not partly and not all(
        _equal(image, truth, case.tolerance) for image, truth in zip(images, case.images, strict=True)
    ):
        return "images in another order"
    return ""


def _equal(image: Pixels, truth: Pixels, tolerance: int) -> bool:
    if image.shape != truth.shape or image.dtype != truth.dtype:
        return False
    if tolerance == 0:
        return bool(np.array_equal(image, truth, equal_nan=truth.dtype.kind == "f"))
    return bool(np.abs(image.astype(np.float64) - truth.astype(np.float64)).mean() <= tolerance)
