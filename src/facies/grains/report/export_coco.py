"""Grains as instances on their photographs, in the JSON that COCO's readers take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.extraction.measurements import polygon_area
from facies.grains.report.extraction_record import is_grain_run, photograph_table
from facies.report.exporters.registry import Exporter
from facies.runs import RunFolder


def write_coco(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
    """Write one JSON of images (a photograph of each stack), categories (the classes) and annotations (the grains).

    All grains of a stack are annotated on the layer from which most of them were cut, so that no grain visible there
    lacks its annotation; the layer of each grain itself is among its ``attributes``, with all else that is known.

    An annotation has the outline as polygon, its box ``[x, y, width, height]`` and its area in pixels of the
    photograph; pixel ``i`` spans ``[i, i + 1)``, as in COCO. Its category is the class, or ``group 12`` where none was
    named. Excluded grains are left out. An InputError says that the run is not of grains, has no outlines, or has lost
    the table of the photographs.
    """
    if not is_grain_run(run):
        raise InputError(f"{run.path.name} is no run of grains, which coco needs: begin with `facies extract`")
    outlines = run.companion("outlines")
    if outlines is None:
        raise InputError(f"{run.path.name} holds no outlines, which coco needs: extract and cluster again")
    if "state" in partition:
        partition = partition[partition["state"] != "excluded"]
    photographs = photograph_table(run)
    category_names = _category_names(partition)
    categories = {name: number for number, name in enumerate(dict.fromkeys(category_names), 1)}
    document = {
        "info": {
            "description": f"Grains of the run {run.path.name}, grouped by Facies {run.manifest['version']}",
            "version": "1.0",
            "date_created": run.manifest["created"],
        },
        "licenses": [],
        "images": _images(photographs),
        "categories": [{"id": number, "name": name, "supercategory": "grain"} for name, number in categories.items()],
        "annotations": _annotations(
            run,
            partition,
            outlines["outline"].to_numpy(object),
            {name: number for number, name in enumerate(photographs["stack"], 1)},
            [categories[name] for name in category_names],
        ),
    }
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), "utf-8")


def _images(photographs: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {"id": number, "file_name": row["photograph"], "width": row["width"], "height": row["height"]}
        for number, row in enumerate(photographs.to_dict("records"), 1)
    ]


def _annotations(
    run: RunFolder,
    partition: pd.DataFrame,
    outlines: NDArray[np.object_],
    image_ids: dict[str, int],
    category_ids: Sequence[int],
) -> list[dict[str, Any]]:
    stacks = run.images["stack"].to_numpy(object)
    rows = zip(partition.index, category_ids, _attributes(run, partition), strict=True)
    return [
        {
            "id": number,
            "image_id": image_ids[stacks[row]],
            "category_id": category,
            **_shape(np.asarray(outlines[row], np.float64).reshape(-1, 2)),
            "iscrowd": 0,
            "attributes": attributes,
        }
        for number, (row, category, attributes) in enumerate(rows, 1)
    ]


def _category_names(partition: pd.DataFrame) -> list[str]:
    groups = ["no group" if group < 0 else f"group {group}" for group in partition["group"]]
    if "class" not in partition:
        return groups
    return [name or group for name, group in zip(partition["class"], groups, strict=True)]


def _shape(polygon: NDArray[np.float64]) -> dict[str, Any]:
    low, high = polygon.min(0), polygon.max(0)
    return {
        "segmentation": [np.round(polygon, 2).ravel().tolist()],
        "bbox": np.round([*low, *(high - low)], 2).tolist(),
        "area": round(abs(polygon_area(polygon)), 2),
    }


def _attributes(run: RunFolder, partition: pd.DataFrame) -> list[dict[str, Any]]:
    table = pd.DataFrame(
        {
            "id": partition["id"].astype(str),
            "group": partition["group"].astype(int),
            "probability": partition["probability"].astype(float).round(4),
            "state": partition.get("state", "none"),
            "sample": run.images.loc[partition.index, "sample"].astype(str),
            "photograph": run.images.loc[partition.index, "photograph"].astype(str),
        }
    )
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


EXPORTER = Exporter("grains as instances with outlines, for COCO's readers", ".json", write_coco)
