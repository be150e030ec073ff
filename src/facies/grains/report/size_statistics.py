"""Size and shape of the grains that were measured: by sample and class, and by class."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from facies.grains.morphometry import GrainSize, grain_size_statistics, size_percentiles
from facies.grains.morphometry.grain_size import PERCENTILES, WENTWORTH
from facies.grains.morphometry.shape import MIN_DIAMETER_PX, RATIOS
from facies.grains.report.table_settings import GrainSettings

ALL = "all"
WEIGHTINGS: tuple[Literal["number", "d3"], ...] = ("number", "d3")
MIN_GRAINS = 20  # below, the 5 % and the 95 % are single grains
FEW_GRAINS = f"fewer than {MIN_GRAINS} grains"
HEAVY_SHARE = 0.1  # a single grain with more of the weight than this is flagged
SIZE_MEASURES = ("equivalent_diameter", "feret_min", "feret_max")

_DIAMETERS = {
    "equivalent": "the diameter of the circle of its area",
    "feret_min": "its least width (Feret), the nearest to a sieve",
    "feret_max": "its greatest width (Feret)",
}


def grain_size_table(
    grains: pd.DataFrame, samples: pd.DataFrame, classes: list[str], settings: GrainSettings, um_per_px: float | None
) -> pd.DataFrame:
    """Return one row a sample, class and weighting, as `GrainTables.sizes`.

    Without a scale there is no φ, and percentiles are in pixels.
    """
    rows = []
    usable = ~grains["state"].isin(["excluded", "dubious"])
    for _, sample in samples.iterrows():
        here = grains[(grains["sample"] == sample["sample"]) & usable]
        for name in (ALL, *classes):
            of = here if name == ALL else here[here["counted"] & (here["class"] == name)]
            diameters = of.loc[of["measured"], "diameter"].to_numpy(float)
            for weighting in WEIGHTINGS if len(diameters) else ():
                head = {"sample": sample["sample"], "class": name, "weighting": weighting}
                limits = _limits(sample, settings) if um_per_px else (None, None)
                rows.append({**head, **_size_row(diameters, weighting, limits, len(of), um_per_px)})
    return pd.DataFrame(rows, columns=_size_columns(um_per_px))


def shape_table(grains: pd.DataFrame, classes: list[str], um_per_px: float | None) -> pd.DataFrame:
    """Return one row a class and measure with median and quartiles, as `GrainTables.shapes`.

    The class "all" is of all measured grains.
    """
    measured = grains[grains["measured"]]
    unit = "µm" if um_per_px else "px"
    rows = []
    for name in (ALL, *classes):
        of = measured if name == ALL else measured[measured["counted"] & (measured["class"] == name)]
        for measure in (*RATIOS, *SIZE_MEASURES):
            values = of[measure].dropna().to_numpy(float)
            if len(values):
                low, middle, high = np.percentile(values, (25, 50, 75))
                rows.append((name, measure, unit if measure in SIZE_MEASURES else "", len(values), low, middle, high))
    return pd.DataFrame(rows, columns=["class", "measure", "unit", "n", "lower_quartile", "median", "upper_quartile"])


def _limits(sample: pd.Series, settings: GrainSettings) -> tuple[float | None, float | None]:
    limits = []
    for name in ("sieve_lower_um", "sieve_upper_um"):
        fact = sample.get(name)
        limits.append(getattr(settings, name) if fact is None or pd.isna(fact) else float(fact))
    return limits[0], limits[1]


def _size_row(
    diameters: np.ndarray,
    weighting: Literal["number", "d3"],
    limits: tuple[float | None, float | None],
    n_grains: int,
    um_per_px: float | None,
) -> dict[str, Any]:
    row: dict[str, Any] = {"n": len(diameters), "n_left_out": n_grains - len(diameters)}
    if not um_per_px:
        percentiles = size_percentiles(diameters, weighting)
        weights = None if weighting == "number" else diameters**3
        mean = float(np.exp(np.average(np.log(diameters), weights=weights)))
        few = FEW_GRAINS if len(diameters) < MIN_GRAINS else ""
        return {**row, **{f"D{p}_px": percentiles[p] for p in PERCENTILES}, "mean_px": mean, "flag": few}
    low, high = limits[0] or 0.0, limits[1] or np.inf
    finer, coarser = int((diameters < low).sum()), int((diameters > high).sum())
    if finer + coarser == len(diameters):
        return {**row, "n": 0, "n_finer": finer, "n_coarser": coarser, "flag": "no grain within the sieve limits"}
    size = grain_size_statistics(diameters, weighting, *limits)
    return {**row, "n": size.n, "n_finer": finer, "n_coarser": coarser, **_size_values(size), "flag": _size_flag(size)}


def _size_values(size: GrainSize) -> dict[str, Any]:
    return {
        "scope": size.scope,
        **{f"D{p}_um": size.percentiles_um[p] for p in PERCENTILES},
        **{f"phi{p}": size.percentiles_phi[p] for p in PERCENTILES},
        "mode_um": size.mode_um,
        "mode_phi": size.mode_phi,
        "mean_phi": size.phi.mean,
        "sorting_phi": size.phi.sorting,
        "skewness_phi": size.phi.skewness,
        "kurtosis": size.phi.kurtosis,
        "mean_um": size.um.mean,
        "sorting_um": size.um.sorting,
        "skewness_um": size.um.skewness,
        **{f"{name}_word": word if size.n >= MIN_GRAINS else "" for name, word in size.words.items()},
        **{f"moment_{name}_phi": value for name, value in size.moments_phi._asdict().items()},
        "moment_mean_um": size.moments_um.mean,
        "moment_sorting_um": size.moments_um.sorting,
        "moment_skewness_um": size.moments_um.skewness,
        "moment_kurtosis_um": size.moments_um.kurtosis,
        **{f"% {name}": value for name, value in size.fractions.items()},
    }


def _size_flag(size: GrainSize) -> str:
    flags = []
    if size.n < MIN_GRAINS:
        flags.append(FEW_GRAINS)
    if size.n >= MIN_GRAINS and size.largest_share > HEAVY_SHARE:
        flags.append(f"one grain has {100 * size.largest_share:.0f} % of the weight")
    if size.scope:
        flags.append(
            f"{size.scope} only: {100 * max(size.open_lower, size.open_upper):.0f} % of the curve lies at or beyond it"
        )
    return "; ".join(flags)


def _size_columns(um_per_px: float | None) -> list[str]:
    head = ["sample", "class", "weighting", "n", "n_left_out"]
    if not um_per_px:
        return [*head, *(f"D{p}_px" for p in PERCENTILES), "mean_px", "flag"]
    example = grain_size_statistics([250.0])
    assert len(example.fractions) == len(WENTWORTH)
    return [*head, "n_finer", "n_coarser", *_size_values(example), "flag"]


def size_notes(
    sizes: pd.DataFrame, samples: pd.DataFrame, settings: GrainSettings, um_per_px: float | None
) -> tuple[str, ...]:
    """Return the sentences to print under the table of sizes; the two traps always."""
    if sizes.empty:
        return ()
    notes = [f"The size of a grain is {_DIAMETERS[settings.diameter]}, on its native outline."]
    if um_per_px is None:
        notes.append("The scale is not known: sizes are in pixels, and there is no φ. Give µm per pixel.")
    else:
        notes.append(
            "D_p: p % of the weight is finer. φ_p, and Folk & Ward's measures: percent coarser, so that φ16 is D84. Excess of "
            "fine grains gives positive skewness in φ, and negative in µm."
        )
    if (sizes["n"] < MIN_GRAINS).any():
        words = ", so their sorting, skewness and kurtosis are given without words" if um_per_px is not None else ""
        notes.append(f"Of fewer than twenty grains, the outermost percentiles are single grains{words}.")
    notes.append(
        "Weighting: an image counts grains (number), a sieve or laser weighs them (nearest to it: d³). The two differ widely; "
        "compare like with like."
    )
    if um_per_px is not None:
        notes.append(
            "Truncation: nothing is extrapolated beyond the sieve. Where more than 5 % of the curve lies beyond a limit or in the "
            "quarter φ at it, the statistics are of the part named in “scope” alone; grains beyond are left out and counted."
        )
        limits = {_limits(row, settings) for _, row in samples.iterrows()}
        if len(limits) > 1:
            notes.append(
                "The samples were sieved to different limits: their sizes, and their counts, do not compare as they stand."
            )
    notes.append(_left_out(settings))
    return tuple(notes)


def shape_notes(shapes: pd.DataFrame, settings: GrainSettings) -> tuple[str, ...]:
    """Return the sentences to print under the table of shapes."""
    if shapes.empty:
        return ()
    return (
        "circularity is 4πA/P² (ImageJ's form factor); circularity iso its square root (ISO 9276-6). aspect ratio: least over "
        "greatest Feret diameter. roundness: 4A/(π major²). sphericity: √(inscribed/circumscribed circle) (Riley).",
        f"Measured on the native outline, at level ½ of a slightly smoothed mask; no shape of grains under {MIN_DIAMETER_PX:g} "
        "pixels across.",
        _left_out(settings),
    )


def _left_out(settings: GrainSettings) -> str:
    if settings.include_cut:
        return "Grains cut by the border or touching others are measured too, as they are: their sizes and shapes are wrong."
    return (
        "Grains cut by the border or touching others are counted and not measured, nor are excluded and dubious ones; “all” "
        "holds grains not named too."
    )
