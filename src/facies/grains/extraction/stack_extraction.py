"""All that is done with one focal stack: read it, find its grains in every layer, cut them out, measure them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import Thresholds, to_eight_bits
from facies.grains.extraction.background_normalisation import BackgroundNormalisation
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import Stack, read_photograph
from facies.grains.extraction.layer_matching import Match, match_layers
from facies.grains.extraction.measurements import colour_of, focus_measure, outline_of, polygon_area, touching_score
from facies.grains.extraction.segmentation import Regions, find_regions
from facies.images.readers.pixels import UnreadableImage

_AT_BORDER = 1
"""A box is cut by the border of the photograph from this distance on, in pixels."""


@dataclass
class LayerDetections:
    """Places that differ from the background and are no grains; they explain why there are none.

    They are smaller or larger than a grain, or appear once, in fewer layers than asked for. `largest_small` is the
    longer side of the largest of the small ones, in pixels.
    """

    small: int = 0
    large: int = 0
    once: int = 0
    largest_small: int = 0

    def add(self, other: LayerDetections) -> None:
        """Add the places of other photographs."""
        self.small += other.small
        self.large += other.large
        self.once += other.once
        self.largest_small = max(self.largest_small, other.largest_small)


@dataclass
class ExtractedStack:
    """The grains of one stack: crops, uint8 (n, L, 3, S, S), their SHA-256, and a row and an outline, float32 (m, 2),
    of each.

    Width and height, those of the photographs in pixels, are 0 where none could be read. The status is "read", or why
    the stack was left out.
    """

    crops: NDArray[np.uint8]
    rows: list[dict[str, Any]] = field(default_factory=list)
    outlines: list[NDArray[np.float32]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    width: int = 0
    height: int = 0
    status: str = "read"
    detections: LayerDetections = field(default_factory=LayerDetections)


def extract_stack(folder: Path, stack: Stack, thresholds: Thresholds, settings: ExtractionSettings) -> ExtractedStack:
    """Read a stack and cut its grains out; without grains, and with the reason, if it cannot be read."""
    photographs: list[NDArray[np.uint8]] = []
    nothing = np.zeros((0, len(stack.photographs), 3, settings.size, settings.size), np.uint8)
    for name in stack.photographs:
        try:
            pixels = read_photograph(folder / name)
        except UnreadableImage as error:
            return ExtractedStack(nothing, status=f"{name}: {error}")
        if pixels.dtype == np.uint8 and thresholds.white != 255.0 and thresholds.white != 1.0:
            return ExtractedStack(nothing, status=f"{name}: has 8 bits a channel, where others have more")
        if photographs and pixels.shape != photographs[0].shape:
            first, own = (f"{shape[1]} × {shape[0]}" for shape in (photographs[0].shape, pixels.shape))
            return ExtractedStack(nothing, status=f"{name}: is of {own} pixels, the first of its stack of {first}")
        photographs.append(to_eight_bits(pixels, thresholds.white))
    return extract_photographs(photographs, stack, thresholds, settings)


def extract_photographs(
    photographs: list[NDArray[np.uint8]], stack: Stack, thresholds: Thresholds, settings: ExtractionSettings
) -> ExtractedStack:
    """Cut the grains out of the photographs of a stack: RGB, uint8 (H, W, 3) of one size, by focal layer."""
    regions = [find_regions(photograph, thresholds, settings) for photograph in photographs]
    boxes = [layer.boxes for layer in regions]
    every = match_layers(boxes, overlap=settings.overlap, min_layers=1)
    needed = min(settings.min_layers, len(photographs))
    matches = [match for match in every if len(match.layers) >= needed]
    height, width = photographs[0].shape[:2]
    side = settings.size
    plate = BackgroundNormalisation(thresholds) if settings.plate == "even" else None
    extracted = ExtractedStack(
        np.empty((len(matches), len(photographs), 3, side, side), np.uint8), width=width, height=height,
        detections=_count_detections(regions, len(every) - len(matches)),
    )  # fmt: skip
    for number, match in enumerate(matches):
        x0, y0, x1, y1 = (int(value) for value in boxes[match.widest[0]][match.widest[1]])
        pictures = [photograph[y0:y1, x0:x1] for photograph in photographs]
        for layer, picture in enumerate(_pictures(plate, pictures, (x0, y0, x1, y1), match, regions)):
            extracted.crops[number, layer] = resized(picture, side).transpose(2, 0, 1)
        extracted.digests.append(hashlib.sha256(extracted.crops[number].data).hexdigest())
        row, outline = _measure(pictures, (x0, y0, x1, y1), match, regions)
        name = stack.photographs[match.widest[0]]
        origin = {"id": f"{stack.name}_g{number:03d}", "source": name, "sample": stack.sample, "stack": stack.name}
        extracted.rows.append({**origin, "photograph": name, **row})
        extracted.outlines.append(outline)
    return extracted


def resized(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Bring a picture to a square of a side: area interpolation where it becomes smaller, bilinear where larger."""
    height, width = picture.shape[:2]
    if (height > side) != (width > side):  # one way each
        down = (min(width, side), min(height, side))
        picture = cv2.resize(picture, down, interpolation=cv2.INTER_AREA)
        height, width = picture.shape[:2]
    how = cv2.INTER_AREA if height > side or width > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how))


def _count_detections(regions: list[Regions], once: int) -> LayerDetections:
    return LayerDetections(
        sum(layer.n_small for layer in regions),
        sum(layer.n_large for layer in regions),
        once,
        max(layer.largest_small for layer in regions),
    )


def _measure(
    pictures: list[NDArray[np.uint8]], box: tuple[int, int, int, int], match: Match, regions: list[Regions]
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Measure a grain: its row of the table from the box on, and its outline where it is sharpest."""
    x0, y0, x1, y1 = box
    widest = _mask(regions[match.widest[0]], match.widest[1], box)
    sharpness = [
        focus_measure(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), widest) for picture in pictures
    ]
    layer, number = _sharpest_member(match, regions, sharpness)
    own = tuple(int(value) for value in regions[layer].boxes[number])
    mask = _mask(regions[layer], number, own)
    outline = outline_of(mask, own[0], own[1])
    best = int(np.argmax(sharpness))
    height, width = regions[0].labels.shape
    hue, saturation, brightness = colour_of(np.ascontiguousarray(pictures[best]), _mask(regions[layer], number, box))
    at_border = any(
        (regions[of].boxes[row][:2] <= _AT_BORDER).any()
        or (regions[of].boxes[row][2:] >= np.array([width, height]) - _AT_BORDER).any()
        for of, row in match.members
    )
    layers = match.layers
    return {
        "x0": x0, "y0": y0, "x1": x1, "y1": y1, "width": x1 - x0, "height": y1 - y0,
        "layers_found": len(layers), "layers": ",".join(map(str, layers)), "best_layer": best,
        "touches_border": bool(at_border), "touching": touching_score(mask), "sharpness": sharpness[best],
        **{f"sharpness_{of}": value for of, value in enumerate(sharpness)},
        "area_px": abs(polygon_area(outline)),
        "hue": hue, "saturation": saturation, "brightness": brightness,
    }, outline  # fmt: skip


def _sharpest_member(match: Match, regions: list[Regions], sharpness: list[float]) -> tuple[int, int]:
    """Choose whose outline is the grain's: of the sharpest layer that shows it whole."""
    areas = np.array([regions[layer].areas[row] for layer, row in match.members])
    whole = areas >= 0.7 * np.median(areas)
    sharp = np.array([sharpness[layer] for layer, _ in match.members])
    return match.members[int(np.where(whole, sharp, -1.0).argmax())]


def _pictures(
    plate: BackgroundNormalisation | None,
    pictures: list[NDArray[np.uint8]],
    box: tuple[int, int, int, int],
    match: Match,
    regions: list[Regions],
) -> list[NDArray[np.uint8]]:
    """Return the layers of a grain as they are, or on an even plate."""
    if plate is None:
        return pictures
    grain = np.maximum.reduce([_mask(regions[layer], number, box) for layer, number in match.members])
    return [plate.apply(picture, box, own.field, grain) for picture, own in zip(pictures, regions, strict=True)]


def _mask(regions: Regions, number: int, box: tuple[int, ...]) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = box
    return (regions.labels[y0:y1, x0:x1] == number + 1).astype(np.uint8)
