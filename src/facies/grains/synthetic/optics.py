"""The microscope of SYNTHETIC plates: light on a grain, blur by distance from the focus, uneven light, noise.

The blur is that of a thin lens near its focus: the radius of the disc grows in proportion to the distance of the surface
from the plane in focus. It is drawn as a Gaussian, whose width changes over a grain with the height of its surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.synthetic.shapes import Grain

Field = NDArray[np.float32]

BLUR_PER_DISTANCE = 0.028
"""Standard deviation of the blur, pixels, for each pixel of distance between a surface and the plane in focus."""

SHARPEST = 0.6
"""Standard deviation of the blur of what is in focus, pixels."""

_SHIFTS = 64
"""Pixels by which the field of noise is larger than the photograph, each way."""

_STEPS = (0.0, 0.25, 0.55, 1.0)
"""Blurs that are computed, as shares of the widest; those between are mixed."""

BACKGROUNDS: dict[str, tuple[float, float, float]] = {
    "green": (0.20, 0.68, 0.24),
    "dark": (0.055, 0.055, 0.06),
    "light": (0.86, 0.86, 0.84),
}
"""Mean colour of each plate: red, green, blue, 0 to 1."""


@dataclass(frozen=True)
class LitGrain:
    """A grain in the light: what blurs are taken of.

    `painted`, (h, w, 4), is red, green and blue that it sends, times opacity; and opacity times coverage. Its surface
    lies at `height`, (h, w), above the plate in pixels, which goes on beyond the outline.
    """

    painted: Field
    height: Field


def light_grain(grain: Grain, lamp: NDArray[np.float64], plate: Field, lift: float) -> LitGrain:
    """Shade a grain, and tint its steep rim by the colour that the plate throws back.

    The lamp is a unit vector towards it: x right, y down, z up; the plate its mean colour; the lift how far the grain's
    lowest point is above the plate, in pixels.
    """
    smooth = cv2.GaussianBlur(grain.height, (0, 0), 1.2)
    dx = np.clip(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), -4, 4)
    dy = np.clip(cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8), -4, 4)
    upright = 1 / np.sqrt(1 + dx**2 + dy**2)
    lambert = np.maximum((lamp[2] - dx * lamp[0] - dy * lamp[1]) * upright, 0)
    shade = 1 + grain.relief * (0.5 + 0.62 * lambert - 1)
    half = lamp + np.array([0.0, 0.0, 1.0])
    half = half / np.linalg.norm(half)
    mirror = np.maximum((half[2] - dx * half[0] - dy * half[1]) * upright, 0) ** 40
    colour = grain.albedo * shade[..., None] + (grain.gloss * mirror)[..., None]
    colour = np.clip(colour + 0.3 * (1 - upright)[..., None] * plate * grain.albedo, 0, 1)
    cover = grain.coverage * grain.opacity
    painted = np.dstack([colour * cover[..., None], cover]).astype(np.float32)
    return LitGrain(painted, _extended(grain.height, grain.coverage) + np.float32(lift))


def _extended(height: Field, coverage: Field) -> Field:
    """Let the height at the rim go on outside, where the blurred rim will lie."""
    inside = (coverage > 0.5).astype(np.float32)
    both = np.dstack([height * inside, inside])
    wide = wide_blur(both, max(height.shape) / 12)
    return np.where(inside > 0, height, wide[..., 0] / (wide[..., 1] + 1e-3)).astype(np.float32)


def wide_blur(field: Field, width: float) -> Field:
    """Blur by a Gaussian much wider than a pixel, at a lower resolution that looks the same as the full one."""
    by = max(int(width / 2), 1)
    if by == 1:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), width))
    rows, columns = field.shape[:2]
    small = cv2.resize(field, (max(columns // by, 1), max(rows // by, 1)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), width / by)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR))


def blur_levels(grain: LitGrain, widest: float) -> list[Field]:
    """Blur a grain to each of a few widths, up to ``widest`` pixels: the slow part, done once for all focal layers."""
    widths = [np.hypot(SHARPEST, step * widest) for step in _STEPS]
    return [np.asarray(cv2.GaussianBlur(grain.painted, (0, 0), float(width))) for width in widths]


def in_focus_at(grain: LitGrain, levels: list[Field], widest: float, focus: float) -> Field:
    """Return a grain as the camera sees it when the plane ``focus`` pixels above the plate is sharp, (h, w, 4)."""
    blur = np.abs(grain.height - np.float32(focus)) * np.float32(BLUR_PER_DISTANCE / widest)
    image = np.zeros_like(grain.painted)
    for index, (level, step) in enumerate(zip(levels, _STEPS, strict=True)):
        weight = np.ones_like(blur)
        if index > 0:
            weight = np.minimum(weight, (blur - _STEPS[index - 1]) / (step - _STEPS[index - 1]))
        if index < len(levels) - 1:
            weight = np.minimum(weight, (_STEPS[index + 1] - blur) / (_STEPS[index + 1] - step))
        weight = np.maximum(weight, 0)
        if weight.any():
            image += level * weight[..., None]
    return image


def make_plate(rng: np.random.Generator, background: str, size: tuple[int, int], detail: float) -> Field:
    """Return an empty plate, (H, W, 3): its shade differs from plate to plate, with mottling, scratches and dust.

    The detail is the scale of the specks, 1 for grains of 280 pixels.
    """
    height, width = size
    tint = 0.06 if background == "green" else 0.02
    colour = np.array(BACKGROUNDS[background]) * rng.uniform(0.9, 1.1) * (1 + rng.uniform(-tint, tint, 3))
    mottle = cv2.resize(rng.standard_normal((9, 11), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    plate = colour.astype(np.float32) * (1 + 0.02 * mottle)[..., None]
    specks = np.zeros(size, dtype=np.uint8)
    for _ in range(int(rng.poisson(10 * height * width / (1024 * 1280)))):
        start = rng.integers(0, [width, height])
        end = start + np.rint(rng.normal(0, 7 * detail, 2)).astype(int)
        cv2.line(specks, start.tolist(), end.tolist(), int(rng.integers(60, 160)), 1 + int(rng.random() < 0.4))
    cover = cv2.GaussianBlur(specks, (0, 0), 1.0)[..., None].astype(np.float32) / 255
    dust = np.float32(0.75 if background != "light" else 0.45)
    return np.asarray(plate * (1 - cover) + dust * cover, dtype=np.float32)


@dataclass(frozen=True)
class Illumination:
    """Uneven light: a vignette off the middle and a slope, as a factor; and a veil of stray light, as a summand."""

    factor: Field
    veil: float

    @classmethod
    def draw(cls, rng: np.random.Generator, size: tuple[int, int], strength: float) -> Illumination:
        """Draw the light of one stage position; ``strength`` 0 is even, 1 as usual."""
        height, width = size
        y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
        cx, cy = rng.uniform(-0.4, 0.4, 2)
        falls = rng.uniform(0.10, 0.22) * ((x - cx) ** 2 + (y - cy) ** 2)
        angle = rng.uniform(0, 2 * np.pi)
        slope = rng.uniform(0.02, 0.10) * (x * np.cos(angle) + y * np.sin(angle))
        factor = 1 - strength * (falls + slope)
        return cls(np.repeat(factor.astype(np.float32)[..., None], 3, axis=2), strength * rng.uniform(0, 0.03))

    def falls_on(
        self, colour: Field, window: tuple[slice, slice] = (slice(None), slice(None)), cover: Field | float = 1.0
    ) -> Field:
        """Return what ``colour`` sends to the camera from a window of the plate of which it covers the share ``cover``."""
        lit = colour * self.factor[window]
        lit += np.float32(self.veil) * cover
        return lit


class Sensor:
    """Noise that grows with the root of the light, and 8 bits.

    One field of noise serves all layers of a stack, each with another shift: drawn anew, it would be half of the time.
    """

    def __init__(self, rng: np.random.Generator, level: Field, noise: float) -> None:
        height, width = level.shape[:2]
        spread = noise * np.sqrt(0.25 + np.clip(level, 0, 1))
        self._rng = rng
        self._spread = spread.astype(np.float32) * 255
        self._field = rng.standard_normal((height + _SHIFTS, width + _SHIFTS, 3), dtype=np.float32)

    def expose(self, light: Field) -> NDArray[np.uint8]:
        """Return the photograph of ``light``, (H, W, 3) in 0 to 1."""
        y, x = self._rng.integers(0, _SHIFTS + 1, 2)
        height, width = light.shape[:2]
        noisy = self._field[y : y + height, x : x + width] * self._spread
        return np.asarray(cv2.convertScaleAbs(cv2.scaleAdd(light, 255.0, noisy)))
