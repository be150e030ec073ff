"""What was done and found, in words and in numbers as a reader likes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

__all__ = [
    "METRICS",
    "count",
    "distance",
    "duration",
    "figures_of",
    "methods_paragraph",
    "number",
    "share",
    "value",
    "with_interval",
]

METRICS: dict[str, tuple[str, str]] = {
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
}
"""Name and meaning of the metrics that `facies.metrics.evaluate_partition` gives."""


def count(n: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: ``1 image``, ``58,302 images``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def share(part: float, whole: float) -> str:
    """Return a share in per cent, so that neither a little is nothing nor almost all is all."""
    per_cent = 100 * part / whole if whole else 0.0
    if 0 < per_cent < 0.1:
        return "< 0.1 %"
    if 99.9 < per_cent < 100:
        return "> 99.9 %"
    return f"{per_cent:.1f} %"


def number(x: float) -> str:
    """Return a measured number with four digits at most."""
    if isinstance(x, int):
        return f"{x:,}"
    return f"{x:#.4g}".rstrip(".") if 1 <= abs(x) < 1e6 else f"{x:.4f}" if abs(x) < 1 else f"{x:.4g}"


def distance(x: float) -> str:
    """Return a distance with three digits."""
    return f"{x:,.0f}" if 1000 <= x < 1e6 else f"{x:#.3g}".rstrip(".")


def figures_of(x: float, unit: str = "") -> str:
    """Return a number as it stands in a table: one decimal of a percentage, else three digits; a dash for none."""
    if pd.isna(x):
        return "–"
    if unit == "%":
        return f"{x:.1f}"
    if x == 0:
        return "0"
    if x == float("inf"):
        return "∞"
    told = f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3f}" if abs(x) < 0.1 else f"{x:#.3g}".rstrip(".")
    return told.replace("-", "−")


def with_interval(x: float, low: float, high: float, unit: str = "") -> str:
    """Return a value with its interval: ``12.3 % (9.1–16.2)``."""
    told = figures_of(x, unit) + (f" {unit}" if unit and not pd.isna(x) else "")
    if pd.isna(low) or pd.isna(high):
        return told
    return f"{told} ({figures_of(low, unit)}–{figures_of(high, unit)})"


def duration(seconds: float) -> str:
    """Return a time span: ``8.2 s``, ``3 min 12 s``, ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def value(x: Any) -> str:
    """Return a setting as one writes it."""
    if x is None:
        return "none"
    if isinstance(x, bool):
        return "yes" if x else "no"
    if isinstance(x, (list, dict)):
        return json.dumps(x, ensure_ascii=False)
    return f"{x:g}" if isinstance(x, float) and float(f"{x:g}") == x else str(x)


def _size(shape: list[int]) -> str:
    *layers, channels, height, width = shape
    pixels = f"{height} × {width} pixels" + (", one channel" if channels == 1 else f", {channels} channels")
    return pixels + (f", {layers[0]} focal layers" if layers else "")


def _how(meta: Mapping[str, Any]) -> str:
    """Return how a projection or a partition came about: its method with its parameters and its seed."""
    told = [f"{key} = {value(x)}" for key, x in (meta.get("parameters") or {}).items()]
    if meta.get("seed") is not None:
        told.append(f"seed {meta['seed']}")
    return str(meta.get("method") or meta["name"]) + (f" ({'; '.join(told)})" if told else "")


def methods_paragraph(
    manifest: Mapping[str, Any],
    dimensions: int,
    partition: Mapping[str, Any],
    projection: Mapping[str, Any] | None,
    sizes: tuple[int, int],
) -> str:
    """Return a paragraph for the methods section of a paper.

    Parameters
    ----------
    manifest : mapping
        The run's.
    dimensions : int
        Of the embedding.
    partition, projection : mapping
        How they came about (the ``meta`` of `RunFolder.partition` and `RunFolder.projection`).
    sizes : (int, int)
        Number of groups, and of images in none.

    Returns
    -------
    str
        Plain text.
    """
    images = manifest["input"]
    n_groups, n_noise = sizes
    preset = f", preset “{manifest['preset']}”" if manifest["preset"] else ""
    seed = f", random seed {manifest['seed']}" if manifest["seed"] is not None else ""
    versions = manifest["versions"]
    torch = f" (PyTorch {versions['torch']})" if "torch" in versions else ""
    sentences = [
        f"{count(images['n_images'], 'image')} of {_size(images['image_shape'])} ({images['dtype']}) were clustered "
        f"without labels by the method {manifest['method']} of Facies {manifest['version']}{torch}{preset}{seed}.",
        f"Each image was represented by {count(dimensions, 'number')} (the embedding).",
        f"The partition “{partition['name']}” was made by {_how(partition)}.",
    ]
    if manifest["parameters"]:
        settings = "; ".join(f"{key} = {value(x)}" for key, x in manifest["parameters"].items())
        sentences.append(f"The method’s parameters were {settings}.")
    noise = f"{count(n_noise, 'image')} ({share(n_noise, images['n_images'])}) {'was' if n_noise == 1 else 'were'}"
    rest = f"{noise} assigned to no group" if n_noise else "every image was assigned to a group"
    sentences.append(f"{count(n_groups, 'group')} {'was' if n_groups == 1 else 'were'} found; {rest}.")
    left_out = len(manifest["left_out"])
    if left_out:
        were = "was" if left_out == 1 else "were"
        sentences.append(f"{count(left_out, 'file')} could not be used and {were} left out.")
    if projection is not None:
        sentences.append(f"For display the embedding was projected to two dimensions by {_how(projection)}.")
    if images["labelled"]:
        sentences.append("Known labels served for evaluation alone.")
    digits = images["fingerprint"][:16]
    sentences.append(f"The SHA-256 fingerprint of the images begins with {digits}.")
    return " ".join(sentences)
