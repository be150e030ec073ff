"""What was printed on a photograph: scale bars, the text beside them, lines of text, a strip below the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST_OF_A_COLOUR = 0.2  # of the photograph: more is the ground
_LEAST_BAR, _LEAST_BAR_SHARE = 30, 0.02  # of a bar: pixels, and of the width of the photograph
_SLIMNESS = 8  # a bar is so many times longer than high
_FULL = 0.97  # of the length, in each row of a bar
_TICKS = 0.25  # of the length, that ticks may take
_GLYPH_HEIGHT = (6, 0.08)  # pixels, and of the height of the photograph
_LEAST_GLYPHS = 4  # of a line of text with no bar
_MOST_PARTS = 300  # of one colour: more are texture
_STRIP = 0.25  # of the height, at most

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, half-open."""


@dataclass(frozen=True)
class PrintedMarks:
    """What was printed on a photograph.

    Parameters
    ----------
    boxes
        Where it is, in pixels.
    bar_px
        The length of the scale bar in pixels; None without one.
    """

    boxes: list[Box] = field(default_factory=list)
    bar_px: int | None = None

    def covers(self, labels: NDArray[np.integer], count: int) -> NDArray[np.bool_]:
        """Return for each label from 0 to count − 1 whether most of it lies in the boxes, bool (count,)."""
        inside = np.zeros(labels.shape, bool)
        for x0, y0, x1, y1 in self.boxes:
            inside[y0:y1, x0:x1] = True
        total = np.bincount(labels.ravel(), minlength=count)
        covered = np.bincount(labels[inside], minlength=count)
        return 2 * covered > total


def find_printed_marks(photographs: Sequence[NDArray[np.uint8]]) -> PrintedMarks:
    """Find scale bars and text in the photographs of a stack, RGB, uint8 (H, W, 3).

    A bar is a straight, level rectangle of white, black or a pure colour, perhaps with ticks; text is a row of parts of
    one such colour that stand on one line, beside a bar or by themselves. Both are the same in all layers, as grains are
    not. Segmented and upright bars, and text of a mixed colour, are not found.
    """
    first, last = photographs[0], photographs[-1]
    strip = _strip(first)
    boxes: list[Box] = [] if strip is None else [strip]
    bar_px: int | None = None
    for mask, again in zip(_pure_colours(first), _pure_colours(last), strict=True):
        share = float(mask.mean())
        if not 0 < share < _MOST_OF_A_COLOUR:
            continue
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        parts = [tuple(int(value) for value in row[:4]) for row in stats]
        bars = [part for number, part in enumerate(parts) if number and _is_bar(labels, number, part)]
        lines = _lines_of_text([part for part in parts[1:] if part not in bars], first.shape[0])
        texts = [line for line in lines if any(_is_beside(line, bar) for bar in bars)]
        if len(parts) <= _MOST_PARTS:
            texts += [line for line in lines if len(line) >= _LEAST_GLYPHS and line not in texts]
        found = [*([bar] for bar in bars), *texts]
        kept = [_around(group, first.shape) for group in found]
        kept = [box for box in kept if _is_alike(mask, again, box)]
        boxes += kept
        lengths = [bar[2] for bar in bars if _around([bar], first.shape) in kept]
        bar_px = max([*lengths, *([bar_px] if bar_px else [])], default=None)
    return PrintedMarks(boxes, bar_px)


def _pure_colours(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    red, green, blue = cv2.split(picture)
    bright = [np.asarray(channel >= 205) for channel in (red, green, blue)]
    dim = [np.asarray(channel <= 50) for channel in (red, green, blue)]
    masks = [
        bright[0] & bright[1] & bright[2],
        dim[0] & dim[1] & dim[2],
        bright[0] & (blue <= 90),  # red, orange and yellow
        dim[0] & bright[1] & bright[2],
        bright[0] & dim[1] & bright[2],
        dim[0] & dim[1] & bright[2],
        dim[0] & bright[1] & dim[2],
    ]
    return [mask.astype(np.uint8) for mask in masks]


def _is_bar(labels: NDArray[np.int32], number: int, part: tuple[int, ...]) -> bool:
    x, y, width, height = part
    if width < max(_LEAST_BAR, _LEAST_BAR_SHARE * labels.shape[1]) or width > 0.9 * labels.shape[1]:
        return False
    if 2 * height > width:
        return False
    own = labels[y : y + height, x : x + width] == number
    full = own.sum(axis=1) >= _FULL * width
    rows = np.flatnonzero(full)
    if not len(rows) or rows[-1] - rows[0] + 1 != len(rows) or len(rows) * _SLIMNESS > width:
        return False
    return bool(own[~full].any(axis=0).mean() <= _TICKS)


def _lines_of_text(parts: Sequence[tuple[int, ...]], height: int) -> list[list[tuple[int, ...]]]:
    """Group what stands on one line, side by side: two parts at least."""
    low, high = _GLYPH_HEIGHT[0], max(_GLYPH_HEIGHT[0] + 1, _GLYPH_HEIGHT[1] * height)
    glyphs = sorted(part for part in parts if low <= part[3] <= high and part[2] <= 6 * part[3])
    lines: list[list[tuple[int, ...]]] = []
    for glyph in glyphs:
        for line in lines:
            before = line[-1]
            tall = max(before[3], glyph[3])
            on_line = abs((glyph[1] + glyph[3]) - (before[1] + before[3])) <= max(2, 0.15 * tall)
            beside = -0.2 * tall <= glyph[0] - (before[0] + before[2]) <= 1.5 * tall
            if on_line and beside and 2 * min(before[3], glyph[3]) >= tall:
                line.append(glyph)
                break
        else:
            lines.append([glyph])
    return [line for line in lines if len(line) > 1]


def _is_beside(line: Sequence[tuple[int, ...]], bar: tuple[int, ...]) -> bool:
    x, y, width, height = bar
    tall = max(part[3] for part in line)
    left, right = line[0][0], line[-1][0] + line[-1][2]
    top, bottom = min(part[1] for part in line), max(part[1] + part[3] for part in line)
    near_across = left <= x + width + 3 * tall and right >= x - 3 * tall
    return near_across and top <= y + height + 2 * tall and bottom >= y - 2 * tall


def _around(parts: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> Box:
    """Return the box around parts with the blur of their edges."""
    x0, y0 = min(part[0] for part in parts), min(part[1] for part in parts)
    x1, y1 = max(part[0] + part[2] for part in parts), max(part[1] + part[3] for part in parts)
    margin = max(4, (y1 - y0) // 3)
    return max(0, x0 - margin), max(0, y0 - margin), min(shape[1], x1 + margin), min(shape[0], y1 + margin)


def _is_alike(mask: NDArray[np.uint8], again: NDArray[np.uint8], box: Box) -> bool:
    """Return whether two layers show the same in a box."""
    x0, y0, x1, y1 = box
    one, other = mask[y0:y1, x0:x1] > 0, again[y0:y1, x0:x1] > 0
    return float((one & other).sum()) >= 0.8 * float((one | other).sum())


def _strip(picture: NDArray[np.uint8]) -> Box | None:
    """Find a black or white strip below the picture, as electron microscopes write it: above it nothing has its colour."""
    height, width = picture.shape[:2]
    rows = picture[max(0, height - int(2 * _STRIP * height)) :].astype(np.int16)
    colour = np.median(rows[-1], axis=0)
    if colour.max() > 8 and colour.min() < 247:
        return None
    share = (np.abs(rows - colour) <= 2).all(axis=2).mean(axis=1)
    inside = share >= 0.5
    n = len(inside) if inside.all() else int(np.argmin(inside[::-1]))
    ends_sharply = n < len(inside) and share[-n - 1] <= 0.1
    return (0, height - n, width, height) if ends_sharply and 12 <= n <= _STRIP * height else None
