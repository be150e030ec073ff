"""Grains drawn by rule, for SYNTHETIC plates: no photograph is behind them.

Each kind is a recipe of a solid (a height above the plate), its colour and how much of the plate shines through it. The
recipes imitate what a marine sediment shows under a stereo microscope; they are caricatures, good for testing whether
grains are found, grouped and counted, and worth nothing as a picture of a species.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Grain:
    """A grain seen from above, without light, blur or place: what a plate is composed of.

    Attributes
    ----------
    kind : str
        What it is.
    albedo : ndarray of float32, shape (h, w, 3)
        Red, green and blue it reflects, 0 to 1; goes on a little beyond the outline, so that a blur drags nothing in.
    coverage : ndarray of float32, shape (h, w)
        How much of a pixel the grain covers, 0 to 1. Its outline is where this crosses 0.5.
    opacity : ndarray of float32, shape (h, w)
        How much of the plate it hides, 0 to 1: 1 for a mineral, about 0.4 in the middle of a clear quartz.
    height : ndarray of float32, shape (h, w)
        Height of the surface above the plate, in pixels of this array.
    relief : float
        How strongly the light models the surface: 1 fully, 0 not at all (a photograph has its light already).
    gloss : float
        Strength of the highlights, 0 to 1.
    """

    kind: str
    albedo: Field
    coverage: Field
    opacity: Field
    height: Field
    relief: float = 1.0
    gloss: float = 0.1


@dataclass(frozen=True)
class _Canvas:
    """A square from -1.25 to 1.25 in which a solid of radius about 1 is drawn."""

    rng: np.random.Generator
    side: int

    @property
    def scale(self) -> float:
        return self.side / 2.5

    def axes(self) -> tuple[Field, Field]:
        along = np.linspace(-1.25, 1.25, self.side, dtype=np.float32)
        return along[None, :], along[:, None]

    def clouds(self, cells: int) -> Field:
        """Smooth noise of standard deviation about 1, with ``cells`` lumps along a side."""
        coarse = self.rng.standard_normal((cells + 3, cells + 3), dtype=np.float32)
        return np.asarray(cv2.resize(coarse, (self.side, self.side), interpolation=cv2.INTER_CUBIC))

    def speckle(self, sigma: float) -> Field:
        """Fine noise of standard deviation 1, correlated over ``sigma`` pixels."""
        noise = cv2.GaussianBlur(self.rng.standard_normal((self.side, self.side), dtype=np.float32), (0, 0), sigma)
        return np.asarray(noise / max(float(noise.std()), 1e-6), dtype=np.float32)


def draw_grain(kind: str, rng: np.random.Generator, side: int = 320) -> Grain:
    """Draw one grain of one of `KINDS` on a square of a side in pixels, cut to its outline with a small margin.

    The generator decides shape, colour and surface.
    """
    return _cropped(_RECIPES[kind](_Canvas(rng, side)))


def _polyhedron(canvas: _Canvas, faces: int, elongation: float, roundness: float) -> Field:
    """Height of a faceted solid: the lowest of a ring of steep planes and of two or three gentle ones on top."""
    rng = canvas.rng
    x, y = canvas.axes()
    wobble = 0.03 + 0.05 * roundness
    x = x + wobble * canvas.clouds(7)
    y = np.asarray((y + wobble * canvas.clouds(7)) * np.float32(elongation))
    azimuth = (np.arange(faces) + rng.uniform(-0.35, 0.35, faces)) * 2 * np.pi / faces
    offset = rng.uniform(0.75, 1.0, faces)
    slope = rng.uniform(0.7, 2.2, faces)
    top = rng.integers(2, 4)
    planes: list[Field] = [
        s * (o - (x * np.cos(a) + y * np.sin(a))) for a, o, s in zip(azimuth, offset, slope, strict=True)
    ]
    planes += [
        rng.uniform(0.5, 0.7) + rng.uniform(-0.35, 0.35) * x + rng.uniform(-0.35, 0.35) * y for _ in range(int(top))
    ]
    height = np.min(np.broadcast_arrays(*planes), axis=0).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(height, (0, 0), (0.006 + 0.05 * roundness) * canvas.side))


def _balls(canvas: _Canvas, centres: NDArray[np.float64], radii: NDArray[np.float64]) -> Field:
    """Height of a heap of balls whose centres are given as x, y, z; negative where there is none."""
    x, y = canvas.axes()
    height = np.full((canvas.side, canvas.side), -1.0, dtype=np.float32)
    for (cx, cy, cz), radius in zip(centres, radii, strict=True):
        rest = radius**2 - (x - cx) ** 2 - (y - cy) ** 2
        ball = np.where(rest > 0, cz + np.sqrt(np.maximum(rest, 0)), -1.0)
        height = np.maximum(height, ball).astype(np.float32)
    return height


def _solid(
    canvas: _Canvas,
    kind: str,
    height: Field,
    colour: Field,
    *,
    opacity: Field | None = None,
    relief: float = 1.0,
    gloss: float = 0.1,
) -> Grain:
    inside = _largest_part(height > 0)
    coverage = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.7)
    pixels = np.maximum(height, 0).astype(np.float32) * np.float32(canvas.scale)
    hidden = np.ones_like(coverage) if opacity is None else opacity
    return Grain(kind, np.clip(colour, 0, 1), coverage, np.clip(hidden, 0, 1), pixels, relief, gloss)


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _tinted(colour: tuple[float, float, float], *fields: NDArray[Any]) -> Field:
    """Return one colour, made lighter and darker by the sum of fields."""
    light = np.asarray(1 + sum(fields), dtype=np.float32)
    return (np.asarray(colour, dtype=np.float32) * light[..., None]).astype(np.float32)


def _steepness(height: Field, scale: float) -> Field:
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=scale / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=scale / 8)
    return np.asarray(1 - 1 / np.sqrt(1 + dx**2 + dy**2), dtype=np.float32)


def _quartz(canvas: _Canvas) -> Grain:
    """Clear glass: the plate shines through, most in the middle; cracks and the rim scatter and refract."""
    rng = canvas.rng
    height = _polyhedron(canvas, int(rng.integers(6, 10)), rng.uniform(1.0, 1.5), rng.uniform(0, 0.25))
    steep = _steepness(height, canvas.scale)
    cracks = np.exp(-((canvas.clouds(4) / 0.06) ** 2)) * (canvas.clouds(3) > 0.3)
    haze = rng.uniform(0.22, 0.55)
    opacity = haze + 0.55 * steep + 0.35 * cracks + 0.07 * canvas.clouds(6)
    tone = (0.80 + rng.uniform(-0.05, 0.05), 0.80, 0.76 + rng.uniform(-0.08, 0.05))
    colour = _tinted(tone, -0.9 * steep * (0.6 + 0.25 * canvas.clouds(5)), 0.2 * cracks, 0.05 * canvas.clouds(8))
    return _solid(canvas, "quartz", height, colour, opacity=opacity, relief=0.6, gloss=rng.uniform(0.4, 0.8))


def _dark_mineral(canvas: _Canvas) -> Grain:
    """Black to brown or bottle-green prisms with cleavage and shiny faces, such as hornblende and pyroxene."""
    rng = canvas.rng
    height = _polyhedron(canvas, int(rng.integers(4, 8)), rng.uniform(1.1, 2.0), rng.uniform(0, 0.3))
    _, y = canvas.axes()
    cleavage = 0.12 * np.sin(rng.uniform(25, 45) * y + 1.5 * canvas.clouds(4))
    black, brown, bottle = (0.10, 0.10, 0.11), (0.20, 0.13, 0.09), (0.09, 0.13, 0.10)
    tone = [black, brown, bottle][int(rng.integers(3))]
    colour = _tinted(tone, cleavage.astype(np.float32), 0.15 * canvas.clouds(10))
    return _solid(canvas, "dark mineral", height, colour, gloss=rng.uniform(0.3, 0.7))


def _rock_fragment(canvas: _Canvas) -> Grain:
    """Opaque, dull and speckled pieces of rock, grey to reddish brown, more rounded than the minerals."""
    rng = canvas.rng
    height = _polyhedron(canvas, int(rng.integers(7, 12)), rng.uniform(1.0, 1.4), rng.uniform(0.6, 1.0))
    height = height + 0.012 * canvas.clouds(24)
    grey, brown, red = (0.42, 0.40, 0.38), (0.47, 0.36, 0.26), (0.50, 0.30, 0.24)
    tone = [grey, brown, red][int(rng.integers(3))]
    spots = np.tanh(2 * canvas.speckle(0.012 * canvas.side))
    return _solid(canvas, "rock fragment", height, _tinted(tone, 0.22 * spots, 0.12 * canvas.clouds(5)), gloss=0.05)


_Test = tuple[Field, Field]  # of a foraminifer: its height, and what darkens it (mouth, sutures)


def _globular_test(canvas: _Canvas) -> _Test:
    """Four to six swelling chambers around a navel with the mouth, as in *Globigerina*."""
    rng = canvas.rng
    count = int(rng.integers(4, 7))
    growth = rng.uniform(1.08, 1.25)
    radii = growth ** np.arange(count, dtype=float)
    angle = np.cumsum(np.full(count, 2 * np.pi / (count + rng.uniform(-0.3, 0.2)))) + rng.uniform(0, 2 * np.pi)
    distance = radii * rng.uniform(1.0, 1.15) / (2 * np.sin(np.pi / count)) * 1.15
    centres = np.stack([distance * np.cos(angle), distance * np.sin(angle), radii * rng.uniform(0.9, 1.1)], axis=1)
    reach = float((np.hypot(centres[:, 0], centres[:, 1]) + radii).max())
    height = _balls(canvas, np.vstack([centres, [0, 0, 0.4]]) / reach, np.append(radii, 0.8) / reach)
    x, y = canvas.axes()
    mouth = centres[-1, :2] / reach * 0.35
    hole = np.exp(-((((x - mouth[0]) / 0.16) ** 2 + ((y - mouth[1]) / 0.11) ** 2) ** 2))
    return height, -0.75 * hole.astype(np.float32)


def _coiled_test(canvas: _Canvas) -> _Test:
    """A flat lens of eight to fourteen chambers with bent sutures, as in *Elphidium* or *Cibicides*."""
    rng = canvas.rng
    x, y = canvas.axes()
    y = y * rng.uniform(1.0, 1.25)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    count = int(rng.integers(8, 15))
    edge = 0.95 + 0.035 * np.cos(count * angle) + 0.10 * (angle / (2 * np.pi))
    height = np.where(radius < edge, 0.12 + 0.45 * np.sqrt(np.maximum(1 - (radius / edge) ** 2, 0)), -1.0)
    bend = rng.uniform(0.8, 1.8) * rng.choice([-1, 1])
    between = np.cos(count * (angle + bend * radius**2 / 2))
    suture = np.exp((between - 1) * 9) * (radius > 0.22)
    knob = np.exp(-((radius / 0.22) ** 2))
    height = np.where(height > 0, height - 0.05 * suture + 0.06 * knob, height)
    return height.astype(np.float32), (-0.40 * suture + 0.12 * knob).astype(np.float32)


def _rowed_test(canvas: _Canvas) -> _Test:
    """Chambers in one or two rows that widen towards the mouth, as in *Nodosaria* and *Bolivina*."""
    rng = canvas.rng
    count = int(rng.integers(6, 10))
    radii = np.linspace(rng.uniform(0.45, 0.7), 1.0, count) * 0.30
    two_rows = rng.random() < 0.5
    step = np.cumsum(np.append(0, radii[:-1] * (rng.uniform(0.75, 0.9) if two_rows else rng.uniform(1.1, 1.4))))
    side = 0.6 * two_rows * radii * np.where(np.arange(count) % 2, 1, -1)
    bow = rng.uniform(-0.25, 0.25) * (step - step.mean()) ** 2
    centres = np.stack([side + bow, step - step.mean(), radii], axis=1)
    reach = float(np.abs(centres[:, 1]).max() + radii.max())
    height = _balls(canvas, centres / reach, radii / reach)
    x, y = canvas.axes()
    mouth = centres[-1, :2] / reach + [0, radii[-1] / reach * 0.75]
    hole = np.exp(-(((x - mouth[0]) / 0.05) ** 2 + ((y - mouth[1]) / 0.04) ** 2))
    return height, -0.7 * hole.astype(np.float32)


def _shell(canvas: _Canvas, kind: str, test: _Test) -> Grain:
    """Chalky wall: white, cream or beige, with pores, dull, hiding the plate nearly wholly."""
    rng = canvas.rng
    height, dark = test
    white, cream, beige = (0.93, 0.91, 0.86), (0.88, 0.80, 0.66), (0.78, 0.67, 0.50)
    tone = [white, cream, beige][int(rng.choice(3, p=[0.35, 0.4, 0.25]))]
    pores = -0.10 * (canvas.speckle(max(0.006 * canvas.side, 0.6)) > 1)
    creases = -0.5 * np.clip(cv2.GaussianBlur(height, (0, 0), 0.02 * canvas.side) - height, 0, 0.3)
    creases = np.where(height > 0, creases, 0)
    colour = _tinted(tone, dark, pores.astype(np.float32), creases.astype(np.float32), 0.05 * canvas.clouds(4))
    opacity = np.full_like(height, rng.uniform(0.86, 1.0))
    return _solid(canvas, kind, height, colour, opacity=opacity, relief=0.9, gloss=rng.uniform(0.05, 0.2))


def _planktic(canvas: _Canvas) -> Grain:
    return _shell(canvas, "planktic foraminifer", _globular_test(canvas))


def _benthic(canvas: _Canvas) -> Grain:
    test = _coiled_test if canvas.rng.random() < 0.6 else _rowed_test
    return _shell(canvas, "benthic foraminifer", test(canvas))


def _fragment(canvas: _Canvas) -> Grain:
    """A foraminifer broken along a ragged line: a third to two thirds of it, often hollow at the break."""
    rng = canvas.rng
    recipe = [_globular_test, _globular_test, _coiled_test][int(rng.integers(3))]
    height, dark = recipe(canvas)
    x, y = canvas.axes()
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.uniform(0, 2 * np.pi)
        beyond = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.05, 0.25) + 0.07 * canvas.clouds(8)
        hollow = np.exp(-((beyond / 0.2) ** 2)) * (beyond < 0)
        height = np.where(beyond > 0, -1.0, np.where(height > 0, height * (1 - 0.6 * hollow), height))
        dark = dark - 0.3 * hollow
    return _shell(canvas, "foraminifer fragment", (height.astype(np.float32), dark.astype(np.float32)))


def _cropped(grain: Grain) -> Grain:
    """Cut the arrays to the outline with a margin of 4 pixels."""
    x, y, w, h = cv2.boundingRect((grain.coverage > 0.02).astype(np.uint8))
    rows, columns = slice(max(y - 4, 0), y + h + 4), slice(max(x - 4, 0), x + w + 4)
    fields = ("albedo", "coverage", "opacity", "height")
    return replace(grain, **{name: getattr(grain, name)[rows, columns] for name in fields})


_RECIPES: dict[str, Callable[[_Canvas], Grain]] = {
    "quartz": _quartz,
    "dark mineral": _dark_mineral,
    "rock fragment": _rock_fragment,
    "planktic foraminifer": _planktic,
    "benthic foraminifer": _benthic,
    "foraminifer fragment": _fragment,
}

KINDS: tuple[str, ...] = tuple(_RECIPES)
"""The kinds that `draw_grain` knows."""
