"""What ``facies extract`` noted about the grains of a run: its settings, and the photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from facies.errors import InputError
from facies.runs import RunFolder

_COLUMNS = {"sample", "stack", "photograph", "x0", "y0", "x1", "y1", "width", "height"}


def is_grain_run(run: RunFolder) -> bool:
    """Return whether the images of a run are grains that were cut out of photographs."""
    return set(run.images.columns) >= _COLUMNS


def extraction_notes(run: RunFolder) -> dict[str, Any]:
    """Return the content of ``grains.json``; nothing if the folder of the grains is gone."""
    try:
        notes: dict[str, Any] = dict(json.loads((_folder(run) / "grains.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
    return notes


def photograph_table(run: RunFolder) -> pd.DataFrame:
    """Return one photograph for each focal stack of the run: the layer from which most of its grains were cut.

    The camera does not move within a stack, so that outlines hold for all of its layers. The columns are ``stack``,
    ``photograph`` (file), ``width`` and ``height`` (pixels), in the order of the first grain of each. An InputError
    says that the folder of the grains is gone, or does not hold the size of a photograph.
    """
    file = _folder(run) / "stacks.parquet"
    try:
        stacks = pd.read_parquet(file, columns=["stack", "width", "height"])
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}, which tells the sizes of the photographs, is missing or damaged: put it back"
        ) from error
    layers = run.images.groupby(["stack", "photograph"], sort=False).size().reset_index(name="n")
    photographs = layers.sort_values("n", ascending=False, kind="stable").drop_duplicates("stack").sort_index()
    photographs = photographs[["stack", "photograph"]].merge(stacks, on="stack", how="left")
    if photographs["width"].isna().any():
        lost = photographs.loc[photographs["width"].isna(), "stack"].iloc[0]
        raise InputError(f"{file} does not tell of the stack {lost!r}: put back the file of the run's own extraction")
    return photographs.astype({"width": int, "height": int}).reset_index(drop=True)


def _folder(run: RunFolder) -> Path:
    return Path(run.manifest["input"]["origin"].get("path") or run.path)
