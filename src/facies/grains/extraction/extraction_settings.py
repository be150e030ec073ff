"""What decides which grains are cut out, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from facies.errors import InputError

Background = Literal["auto", "green", "dark", "light"]
PlateMode = Literal["keep", "even"]
Segmentation = Literal["candidates", "paper"]

OF_SEGMENTATION: dict[Segmentation, dict[str, float]] = {
    "candidates": {"superpixel": 16, "min_diameter": 16.0, "min_side": 1},
    "paper": {"superpixel": 66, "min_diameter": 1.0, "min_side": 40},
}
"""Settings that go with a segmentation where they are not given. 66 pixels cut 1280 × 1024 into 300 superpixels."""

SEEN = 16.0
"""Grains of this equivalent diameter, in pixels, are seen by superpixels of the default side."""


@dataclass(frozen=True)
class ExtractionSettings:
    """How grains are found in photographs and cut out.

    Parameters
    ----------
    background : {"auto", "green", "dark", "light"}
        What the grains lie on: a plate of a saturated colour, such as bright green; a plain dark background; a plain light
        one. ``auto`` infers it from the photographs.
    hue_gate : bool
        Whether a superpixel must also have the hue of the plate (within 20 degrees of its mode) to be background. For
        strongly coloured grains on a green plate.
    shine : bool
        Whether a superpixel that differs from the smooth colour field of the background is a grain also where it is as
        saturated as the plate, as translucent quartz is. Without it saturation alone decides, as in Golikov et al.
        (2022).
    segmentation : {"candidates", "paper"}
        Where superpixels are made. ``candidates``: in windows that may hold a grain, whose edge is then drawn between pixels.
        ``paper``: in the whole photograph, those of the mean saturation of the plate are dropped, and what touches is a
        grain, its outline that of its superpixels (Golikov et al. 2022). `shine` has no part in it; `of_segmentation` gives
        the superpixels and the smallest grain that go with it.
    superpixel : int
        The side of a superpixel in pixels of the photograph; smaller where grains may be smaller than 16 pixels.
    compactness : float
        Of the superpixels: how much nearness counts against colour (SLIC, Achanta et al. 2012).
    min_diameter : float
        The smallest equivalent diameter of a grain, that of the circle of its area, in pixels; by default that of a
        superpixel. It is the same however a grain lies.
    min_um : float or None
        The same in µm, in place of `min_diameter`, where the scale is known: photographs of two resolutions give the
        same grains.
    min_side, max_side : int
        The smallest and the largest longer side of a grain's box, in pixels; the former is the rule of the paper, and
        depends on how a grain lies.
    overlap : float
        Boxes of two layers are one grain from this intersection over union on.
    min_layers : int
        In how many layers a grain must be found; at most the number of layers.
    size : int
        The side of the crops, in pixels.
    plate : {"keep", "even"}
        What the crops show around a grain, and in which light: the photograph as it is; or a plate of one colour, and
        the grain as if the plate were lit evenly (see `BackgroundNormalisation`). Nothing else that is kept of a grain
        depends on it.
    um_per_px : float or None
        Micrometres a pixel.
    scale_bar_um : float or None
        The length of the scale bar in the photographs, in µm, in place of `um_per_px`.
    """

    background: Background = "auto"
    hue_gate: bool = False
    shine: bool = True
    segmentation: Segmentation = "candidates"
    superpixel: int = 16
    compactness: float = 10.0
    min_diameter: float = 16.0
    min_um: float | None = None
    min_side: int = 1
    max_side: int = 900
    overlap: float = 0.3
    min_layers: int = 2
    size: int = 280
    plate: PlateMode = "keep"
    um_per_px: float | None = None
    scale_bar_um: float | None = None

    @property
    def least_diameter(self) -> float:
        """The smallest equivalent diameter of a grain in pixels."""
        return self.min_diameter if self.min_um is None or self.um_per_px is None else self.min_um / self.um_per_px

    @property
    def superpixel_side(self) -> int:
        """The side of a superpixel in pixels: what is smaller by much is not seen."""
        smallest = self.least_diameter
        return self.superpixel if smallest >= SEEN else min(self.superpixel, max(4, int(smallest)))

    def check(self) -> None:
        """Raise an InputError that names the option for a value that cannot be meant."""
        if self.background not in get_args(Background):
            raise InputError(f"--background {self.background}: choose {', '.join(get_args(Background))}")
        if self.plate not in get_args(PlateMode):
            raise InputError(f"--plate {self.plate}: choose {', '.join(get_args(PlateMode))}")
        if self.segmentation not in get_args(Segmentation):
            raise InputError(f"--segmentation {self.segmentation}: choose {', '.join(get_args(Segmentation))}")
        if self.um_per_px is not None and not (math.isfinite(self.um_per_px) and self.um_per_px > 0):
            raise InputError(f"--um-per-px {self.um_per_px}: give micrometres a pixel, a number above 0, such as 1.25")
        if not 8 <= self.size <= 4096:
            raise InputError(f"--size {self.size}: the side of the crops is from 8 to 4096 pixels")
        self._check_sizes()
        if not 4 <= self.superpixel <= 200:
            raise InputError(f"--superpixel {self.superpixel}: the side of a superpixel is from 4 to 200 pixels")
        if not self.compactness > 0:
            raise InputError(f"--compactness {self.compactness}: give a number above 0, such as 10")
        if not 0 < self.overlap <= 1:
            raise InputError(f"--overlap {self.overlap}: give a share above 0 and up to 1, such as 0.3")
        if self.min_layers < 1:
            raise InputError(f"--min-layers {self.min_layers}: a grain is found in at least 1 layer")

    @classmethod
    def of_segmentation(cls, segmentation: Segmentation, **given: Any) -> ExtractionSettings:
        """Make the settings of a segmentation, and set others; None for those that go with it."""
        own = OF_SEGMENTATION.get(segmentation, {})
        return cls(segmentation=segmentation, **{**own, **{name: x for name, x in given.items() if x is not None}})

    def _check_sizes(self) -> None:
        known = self.um_per_px is not None or self.scale_bar_um is not None
        if self.um_per_px is not None and self.scale_bar_um is not None:
            raise InputError("--um-per-px and --scale-bar-um both give the scale: give one of them")
        for name, length in (("--scale-bar-um", self.scale_bar_um), ("--min-um", self.min_um)):
            if length is not None and not (math.isfinite(length) and length > 0):
                raise InputError(f"{name} {length}: give a length in micrometres, a number above 0")
        if self.min_um is not None and not known:
            raise InputError(
                f"--min-um {self.min_um:g}: the scale is not known: give --um-per-px or --scale-bar-um too"
            )
        if self.min_um is not None and self.um_per_px is not None and not 1 <= self.least_diameter <= self.max_side:
            raise InputError(
                f"--min-um {self.min_um:g} is {self.least_diameter:.3g} pixels at {self.um_per_px:g} µm a pixel, and "
                f"grains are from 1 to --max-side {self.max_side} pixels: is the scale in µm, not in mm?"
            )
        for name, smallest in (("--min-diameter", self.min_diameter), ("--min-side", self.min_side)):
            if not 1 <= smallest <= self.max_side:
                raise InputError(
                    f"{name} {smallest:g}, --max-side {self.max_side}: grains are from 1 pixel on, and the smallest is not "
                    "larger than the largest"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return all of them, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> ExtractionSettings:
        """Make settings of what `to_dict` gave; unknown names are passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in saved.items() if name in known})
