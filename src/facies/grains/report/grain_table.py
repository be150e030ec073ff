"""One row a grain: what it was named, whether it counts, whether it was measured, and its size and shape."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.grains.morphometry import shape_table
from facies.grains.morphometry.shape import AREAS, LENGTHS
from facies.grains.report.table_settings import COLUMN_OF_DIAMETER, GrainSettings
from facies.report.annotated_partition import annotated_partition
from facies.runs import RunFolder

if TYPE_CHECKING:
    from facies.annotations import Annotations

ONE_SAMPLE = "all grains"


def grain_table(
    run: RunFolder,
    annotations: Annotations,
    settings: GrainSettings,
    um_per_px: float | None = None,
    partition: str | None = None,
) -> pd.DataFrame:
    """Return one row a grain with all that is known of it, as `GrainTables.grains`.

    Without a scale sizes are in pixels. Without a partition the newest gives the groups; a run without any gives group
    −1.
    """
    images = run.images.reset_index(drop=True)
    table = pd.DataFrame({"id": images["id"]})
    table["sample"] = images["sample"].astype(str) if "sample" in images else ONE_SAMPLE
    state = annotations.state_names
    table["class"] = np.where(state == "none", "", annotations.names).astype(object)
    table["state"] = state
    table["reason"] = annotations.reasons
    table["counted"] = annotations.is_counted
    table["confidence"] = annotations.confidence.astype(np.float32)
    table = table.join(_groups(run, annotations, partition))
    shapes = _shapes(run, images["id"], um_per_px)
    cut = images["touches_border"].to_numpy(bool) if "touches_border" in images else np.zeros(len(images), bool)
    touching = images["touching"].to_numpy(float) if "touching" in images else np.zeros(len(images))
    table["cut"], table["touches_others"] = cut, touching >= settings.touching_from
    whole = ~(table["cut"] | table["touches_others"]) | settings.include_cut
    in_question = (state == "excluded") | (state == "dubious")
    table["measured"] = whole & ~in_question & shapes["area"].notna().to_numpy()
    doubts = images["flag"].fillna("") if "flag" in images else pd.Series("", index=images.index)
    table["flag"] = _flags(table, doubts, shapes["flag"])
    shapes = shapes.drop(columns="flag").reset_index(drop=True)
    table["diameter"] = shapes[COLUMN_OF_DIAMETER[settings.diameter]]
    table = table.join(shapes)
    return table.join(images.drop(columns=[name for name in images if name in table.columns]))


def countable_classes(annotations: Annotations) -> list[str]:
    """Return the classes that are not excluded, in the order in which they were made."""
    countable = ~annotations.classes["excluded"].astype(bool)
    return [str(name) for name in annotations.classes.loc[countable, "name"]]


def _groups(run: RunFolder, annotations: Annotations, partition: str | None) -> pd.DataFrame:
    if partition is None and not run.partitions():
        return pd.DataFrame({"group": np.full(len(run), -1), "probability": np.nan})
    table, _ = annotated_partition(run, partition, annotations)
    return table[["group", "probability"]].reset_index(drop=True)


def _shapes(run: RunFolder, ids: pd.Series, um_per_px: float | None) -> pd.DataFrame:
    path = run.path / "outlines.parquet"
    if not path.exists():
        shapes = shape_table(pd.DataFrame({"id": ids, "outline": [None] * len(ids)}))
    else:
        shapes = _shapes_in_pixels(run.path, path.stat().st_mtime_ns)
    shapes = shapes.reindex(ids)
    if um_per_px is not None:
        shapes[[*LENGTHS]] *= um_per_px
        shapes[[*AREAS]] *= um_per_px**2
    return shapes


@lru_cache(maxsize=4)
def _shapes_in_pixels(run: Path, _changed: int) -> pd.DataFrame:
    """Measure the outlines of a run once: 30,000 take a minute."""
    outlines = RunFolder(run).companion("outlines")
    assert outlines is not None, "the file is there"
    return shape_table(outlines)


def _flags(table: pd.DataFrame, of_outline: pd.Series, of_shape: pd.Series) -> list[str]:
    words = (
        np.where(table["cut"], "cut by the border", ""),
        np.where(table["touches_others"], "touches others", ""),
        of_outline.to_numpy(object),
        of_shape.fillna("").to_numpy(object),
    )
    return ["; ".join(filter(None, row)) for row in zip(*words, strict=True)]
