"""Grains as instances on their photographs, in the JSON that COCO's readers take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.report.extraction_record import is_grain_run, photograph_table
from facies.report.exporters.registry import Exporter
from facies.runs import RunFolder

__all__ = ["EXPORTER", "write_coco"]


def write_coco(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
    """Write one JSON of images (a photograph of each stack), categories (the classes) and annotations (the grains).

    All grains of a stack stand on the layer from which most of them were cut, so that no grain that is seen there lacks
    its annotation; the layer of each grain itself is among its ``attributes``.

    An annotation has the outline as polygon, its box ``[x, y, width, height]`` and its area in pixels of the
    photograph; pixel ``i`` spans ``[i, i + 1)``, as in COCO. Its category is the class, or ``group 12`` where none was
    named. Excluded grains are left out. What else is known stands in ``attributes``.

    Parameters
    ----------
    run : RunFolder
        A run of grains with outlines.
    partition : DataFrame
        Of `annotated_partition`; its index holds row numbers.
    path : Path
        The file to write.

    Raises
    ------
    InputError
        If the run is not of grains, or has no outlines, or the table of the photographs is gone.
    """
    if not is_grain_run(run):
        raise InputError(f"{run.path.name} is no run of grains, which coco needs: begin with `facies extract`")
    outlines = run.companion("outlines")
    if outlines is None:
        raise InputError(f"{run.path.name} holds no outlines, which coco needs: extract and cluster again")
    if "state" in partition:
        partition = partition[partition["state"] != "excluded"]
    photographs = photograph_table(run)
    number_of = {name: number for number, name in enumerate(photographs["stack"], 1)}
    categories = _categories(partition)
    category_of = {name: number for number, name in enumerate(dict.fromkeys(categories), 1)}
    polygons = outlines["outline"].to_numpy(object)
    stacks = run.images["stack"].to_numpy(object)
    annotations = [
        {
            "id": number,
            "image_id": number_of[stacks[row]],
            "category_id": category_of[category],
            **_shape(np.asarray(polygons[row], np.float64).reshape(-1, 2)),
            "iscrowd": 0,
            "attributes": attributes,
        }
        for number, (row, category, attributes) in enumerate(
            zip(partition.index, categories, _attributes(run, partition), strict=True), 1
        )
    ]
    whole = {
        "info": {
            "description": f"Grains of the run {run.path.name}, grouped by Facies {run.manifest['version']}",
            "version": "1.0",
            "date_created": run.manifest["created"],
        },
        "licenses": [],
        "images": [
            {
                "id": number_of[row["stack"]],
                "file_name": row["photograph"],
                "width": row["width"],
                "height": row["height"],
            }
            for row in photographs.to_dict("records")
        ],
        "categories": [{"id": number, "name": name, "supercategory": "grain"} for name, number in category_of.items()],
        "annotations": annotations,
    }
    path.write_text(json.dumps(whole, ensure_ascii=False, allow_nan=False), "utf-8")


def _categories(partition: pd.DataFrame) -> list[str]:
    groups = ["no group" if group < 0 else f"group {group}" for group in partition["group"]]
    if "class" not in partition:
        return groups
    return [name or group for name, group in zip(partition["class"], groups, strict=True)]


def _shape(polygon: NDArray[np.float64]) -> dict[str, Any]:
    low, high = polygon.min(0), polygon.max(0)
    x, y = (polygon - low).T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2  # Gauss's formula
    return {
        "segmentation": [np.round(polygon, 2).ravel().tolist()],
        "bbox": np.round([*low, *(high - low)], 2).tolist(),
        "area": round(float(area), 2),
    }


def _attributes(run: RunFolder, partition: pd.DataFrame) -> list[dict[str, Any]]:
    told = pd.DataFrame(
        {
            "id": partition["id"].astype(str),
            "group": partition["group"].astype(int),
            "probability": partition["probability"].astype(float).round(4),
            "state": partition.get("state", "none"),
            "sample": run.images.loc[partition.index, "sample"].astype(str),
            "photograph": run.images.loc[partition.index, "photograph"].astype(str),
        }
    )
    return [{str(key): value for key, value in row.items()} for row in told.to_dict("records")]


EXPORTER = Exporter("grains as instances with outlines, for COCO's readers", ".json", write_coco)
