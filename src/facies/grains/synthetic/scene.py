"""One SYNTHETIC focal stack: grains laid on a plate, lit, and photographed layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.synthetic.optics import (
    BACKGROUNDS,
    BLUR_PER_DISTANCE,
    Illumination,
    Sensor,
    blur_levels,
    in_focus_at,
    light_grain,
    make_plate,
    wide_blur,
)
from facies.grains.synthetic.placement import PlacedGrain, place_grains
from facies.grains.synthetic.shapes import KINDS, Grain, draw_grain

Seed = int | Sequence[int] | np.random.Generator


@dataclass(frozen=True)
class Plate:
    """A synthetic focal stack and the truth about it.

    Attributes
    ----------
    images : ndarray of uint8, shape (L, H, W, 3)
        One photograph a focal layer, RGB, from the plate upwards.
    instances : ndarray of uint16, shape (H, W)
        0 where the plate is visible, else 1 + the row of ``grains``; as in focus. A later grain lies over an earlier one.
    grains : DataFrame
        One row a grain: ``kind``; ``x0, y0, x1, y1``, its box in pixels, half-open; ``area_px``; ``cut``, whether it goes
        on beyond the photograph; ``touching``, whether it meets another; ``layer``, the one in which most of its surface
        is sharp; ``height_px``, the middle height of its surface above the plate.
    """

    images: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    grains: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """What lies on a plate, and how it is photographed.

    Attributes
    ----------
    grains : sequence of str, mapping of str to float, or sequence of Grain
        Kinds to draw by rule, all equally often; or kinds with how often each comes; or grains to choose from, such as
        `facies.grains.synthetic.grains_from_crops` cuts out. They are turned, mirrored and scaled anew each time.
    size : tuple of int
        Height and width of the photographs, pixels.
    layers : int
        Focal layers. The first is sharp at the plate, the last above the highest grains.
    n_grains : int
        Grains on the plate.
    grain_size : float
        Mean side of a grain's box, pixels. Single grains vary about it by a quarter.
    touching : int
        Pairs of grains that touch, among ``n_grains``.
    cut : int
        Grains that the border cuts, among ``n_grains``.
    gap : float, optional
        Least distance between grains that do not touch, and of whole grains from the border, pixels. An eighth of
        ``grain_size`` by default.
    background : {"green", "dark", "light"}
        The plate.
    uneven_light : float
        Strength of vignette, slope and stray light; 0 lights the plate evenly.
    noise : float
        Standard deviation of the noise, as a share of the full scale, in the light parts.
    """

    grains: Sequence[str] | Mapping[str, float] | Sequence[Grain] = KINDS
    size: tuple[int, int] = (1024, 1280)
    layers: int = 6
    n_grains: int = 3
    grain_size: float = 280.0
    touching: int = 0
    cut: int = 0
    gap: float | None = None
    background: str = "green"
    uneven_light: float = 1.0
    noise: float = 0.012

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise InputError(f"background {self.background!r} is unknown: choose one of {', '.join(BACKGROUNDS)}")
        if self.layers < 1:
            raise InputError(f"layers is {self.layers}: a stack has at least one")
        if self.n_grains < 0 or self.touching < 0 or self.cut < 0:
            raise InputError(
                f"n_grains {self.n_grains}, touching {self.touching}, cut {self.cut}: none may be negative"
            )
        if 2 * self.touching + self.cut > self.n_grains:
            raise InputError(
                f"{self.touching} touching pairs and {self.cut} cut grains are more than n_grains, {self.n_grains}: "
                "raise it"
            )
        if not self.grain_size >= 12:
            raise InputError(f"grain_size is {self.grain_size:g} pixels: grains need at least 12 to have a shape")
        if min(self.size) < 2 * self.grain_size:
            raise InputError(
                f"a plate of {self.size[1]} × {self.size[0]} pixels is too small for grains of {self.grain_size:g}: it "
                "needs at least twice that each way"
            )


def render_stack(seed: Seed, **settings: Any) -> Plate:
    """Render one SYNTHETIC focal stack.

    Parameters
    ----------
    seed : int, sequence of int or numpy.random.Generator
        The same seed and settings give the same pixels.
    **settings
        Fields of `SceneSettings`.

    Raises
    ------
    InputError
        If a setting cannot be, or the grains do not fit on the plate.
    """
    scene = SceneSettings(**settings)
    rng = np.random.default_rng(seed)
    choose = _chooser(scene.grains, scene.grain_size)
    placed = place_grains(
        rng,
        [choose(rng) for _ in range(scene.n_grains)],
        scene.size,
        sizes=scene.grain_size * np.clip(np.exp(rng.normal(-0.03, 0.25, scene.n_grains)), 0.6, 1.7),
        touching=scene.touching,
        cut=scene.cut,
        gap=scene.grain_size / 8 if scene.gap is None else scene.gap,
    )
    instances = _instances(placed, scene.size)
    span = 0.8 * scene.grain_size
    focus = np.linspace(0, span, scene.layers) if scene.layers > 1 else np.array([0.35 * span])
    images = _photographs(rng, placed, focus, scene)
    return Plate(images, instances, _table(placed, instances, focus))


def _chooser(
    grains: Sequence[str] | Mapping[str, float] | Sequence[Grain], grain_size: float
) -> Callable[[np.random.Generator], Grain]:
    if len(grains) == 0:
        raise InputError("there are no grains to choose from: give kinds or cut-out grains")
    kinds: list[str | Grain] = list(grains)
    shares = np.full(len(kinds), 1 / len(kinds))
    if isinstance(grains, Mapping):
        often = np.array(list(grains.values()), dtype=float)
        if not (np.isfinite(often).all() and (often >= 0).all() and often.sum() > 0):
            raise InputError(f"the shares of the kinds are {dict(grains)}: give numbers of at least 0, not all 0")
        shares = often / often.sum()
    unknown = [kind for kind in kinds if isinstance(kind, str) and kind not in KINDS]
    if unknown:
        raise InputError(f"no grain of kind {unknown[0]!r} can be drawn: there are {', '.join(KINDS)}")
    side = int(np.clip(1.4 * grain_size, 64, 340))

    def choose(rng: np.random.Generator) -> Grain:
        kind = kinds[int(rng.choice(len(kinds), p=shares))]
        return draw_grain(kind, rng, side) if isinstance(kind, str) else kind

    return choose


def _instances(placed: Sequence[PlacedGrain], size: tuple[int, int]) -> NDArray[np.uint16]:
    instances = np.zeros(size, dtype=np.uint16)
    for number, grain in enumerate(placed, start=1):
        inside, own = grain.window(size)
        instances[inside][grain.mask[own]] = number
    return instances


def _table(placed: Sequence[PlacedGrain], instances: NDArray[np.uint16], focus: NDArray[np.float64]) -> pd.DataFrame:
    rows = []
    for number, grain in enumerate(placed, start=1):
        mask = (instances == number).astype(np.uint8)
        x, y, w, h = cv2.boundingRect(mask)
        around = instances[cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0]
        surface = float(np.median(grain.grain.height[grain.mask])) + grain.lift
        touching = bool(np.any((around != 0) & (around != number)))
        layer = int(np.argmin(np.abs(focus - surface)))
        place = (x, y, x + w, y + h, int(mask.sum()), grain.is_cut(instances.shape))
        rows.append((grain.grain.kind, *place, touching, layer, round(surface, 1)))
    columns = ["kind", "x0", "y0", "x1", "y1", "area_px", "cut", "touching", "layer", "height_px"]
    return pd.DataFrame(rows, columns=columns)


def _photographs(
    rng: np.random.Generator, placed: Sequence[PlacedGrain], focus: NDArray[np.float64], scene: SceneSettings
) -> NDArray[np.uint8]:
    plate = make_plate(rng, scene.background, scene.size, scene.grain_size / 280)
    azimuth, altitude = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.1)
    lamp = np.array([np.cos(azimuth) * np.cos(altitude), np.sin(azimuth) * np.cos(altitude), np.sin(altitude)])
    green = np.array(cv2.mean(plate)[:3], dtype=np.float32)
    lit = []
    for grain in placed:
        lit.append(light_grain(grain.grain, lamp, green, grain.lift))
        _cast_shadow(plate, grain, lamp)
    highest = max((float(lit_grain.height.max()) for lit_grain in lit), default=0.0)
    widest = BLUR_PER_DISTANCE * max(highest, float(focus.max()), 1.0)
    levels = [blur_levels(lit_grain, widest) for lit_grain in lit]
    light = Illumination.draw(rng, scene.size, scene.uneven_light)
    sensor = Sensor(rng, plate, scene.noise)
    sharp = light.falls_on(plate)
    dull = wide_blur(sharp, widest)
    images = np.empty((len(focus), *scene.size, 3), dtype=np.uint8)
    for layer, plane in enumerate(focus):
        away = float(plane) * BLUR_PER_DISTANCE / widest
        image = cv2.addWeighted(sharp, 1 - away, dull, away, 0)
        for grain, lit_grain, blurred in zip(placed, lit, levels, strict=True):
            inside, own = grain.window(scene.size)
            over = in_focus_at(lit_grain, blurred, widest, float(plane))[own]
            image[inside] *= 1 - over[..., 3:]
            image[inside] += light.falls_on(over[..., :3], inside, over[..., 3:])
        images[layer] = sensor.expose(image)
    return images


def _cast_shadow(plate: NDArray[np.float32], grain: PlacedGrain, lamp: NDArray[np.float64]) -> None:
    """Darken the plate beside a grain, away from the lamp: weakly, since such plates are lit from all sides."""
    inside, own = grain.window(plate.shape[:2])
    reach = 0.07 * float(np.sqrt(grain.mask.sum()))
    move = np.array([[1, 0, -reach * lamp[0]], [0, 1, -reach * lamp[1]]], dtype=np.float32)
    cover = grain.grain.coverage * grain.grain.opacity
    dark = cv2.warpAffine(cover, move, cover.shape[::-1])
    dark = cv2.GaussianBlur(dark, (0, 0), max(0.35 * reach, 1.0))[own]
    plate[inside] *= 1 - 0.28 * dark[..., None]
