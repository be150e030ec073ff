"""Numbers, shares, distances and time spans as a reader likes them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

METRICS: dict[str, tuple[str, str]] = {
    "labelled_share": (
        "Share with a label",
        "images of which a label is known; measures that need labels are of these",
    ),
    "accuracy": (
        "Accuracy (ACC)",
        "share of images whose group agrees with their label, groups and labels paired as well as can be; "
        "noise counts as wrong",
    ),
    "accuracy_labelled": ("Accuracy without noise", "the same among the images that were given a group"),
    "nmi": ("Normalised mutual information (NMI)", "0: groups tell nothing of the labels; 1: everything"),
    "ari": ("Adjusted Rand index (ARI)", "pairs of images that agree, corrected for chance; 0: chance, 1: perfect"),
    "purity": ("Purity", "share of images that bear their group’s commonest label; noise counts as wrong"),
    "silhouette": (
        "Silhouette",
        "how much nearer images lie to their own group than to the next, in the embedding; −1 to 1, higher is better",
    ),
    "davies_bouldin": (
        "Davies–Bouldin index",
        "width of the groups against the distance between them, in the embedding; lower is better",
    ),
    "labelled_fraction": ("Share with a group", "images that are not noise"),
    "dbie": (
        "DBIE",
        "the Davies–Bouldin index of the measured pixels, Euclidean; lower is better, also for smoother images",
    ),
    "dbip": ("DBIP", "the same by 1 − Pearson’s correlation"),
}
"""Name and meaning of the metrics that `facies.metrics.evaluate_partition` gives, and of those in the space of the pixels."""


def format_count(n: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: ``1 image``, ``58,302 images``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def format_share(part: float, whole: float) -> str:
    """Return a share in per cent, so that neither a little is nothing nor almost all is all."""
    per_cent = 100 * part / whole if whole else 0.0
    if 0 < per_cent < 0.1:
        return "< 0.1 %"
    if 99.9 < per_cent < 100:
        return "> 99.9 %"
    return f"{per_cent:.1f} %"


def format_metric(x: float) -> str:
    """Return a measured number with four digits at most."""
    if isinstance(x, int):
        return f"{x:,}"
    return f"{x:#.4g}".rstrip(".") if 1 <= abs(x) < 1e6 else f"{x:.4f}" if abs(x) < 1 else f"{x:.4g}"


def format_distance(x: float) -> str:
    """Return a distance with three digits."""
    return f"{x:,.0f}" if 1000 <= x < 1e6 else f"{x:#.3g}".rstrip(".")


def format_number(x: float, unit: str = "") -> str:
    """Return a number for a table: one decimal of a percentage, else three digits; a dash for none."""
    if pd.isna(x):
        return "–"
    if unit == "%":
        return f"{x:.1f}"
    if x == 0:
        return "0"
    if x == float("inf"):
        return "∞"
    text = f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3f}" if abs(x) < 0.1 else f"{x:#.3g}".rstrip(".")
    return text.replace("-", "−")


def format_interval(x: float, low: float, high: float, unit: str = "") -> str:
    """Return a value with its interval: ``12.3 % (9.1–16.2)``."""
    text = format_number(x, unit) + (f" {unit}" if unit and not pd.isna(x) else "")
    if pd.isna(low) or pd.isna(high):
        return text
    return f"{text} ({format_number(low, unit)}–{format_number(high, unit)})"


def format_duration(seconds: float) -> str:
    """Return a time span: ``8.2 s``, ``3 min 12 s``, ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_value(x: Any) -> str:
    """Return a setting as one writes it."""
    if x is None:
        return "none"
    if isinstance(x, bool):
        return "yes" if x else "no"
    if isinstance(x, (list, dict)):
        return json.dumps(x, ensure_ascii=False)
    return f"{x:g}" if isinstance(x, float) and float(f"{x:g}") == x else str(x)
