"""The blind audit of a run of grains: shares corrected by it, and how right each class is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.grains.report.table_settings import GrainSettings
from facies.statistics import StratifiedAudit, class_accuracy, cohen_kappa, joint_shares
from facies.statistics import confusion_table as counted_confusion

if TYPE_CHECKING:
    from facies.annotations import Annotations

NO_CLASS = "no class"

AUDIT_COLUMNS = [
    "class", "n_assigned", "n_audited", "n_right", "precision", "precision_low", "precision_high", "recall",
    "percent", "corrected", "corrected_low", "corrected_high",
]  # fmt: skip


@dataclass(frozen=True)
class GrainAudit:
    """What was audited, ready to correct the counts of any sample.

    `rows` has ``row, assigned, true`` of each audited grain, its last audit. `strata` gives the class that each grain
    is counted as, by row, "" if it does not count; audited grains keep the class that they had then.
    """

    rows: pd.DataFrame
    strata: pd.Series
    classes: list[str]
    settings: GrainSettings

    def assigned(self, rows: pd.Series | None = None) -> dict[str, int]:
        """Return the grains assigned to each class, of all or of the rows (bool) of a sample."""
        strata = self.strata if rows is None else self.strata[rows.to_numpy()]
        counts = strata.value_counts()
        return {name: int(counts.get(name, 0)) for name in self.classes}

    def unaudited(self, assigned: dict[str, int]) -> list[str]:
        """Return the classes that have grains, and none of them audited."""
        audited = set(self.rows["assigned"])
        return [name for name, n in assigned.items() if n > 0 and name not in audited]

    def corrects(self, assigned: dict[str, int]) -> bool:
        """Return whether there is an audited grain of any class that has grains."""
        return any(n > 0 for name, n in assigned.items() if name in set(self.rows["assigned"]))

    def stratified(self, assigned: dict[str, int]) -> StratifiedAudit:
        """Return the audit that corrects these counts."""
        return StratifiedAudit(
            assigned, self.rows, n_draws=self.settings.n_draws, random_state=self.settings.random_state
        )

    def shares(self, assigned: dict[str, int]) -> pd.DataFrame:
        """Return the corrected shares in percent: index class, ``corrected, corrected_low, corrected_high``."""
        shares = self.stratified(assigned).shares(self.settings.confidence).set_index("class")
        return (100 * shares[["share", "low", "high"]]).set_axis(
            ["corrected", "corrected_low", "corrected_high"], axis="columns"
        )


def latest_audit(
    grains: pd.DataFrame, annotations: Annotations, classes: list[str], settings: GrainSettings
) -> GrainAudit | None:
    """Return the audit of a run, or None if no grain of a class that counts was audited."""
    rows = annotations.audits[["row", "assigned", "true"]].drop_duplicates("row", keep="last")
    rows = rows[rows["assigned"].isin(classes)].reset_index(drop=True)
    if rows.empty:
        return None
    rows["true"] = rows["true"].replace({"": NO_CLASS})
    strata = pd.Series(np.where(grains["counted"], grains["class"], ""), dtype=object)
    strata.iloc[rows["row"].to_numpy(np.int64)] = rows["assigned"].to_numpy(object)
    return GrainAudit(rows, strata, classes, settings)


def audit_table(audit: GrainAudit | None) -> pd.DataFrame:
    """Return one row a class, as `GrainTables.audit`; empty without an audit."""
    if audit is None:
        return pd.DataFrame(columns=AUDIT_COLUMNS)
    assigned = audit.assigned()
    table = class_accuracy(assigned, audit.rows, audit.settings.confidence)
    for name in ("precision", "precision_low", "precision_high", "recall"):
        table[name] = 100 * table[name]
    table["n_assigned"] = [assigned.get(name, 0) for name in table["class"]]
    table["percent"] = 100 * table["n_assigned"] / sum(assigned.values())
    return table.join(audit.shares(assigned), on="class")[AUDIT_COLUMNS]


def audit_confusion(audit: GrainAudit | None) -> pd.DataFrame:
    """Return the audited grains by assigned (index) and true class (columns), classes in their order; maybe empty."""
    if audit is None:
        return pd.DataFrame()
    table = counted_confusion(audit.rows)
    order = [name for name in audit.classes if name in table.index]
    order += [name for name in table.index if name not in order]
    return table.loc[order, order]


def audit_notes(audit: GrainAudit | None) -> tuple[str, ...]:
    """Return the sentences to print under the table of the audit."""
    if audit is None:
        return ()
    assigned = audit.assigned()
    kappa = cohen_kappa(joint_shares(assigned, audit.rows))
    notes = [
        f"{len(audit.rows):,} grains audited; agreement beyond chance, Cohen's κ of the shares that the audit estimates: "
        f"{kappa:.2f}.",
        "Corrected share of class c: Σ W_h n_hc/n_h over the assigned classes h, W_h being the share assigned to h and n_hc "
        "those of its n_h audited grains that are truly c (Cochran, 1977); the interval is a Bayesian bootstrap by class, and "
        "includes the sampling error of the count.",
        "Corrected shares are of the grains counted. What the audit found to be of an excluded class, or of none, is lost "
        "to the others, and grains wrongly excluded are not won back.",
        "Errors are taken to be the same in all samples: each sample's counts are corrected by the whole audit.",
    ]
    missing = audit.unaudited(assigned)
    if missing:
        notes.append(f"Not audited, and taken as they stand: {', '.join(missing)}.")
    return tuple(notes)
