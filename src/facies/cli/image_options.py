"""How a command was told to read images, as `facies.images.open_images` takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from facies.cli.option_groups import OptionGroup
from facies.cli.options import Channels, CutBand, Fit, Labels, Pages, Size, ValueRange
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.workflows.cluster import ImageOptions


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(OptionGroup):
    """How images are read from files."""

    channels: Channels = None
    size: Size = None
    fit: Fit = "resize"
    pages: Pages = None
    cut_band: CutBand = True
    labels: Labels = None
    value_range: ValueRange = None

    def read(self) -> ImageOptions:
        """Return them as `facies.images.open_images` takes them; `InputError` if a size or a range is none."""
        options = {
            "channels": self.channels,
            "size": parse_size(self.size),
            "fit": self.fit,
            "pages": self.pages,
            "cut_band": self.cut_band,
            "labels": self.labels,
            "value_range": parse_range(self.value_range),
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
