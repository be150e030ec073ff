"""Grains as COCO and EcoTaxa are told of them: outlines on their photographs, and their measures."""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd

from facies.grains.morphometry import shape_table
from facies.grains.morphometry.shape import AREAS, LENGTHS
from facies.grains.report.extraction_record import is_grain_run, photograph_table
from facies.report.exporters.exported_objects import ExportedObjects
from facies.runs import RunFolder

_IN_PIXELS = ("x0", "y0", "x1", "y1", "width", "height")


def exported_grains(run: RunFolder) -> ExportedObjects | None:
    """Return what is known of the grains of a run; None if its images are no grains.

    Measures are in µm where the scale is known, else in pixels, which the end of each name says.
    """
    if not is_grain_run(run):
        return None
    return ExportedObjects(
        columns=functools.partial(_columns, run),
        frames=functools.partial(_frames, run),
        attributes=("sample", "photograph"),
        supercategory="grain",
    )


def _columns(run: RunFolder, rows: pd.Index) -> pd.DataFrame:
    known = run.images.loc[rows]
    scale = run.manifest["input"].get("um_per_px")
    sample = known["sample"].astype(str)
    columns: dict[str, Any] = {
        "object_stack": known["stack"].astype(str),
        "object_photograph": known["photograph"].astype(str),
        **{f"object_{name}_px": known[name] for name in _IN_PIXELS},
        **({"object_best_layer": known["best_layer"]} if "best_layer" in known else {}),
        **_measures(run, rows, scale),
        "sample_id": sample,
        "acq_id": sample + "_photographs",
        "acq_um_per_px": scale or "",
        "process_id": sample + "_facies",
    }
    return pd.DataFrame(columns, index=rows)


def _measures(run: RunFolder, rows: pd.Index, scale: float | None) -> dict[str, Any]:
    outlines = run.companion("outlines")
    if outlines is None:
        return {}
    shapes = shape_table(outlines.loc[rows], scale)
    shapes.index = rows
    unit = "um" if scale else "px"
    units = {**dict.fromkeys(LENGTHS, f"_{unit}"), **dict.fromkeys(AREAS, f"_{unit}2")}
    return {f"object_{name}{units.get(str(name), '')}": shapes[name] for name in shapes.columns if name != "id"}


def _frames(run: RunFolder) -> pd.DataFrame:
    """Return the photograph of each grain's stack: the layer from which most of its grains were cut."""
    photographs = photograph_table(run).rename(columns={"photograph": "file"})
    return run.images[["stack"]].merge(photographs, on="stack", how="left")[["file", "width", "height"]]
