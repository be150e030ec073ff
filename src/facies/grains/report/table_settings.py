"""What the expert may choose about the tables of grains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facies.errors import InputError
from facies.statistics import parse_ratio

Diameter = Literal["equivalent", "feret_min", "feret_max"]
DepthModel = Literal["wright", "van der zwaan"]

COLUMN_OF_DIAMETER: dict[str, str] = {
    "equivalent": "equivalent_diameter",
    "feret_min": "feret_min",
    "feret_max": "feret_max",
}


@dataclass(frozen=True)
class GrainSettings:
    """Choices behind the tables of grains; they are printed with the tables.

    Attributes
    ----------
    um_per_px : float, optional
        Micrometres a pixel. Without it the run's own; if the run has none, sizes are in pixels and there is no φ.
    diameter : {"equivalent", "feret_min", "feret_max"}
        The size of a grain: the diameter of the circle of its area, its least width (nearest to a sieve), or its
        greatest.
    divisors : tuple of float
        Fragments that make one test, one fragmentation index each (1: simple, 8: Le & Shackleton, 1992).
    ratios : tuple of str
        Further ratios of classes or roles, such as ``"quartz+dark/foraminifera"``.
    fragments_as_grains : bool
        Whether each fragment counts as a grain in biogenic/terrigenous.
    depth_model : {"wright", "van der zwaan"}, optional
        Water depth from the percentage of planktic foraminifera; only on request.
    sieve_lower_um, sieve_upper_um : float, optional
        Sieve limits of the samples whose facts do not give them.
    confidence : float
        Of all intervals, in (0, 1).
    include_cut : bool
        Whether grains cut by the border of the photograph, or touching others, stay in the size and shape tables.
    touching_from : float
        Touching score, in [0, 1], from which an outline is taken for several grains.
    n_draws : int
        Draws behind the intervals of audited shares and ratios.
    random_state : int
        Their seed.
    """

    um_per_px: float | None = None
    diameter: Diameter = "equivalent"
    divisors: tuple[float, ...] = (1, 8)
    ratios: tuple[str, ...] = ()
    fragments_as_grains: bool = True
    depth_model: DepthModel | None = None
    sieve_lower_um: float | None = None
    sieve_upper_um: float | None = None
    confidence: float = 0.95
    include_cut: bool = False
    touching_from: float = 0.5
    n_draws: int = 1000
    random_state: int = 0

    def __post_init__(self) -> None:
        if self.um_per_px is not None and not self.um_per_px > 0:
            raise InputError(f"micrometres a pixel are above 0: {self.um_per_px} was given")
        if self.diameter not in COLUMN_OF_DIAMETER:
            raise InputError(f"the diameter is one of {', '.join(COLUMN_OF_DIAMETER)}: {self.diameter!r} was given")
        if self.depth_model not in (None, "wright", "van der zwaan"):
            raise InputError(f"the depth model is 'wright' or 'van der zwaan': {self.depth_model!r} was given")
        if not 0 < self.confidence < 1:
            raise InputError(f"the confidence lies between 0 and 1, such as 0.95: {self.confidence} was given")
        if any(not divisor > 0 for divisor in self.divisors):
            raise InputError(f"fragments that make one test are above 0: {self.divisors} was given")
        for ratio in self.ratios:
            parse_ratio(ratio)
