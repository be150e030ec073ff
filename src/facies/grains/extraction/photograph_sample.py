"""A sample of the photographs of a session, read before anything is cut: for the thresholds, the scale and the checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.extraction.background import to_eight_bits
from facies.grains.extraction.focal_stacks import StackList, read_photograph
from facies.grains.extraction.printed_marks import find_printed_marks
from facies.grains.extraction.session_thresholds import SessionSample, full_scale
from facies.images.readers.pixels import UnreadableImage

N_SAMPLED = 24
"""Photographs whose histogram gives the thresholds, spread evenly over the stacks."""


@dataclass
class PhotographSample:
    """What a sample of photographs shows.

    Parameters
    ----------
    session
        The photographs, small.
    n_read
        How many could be read.
    bars_px
        The lengths of the scale bars, one a photograph that has one.
    sides
        The longer side of each photograph, in pixels.
    """

    session: SessionSample = field(default_factory=SessionSample)
    n_read: int = 0
    bars_px: list[int] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)


def sample_photographs(stacks: StackList, white: float | None = None) -> PhotographSample:
    """Read a sample of photographs, spread over all stacks and all layers; `white` is the value that becomes 255."""
    total = len(stacks.stacks) * stacks.layers
    step = max(1, total // N_SAMPLED)
    if stacks.layers > 1 and step % stacks.layers == 0:
        step += 1  # else always of the same layer
    tried = [divmod(number, stacks.layers) for number in range(step // 2, total, step)]
    reasons: list[str] = []
    found = PhotographSample()

    def photographs() -> Iterator[NDArray[np.generic]]:
        for stack, layer in tried:
            name = stacks.stacks[stack].photographs[layer]
            try:
                pixels = read_photograph(stacks.folder / name)
            except UnreadableImage as error:
                reasons.append(f"{name}: {error}")
                continue
            found.n_read += 1
            found.sides.append(max(pixels.shape[:2]))
            marks = find_printed_marks([to_eight_bits(pixels, white or full_scale(pixels))])
            found.bars_px += [] if marks.bar_px is None else [marks.bar_px]
            yield pixels

    found.session = SessionSample.from_photographs(photographs(), white)
    if not found.session.pictures:
        raise InputError(
            f"{stacks.folder}: none of the {len(tried)} photographs that were tried can be read; {reasons[0]}"
        )
    return found
