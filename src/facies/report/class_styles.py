"""A style for each class: the colour that the expert chose, or one of the palette, by the order of the classes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from facies.report.palette import Style, group_style

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def class_styles(classes: pd.DataFrame) -> Mapping[str, Style]:
    """Give each class, in order, a marker and its own colour: that of the column ``colour``, if it is ``#rrggbb``."""
    colours = classes["colour"] if "colour" in classes else pd.Series([None] * len(classes))
    styles: dict[str, Style] = {}
    for number, (name, colour) in enumerate(zip(classes["name"], colours, strict=True)):
        style = group_style(number)
        chosen = isinstance(colour, str) and _COLOUR.fullmatch(colour)
        styles[str(name)] = Style(str(colour).lower(), style.marker, style.glyph) if chosen else style
    return styles
