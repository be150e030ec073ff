"""Grains by sample: what became of them, and how many of each class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.grains.indicators import MIN_COUNT, grains_per_gram
from facies.grains.report.corrected_shares import GrainAudit
from facies.grains.report.table_settings import GrainSettings
from facies.statistics import chance_to_see, wilson_interval

COUNT_COLUMNS = [
    "sample", "class", "n", "n_counted", "percent", "low", "high", "corrected", "corrected_low", "corrected_high",
    "per_gram", "per_gram_low", "per_gram_high", "flag",
]  # fmt: skip


def sample_table(grains: pd.DataFrame, metadata: pd.DataFrame | None, classes: list[str]) -> pd.DataFrame:
    """Return one row a sample, as `GrainTables.samples`, in the order in which the samples come in the run."""
    by = grains.groupby("sample", sort=False)
    table = pd.DataFrame({"n_grains": by.size()})
    masks = {
        "n_counted": grains["counted"],
        "n_unnamed": ~grains["counted"] & ~grains["state"].isin(["excluded", "dubious"]),
        "n_dubious": grains["state"] == "dubious",
        "n_excluded": grains["state"] == "excluded",
        "n_cut": grains["cut"] & (grains["state"] != "excluded"),
        "n_touching": grains["touches_others"] & (grains["state"] != "excluded"),
    }
    for name, mask in masks.items():
        table[name] = mask.groupby(grains["sample"], sort=False).sum().astype(np.int64)
    excluded = grains[grains["state"] == "excluded"]
    for reason in sorted(set(excluded["reason"])):
        table[f"excluded: {reason or 'no reason given'}"] = (
            excluded.loc[excluded["reason"] == reason, "sample"].value_counts().reindex(table.index, fill_value=0)
        )
    counted = grains[grains["counted"]]
    for name in classes:
        of = counted.loc[counted["class"] == name, "sample"].value_counts()
        table[f"n: {name}"] = of.reindex(table.index, fill_value=0)
    table["flag"] = np.where(table["n_counted"] < MIN_COUNT, f"fewer than {MIN_COUNT} counted", "")
    table = table.rename_axis("sample").reset_index()
    if metadata is None:
        return table
    return table[["sample"]].merge(metadata, "left", "sample").merge(table, "left", "sample")


def count_table(
    grains: pd.DataFrame, samples: pd.DataFrame, classes: list[str], audit: GrainAudit | None, settings: GrainSettings
) -> pd.DataFrame:
    """Return one row a sample and class, as `GrainTables.counts`."""
    parts = [
        _of_sample(row, grains["sample"] == row["sample"], classes, audit, settings)
        for _, row in samples.iterrows()
        if classes
    ]
    if not parts:
        return pd.DataFrame(columns=COUNT_COLUMNS)
    return pd.concat(parts, ignore_index=True)[COUNT_COLUMNS]


def _of_sample(
    row: pd.Series, rows: pd.Series, classes: list[str], audit: GrainAudit | None, settings: GrainSettings
) -> pd.DataFrame:
    n = np.array([row[f"n: {name}"] for name in classes], np.int64)
    total = int(row["n_counted"])
    low, high = wilson_interval(n, total, settings.confidence)
    table = pd.DataFrame({"sample": row["sample"], "class": classes, "n": n, "n_counted": total})
    table["percent"] = 100 * n / total if total else np.nan
    table["low"], table["high"] = 100 * low, 100 * high
    flags = [row["flag"]]
    table[["corrected", "corrected_low", "corrected_high"]] = np.nan
    if audit is not None:
        assigned = audit.assigned(rows)
        if audit.corrects(assigned):
            shares = audit.shares(assigned).reindex(classes)
            table[shares.columns] = shares.to_numpy()
            missing = audit.unaudited(assigned)
            flags.append(f"not audited: {', '.join(missing)}" if missing else "")
    table[["per_gram", "per_gram_low", "per_gram_high"]] = np.nan
    if pd.notna(row.get("dry_mass_g")):
        split = 1.0 if pd.isna(row.get("split")) else row["split"]
        rates = [grains_per_gram(k, split, row["dry_mass_g"], confidence=settings.confidence) for k in n]
        table["per_gram"] = [rate.value for rate in rates]
        table["per_gram_low"], table["per_gram_high"] = [rate.low for rate in rates], [rate.high for rate in rates]
    table["flag"] = "; ".join(filter(None, flags))
    return table


def count_notes(samples: pd.DataFrame, settings: GrainSettings, audited: bool) -> tuple[str, ...]:
    """Return the sentences to print under the counts."""
    notes = [
        "Percentages are of the grains counted: named, and neither excluded nor dubious. Each fragment is one grain.",
        f"Intervals of {100 * settings.confidence:g} % (Wilson) carry the error of counting, not that of the classifier"
        + ("; the corrected ones carry both." if audited else ": audit the classes for that."),
    ]
    if (samples["n_counted"] < MIN_COUNT).any():
        chances = chance_to_see([0.01, 0.001], MIN_COUNT)
        notes.append(
            f"By custom {MIN_COUNT} grains a sample are counted (Patterson & Fishbein, 1989): among as many a type of 1 % is met "
            f"with a probability of {chances[0]:.2f}, and one of 0.1 % with {chances[1]:.2f}."
        )
    if "dry_mass_g" in samples and samples["dry_mass_g"].notna().any():
        all_split = "split" in samples and samples["split"].notna().all()
        without = "" if all_split else ", the split factor being 1 where none is given"
        notes.append(f"Grains per gram: n · split/dry bulk mass{without}; Poisson interval.")
    return tuple(notes)


def sample_notes(samples: pd.DataFrame, metadata: pd.DataFrame | None) -> tuple[str, ...]:
    """Return the sentences to print under the table of the samples."""
    notes = ["Grains found = counted + not named + dubious + excluded. Excluded grains never count."]
    if metadata is not None:
        lacking = samples.loc[~samples["sample"].isin(metadata["sample"]), "sample"]
        idle = metadata.loc[~metadata["sample"].isin(samples["sample"]), "sample"]
        if len(lacking):
            notes.append(f"Of these samples nothing is known beside the photographs: {', '.join(lacking)}.")
        if len(idle):
            notes.append(f"Of these samples there are no grains: {', '.join(idle)}.")
    return tuple(notes)
