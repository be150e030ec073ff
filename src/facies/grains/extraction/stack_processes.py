"""Stacks cut by an engine, given back in order, few at a time."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2

from facies.errors import InputError
from facies.grains.extraction.background import Thresholds
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import Stack
from facies.grains.extraction.stack_extraction import ExtractedStack, extract_stack
from facies.scale import Engine, results_in_order
from facies.scale.engines import ThisProcess, WorkerDiedError

_AHEAD = 16
"""Stacks that may wait for one before them."""


def extract_in_order(
    folder: Path, stacks: Sequence[Stack], thresholds: Thresholds, settings: ExtractionSettings, engine: Engine
) -> Iterator[tuple[Stack, ExtractedStack]]:
    """Cut the stacks of a folder, and yield them in the order in which they came.

    A stack whose process is killed is cut again by another one; an InputError says that this happened three times.
    """
    if isinstance(engine, ThisProcess) or len(stacks) < 2:
        for stack in stacks:
            yield stack, extract_stack(folder, stack, thresholds, settings)
        return
    work = functools.partial(_cut, folder, thresholds, settings)
    with engine:
        try:
            yield from results_in_order(engine, work, stacks, ahead=_AHEAD)
        except WorkerDiedError as error:
            raise InputError(
                "a process that cut grains was ended from outside three times, perhaps for want of memory: use --resume with "
                "fewer --jobs"
            ) from error


def _cut(folder: Path, thresholds: Thresholds, settings: ExtractionSettings, stack: Stack) -> ExtractedStack:
    cv2.setNumThreads(1)  # as many processes as cores are enough
    return extract_stack(folder, stack, thresholds, settings)
