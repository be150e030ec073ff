"""Ratios and shares of two kinds of things that were counted, each with its definition in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.statistics.intervals import area_ratio_interval, ratio_interval, wilson_interval

Areas = tuple[ArrayLike, ArrayLike]
"""The areas of the single things over and under the stroke."""


@dataclass(frozen=True)
class Indicator:
    """A value together with its interval, its unit and its definition.

    Attributes
    ----------
    name : str
        Short name, such as "P/B".
    value, low, high : float
        The value and its interval; NaN where it is not known.
    unit : str
        "%", "grains/g", "m", … or "" for a plain ratio.
    definition : str
        The formula, with what was counted, and its source.
    note : str
        Why it must not be used without care, or "".
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    definition: str
    note: str = ""


@dataclass(frozen=True)
class Ratio:
    """A ratio the user wrote: sums of classes (or roles) over and under the stroke."""

    numerator: tuple[str, ...]
    denominator: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join("+".join(_quoted(name) for name in side) for side in (self.numerator, self.denominator))


_NAME = re.compile(r'\s*(?:"([^"]*)"|([^"+/]+?))\s*(?=[+/]|$)')


def parse_ratio(text: str) -> Ratio:
    """Read a ratio such as ``quartz+dark/foraminifera``.

    A name that itself holds ``+`` or ``/`` is put in double quotes: ``"P/B counted"/quartz``.
    """
    how = f"write a ratio as A/B or A+B/C, names with + or / in double quotes: {text!r} was given"
    sides: list[list[str]] = [[]]
    position = 0
    while True:
        match = _NAME.match(text, position)
        name = (match.group(1) if match.group(1) is not None else match.group(2)).strip() if match else ""
        if match is None or not name:
            raise InputError(how)
        sides[-1].append(name)
        position = match.end() + 1
        if match.end() == len(text):
            break
        if text[match.end()] == "/":
            sides.append([])
    if len(sides) != 2:
        raise InputError(how)
    both = set(sides[0]) & set(sides[1])
    if both:
        raise InputError(f"{sorted(both)[0]!r} stands on both sides of the ratio {text!r}: leave it out on one")
    return Ratio(tuple(dict.fromkeys(sides[0])), tuple(dict.fromkeys(sides[1])))


def count_ratio(
    name: str, a: float, b: float, what: str, areas: Areas | None = None, confidence: float = 0.95
) -> Indicator:
    """Return a ratio of two kinds of grains.

    Parameters
    ----------
    name : str
        Its name.
    a, b : float
        Counts over and under the stroke.
    what : str
        What was counted, such as "quartz / foraminifera".
    areas : pair of array_like, optional
        The areas of the grains of either kind; with them it is the ratio of their sums, and `a` and `b` go unused.
    confidence : float
        In (0, 1).
    """
    ratio = ratio_interval(a, b, confidence) if areas is None else area_ratio_interval(*areas, confidence)
    basis = "number of grains" if areas is None else "summed areas of grains"
    return Indicator(name, *ratio, "", f"{what}, by {basis}; log-ratio interval")


def share_percent(
    name: str, a: float, b: float, what: str, areas: Areas | None = None, confidence: float = 0.95
) -> Indicator:
    """Return 100 a/(a + b): by number with a Wilson interval, by area with a log-ratio interval. As `count_ratio`."""
    if areas is None:
        if a + b == 0:
            return Indicator(name, np.nan, np.nan, np.nan, "%", f"{what}, by number of grains", "none counted")
        low, high = (100 * float(limit) for limit in wilson_interval(a, a + b, confidence))
        return Indicator(name, 100 * a / (a + b), low, high, "%", f"{what}, by number of grains; Wilson interval")
    value, low, high = (100 * share_of_ratio(r) for r in area_ratio_interval(*areas, confidence))
    note = "none counted" if np.isnan(value) else ""
    return Indicator(name, value, low, high, "%", f"{what}, by summed areas of grains; log-ratio interval", note)


def share_of_ratio(ratio: float) -> float:
    """Return a/(a + b) for a ratio a/b, which may be infinite."""
    return 1.0 if np.isinf(ratio) else ratio / (1 + ratio)


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"[+/]", name) else name
