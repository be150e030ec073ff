"""Pictures for checking: outlines on photographs, and the histogram with its threshold."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import to_eight_bits
from facies.grains.extraction.focal_stacks import StackList, read_photograph
from facies.grains.extraction.grain_writer import GrainWriter
from facies.grains.extraction.measurements import TOUCHING_THRESHOLD
from facies.images.readers.pixels import UnreadableImage

DRAWN = 8
"""Photographs with outlines, spread evenly over the stacks that have grains."""

_SIDE = 1600  # the longer side of a picture, pixels
_PLAIN, _TOUCHING, _CUT = (255, 60, 60), (255, 160, 0), (60, 120, 255)

_AXIS = {
    "green": "saturation of blocks of 4 × 4 pixels, 0 to 255",
    "dark": "255 − brightness of blocks of 4 × 4 pixels",
    "light": "darkest channel of blocks of 4 × 4 pixels, light evened out, 0 to 255",
}


def draw_overlays(writer: GrainWriter, stacks: StackList, description: dict[str, Any]) -> None:
    """Write ``check/`` into the folder of grains, all stacks of which are done: outlines and the histogram."""
    folder = writer.grains / "check"
    folder.mkdir(exist_ok=True)
    for earlier in folder.iterdir():
        earlier.unlink()
    draw_histogram(str(folder / "histogram.png"), description)
    with_grains = [number for number, entry in enumerate(writer.entries()) if entry["rows"]]
    chosen = {with_grains[int(place)] for place in np.linspace(0, len(with_grains) - 1, min(DRAWN, len(with_grains)))}
    for number, entry in enumerate(writer.entries()):
        if number not in chosen:
            continue
        name = _middle(entry)
        try:
            pixels = to_eight_bits(read_photograph(stacks.folder / name), description["thresholds"]["white"])
        except UnreadableImage:  # it was there when its grains were cut
            continue
        picture = draw_outlines(pixels, entry["rows"], entry["outlines"])
        cv2.imwrite(str(folder / f"outlines_{len(list(folder.iterdir())):02d}.png"), picture[..., ::-1])


def _middle(entry: dict[str, Any]) -> str:
    """Return the photograph of the layer in which most grains of a stack are sharpest."""
    layers = [row["best_layer"] for row in entry["rows"]]
    name = entry["photographs"][max(set(layers), key=layers.count)]
    return str(name)


def draw_outlines(
    photograph: NDArray[np.uint8], rows: list[dict[str, Any]], outlines: list[NDArray[np.float32]]
) -> NDArray[np.uint8]:
    """Draw the outlines of grains, (m, 2) in pixels of the photograph, on it; at most 1600 pixels wide.

    The rows have ``id``, ``touching`` and ``touches_border``. Outlines are red, orange where several grains are
    suspected, blue where the border cuts.
    """
    scale = min(1.0, _SIDE / max(photograph.shape[:2]))
    size = (round(photograph.shape[1] * scale), round(photograph.shape[0] * scale))
    picture = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA) if scale < 1 else photograph.copy()
    for row, outline in zip(rows, outlines, strict=True):
        if not len(outline):
            continue
        colour = _CUT if row["touches_border"] else _TOUCHING if row["touching"] >= TOUCHING_THRESHOLD else _PLAIN
        points = np.round((outline * scale - 0.5) * 16).astype(np.int32)
        cv2.polylines(picture, [points], True, colour, 2, cv2.LINE_AA, 4)
        corner = (outline.min(axis=0) * scale).astype(int)
        place = (int(corner[0]), int(max(corner[1] - 4, 12)))
        cv2.putText(picture, row["id"].rsplit("_", 1)[-1], place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return picture


def draw_histogram(path: str, description: dict[str, Any]) -> None:
    """Draw the pooled histogram, and the threshold in it."""
    from matplotlib.figure import Figure

    counts, thresholds = np.asarray(description["histogram"]), description["thresholds"]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(256) + 0.5, counts, width=1.0, color="0.45")
    axes.axvline(thresholds["level"], color="tab:red", label=f"threshold {thresholds['level']:.0f}: ground lies above")
    axes.set(yscale="log", xlim=(0, 256), ylabel="blocks", xlabel=_AXIS[thresholds["ground"]], title=thresholds["how"])
    axes.legend()
    figure.savefig(path, dpi=120)
