"""A colour and a marker for each group, to be distinguished also by those who see colours differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

# Petroff, "Accessible color sequences for data visualization" (2021), ten colours without the two greys, which are the
# noise's.
_COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd")
_MARKERS = (("o", "●"), ("^", "▲"), ("s", "■"), ("D", "◆"), ("v", "▼"), ("P", "✚"), ("X", "✖"), ("*", "★"))


@dataclass(frozen=True)
class Style:
    """How a group is drawn: a hexadecimal colour, matplotlib's name of a marker, and the same marker as a character."""

    colour: str
    marker: str
    glyph: str


NOISE_STYLE = Style("#9a9a9a", "o", "●")


def group_style(group: int) -> Style:
    """Return the style of a group: eight colours, then the same with the next of eight markers; grey for noise (−1)."""
    if group < 0:
        return NOISE_STYLE
    marker, glyph = _MARKERS[group // len(_COLOURS) % len(_MARKERS)]
    return Style(_COLOURS[group % len(_COLOURS)], marker, glyph)


def depth_colours() -> Colormap:
    """Return colours from the top of a core (blue) down (yellow): viridis without its ends, of which one is lost on
    dark paper and the other on white.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap([colormaps["viridis"](0.28 + 0.62 * step / 255) for step in range(256)])
