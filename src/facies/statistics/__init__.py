"""Shares, ratios and audits, each with its interval."""

from __future__ import annotations

from facies.statistics.intervals import (
    RatioInterval,
    area_ratio_interval,
    chance_to_see,
    poisson_interval,
    ratio_interval,
    wilson_interval,
)
from facies.statistics.ratios import Indicator, Ratio, count_ratio, parse_ratio, share_percent
from facies.statistics.stratified_audit import (
    StratifiedAudit,
    audited_ratio,
    audited_shares,
    class_accuracy,
    cohen_kappa,
    confusion_table,
    correct_by_confusion,
    correct_two_classes,
    joint_shares,
)

__all__ = [
    "Indicator",
    "Ratio",
    "RatioInterval",
    "StratifiedAudit",
    "area_ratio_interval",
    "audited_ratio",
    "audited_shares",
    "chance_to_see",
    "class_accuracy",
    "cohen_kappa",
    "confusion_table",
    "correct_by_confusion",
    "correct_two_classes",
    "count_ratio",
    "joint_shares",
    "parse_ratio",
    "poisson_interval",
    "ratio_interval",
    "share_percent",
    "wilson_interval",
]
