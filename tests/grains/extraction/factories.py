"""Small plates of discs, and folders of their photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 240, 320
GREEN, DARK, LIGHT = (50, 175, 60), (22, 22, 24), (222, 222, 216)
DISCS = ((70, 80, 30), (200, 120, 40))
"""x, y and radius of the grains of a plate, in pixels."""


def plate(
    discs: Sequence[tuple[float, float, float]] = DISCS,
    *,
    ground: tuple[int, int, int] = GREEN,
    colour: tuple[int, int, int] = (200, 195, 185),
    blur: float = 1.0,
    uneven: float = 0.15,
    seed: int = 0,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> NDArray[np.uint8]:
    """A photograph: discs of one colour on a plate, in uneven light, with noise."""
    rng = np.random.default_rng(seed)
    picture = np.empty((*size, 3), np.float32)
    picture[:] = ground
    for x, y, radius in discs:
        cv2.circle(picture, (round(x), round(y)), round(radius), colour, -1)
    picture = cv2.GaussianBlur(picture, (0, 0), blur)
    x = np.linspace(-1, 1, size[1], dtype=np.float32)
    picture *= (1 - uneven * x**2)[None, :, None]
    return np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).round().astype(np.uint8)


def photographs(
    folder: Path,
    n_stacks: int = 3,
    *,
    layers: int = 3,
    suffix: str = ".png",
    discs: Sequence[tuple[float, float, float]] = DISCS,
    **options: object,
) -> Path:
    """Write stacks ``S0_L0.png`` …; the middle layer is the sharpest."""
    folder.mkdir(parents=True, exist_ok=True)
    for stack in range(n_stacks):
        for layer in range(layers):
            blur = 0.7 + 1.2 * abs(layer - layers // 2)
            picture = plate(discs, blur=blur, seed=100 * stack + layer, **options)
            Image.fromarray(picture).save(folder / f"S{stack}_L{layer}{suffix}")
    return folder
