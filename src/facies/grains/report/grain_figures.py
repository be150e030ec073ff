"""All figures of a run of grains."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.grains.report.class_figures import class_map, confusion_matrix, ternary
from facies.grains.report.downcore_figures import composition, downcore
from facies.grains.report.size_figures import cumulative_curves, shape_boxes, size_histograms
from facies.grains.report.specimen_plates import plate, typical_rows
from facies.report.native_images import NativeImages
from facies.report.palette import Style
from facies.report.svg import ReportFigure
from facies.runs import RunFolder

if TYPE_CHECKING:
    from facies.grains.report.sample_tables import GrainTables


def grain_figures(
    run: RunFolder, tables: GrainTables, classes: pd.DataFrame, styles: Mapping[str, Style]
) -> list[ReportFigure]:
    """Draw every figure for which there is something to draw, in the styles of the classes."""
    measured = tables.grains[tables.grains["measured"]]
    scaled = tables.um_per_px is not None
    parts = three_parts(tables.counts, classes)
    figures = [
        downcore(tables.indicators, tables.samples),
        composition(tables.counts, tables.samples, styles),
        ternary(parts, tables.samples) if parts is not None else None,
        cumulative_curves(measured, styles, scaled=scaled, limits_um=_sieve(tables)),
        size_histograms(measured, styles, scaled=scaled),
        shape_boxes(measured, styles),
        _map(run, tables, styles),
        confusion_matrix(tables.confusion),
    ]
    return [drawing for drawing in figures if drawing is not None]


def _map(run: RunFolder, tables: GrainTables, styles: Mapping[str, Style]) -> ReportFigure | None:
    if not styles or not run.projections():
        return None
    points, _ = run.projection()
    return class_map(points, tables.grains["class"].to_numpy(object), styles, tables.grains["id"].tolist())


def _sieve(tables: GrainTables) -> tuple[float | None, float | None]:
    """Return the sieve's limits, where they are the same for all samples."""
    limits: list[float | None] = []
    for name in ("sieve_lower_um", "sieve_upper_um"):
        given = tables.samples[name].dropna().unique() if name in tables.samples else np.array([])
        fallback = getattr(tables.settings, name)
        limits.append(float(given[0]) if len(given) == 1 else fallback if not len(given) else None)
    return limits[0], limits[1]


def three_parts(counts: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame | None:
    """Return the counts of three parts by sample: index ``sample``, three columns.

    The parts are terrigenous, whole and fragments; without these roles the three commonest classes. Returns None with
    fewer than three classes.
    """
    table = counts.pivot_table(index="sample", columns="class", values="n", aggfunc="sum").fillna(0)
    roles = dict(zip(classes["name"], classes["roles"], strict=True))
    corners = {"terrigenous": "terrigenous", "whole tests": "whole", "fragments": "fragment"}
    members = {title: [name for name in table if role in roles.get(name, [])] for title, role in corners.items()}
    chosen = [name for names in members.values() for name in names]
    if all(members.values()) and len(set(chosen)) == len(chosen):
        return pd.DataFrame({title: table[names].sum(axis=1) for title, names in members.items()})
    common = table.sum().sort_values(ascending=False, kind="stable")
    common = common[common > 0]
    return table[common.index[:3].tolist()] if len(common) >= 3 else None


def grain_plates(run: RunFolder, tables: GrainTables, styles: Mapping[str, Style]) -> tuple[list[ReportFigure], bool]:
    """Draw a plate of typical grains for each class, in their order.

    Also returned is whether thumbnails were used, the images being gone.
    """
    grains = tables.grains
    images = NativeImages(run)
    groups = grains["group"].to_numpy(np.int64)
    whole = grains["counted"] & grains["measured"] if grains["measured"].any() else grains["counted"]
    plates: list[ReportFigure] = []
    taken: set[str] = set()
    for name in styles:
        members = np.flatnonzero(((grains["class"] == name) & whole).to_numpy())
        if not len(members):
            members = np.flatnonzero(((grains["class"] == name) & grains["counted"]).to_numpy())
        if len(members):
            rows = typical_rows(run.embedding, groups, members)
            plates.append(plate(_file_name(name, taken), name, rows.tolist(), images, grains, tables.um_per_px))
    return plates, images.from_thumbnails


def _file_name(name: str, taken: set[str]) -> str:
    stem = "plate-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "class")
    chosen, number = stem, 1
    while chosen in taken:
        number += 1
        chosen = f"{stem}-{number}"
    taken.add(chosen)
    return chosen
