"""The tables a marine geologist needs: counts, indicators, sizes, shapes, the audit.

SIGNATURES FIRST (filled in within the hour; helper MORPHOMETRY). `make_grain_tables` gives all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from facies.report.grain_settings import GrainSettings
from facies.run import RunFolder

if TYPE_CHECKING:
    from facies.run.journal import Decisions

__all__ = ["GrainTables", "make_grain_tables"]


@dataclass(frozen=True)
class GrainTables:
    """All tables of a run of grains. Percentages are 0..100; NaN is "not known".

    Attributes
    ----------
    grains : DataFrame
        One row a grain, in the order of the run: ``id, sample, class, state`` ("none", "predicted", "validated",
        "dubious", "excluded"), ``reason, counted`` (bool), ``measured`` (bool: in the size and shape tables), ``flag``,
        ``group, probability``, then the shape measures (``area, equivalent_diameter, feret_max, ... extent``; µm or px),
        ``diameter`` (the one chosen), then the other columns of images.parquet.
    samples : DataFrame
        One row a sample: ``sample``, the facts (``core, depth_cm, age_ka, dry_mass_g, split, ...`` where given),
        ``n_grains, n_counted, n_unnamed, n_dubious, n_excluded, n_cut, n_touching``, ``excluded: REASON`` (one column a
        reason), ``n: CLASS`` (one column a class), ``flag`` ("fewer than 300 counted" or "").
    counts : DataFrame
        One row a sample and class: ``sample, class, n, n_counted, percent, low, high`` (Wilson), ``corrected,
        corrected_low, corrected_high`` (by the audit; NaN without one), ``per_gram, per_gram_low, per_gram_high``, ``flag``.
    indicators : DataFrame
        One row a sample, indicator and basis: ``sample, indicator, basis`` ("number", "area", "number, audited"),
        ``value, low, high, unit, n, definition, flag``.
    sizes : DataFrame
        One row a sample, class ("all" too) and weighting ("number", "d3"): ``sample, class, weighting, n, n_left_out, scope``
        ("within 100–500 µm" or ""), D5..D95 as ``D5_um ...`` and ``phi5 ...``, ``mode_um, mode_phi``, Folk & Ward
        ``mean_phi, sorting_phi, skewness_phi, kurtosis, mean_um, sorting_um, skewness_um``, words ``mean_word,
        sorting_word, skewness_word, kurtosis_word``, ``moment_...``, one column ``% NAME`` a Wentworth class, ``flag``.
        Without scale: ``sample, class, weighting, n, n_left_out, D5_px ... D95_px, mean_px, flag``.
    shapes : DataFrame
        One row a class ("all" too) and measure: ``class, measure, unit, n, lower_quartile, median, upper_quartile``.
    audit : DataFrame
        One row a class: ``class, n_assigned, n_audited, n_right, precision, precision_low, precision_high, recall,
        percent, corrected, corrected_low, corrected_high``. Empty without an audit.
    confusion : DataFrame
        Index assigned class, columns true class, counts of audited grains. Empty without an audit.
    notes : dict of str to tuple of str
        For each table ("samples", "counts", "indicators", "sizes", "shapes", "audit") the sentences to print under it.
    um_per_px : float or None
        The scale that was used.
    settings : GrainSettings
        The choices behind the tables.
    """

    grains: pd.DataFrame
    samples: pd.DataFrame
    counts: pd.DataFrame
    indicators: pd.DataFrame
    sizes: pd.DataFrame
    shapes: pd.DataFrame
    audit: pd.DataFrame
    confusion: pd.DataFrame
    um_per_px: float | None
    settings: GrainSettings
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)


def make_grain_tables(
    run: RunFolder,
    decisions: Decisions,
    facts: pd.DataFrame | None = None,
    settings: GrainSettings = GrainSettings(),  # noqa: B008 - frozen
    partition: str | None = None,
) -> GrainTables:
    """Make all tables of a run of grains.

    Parameters
    ----------
    run : RunFolder
        A run whose images were cut out by ``facies extract``.
    decisions : Decisions
        What the expert decided: `Journal(run).state()`.
    facts : DataFrame, optional
        What is known of the samples: `facies.report.read_sample_facts`.
    settings : GrainSettings
        The choices.
    partition : str, optional
        The partition that gives ``group`` and ``probability``; without it the newest.
    """
    raise NotImplementedError


def read_sample_facts(path: str) -> pd.DataFrame:
    """(in facies.report.sample_facts) CSV with ``sample`` and any of ``core, depth_cm, age_ka, dry_mass_g, split,
    sieve_lower_um, sieve_upper_um, coarse_mass_g, lsr_cm_per_ka, dbd_g_per_cm3``.
    """
    raise NotImplementedError
