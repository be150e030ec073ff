"""Which method groups images when none is named: `pretrained` for photographs of things, `moe-vae` for small drawn figures.

The rule looks at pixels alone. What it measures on which images: docs/notes/default-method.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images import ImageSet
from facies.images.readers import find_reader
from facies.methods import Method, method_class
from facies.parameters import parameters_of

DRAWN, PHOTOGRAPHED = "moe-vae", "pretrained"
"""The method for drawn figures, and that for photographs."""
SAMPLE = 500
"""So many images at most are looked at, evenly spaced: a median over them is within a few hundredths of that over all."""
MEASURED_SIDE = 24
"""Longer side to which images are shrunk before they are measured, at which noise and an enlargement of lines disappear."""
MIDDLE = (0.15, 0.85)
"""Grey that is neither ground nor ink, as a share of the range of the image."""
NO_SPAN = 1e-3
"""A pattern so fine that shrinking leaves less than this share of its range shows no figure."""
EDGE = 0.5
"""An edge goes through a pixel if its neighbours span half of the range, so that grey there may be mere blur of the edge."""
MOST_SHADING = 0.25
"""Lines of one tone have grey at their edges alone: at most 0.22 was measured for lines, blurred, and 0.28 or more for shades."""
MOST_THICKNESS = 1 / 3
"""A line is three times as long as it is thick: at most 0.23 was measured for bold letters, and 0.41 for grains of one tone."""
LARGEST_SIDE = 128
"""To learn from larger images takes longer than a first answer should."""
SMALLEST_SIDE = 16
"""A network of photographs has seen nothing as coarse as images of fewer pixels."""


@dataclass(frozen=True)
class FigureMeasures:
    """What tells drawn lines from photographs, each the median over images.

    Parameters
    ----------
    shading : float
        Share of the pixels of the figure that hold an even middle grey: neither ground nor ink, and no edge goes through
        them. From 0, for lines of one tone on an empty ground, to 1. Ground that is not empty counts as figure.
    thickness : float
        Diameter of the largest disc within the figure over its longer side, about 0 to 1.
    """

    shading: float
    thickness: float

    @property
    def are_lines(self) -> bool:
        """Whether the images show figures drawn in lines of one tone."""
        return self.shading <= MOST_SHADING and self.thickness <= MOST_THICKNESS


def measure_figures(images: ImageSet) -> FigureMeasures:
    """Measure at most `SAMPLE` images, evenly spaced, and read no others; images of one value are passed over.

    Where all are of one value, the measures are those of a plain grey photograph, 1 and 1.
    """
    clipped = images.clipped()
    rows = np.unique(np.linspace(0, len(images) - 1, min(SAMPLE, len(images))).astype(np.int64))
    step = max(1, 2**22 // int(np.prod(images.image_shape)))
    measured: list[tuple[float, float]] = []
    for start in range(0, len(rows), step):
        pixels = clipped.__getitems__(rows[start : start + step]).numpy()
        grey = pixels.mean(axis=tuple(range(1, pixels.ndim - 2)), dtype=np.float64)
        measured += [measure_figure(image) for image in grey if image.min() < image.max()]
    if not measured:
        return FigureMeasures(1.0, 1.0)
    shading, thickness = np.median(measured, axis=0)
    return FigureMeasures(float(shading), float(thickness))


def measure_figure(image: NDArray[np.float64]) -> tuple[float, float]:
    """Shading and thickness of one grey image (H, W) of at least two values; 1 and 1 where shrinking makes it plain grey."""
    import cv2

    grey = _shrunk((image - image.min()) / (image.max() - image.min()))
    span_of_all = float(grey.max() - grey.min())
    if span_of_all < NO_SPAN:
        return 1.0, 1.0
    grey = (grey - grey.min()) / span_of_all
    if np.mean(grey > 0.5) > 0.5:  # what fills more than half is the ground
        grey = 1.0 - grey
    neighbours = np.ones((3, 3), np.uint8)
    span = cv2.dilate(grey, neighbours) - cv2.erode(grey, neighbours)
    even = (grey > MIDDLE[0]) & (grey < MIDDLE[1]) & (span < EDGE)
    figure = np.pad(grey > 0.5, 1)
    longer_side = max(int(np.ptp(along)) + 1 for along in np.nonzero(figure))
    radius = float(cv2.distanceTransform(figure.astype(np.uint8), cv2.DIST_L2, 5).max()) - 0.5
    return float(even.sum() / (grey > MIDDLE[0]).sum()), 2.0 * radius / longer_side


def _shrunk(image: NDArray[np.float64]) -> NDArray[np.float32]:
    import cv2

    factor = MEASURED_SIDE / max(image.shape)
    if factor >= 1.0:
        return image.astype(np.float32)
    height, width = (max(1, round(side * factor)) for side in image.shape)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def default_methods(parameters: Iterable[str], source: Any = None) -> tuple[str, ...]:
    """Return the methods among which the images choose: those that have all parameters of these names.

    One at least: where neither has all of them, it is the one that then refuses the others. A `source` whose reader names
    the method that is made for its images leaves that one alone.
    """
    given = list(parameters)
    made = method_of_reader(source)
    if made is not None:
        return (made,)
    found = tuple(name for name in (DRAWN, PHOTOGRAPHED) if not _unknown(name, given))
    return found or (DRAWN,)


def method_of_reader(source: Any) -> str | None:
    """Return the method that is made for what the reader of a path reads; None for other images."""
    if not isinstance(source, str | PathLike) or not (path := Path(source).expanduser()).exists():
        return None
    reader = find_reader(path)
    return None if reader is None else reader.method


def choose_method(
    candidates: Sequence[Method], images: ImageSet, parameters: Iterable[str] = (), begun_with: str | None = None
) -> tuple[Method, str]:
    """Choose a method for images, without labels.

    Parameters
    ----------
    candidates : sequence of Method
        Those that `default_methods` named, with their parameters.
    images : ImageSet
        Of which a sample is read.
    parameters : iterable of str
        The names that were given to `default_methods`.
    begun_with : str, optional
        The method with which an unfinished fit of the same images was begun; it stays.

    Returns
    -------
    method : Method
    note : str
        What was chosen, why, and how to choose otherwise, in one line.
    """
    by_name = {method.name: method for method in candidates}
    if candidates[0].name not in (DRAWN, PHOTOGRAPHED):
        name = candidates[0].name
        return candidates[0], f"{name} was chosen, which is made for such images; choose otherwise by --method"
    if len(candidates) == 1:
        name = candidates[0].name
        other = PHOTOGRAPHED if name == DRAWN else DRAWN
        why = f"{other} has no parameter {', '.join(_unknown(other, parameters))}"
    else:
        name, why = _by_the_images(by_name[PHOTOGRAPHED], images)
        if begun_with in by_name and begun_with != name:
            name, why = str(begun_with), "the fit was begun with it"
    return by_name[name], f"{name} was chosen, for {why}; choose otherwise by {_others(name)}"


def _by_the_images(pretrained: Method, images: ImageSet) -> tuple[str, str]:
    """The method, and why."""
    name, why = _by_the_pixels(images)
    if name == PHOTOGRAPHED:
        try:
            pretrained.check(images)
        except InputError as error:
            return DRAWN, f"{why}, which asks for {PHOTOGRAPHED}, but this cannot be had: {error}"
    return name, why


def _by_the_pixels(images: ImageSet) -> tuple[str, str]:
    longer_side = max(images.image_shape[-2:])
    if longer_side < SMALLEST_SIDE:
        return DRAWN, f"images of {longer_side} pixels are too small for a network that learnt from photographs"
    if longer_side > LARGEST_SIDE:
        return PHOTOGRAPHED, f"learning from images of {longer_side} pixels takes long (--size makes them smaller)"
    measured = measure_figures(images)
    shading = f"even grey fills {measured.shading:.0%} of a figure"
    if measured.are_lines:
        return DRAWN, f"the images are small figures drawn in lines ({shading})"
    if measured.shading > MOST_SHADING:
        return PHOTOGRAPHED, f"the images have shades, as photographs have ({shading})"
    return PHOTOGRAPHED, f"the images show things, not lines (a figure is {measured.thickness:.0%} as thick as long)"


def _unknown(method: str, parameters: Iterable[str]) -> list[str]:
    """Which of the names are no parameters of a method, and never were."""
    cls = method_class(method)
    known = set(parameters_of(cls))
    return [name for name in parameters if not set(cls.current_parameters({name: None})) <= known]


def _others(name: str) -> str:
    return f"--method {PHOTOGRAPHED if name == DRAWN else DRAWN}, or another of facies methods"
