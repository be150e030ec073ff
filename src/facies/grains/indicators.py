"""Indicators of sediment from counts of grains, each with its definition in words."""

from __future__ import annotations

import numpy as np

from facies.errors import InputError
from facies.statistics.intervals import area_ratio_interval, poisson_interval, ratio_interval
from facies.statistics.ratios import Areas, Indicator, count_ratio, share_of_ratio, share_percent

__all__ = [
    "MIN_COUNT",
    "accumulation_rate",
    "coarse_fraction",
    "depth_van_der_zwaan",
    "depth_wright",
    "fragmentation",
    "grains_per_gram",
    "ice_rafted_percent",
    "planktic_benthic",
    "planktic_percent",
    "terrigenous_percent",
]

MIN_COUNT = 300
"""Grains a sample that are counted by custom (Patterson & Fishbein, 1989); samples with fewer are flagged."""


def fragmentation(
    fragments: float, whole: float, divisor: float = 1, areas: Areas | None = None, confidence: float = 0.95
) -> Indicator:
    """Return the fragmentation index of planktic foraminifera, 100 (F/d)/(F/d + W).

    Parameters
    ----------
    fragments, whole : float
        Fragments F and whole tests W counted.
    divisor : float
        Fragments d that make one test: 1, simple (Berger, 1970; Thunell, 1976); 8 (Le & Shackleton, 1992); 3 in between.
        It is an assumption (Suárez-Ibarra et al., 2021), and so a part of the definition in the result: 300 fragments and
        400 whole tests give 42.9 % with 1, and 8.6 % with 8.
    areas : pair of array_like, optional
        Areas of fragments and of whole tests; with them 100 A_F/(A_F + A_W), where no divisor is needed.
    confidence : float
        In (0, 1).

    Raises
    ------
    InputError
        If the divisor is not above 0, or is given together with areas, or a count is negative.
    """
    if not divisor > 0:
        raise InputError(f"the number of fragments that make one test is above 0: {divisor} was given")
    if areas is not None:
        if divisor != 1:
            raise InputError("fragmentation by area needs no divisor: leave it at 1")
        return share_percent("fragmentation by area", 0, 0, "100 A_F/(A_F + A_W)", areas, confidence)
    plain = share_percent(
        "fragmentation", fragments, whole, "100 F/(F + W) (Berger, 1970; Thunell, 1976)", None, confidence
    )
    if divisor == 1:
        return plain
    # 100 (F/d)/(F/d + W) grows with F/(F + W), so the ends of its interval go along.
    value, low, high = (100 * p / (p + divisor * (1 - p)) for p in np.array([plain.value, plain.low, plain.high]) / 100)
    source = " (Le & Shackleton, 1992)" if divisor == 8 else ""
    what = f"100 (F/{divisor:g})/(F/{divisor:g} + W){source}, by number of grains; Wilson interval"
    return Indicator(f"fragmentation /{divisor:g}", float(value), float(low), float(high), "%", what, plain.note)


def planktic_benthic(planktic: float, benthic: float, confidence: float = 0.95) -> Indicator:
    """Return P/B, planktic to benthic foraminifera, with its log-ratio interval."""
    return count_ratio("P/B", planktic, benthic, "planktic / benthic", None, confidence)


def planktic_percent(planktic: float, benthic: float, confidence: float = 0.95) -> Indicator:
    """Return %P = 100 P/(P + B) with its Wilson interval."""
    return share_percent("%P", planktic, benthic, "100 P/(P + B)", None, confidence)


def depth_wright(percent: Indicator) -> Indicator:
    """Return the water depth in metres from %P: exp(0.0418 %P + 3.4823) (Wright, 1977); for 5–93 % alone, else NaN.

    The interval carries the counting error of %P, not the scatter of the calibration, which is larger.
    """
    what = "exp(0.0418 %P + 3.4823), valid for %P of 5–93 (Wright, 1977)"
    if not 5 <= percent.value <= 93:
        return Indicator("depth (Wright)", np.nan, np.nan, np.nan, "m", what, "%P outside 5–93: no depth")
    value, least, most = (float(np.exp(0.0418 * p + 3.4823)) for p in (percent.value, percent.low, percent.high))
    return Indicator(
        "depth (Wright)", value, least, most, "m", what, "counting error only; the calibration scatters more"
    )


def depth_van_der_zwaan(percent: Indicator) -> Indicator:
    """Return the water depth in metres from %P*: exp(3.58718 + 0.03534 %P*) (van der Zwaan et al., 1990).

    %P* leaves infaunal benthic foraminifera out of the count: give it so.
    """
    what = "exp(3.58718 + 0.03534 %P*), infaunal benthics left out of %P* (van der Zwaan et al., 1990)"
    value, least, most = (float(np.exp(3.58718 + 0.03534 * p)) for p in (percent.value, percent.low, percent.high))
    note = percent.note or "counting error only; the calibration scatters more"
    return Indicator("depth (van der Zwaan)", value, least, most, "m", what, note)


def terrigenous_percent(
    terrigenous: float, biogenic: float, areas: Areas | None = None, confidence: float = 0.95
) -> Indicator:
    """Return T% = 100 n_t/(n_t + n_b), with the interval of the log-ratio carried over."""
    ratio = (
        ratio_interval(terrigenous, biogenic, confidence) if areas is None else area_ratio_interval(*areas, confidence)
    )
    value, low, high = (100 * share_of_ratio(r) for r in ratio)
    basis = "number of grains" if areas is None else "summed areas of grains"
    what = f"100 T/(T + B), terrigenous and biogenic, by {basis}; log-ratio interval"
    return Indicator("T%", value, low, high, "%", what, "none counted" if np.isnan(value) else "")


def ice_rafted_percent(lithic: float, planktic: float, confidence: float = 0.95) -> Indicator:
    """Return IRD% = 100 lithic/(lithic + planktic) with its Wilson interval."""
    return share_percent("IRD%", lithic, planktic, "100 lithic/(lithic + planktic)", None, confidence)


def grains_per_gram(
    n: float, split: float, dry_mass_g: float, name: str = "grains/g", confidence: float = 0.95
) -> Indicator:
    """Return grains a gram of dry bulk sediment: n · S/m, with the exact Poisson interval of n.

    Parameters
    ----------
    n : float
        Grains counted.
    split : float
        Split factor S: 2^k after k halvings, 1 if nothing was split off.
    dry_mass_g : float
        Dry mass m of the bulk sample, in g, before it was sieved and split.
    name : str
        Name of the indicator.
    confidence : float
        In (0, 1).

    Raises
    ------
    InputError
        If the split factor is below 1 (an eighth is given as 8), or the mass is not above 0.
    """
    if not (np.isfinite(split) and split >= 1):
        raise InputError(f"the split factor is 2^k, 1 or more (8 for an eighth of the sample): {split} was given")
    if not (np.isfinite(dry_mass_g) and dry_mass_g > 0):
        raise InputError(f"the dry mass of a sample is above 0 g: {dry_mass_g} was given")
    factor = split / dry_mass_g
    low, high = (float(limit) * factor for limit in poisson_interval(n, confidence))
    return Indicator(name, n * factor, low, high, "grains/g", "n · split/dry bulk mass; Poisson interval")


def accumulation_rate(per_gram: Indicator, sedimentation_cm_per_ka: float, dry_density_g_per_cm3: float) -> Indicator:
    """Return the accumulation rate in grains cm⁻² ka⁻¹: grains/g × linear sedimentation rate × dry bulk density."""
    if not (sedimentation_cm_per_ka > 0 and dry_density_g_per_cm3 > 0):
        raise InputError(
            "sedimentation rate and dry bulk density are above 0: "
            f"{sedimentation_cm_per_ka} and {dry_density_g_per_cm3} were given"
        )
    factor = sedimentation_cm_per_ka * dry_density_g_per_cm3
    what = "grains/g × linear sedimentation rate × dry bulk density; Poisson interval of the count alone"
    ends = (per_gram.value * factor, per_gram.low * factor, per_gram.high * factor)
    return Indicator(f"{per_gram.name} accumulation", *ends, "grains/cm²/ka", what, per_gram.note)


def coarse_fraction(coarse_mass_g: float, dry_mass_g: float) -> Indicator:
    """Return CF% = 100 m(> 63 µm)/m(dry bulk); neither mass is negative, nor the coarse one above the whole."""
    if not (0 <= coarse_mass_g <= dry_mass_g and dry_mass_g > 0):
        raise InputError(
            f"the coarse fraction weighs between 0 and the dry mass: {coarse_mass_g} g of {dry_mass_g} g were given"
        )
    value = 100 * coarse_mass_g / dry_mass_g
    return Indicator("CF%", value, np.nan, np.nan, "%", "100 m(> 63 µm)/m(dry bulk), by mass; no interval")
