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
from facies.grains.extraction.grain_row import mask_of, measure_grain
from facies.grains.extraction.ground_evenness import LEAST_EVEN, NO_GROUND
from facies.grains.extraction.layer_matching import Match, match_layers
from facies.grains.extraction.printed_marks import PrintedMarks, find_printed_marks
from facies.grains.extraction.segmentation import Regions, find_regions
from facies.images.readers.pixels import UnreadableImage


@dataclass
class LayerDetections:
    """Places that differ from the background and are no grains; they explain why there are none.

    They are smaller or larger than a grain, printed (text and scale bars), too faint when looked at closely, or appear in
    fewer layers than asked for; all but the last are counted in each layer. `largest_small` is the equivalent diameter of
    the largest of the small ones, in pixels; `bars_px` are the lengths of scale bars, one a stack that has one.
    """

    small: int = 0
    large: int = 0
    printed: int = 0
    faint: int = 0
    once: int = 0
    largest_small: float = 0.0
    bars_px: list[int] = field(default_factory=list)

    def add(self, other: LayerDetections) -> None:
        """Add the places of other photographs."""
        self.small += other.small
        self.large += other.large
        self.printed += other.printed
        self.faint += other.faint
        self.once += other.once
        self.bars_px += other.bars_px
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
    printed = find_printed_marks(photographs)
    regions = [find_regions(photograph, thresholds, settings, printed) for photograph in photographs]
    height, width = photographs[0].shape[:2]
    if max(layer.even for layer in regions) < LEAST_EVEN:
        nothing = np.zeros((0, len(photographs), 3, settings.size, settings.size), np.uint8)
        return ExtractedStack(nothing, width=width, height=height, status=NO_GROUND)
    boxes = [layer.boxes for layer in regions]
    every = match_layers(boxes, overlap=settings.overlap, min_layers=1)
    needed = min(settings.min_layers, len(photographs))
    matches = [match for match in every if len(match.layers) >= needed]
    side = settings.size
    plate = BackgroundNormalisation(thresholds) if settings.plate == "even" else None
    extracted = ExtractedStack(
        np.empty((len(matches), len(photographs), 3, side, side), np.uint8), width=width, height=height,
        detections=_count_detections(regions, len(every) - len(matches), printed),
    )  # fmt: skip
    for number, match in enumerate(matches):
        x0, y0, x1, y1 = (int(value) for value in boxes[match.widest[0]][match.widest[1]])
        pictures = [photograph[y0:y1, x0:x1] for photograph in photographs]
        for layer, picture in enumerate(_pictures(plate, pictures, (x0, y0, x1, y1), match, regions)):
            extracted.crops[number, layer] = resized(picture, side).transpose(2, 0, 1)
        extracted.digests.append(hashlib.sha256(extracted.crops[number].data).hexdigest())
        row, outline = measure_grain(photographs, (x0, y0, x1, y1), match, regions, thresholds, settings)
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


def _count_detections(regions: list[Regions], once: int, printed: PrintedMarks) -> LayerDetections:
    return LayerDetections(
        small=sum(layer.n_small for layer in regions),
        large=sum(layer.n_large for layer in regions),
        printed=sum(layer.n_printed for layer in regions),
        faint=sum(layer.n_faint for layer in regions),
        once=once,
        largest_small=max(layer.largest_small for layer in regions),
        bars_px=[] if printed.bar_px is None else [printed.bar_px],
    )


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
    grain = np.maximum.reduce([mask_of(regions[layer], number, box) for layer, number in match.members])
    return [plate.apply(picture, box, own.field, grain) for picture, own in zip(pictures, regions, strict=True)]
