"""Grain-size statistics: percentiles, Folk & Ward, moments, Wentworth classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError

Array = NDArray[np.float64]
Weights = Literal["number", "d3"] | ArrayLike

PERCENTILES = (5, 10, 16, 25, 50, 75, 84, 90, 95)
WENTWORTH: tuple[tuple[str, float], ...] = (  # name, and its fine limit in φ; the first has no coarse limit
    ("boulder", -8),
    ("cobble", -6),
    ("pebble", -2),
    ("granule", -1),
    ("very coarse sand", 0),
    ("coarse sand", 1),
    ("medium sand", 2),
    ("fine sand", 3),
    ("very fine sand", 4),
    ("silt", 8),
    ("clay", np.inf),
)
OPEN_SHARE = 0.05  # Folk & Ward need the curve from its 5 % to its 95 %
CLASS_PHI = 0.25  # width of the classes of the mode and of the curve's ends

_WORDS: dict[str, tuple[tuple[float, str], ...]] = {  # of each graphic measure, and up to which value
    "mean": tuple((limit, name) for name, limit in WENTWORTH),
    "sorting": (
        (0.35, "very well sorted"),
        (0.50, "well sorted"),
        (0.71, "moderately well sorted"),
        (1.00, "moderately sorted"),
        (2.00, "poorly sorted"),
        (4.00, "very poorly sorted"),
        (np.inf, "extremely poorly sorted"),
    ),
    "skewness": (
        (-0.3, "strongly coarse skewed"),
        (-0.1, "coarse skewed"),
        (0.1, "near symmetrical"),
        (0.3, "fine skewed"),
        (np.inf, "strongly fine skewed"),
    ),
    "kurtosis": (
        (0.67, "very platykurtic"),
        (0.90, "platykurtic"),
        (1.11, "mesokurtic"),
        (1.50, "leptokurtic"),
        (3.00, "very leptokurtic"),
        (np.inf, "extremely leptokurtic"),
    ),
}


class FolkWard(NamedTuple):
    """Graphic measures of Folk & Ward (1957), in φ or in µm (Blott & Pye, 2001)."""

    mean: float
    sorting: float
    skewness: float
    kurtosis: float


class Moments(NamedTuple):
    """Mean, standard deviation, skewness and kurtosis (3 for the normal law), in φ or, geometric, in µm."""

    mean: float
    sorting: float
    skewness: float
    kurtosis: float


@dataclass(frozen=True)
class GrainSize:
    """Grain-size statistics of one set of grains.

    Attributes
    ----------
    n : int
        Grains within the limits.
    weighting : str
        "number", "d3" or "given".
    lower_um, upper_um : float or None
        Sieve limits.
    n_finer, n_coarser : int
        Grains measured beyond the limits, which are left out.
    open_lower, open_upper : float
        Share of the curve beyond a limit or in the quarter φ at it, in [0, 1]; 0 without that limit.
    scope : str
        "within 100–500 µm" if more than 5 % of the curve is open at a limit: then all values are of that part alone.
    percentiles_um, percentiles_phi : dict of int to float
        ``D_p``: p % of the weight is *finer*. ``φ_p``: p % is *coarser*, as Folk & Ward count. So φ16 is D84.
    mode_um, mode_phi : float
        Middle of the quarter-φ class that weighs most.
    phi, um : FolkWard
        Graphic measures.
    moments_phi, moments_um : Moments
        Arithmetic in φ, geometric in µm.
    fractions : dict of str to float
        Percent in each Wentworth class, the coarsest first.
    words : dict of str to str
        ``mean``, ``sorting``, ``skewness``, ``kurtosis`` in words.
    largest_share : float
        Share of the weight that the heaviest grain has; with "d3" one grain may rule all.
    """

    n: int
    weighting: str
    lower_um: float | None
    upper_um: float | None
    n_finer: int
    n_coarser: int
    open_lower: float
    open_upper: float
    scope: str
    percentiles_um: dict[int, float]
    percentiles_phi: dict[int, float]
    mode_um: float
    mode_phi: float
    phi: FolkWard
    um: FolkWard
    moments_phi: Moments
    moments_um: Moments
    fractions: dict[str, float]
    words: dict[str, str]
    largest_share: float


def to_phi(diameters_um: ArrayLike) -> Array:
    """Return φ = −log₂(d / 1 mm) of diameters in µm (Krumbein, 1934)."""
    return -np.log2(np.asarray(diameters_um, np.float64) / 1000)


def to_um(phi: ArrayLike) -> Array:
    """Return diameters in µm of φ."""
    return np.asarray(1000 * 2.0 ** -np.asarray(phi, np.float64), np.float64)


def cumulative_curve(diameters: ArrayLike, weights: Weights = "number") -> tuple[Array, Array]:
    """Return the cumulative curve, coarse first.

    Parameters
    ----------
    diameters : array_like of float, shape (N,)
        In any unit, above 0.
    weights : {"number", "d3"} or array_like of float, shape (N,)
        What a grain weighs: 1, d³ (nearest to what sieves and lasers see), or what is given.

    Returns
    -------
    diameters, percent : ndarray, shape (N,)
        From the coarsest to the finest, and the percent of the weight that is coarser, half of the grain itself included.

    Raises
    ------
    InputError
        If there are no grains, or a diameter or weight is no number, negative, or 0 throughout.
    """
    d, w = _checked(diameters, weights)
    order = np.lexsort((w, -d))
    d, w = d[order], w[order]
    return d, 100 * (np.cumsum(w) - w / 2) / w.sum()


def size_percentiles(
    diameters: ArrayLike, weights: Weights = "number", percentiles: ArrayLike = PERCENTILES
) -> dict[int, float]:
    """Return ``D_p``, the diameters that p % of the weight is finer than, in the unit given (pixels too).

    Interpolated linearly in the logarithm of the diameter, that is in φ. Raises as `cumulative_curve`.
    """
    d, coarser = cumulative_curve(diameters, weights)
    levels = np.asarray(percentiles, np.int64)
    values = np.exp(np.interp(100 - levels, coarser, np.log(d)))
    return {int(p): float(value) for p, value in zip(levels, values, strict=True)}


def grain_size_statistics(
    diameters_um: ArrayLike,
    weights: Weights = "number",
    lower_um: float | None = None,
    upper_um: float | None = None,
) -> GrainSize:
    r"""Describe the size of a set of grains: percentiles, mode, graphic measures, moments, Wentworth classes.

    Folk & Ward (1957), from percentiles of the percent coarser, in φ:
    M = (φ16 + φ50 + φ84)/3; σ = (φ84 − φ16)/4 + (φ95 − φ5)/6.6;
    Sk = (φ16 + φ84 − 2φ50)/(2(φ84 − φ16)) + (φ5 + φ95 − 2φ50)/(2(φ95 − φ5)); K = (φ95 − φ5)/(2.44 (φ75 − φ25)).
    In µm (Blott & Pye, 2001): M_G = 1000 · 2^−M, σ_G = 2^σ, Sk_G = −Sk, K_G = K. Fine material in excess gives positive
    skewness in φ, and negative in µm.

    Nothing is extrapolated: grains beyond the sieve limits are counted and left out, and where more than 5 % of the
    curve lies beyond a limit or in the quarter φ at it, `GrainSize.scope` says that the values are of the part within.

    Parameters
    ----------
    diameters_um : array_like of float, shape (N,)
        In µm.
    weights : {"number", "d3"} or array_like of float, shape (N,)
        As in `cumulative_curve`. Image counts are numbers; sieve and laser results are volumes: give both.
    lower_um, upper_um : float, optional
        Meshes of the sieves that the grains stayed on and passed.

    Raises
    ------
    InputError
        As `cumulative_curve`; or if no grain lies within the limits, or the limits are crossed.
    """
    d, w = _checked(diameters_um, weights)
    low, high = _checked_limits(lower_um, upper_um)
    within = (d >= low) & (d <= high)
    if not within.any():
        raise InputError(
            f"no grain lies within the sieve limits, {low:g} to {high:g} µm: check the scale and the limits"
        )
    phi = to_phi(d)
    open_lower = float(w[phi > to_phi(low) - CLASS_PHI].sum() / w.sum()) if lower_um is not None else 0.0
    open_upper = float(w[phi < to_phi(high) + CLASS_PHI].sum() / w.sum()) if upper_um is not None else 0.0
    phi, inner = phi[within], w[within] / w[within].sum()
    return GrainSize(
        n=int(within.sum()),
        weighting=weights if isinstance(weights, str) else "given",
        lower_um=lower_um,
        upper_um=upper_um,
        n_finer=int((d < low).sum()),
        n_coarser=int((d > high).sum()),
        open_lower=open_lower,
        open_upper=open_upper,
        scope=_scope(lower_um, upper_um, open_lower, open_upper),
        **_curve_statistics(d[within], phi, inner),
    )


def _curve_statistics(diameters_um: Array, phi: Array, share: Array) -> dict[str, Any]:
    """Return the fields of `GrainSize` that describe the curve within the limits; the shares of the weight sum to 1."""
    percentiles_um = size_percentiles(diameters_um, share)
    percentiles_phi = {p: float(to_phi(percentiles_um[100 - p])) for p in PERCENTILES}
    graphic, moments, mode = _folk_ward(percentiles_phi), _moments(phi, share), _mode(phi, share)
    return {
        "percentiles_um": percentiles_um,
        "percentiles_phi": percentiles_phi,
        "mode_um": float(to_um(mode)),
        "mode_phi": mode,
        "phi": graphic,
        "um": FolkWard(float(to_um(graphic.mean)), 2.0**graphic.sorting, -graphic.skewness, graphic.kurtosis),
        "moments_phi": moments,
        "moments_um": Moments(float(to_um(moments.mean)), 2.0**moments.sorting, -moments.skewness, moments.kurtosis),
        "fractions": _fractions(phi, share),
        "words": {name: _word(value, _WORDS[name]) for name, value in graphic._asdict().items()},
        "largest_share": float(share.max()),
    }


def _checked(diameters: ArrayLike, weights: Weights) -> tuple[Array, Array]:
    d = np.asarray(diameters, np.float64)
    if d.ndim != 1 or len(d) == 0:
        raise InputError(f"grain sizes are a list of at least one diameter: an array of shape {d.shape} was given")
    if not (np.isfinite(d).all() and (d > 0).all()):
        raise InputError("a diameter is 0, negative or no number: leave those grains out")
    if isinstance(weights, str):
        if weights not in ("number", "d3"):
            raise InputError(f"grains are weighted by 'number', by 'd3' or by a list of weights: {weights!r} was given")
        return d, np.ones_like(d) if weights == "number" else d**3
    w = np.asarray(weights, np.float64)
    if w.shape != d.shape or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise InputError(f"weights are {len(d)} numbers from 0 on, one a grain, and not all 0: others were given")
    return d, w


def _checked_limits(lower_um: float | None, upper_um: float | None) -> tuple[float, float]:
    low = 0.0 if lower_um is None else float(lower_um)
    high = float("inf") if upper_um is None else float(upper_um)
    if not (0 <= low < high) or (lower_um is not None and low == 0):
        raise InputError(f"sieve limits are above 0 µm, the lower one first: {lower_um} and {upper_um} were given")
    return low, high


def _scope(lower_um: float | None, upper_um: float | None, open_lower: float, open_upper: float) -> str:
    if max(open_lower, open_upper) <= OPEN_SHARE:
        return ""
    if upper_um is None:
        return f"above {lower_um:g} µm"
    return f"below {upper_um:g} µm" if lower_um is None else f"within {lower_um:g}–{upper_um:g} µm"


def _folk_ward(p: dict[int, float]) -> FolkWard:
    """Graphic measures in φ; NaN where the curve has no width."""
    inner, outer, quarters = p[84] - p[16], p[95] - p[5], p[75] - p[25]
    skewness, kurtosis = np.nan, np.nan
    if inner > 0 and outer > 0:
        skewness = (p[16] + p[84] - 2 * p[50]) / (2 * inner) + (p[5] + p[95] - 2 * p[50]) / (2 * outer)
    if quarters > 0:
        kurtosis = outer / (2.44 * quarters)
    return FolkWard((p[16] + p[50] + p[84]) / 3, inner / 4 + outer / 6.6, skewness, kurtosis)


def _moments(phi: Array, share: Array) -> Moments:
    mean = float(share @ phi)
    sorting = float(np.sqrt(share @ (phi - mean) ** 2))
    if sorting <= 1e-12:
        return Moments(mean, 0.0, np.nan, np.nan)
    standard = (phi - mean) / sorting
    return Moments(mean, sorting, float(share @ standard**3), float(share @ standard**4))


def _mode(phi: Array, share: Array) -> float:
    classes = np.floor(phi / CLASS_PHI).astype(np.int64)
    weights = np.bincount(classes - classes.min(), share)
    return float((np.argmax(weights) + classes.min() + 0.5) * CLASS_PHI)


def _fractions(phi: Array, share: Array) -> dict[str, float]:
    limits = np.array([limit for _, limit in WENTWORTH])
    where = np.searchsorted(limits, phi, side="left")
    percent = 100 * np.bincount(where, share, minlength=len(limits))
    return {name: float(value) for (name, _), value in zip(WENTWORTH, percent, strict=True)}


def _word(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    return "" if np.isnan(value) else next(word for limit, word in steps if value <= limit)
