"""When the groups of a run may say little, and what to try: lines for the report and for the screen."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from facies.report.formatting import format_count, format_metric

FEW_GROUPS = 3
"""Fewer groups than this often tell only bright images from dark ones, or what is odd from the rest."""
MARGIN = 0.05
"""So much higher than that of one cloud a silhouette has to be (why so much: docs/notes/reliability.md)."""
STABLE = 0.5
"""Halves of the images have to agree so well (ibid.)."""


def doubts(manifest: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """Say why the groups of a run may say little.

    Parameters
    ----------
    manifest : mapping
        ``run.json``; runs of versions before 0.3 have no ``reliability`` in it, and are not judged.
    name : str
        Name of the run folder, for the commands.

    Returns
    -------
    list of (str, str)
        What was found, and a command that may help; empty where nothing speaks against the groups.
    """
    measured = manifest.get("reliability")
    if measured is None:
        return []
    found = []
    n_groups = measured["n_groups"]
    if n_groups < FEW_GROUPS:
        text = (
            f"only {format_count(n_groups, 'group')} came out, which may tell no more than bright images from dark ones"
        )
        found.append((text, _command(manifest, name, _more_groups(manifest, n_groups))))
    silhouette, cloud = measured.get("silhouette"), measured.get("silhouette_of_one_cloud")
    if silhouette is not None and cloud is not None and silhouette < cloud + MARGIN:
        text = (
            f"the groups stand out no better than pieces cut out of one cloud without groups (silhouette {format_metric(silhouette)}; "
            f"of pieces of a cloud {format_metric(cloud)})"
        )
        found.append((text, _command(manifest, name, _other_method(manifest))))
    stability = measured.get("stability")
    if stability is not None and stability < STABLE:
        text = (
            f"half of the images gives other groups than the other half (agreement {format_metric(stability)}: 1 is the same, "
            "0 as by chance)"
        )
        found.append((text, _command(manifest, name, _fewer_groups(manifest, n_groups))))
    return found


def _command(manifest: Mapping[str, Any], name: str, changes: Mapping[str, str]) -> str:
    path = manifest["input"]["origin"].get("path") or "IMAGES"
    options = {"--method": manifest["method"], **({"--preset": manifest["preset"]} if manifest["preset"] else {})}
    sets = [word for key, x in changes.items() if not key.startswith("--") for word in ("--set", f"{key}={x}")]
    options |= {key: x for key, x in changes.items() if key.startswith("--")}
    words = ["facies", "cluster", str(path), "-o", f"{name}-2", *(w for pair in options.items() for w in pair), *sets]
    return shlex.join(words)


def _more_groups(manifest: Mapping[str, Any], n_groups: int) -> dict[str, str]:
    more = str(max(10, 3 * n_groups))
    by_density = manifest["parameters"].get("grouping") == "density"
    return {**({"grouping": "gaussian-mixture"} if by_density else {}), "n_clusters": more}


def _fewer_groups(manifest: Mapping[str, Any], n_groups: int) -> dict[str, str]:
    if n_groups <= FEW_GROUPS or manifest["parameters"].get("n_clusters") is None:
        return _other_method(manifest)
    return {"n_clusters": str(max(FEW_GROUPS, n_groups // 2))}


def _other_method(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The longer training first; where that was done, another method."""
    if manifest["preset"] == "quick":
        return {"--preset": "paper"}
    return {"--method": "st-dac" if manifest["method"] != "st-dac" else "moe-vae", "--preset": "quick"}
