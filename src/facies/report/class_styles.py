"""A look for each class: the colour that the expert chose, or one of the palette, by the order of the classes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from facies.report.palette import Look, look_of

__all__ = ["class_looks"]

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def class_looks(classes: pd.DataFrame) -> Mapping[str, Look]:
    """Give each class a colour and a marker.

    Parameters
    ----------
    classes : DataFrame
        Columns ``name`` and, if known, ``colour`` (``#rrggbb``; anything else is as if it were not given).

    Returns
    -------
    mapping of str to Look
        In the order of the classes.
    """
    colours = classes["colour"] if "colour" in classes else pd.Series([None] * len(classes))
    looks: dict[str, Look] = {}
    for number, (name, colour) in enumerate(zip(classes["name"], colours, strict=True)):
        look = look_of(number)
        chosen = isinstance(colour, str) and _COLOUR.fullmatch(colour)
        looks[str(name)] = Look(str(colour).lower(), look.marker, look.glyph) if chosen else look
    return looks
