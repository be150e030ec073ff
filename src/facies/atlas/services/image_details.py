"""All details of one image, for the inspector of the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.atlas.errors import MissingError
from facies.atlas.services.run_services import RunServices
from facies.atlas.state.columns import MAX_VALUE_LENGTH
from facies.atlas.state.open_run import OpenRun
from facies.report.sections import report_sections
from facies.runs import RunFolder


def image_details(services: RunServices, row: int) -> dict[str, Any]:
    """Return the details of an image as the page receives them; `MissingError` if there is no such image."""
    run, pictures = services.run, services.pictures
    if not 0 <= row < len(run):
        raise MissingError(f"there is no image {row}: the run has {len(run)}, numbered from 0")
    states, predictions = run.states, run.predictions
    record = run.folder.images.iloc[row]
    reason = int(states.reasons[row])
    outline = _outline(run, str(record["id"]))
    return {
        "row": row,
        "id": str(record["id"])[:MAX_VALUE_LENGTH],
        "source": str(record["source"])[:MAX_VALUE_LENGTH] if "source" in record else "",
        "group": int(states.groups[row]),
        "probability": float(run.table["probability"].iloc[row]),
        "distance": float(run.table["distance"].iloc[row]),
        "class": int(states.classes[row]),
        "state": int(states.states[row]),
        "reason": states.reason_texts[reason - 1] if reason else "",
        "prediction": 0 if predictions is None else int(predictions.classes[row]),
        "certainty": None if predictions is None else float(predictions.certainty[row]),
        "best_layer": pictures.best_layer(row),
        "n_layers": pictures.n_layers,
        "facts": {
            str(name): _to_json(value) for name, value in record.items() if name not in ("id", "source", "label")
        },
        "measures": _measures(run.folder, row),
        "notes": _notes(run, row),
        "size_um": None if services.sizes is None else [_to_json(side) for side in services.sizes[row]],
        "outline": None if outline is None else outline.tolist(),
    }


def _notes(run: OpenRun, row: int) -> list[dict[str, Any]]:
    """Return the notes on an image, the oldest first."""
    return [
        {"action": int(note["id"]), "time": str(note["time"]), "user": str(note["user"]), "text": str(note["text"])}
        for note in run.states.annotations.notes.to_dict("records")
        if row in note["rows"]
    ]


def _outline(run: OpenRun, identity: str) -> np.ndarray | None:
    outlines = run.folder.companion("outlines")
    if outlines is None:
        return None
    matches = outlines.loc[outlines["id"] == identity, "outline"]
    return np.asarray(matches.iloc[0], np.float64).reshape(-1, 2) if len(matches) else None


def _measures(folder: RunFolder, row: int) -> dict[str, dict[str, Any]]:
    return {
        name: {"value": measure.value, "unit": measure.unit}
        for section in report_sections().values()
        for name, measure in section.image_measures(folder, row).items()
    }


def _to_json(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float) else str(value)[:MAX_VALUE_LENGTH]
