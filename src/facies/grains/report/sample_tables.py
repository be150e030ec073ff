"""The tables a marine geologist needs: counts, indicators, sizes, shapes, the audit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from facies.errors import InputError
from facies.grains.report.corrected_shares import audit_confusion, audit_notes, audit_table, latest_audit
from facies.grains.report.grain_table import countable_classes, grain_table
from facies.grains.report.indicator_table import find_indicator_classes, indicator_notes, indicator_table
from facies.grains.report.sample_counts import count_notes, count_table, sample_notes, sample_table
from facies.grains.report.sample_metadata import check_sample_metadata
from facies.grains.report.size_statistics import grain_size_table, shape_notes, shape_table, size_notes
from facies.grains.report.table_settings import GrainSettings
from facies.runs import RunFolder

if TYPE_CHECKING:
    from facies.annotations import Annotations


@dataclass(frozen=True)
class GrainTables:
    """All tables of a run of grains. Percentages are 0..100; NaN is "not known".

    Attributes
    ----------
    grains : DataFrame
        One row a grain, in the order of the run: ``id, sample, class, state`` ("none", "predicted", "validated",
        "dubious", "excluded"), ``reason, counted`` (bool), ``confidence`` (of a predicted class), ``group, probability``,
        ``cut, touches_others`` (bool), ``measured`` (bool: in the size and shape tables), ``flag``, ``diameter`` (the one
        chosen), then the shape measures (``area, equivalent_diameter, feret_max, … extent``; µm or px), then the other
        columns of images.parquet.
    samples : DataFrame
        One row a sample: ``sample``, the metadata (``core, depth_cm, age_ka, dry_mass_g, split, ...`` where given),
        ``n_grains, n_counted, n_unnamed, n_dubious, n_excluded, n_cut, n_touching``, ``excluded: REASON`` (one column a
        reason), ``n: CLASS`` (one column a class), ``flag`` ("fewer than 300 counted" or "").
    counts : DataFrame
        One row a sample and class: ``sample, class, n, n_counted, percent, low, high`` (Wilson), ``corrected,
        corrected_low, corrected_high`` (by the audit; NaN without one), ``per_gram, per_gram_low, per_gram_high``, ``flag``.
    indicators : DataFrame
        One row a sample, indicator and basis: ``sample, indicator, basis`` ("number", "area", "number, audited", "mass"),
        ``value, low, high, unit, n, definition, flag``.
    sizes : DataFrame
        One row a sample, class ("all" too) and weighting ("number", "d3"): ``sample, class, weighting, n, n_left_out`` (not
        measured), ``n_finer, n_coarser`` (beyond the sieve), ``scope`` ("within 100–500 µm" or ""), ``D5_um … D95_um``,
        ``phi5 … phi95``, ``mode_um, mode_phi``, Folk & Ward ``mean_phi, sorting_phi, skewness_phi, kurtosis, mean_um,
        sorting_um, skewness_um``, ``mean_word, sorting_word, skewness_word, kurtosis_word`` (of fewer than 20 grains ""),
        ``moment_…``, one column ``% NAME`` a Wentworth class, ``flag``. Without scale ``sample, class, weighting, n,
        n_left_out, D5_px … D95_px, mean_px`` (geometric), ``flag``.
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
    annotations: Annotations,
    metadata: pd.DataFrame | None = None,
    settings: GrainSettings = GrainSettings(),  # noqa: B008 - frozen
    partition: str | None = None,
) -> GrainTables:
    """Make all tables of a run of grains.

    Parameters
    ----------
    run : RunFolder
        A run whose images were cut out by ``facies extract``.
    annotations : Annotations
        What the expert decided: `Journal(run).annotations()`.
    metadata : DataFrame, optional
        What is known of the samples: `facies.grains.report.sample_metadata.read_sample_metadata`.
    settings : GrainSettings
        The choices behind the tables.
    partition : str, optional
        The partition that gives ``group`` and ``probability``; without it the newest.

    Raises
    ------
    InputError
        If the annotations or the samples are of another run, or a ratio names what is neither class nor role.
    """
    if len(annotations) != len(run):
        raise InputError(
            f"the decisions are about {len(annotations)} images and {run.path} has {len(run)}: take its own journal"
        )
    um_per_px = settings.um_per_px or run.manifest["input"].get("um_per_px")
    grains = grain_table(run, annotations, settings, um_per_px, partition)
    metadata = _matching(metadata, grains["sample"]) if metadata is not None else None
    classes = countable_classes(annotations)
    samples = sample_table(grains, metadata, classes)
    audit = latest_audit(grains, annotations, classes, settings)
    members = find_indicator_classes(annotations, classes, settings)
    tables = GrainTables(
        grains=grains,
        samples=samples,
        counts=count_table(grains, samples, classes, audit, settings),
        indicators=indicator_table(grains, samples, members, audit, settings),
        sizes=grain_size_table(grains, samples, classes, settings, um_per_px),
        shapes=shape_table(grains, classes, um_per_px),
        audit=audit_table(audit),
        confusion=audit_confusion(audit),
        um_per_px=um_per_px,
        settings=settings,
    )
    notes = {
        "samples": sample_notes(samples, metadata),
        "counts": count_notes(samples, settings, audit is not None),
        "indicators": indicator_notes(members, settings),
        "sizes": size_notes(tables.sizes, samples, settings, um_per_px),
        "shapes": shape_notes(tables.shapes, settings),
        "audit": audit_notes(audit),
    }
    return replace(tables, notes=notes)


def _matching(metadata: pd.DataFrame, samples: pd.Series) -> pd.DataFrame:
    metadata = check_sample_metadata(metadata)
    if not metadata["sample"].isin(samples).any():
        raise InputError(
            f"none of the samples in the table of samples ({', '.join(metadata['sample'][:3])} …) is one of the run "
            f"({', '.join(samples.unique()[:3])} …): give them the same names"
        )
    taken = [name for name in metadata if str(name).startswith(("n_", "n: ", "excluded: ")) or name == "flag"]
    return metadata.drop(columns=taken)
