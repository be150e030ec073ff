"""All that is known of one image, for the inspector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.atlas.errors import MissingError
from facies.atlas.state.columns import LONGEST_VALUE
from facies.atlas.state.open_run import OpenRun

__all__ = ["image_facts"]

_LENGTHS = ("equivalent_diameter", "feret_max", "feret_min", "perimeter")


def image_facts(run: OpenRun, row: int) -> dict[str, Any]:
    """Return what is known of an image.

    Raises
    ------
    MissingError
        If there is no such image.
    """
    if not 0 <= row < len(run):
        raise MissingError(f"there is no image {row}: the run has {len(run)}, numbered from 0")
    standing, fitted = run.standing, run.probing.fitted
    facts = run.run.images.iloc[row]
    reason = int(standing.reasons[row])
    outline = _outline(run, str(facts["id"]))
    scale = run.run.manifest["input"].get("um_per_px")
    return {
        "row": row,
        "id": str(facts["id"])[:LONGEST_VALUE],
        "source": str(facts["source"])[:LONGEST_VALUE] if "source" in facts else "",
        "group": int(standing.groups[row]),
        "probability": float(run.table["probability"].iloc[row]),
        "distance": float(run.table["distance"].iloc[row]),
        "class": int(standing.classes[row]),
        "state": int(standing.states[row]),
        "reason": standing.reason_texts[reason - 1] if reason else "",
        "prediction": 0 if fitted is None else int(fitted.classes[row]),
        "certainty": None if fitted is None else float(fitted.certainty[row]),
        "best_layer": run.pictures.best_layer(row),
        "n_layers": run.pictures.n_layers,
        "facts": {str(name): _plain(value) for name, value in facts.items() if name not in ("id", "source", "label")},
        "measures": {} if outline is None else _measures(outline, scale),
        "outline": None if outline is None else outline.tolist(),
    }


def _outline(run: OpenRun, identity: str) -> np.ndarray | None:
    outlines = run.run.outlines
    if outlines is None:
        return None
    found = outlines.loc[outlines["id"] == identity, "outline"]
    return np.asarray(found.iloc[0], np.float64).reshape(-1, 2) if len(found) else None


def _measures(outline: np.ndarray, scale: float | None) -> dict[str, dict[str, Any]]:
    from facies.grains.morphometry import shape_measures

    unit = "µm" if scale else "px"
    units = dict.fromkeys(_LENGTHS, unit) | {"area": f"{unit}²"}
    return {
        name: {"value": value, "unit": units.get(name, "")} for name, value in shape_measures(outline, scale).items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    return value if isinstance(value, bool | int | float) else str(value)[:LONGEST_VALUE]
