"""How a command was told to read images, as `facies.images.open_images` takes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from facies.errors import InputError

if TYPE_CHECKING:
    from facies.workflows.cluster import ImageOptions


def read_image_options(
    *,
    channels: str | None,
    size: str | None,
    fit: str,
    pages: str | None,
    cut_band: bool,
    labels: Path | None,
    value_range: str | None,
) -> ImageOptions:
    """Read the options of `facies.cli.options` that say how images are read.

    Raises
    ------
    InputError
        If a size or a range is none.
    """
    options = {
        "channels": channels,
        "size": parse_size(size),
        "fit": fit,
        "pages": pages,
        "cut_band": cut_band,
        "labels": labels,
        "value_range": parse_range(value_range),
    }
    return cast("ImageOptions", options)


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """Read ``64`` or ``64x48`` (height × width); raise `InputError` if it is neither."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", text.strip().lower())
    if match is None:
        raise InputError(f"--size {text}: give a side, such as 64, or height and width, such as 64x48")
    height, width = match.groups()
    return int(height) if width is None else (int(height), int(width))


def parse_range(text: str | None) -> tuple[float, float] | None:
    """Read ``LOW,HIGH``, such as ``0,4095``; raise `InputError` if it is not two numbers."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--range {text}: give two numbers with a comma between them, such as 0,4095") from error
    return low, high
