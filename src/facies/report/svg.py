"""How figures are drawn: without any global state of matplotlib, in the page's ink, and written as PNG, PDF or SVG."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image

from facies.report.galleries import data_uri

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Stand-ins, which svg_markup turns into the colours of the page, light or dark.
INK, PAPER = "#010203", "#fdfcfb"
PAGE_WIDTH = 7.4
"""Inches of a figure that is as wide as a page."""
_FONTS = ["DejaVu Sans"]
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "facies",
    "font.family": "sans-serif",
    "font.sans-serif": _FONTS,
    "font.size": 9,
}


@dataclass(frozen=True)
class ReportFigure:
    """A figure with the numbers that are drawn in it; `name` is for files, `photographic` tells that it holds photographs."""

    name: str
    title: str
    caption: str
    figure: Figure
    data: pd.DataFrame
    photographic: bool = False

    @property
    def part(self) -> float:
        """The figure's width as a part of a page's, so that all have letters of one size."""
        return min(1.0, float(self.figure.get_figwidth()) / PAGE_WIDTH)

    def markup(self) -> Markup:
        """Return the figure as SVG to be put into a page (`svg_markup`)."""
        return svg_markup(self.figure, self.title, photographic=self.photographic)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, without a ground of its own."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    return figure


def style_axes(axes: Axes, *, title: str = "", x: str = "", y: str = "") -> None:
    """Give axes the quiet style of the report: two thin lines, small ticks, text in ink, the title at the left."""
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, which="both", labelsize=8, width=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=INK, linewidth=0.7)
    if title:
        axes.set_title(escape_label(title), loc="left", fontsize=9.5, fontweight="bold", color=INK)
    axes.set_xlabel(escape_label(x) if x else "", color=INK, fontsize=8.5)
    axes.set_ylabel(escape_label(y) if y else "", color=INK, fontsize=8.5)


def escape_label(name: object) -> str:
    """Return a name in which matplotlib finds no formula, nor a label to be hidden."""
    return "\u200b" + str(name).replace("$", r"\$")


def figure_bytes(figure: Figure, kind: str = "png", dpi: int = 200) -> bytes:
    """Return a figure as a PNG, PDF or SVG file with dark ink; `dpi` is that of a PNG, and of the points in a PDF or SVG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        FigureCanvasAgg(figure).print_figure(buffer, format=kind, dpi=dpi, metadata=_no_metadata(kind))
    figure.set_layout_engine("none")  # laid out once, it stays so in the other formats
    return buffer.getvalue()


def _no_metadata(kind: str) -> dict[str, None]:
    # Dates would make two equal figures differ; the addresses of vocabularies are no reader's business.
    keys = {"svg": ("Date", "Creator", "Format", "Type"), "pdf": ("CreationDate", "ModDate")}.get(kind, ())
    return dict.fromkeys(keys)


def svg_markup(figure: Figure, label: str, *, photographic: bool = False) -> Markup:
    """Return a figure as one ``<svg>`` element for a page, in the page's colours and font, without addresses.

    Its text is text, its points are a picture; `label` is for screen readers. Photographic pictures become WebP, a tenth as
    large as PNG.
    """
    from html import escape

    from markupsafe import Markup

    markup = figure_bytes(figure, "svg", dpi=220).decode("utf-8")
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"\s*<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = re.sub(r'<g id="[^"]*"', "<g", markup)
    # Markers and clips keep theirs, and two figures in a page must not bear the same.
    own = hashlib.sha256(label.encode() + markup.encode()).hexdigest()[:8]
    markup = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}-", markup)
    markup = markup.replace(INK, "currentColor").replace(PAPER, "var(--paper)")
    markup = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", markup, count=1)
    markup = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", markup, count=1)
    if photographic:
        markup = re.sub(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", _as_webp, markup)
    markup = markup.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    return Markup(markup)  # noqa: S704 - matplotlib escapes the texts of a figure


def _as_webp(match: re.Match[str]) -> str:
    with Image.open(io.BytesIO(base64.b64decode(match[1]))) as picture:
        return data_uri(picture, quality=84)
