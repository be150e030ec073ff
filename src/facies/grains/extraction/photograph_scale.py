"""The scale of photographs: given, or by the scale bar that is printed on them; and whether it can be meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from facies.errors import InputError
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.photograph_sample import PhotographSample

WIDEST_UM, NARROWEST_UM = 2e6, 10.0
"""What a photograph of grains on a ground may show along its longer side: two metres, and a hundredth of a millimetre."""

_ALIKE = 0.02  # of their length, by which scale bars may differ


def with_scale(settings: ExtractionSettings, sample: PhotographSample) -> ExtractionSettings:
    """Return the settings with the scale in micrometres a pixel, where it is known.

    An InputError says that there is no scale bar, that bars differ in length, or that the scale cannot be meant.
    """
    if settings.scale_bar_um is not None:
        lengths = sample.bars_px
        if not lengths:
            raise InputError(
                f"--scale-bar-um {settings.scale_bar_um:g}: no scale bar was found in {sample.n_read} photographs (a level, "
                "straight bar of white, black or one pure colour): give --um-per-px, which is the length of the bar in "
                "micrometres divided by its length in pixels"
            )
        if not _are_alike(lengths):
            raise InputError(
                f"--scale-bar-um {settings.scale_bar_um:g}: the scale bars are from {min(lengths)} to {max(lengths)} pixels "
                "long, so the photographs are of several scales: extract those of each scale by themselves"
            )
        settings = replace(settings, um_per_px=settings.scale_bar_um / float(np.median(lengths)), scale_bar_um=None)
    settings.check()
    check_scale(settings.um_per_px, max(sample.sides))
    return settings


def check_scale(um_per_px: float | None, side: int) -> None:
    """Raise an InputError if photographs with a longer side of so many pixels cannot have this scale."""
    if um_per_px is None or NARROWEST_UM <= um_per_px * side <= WIDEST_UM:
        return
    width = um_per_px * side
    shown = f"{width / 1e6:.3g} m" if width > WIDEST_UM else f"{width:.3g} µm"
    raise InputError(
        f"--um-per-px {um_per_px:g}: a photograph of {side} pixels would show {shown}: give micrometres (not millimetres "
        "or nanometres) a pixel, the length of the scale bar in micrometres divided by its length in pixels"
    )


def scale_notes(settings: ExtractionSettings, sample: PhotographSample) -> list[str]:
    """Offer the scale bar as the scale, or say how long it is by the scale given."""
    lengths = sample.bars_px
    if not lengths:
        return []
    where = f"{len(lengths)} of the {sample.n_read} photographs that were tried"
    if not _are_alike(lengths):
        return [
            f"scale bars of {min(lengths)} to {max(lengths)} pixels stand in {where}: these are photographs of several "
            "scales, and sizes of one cannot be compared with those of another: extract them by themselves"
        ]
    length = float(np.median(lengths))
    if settings.um_per_px is None:
        return [
            f"a scale bar of {length:g} pixels stands in {where}: give its length in micrometres, as in --scale-bar-um 1000 "
            "for 1 mm, and sizes are in µm"
        ]
    return [
        f"a scale bar of {length:g} pixels stands in {where}: by the scale used, {settings.um_per_px:.4g} µm a pixel, it is "
        f"{length * settings.um_per_px:.4g} µm long"
    ]


def size_notes(sizes: Sequence[tuple[int, int]], um_per_px: float | None) -> list[str]:
    """Say that photographs are of several sizes (width, height), for one scale counts for all."""
    counts = Counter(size for size in sizes if size[0])
    if len(counts) < 2:
        return []
    listed = ", ".join(f"{width} × {height}: {count}" for (width, height), count in counts.most_common(4))
    given = "one minimum in pixels" if um_per_px is None else f"one scale, {um_per_px:.4g} µm a pixel,"
    return [
        f"the stacks are of photographs of {len(counts)} sizes ({listed}), and {given} counted for all: extract those of "
        "another magnification by themselves"
    ]


def _are_alike(lengths: Sequence[int]) -> bool:
    return max(lengths) - min(lengths) <= max(2.0, _ALIKE * max(lengths))
