"""The folder of a saved model: ``model.json`` says what it is, ``model.safetensors`` holds its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError

FORMAT = 2
"""Format 2 names parameters by dots (``training.epochs``); format 1 had one flat list."""
READABLE_FORMATS = (1, 2)
HARDWARE_NAMES: Mapping[str, str | tuple[str, ...]] = {
    **{name: f"hardware.{name}" for name in ("accelerator", "devices", "precision")},
    **dict.fromkeys(("strategy", "hardware.strategy"), ()),
}
"""Names that the parameters of `Hardware` had in earlier versions; all choices of `strategy` did the same, and it is gone."""


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check ``model.json`` of a saved method.

    Raises
    ------
    InputError
        If it is missing, damaged or of another format.
    """
    path = folder / "model.json"
    try:
        description: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{folder}: holds no model (model.json is missing)") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a model description ({error})") from error
    if not isinstance(description, dict):
        raise InputError(f"{path}: cannot be read as a model description (it holds no names)")
    if description.get("format") not in READABLE_FORMATS:
        readable = " and ".join(map(str, READABLE_FORMATS))
        raise InputError(
            f"{path}: format {description.get('format')} is not one that this version reads ({readable}); "
            "use the version that wrote it"
        )
    missing = [name for name in ("method", "parameters", "image_shape") if name not in description]
    if missing:
        raise InputError(f"{path}: cannot be read as a model description (it lacks {', '.join(missing)})")
    return description
