"""Which pages of a file make up which image: channels and focal layers of one image, or images of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.readers.pixels import PageHeader

Pages = Literal["axes", "images", "channels", "layers"]
"""What the pages of a file are: what its own axes say, images, channels of one image, or layers of one focal stack."""

Role = Literal["images", "channels", "layers"]

PAGES: tuple[Pages, ...] = ("axes", "images", "channels", "layers")
_OWN_ROLE: dict[str, Role] = {"C": "channels", "S": "channels", "Z": "layers"}
_UNNAMED = "IQ"
"""Axes of which a file says no more than that they are there."""


@dataclass(frozen=True, slots=True)
class Series:
    """Pages that belong together.

    Parameters
    ----------
    axes : str
        A letter for each axis of `pages`, the slowest first: C channel, Z focal layer, T time, I or Q unknown, and so on.
    pages : ndarray of int
        The number of the page at each position.
    """

    axes: str
    pages: NDArray[np.int64]

    def squeezed(self) -> Series:
        """Leave out the axes of one entry."""
        axes = "".join(axis for axis, length in zip(self.axes, self.pages.shape, strict=True) if length != 1)
        return Series(axes, self.pages.squeeze())


def one_series(n_pages: int) -> list[Series]:
    """Return the series of pages of which nothing more is known."""
    return [Series("I", np.arange(n_pages))]


class Container(Protocol):
    """An open file of pages, (H, W, C) each."""

    @property
    def series(self) -> Sequence[Series]:
        """Every page is in one series, once."""

    @property
    def fits(self) -> bool:
        """Whether the axes that the file names fit its pages; if not, `series` is all pages on one unknown axis."""

    @property
    def animated(self) -> bool:
        """Whether the file has further frames, which are not read."""

    def header(self, page: int) -> PageHeader:
        """Return shape and type of a page without decoding it."""

    def read(self, page: int) -> NDArray[Any]:
        """Decode a page to (H, W, C)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pages of a file were laid out as images.

    Parameters
    ----------
    n_pages : int
        Number of pages in the file.
    axes : tuple of (str, str)
        The axes of the pages, the slowest first, and the role of each: ``images``, ``channels`` or ``layers``.
    fits : bool
        Whether the axes that the file names fit its pages.
    animated : bool
        Whether the file has further frames, which are not read.
    """

    n_pages: int
    axes: tuple[tuple[str, Role], ...]
    fits: bool = True
    animated: bool = False

    @property
    def combines(self) -> bool:
        """Whether several pages make up one image."""
        return any(role != "images" for _, role in self.axes)


@dataclass(frozen=True, slots=True)
class FileContents:
    """The headers of the images in a file, and how its pages were laid out."""

    headers: list[PageHeader]
    layout: Layout


def check_pages(pages: str | None) -> Pages:
    """Check what a user says the pages are; None is what the files' own axes say."""
    for known in PAGES:
        if pages in (known, None):
            return known
    raise InputError(f"pages must be 'images', 'channels' or 'layers', not {pages!r}")


def contents(container: Container, pages: Pages) -> FileContents:
    """Return the headers of the images that the pages of a file make up."""
    images, layout = _lay_out(container, pages)
    return FileContents([_image_header(container, grid, layout) for grid in images], layout)


def decode(container: Container, pages: Pages) -> Iterator[Callable[[], NDArray[Any]]]:
    """Yield a function for each image of a file; it decodes the image to (H, W, C), or (L, H, W, C) for focal stacks."""
    images, layout = _lay_out(container, pages)
    for grid in images:
        yield partial(_decode_image, container, grid, stack=_has_layers(layout))


def _decode_image(container: Container, grid: NDArray[np.int64], *, stack: bool) -> NDArray[Any]:
    if grid.size == 1 and not stack:
        return container.read(int(grid[0, 0]))
    layers = [np.concatenate([container.read(int(page)) for page in row], axis=-1) for row in grid]
    return np.stack(layers) if stack else layers[0]


def roles(axes: str, pages: Pages) -> list[Role]:
    """Return the role of each axis of a series.

    With ``channels`` these are the axes of channels, of focal layers and those without a name; with ``layers`` those of
    focal layers, else those without a name. A file that has no such axis has all its axes (but, where others are left,
    that of the channels) in that role. Other axes, such as time, keep their own.
    """
    own = [_OWN_ROLE.get(axis, "images") for axis in axes]
    if pages == "axes":
        return own
    if pages == "images":
        return ["images"] * len(axes)
    preferences = ("CSZ" + _UNNAMED, axes) if pages == "channels" else ("Z", _UNNAMED, axes.replace("C", ""), axes)
    chosen = next((wanted for wanted in preferences if set(wanted) & set(axes)), axes)
    return [pages if axis in chosen else role for axis, role in zip(axes, own, strict=True)]


def _lay_out(container: Container, pages: Pages) -> tuple[list[NDArray[np.int64]], Layout]:
    """Return the pages (L, C) of each image, and the layout of the longest series."""
    images: list[NDArray[np.int64]] = []
    layout = Layout(sum(series.pages.size for series in container.series), (), container.fits, container.animated)
    for series in (each.squeezed() for each in container.series):
        own = roles(series.axes, pages)
        if set(own) != {"images"} and len({_plain(container.header(int(page))) for page in series.pages.flat}) > 1:
            own = ["images"] * len(own)  # pages of different shapes cannot make up one image
            layout = replace(layout, fits=False)
        order = [axis for role in ("images", "layers", "channels") for axis, its in enumerate(own) if its == role]
        counts = {
            role: int(np.prod([n for n, its in zip(series.pages.shape, own, strict=True) if its == role], dtype=int))
            for role in ("images", "layers", "channels")
        }
        grids = series.pages.transpose(order).reshape(counts["images"], counts["layers"], counts["channels"])
        images += list(grids)
        named = tuple(zip(series.axes, own, strict=True))
        if len(named) > len(layout.axes):
            layout = replace(layout, axes=named)
    if all(grid.size == 1 for grid in images):
        images.sort(key=lambda grid: int(grid[0, 0]))
    return images, layout


def _plain(header: PageHeader) -> tuple[int, int, int, str]:
    return header.height, header.width, header.channels, str(header.dtype)


def _has_layers(layout: Layout) -> bool:
    return any(role == "layers" for _, role in layout.axes)


def _image_header(container: Container, grid: NDArray[np.int64], layout: Layout) -> PageHeader:
    header = container.header(int(grid[0, 0]))
    layers = len(grid) if _has_layers(layout) else 0
    return replace(header, channels=header.channels * grid.shape[1], layers=layers)


def layout_notes(layouts: Iterable[Layout], pages: Pages) -> list[str]:
    """Say in one line a kind how the pages of files were laid out, where that was not asked for."""
    known = list(layouts)
    several = [layout for layout in known if layout.n_pages > 1]
    animated = sum(layout.animated for layout in known)
    of = "1 animation" if animated == 1 else f"each of {animated:,} animations"
    notes = [f"of {of} only the first frame was read"] if animated else []
    if pages != "axes":
        if not several:
            notes.append(f"--pages {pages} changed nothing: no file has several pages")
        apart = [layout for layout in several if not layout.combines] if pages != "images" else []
        if apart:
            files = "1 file" if len(apart) == 1 else f"{len(apart):,} files"
            notes.append(f"{files} of several pages: each page is an image, since they differ in shape or in series")
        return notes
    kinds: dict[tuple[str, tuple[Role, ...], bool], list[Layout]] = {}
    for layout in several:
        named = "".join(axis for axis, _ in layout.axes)
        kinds.setdefault((named, tuple(role for _, role in layout.axes), layout.fits), []).append(layout)
    return [*(_in_words(kind, axes, own, fits) for (axes, own, fits), kind in kinds.items()), *notes]


def _in_words(kind: Sequence[Layout], axes: str, own: Sequence[Role], fits: bool) -> str:
    fewest, most = min(layout.n_pages for layout in kind), max(layout.n_pages for layout in kind)
    files = "1 file" if len(kind) == 1 else f"{len(kind):,} files"
    its = "its" if len(kind) == 1 else "their"
    head = f"{files} of {fewest if fewest == most else f'{fewest} to {most}'} pages"
    one = "the file" if len(kind) == 1 else "each file"
    if not fits:
        return f"{head}: each page is an image, since the axes that {one} names do not fit {its} pages"
    if "channels" in own or "layers" in own:
        words = {"channels": "channels", "layers": "focal layers", "images": "images"}
        if len(set(own)) == 1:
            what = words[own[0]]
        else:
            parts = [f"{words[role]} ({axis})" for axis, role in zip(axes, own, strict=True)]
            what = f"{', '.join(parts[:-1])} and {parts[-1]}"
        return (
            f"{head}: the pages are {what}, as {its} own axes ({axes}YX) say; --pages images makes each page an image"
        )
    known = set(axes) - set(_UNNAMED)
    why = f"as {its} own axes ({axes}YX) say" if known else f"since {one} names no axes"
    return f"{head}: each page is an image, {why}; --pages channels or layers makes {one} one image"


def agree(header: PageHeader, pixels: NDArray[Any]) -> bool:
    """Return whether a decoded image is what its header promised."""
    shape = (header.height, header.width, header.channels)
    return pixels.shape == ((header.layers, *shape) if header.layers else shape) and pixels.dtype == header.dtype
