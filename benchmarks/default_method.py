"""What the rule of the default method measures on every set at hand, and what it chooses; in seconds, without a fit.

    python benchmarks/default_method.py

Beside the sets as they are, sets are measured in other forms: blurred, with noise, enlarged, smaller. Labels are not read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import record
from numpy.typing import NDArray
from sets import SETS, input_of

from facies.images import ImageSet, open_images
from facies.methods import make_method
from facies.workflows.default_method import (
    MOST_SHADING,
    MOST_THICKNESS,
    choose_method,
    default_methods,
    measure_figures,
)

FORMS = ("usps", "mnist-10k", "fashion-10k", "microfossils", "rice", "zooplankton")
TILE, BETWEEN = 64, 100


def main() -> None:
    """Measure all sets anew."""
    rows = [row(name, images) for name, images in every_set()]
    limits = {"shading": MOST_SHADING, "thickness": MOST_THICKNESS}
    record.keep("default-method", {"limits": limits, "rows": rows, "machine": record.machine()})


def every_set() -> list[tuple[str, ImageSet]]:
    """The labelled sets, tiles of electron microscopy, letters drawn from fonts, and some of them in other forms."""
    found = [(name, open_images(input_of(name))) for name in SETS]
    found += [(name, open_images(tiles(file, array))) for name, file, array in EM]
    found += [(f"letters, {style}", open_images(letters(side, style))) for style, side in STYLES.items()]
    return found + [
        (f"{name}, {form}", open_images(change(pixels_of(name)))) for name in FORMS for form, change in CHANGES.items()
    ]


def row(name: str, images: ImageSet) -> dict[str, Any]:
    """Measures, and the method chosen with its reason."""
    measured = measure_figures(images)
    method, note = choose_method([make_method(each, "quick") for each in default_methods(())], images)
    print(f"{name:32s} shading {measured.shading:.3f}, thickness {measured.thickness:.3f}: {method.name}", flush=True)
    return {
        "set": name,
        "n_images": len(images),
        "shape": list(images.image_shape),
        "shading": measured.shading,
        "thickness": measured.thickness,
        "method": method.name,
        "why": note.split("; choose otherwise")[0],
    }


EM = (("em-fly tiles", "em-fly/em_fly_medulla.npz", "volume"), ("em-vnc tiles", "em-vnc/em_vnc.npz", "volume"))


def tiles(file: str, array: str) -> NDArray[Any]:
    """Tiles of the slices of a volume."""
    with np.load(record.SHARED / Path(file)) as held:
        volume = held[array]
    _, height, width = volume.shape
    corners = [(y, x) for y in range(0, height - TILE + 1, BETWEEN) for x in range(0, width - TILE + 1, BETWEEN)]
    return np.stack([slice_[y : y + TILE, x : x + TILE] for slice_ in volume[::10] for y, x in corners])


STYLES = {"thin": 28, "bold": 28, "thin, of two values": 105}


def letters(side: int, style: str) -> NDArray[np.uint8]:
    """Letters and digits of the three fonts that come with matplotlib, black on white."""
    import matplotlib as mpl
    from PIL import Image, ImageDraw, ImageFont

    weight = "-Bold" if style == "bold" else ""
    pictures = []
    for font in ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono"):
        drawn = ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", f"{font}{weight}.ttf"), side * 3 // 4)
        for sign in "ABCDEFGHKMNQRSTWXabcdefgkmswx0123456789ЖФЩЪЮ":
            picture = Image.new("L", (side, side), 255)
            ImageDraw.Draw(picture).text((side // 2, side // 2), sign, font=drawn, fill=0, anchor="mm")
            pictures.append(np.array(picture))
    found = np.stack(pictures)
    return np.where(found > 127, 255, 0).astype(np.uint8) if style.endswith("two values") else found


def pixels_of(name: str) -> NDArray[np.float32]:
    """At most 500 images of a set in grey, evenly spaced, from 0 to 1."""
    images = open_images(input_of(name), channels="grey")
    rows = np.unique(np.linspace(0, len(images) - 1, min(500, len(images))).astype(int))
    pixels = images.__getitems__(rows).numpy()[:, 0]
    found: NDArray[np.float32] = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    return found


def blurred(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """By one pixel."""
    from scipy.ndimage import gaussian_filter

    found: NDArray[np.float32] = gaussian_filter(pixels, (0, 1, 1))
    return found


def noisy(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """With noise of 5 % of the range."""
    found: NDArray[np.float32] = pixels + np.random.default_rng(0).normal(0, 0.05, pixels.shape).astype(np.float32)
    return found


def resized(side: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """To a longer side."""

    def change(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        import cv2

        method = cv2.INTER_AREA if side < max(pixels.shape[1:]) else cv2.INTER_LINEAR
        return np.stack([cv2.resize(each, (side, side), interpolation=method) for each in pixels])

    return change


CHANGES = {"blurred by 1 pixel": blurred, "noise 5 %": noisy, "at 20 pixels": resized(20), "at 96 pixels": resized(96)}


if __name__ == "__main__":
    main()
