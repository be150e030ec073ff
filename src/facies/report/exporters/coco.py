"""The objects of a run as instances in pictures, in the JSON that COCO's readers take."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations.class_tree import SEPARATOR
from facies.report.exporters.exported_objects import (
    ExportedObjects,
    category_names,
    run_token,
    to_ascii,
    without_excluded,
)
from facies.report.exporters.folders import FileNames
from facies.report.exporters.image_files import ImageFiles, original_names
from facies.report.native_images import native_sizes
from facies.report.sections import exported_objects
from facies.runs import RunFolder


def write_coco(run: RunFolder, partition: pd.DataFrame, path: Path) -> list[str]:
    """Write one JSON of images, categories (the classes) and annotations (one for each image of the run).

    Where a domain knows photographs and outlines (grains), the images are the photographs and an annotation has its outline
    as polygon. All other runs have each image as an image, named as in the folder that the run was made from, and an
    annotation of one box around it, without a polygon.

    A box is ``[x, y, width, height]``, and areas are in pixels; pixel ``i`` spans ``[i, i + 1)``, as in COCO. The category
    is the class, or ``group 12`` where none was named; its supercategory is the path of the class above
    it, if there is one. ``attributes`` hold id, group, probability and state. Excluded images are left out. Returns lines for the user.
    """
    document, _, notes = _document(run, partition)
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), "utf-8")
    return notes


def write_coco_with_images(run: RunFolder, partition: pd.DataFrame, path: Path) -> list[str]:
    """Write the JSON as ``annotations.json`` into a zip, with the images that it names in ``images/``.

    Originals are copied; of images that are no files of their own the pixels are written, as PNG or JPEG.
    """
    document, rows, notes = _document(run, partition, with_images=True)
    files = ImageFiles(run, rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(_dated("annotations.json"), json.dumps(document, ensure_ascii=False, allow_nan=False))
        for row, image in zip(rows, document["images"], strict=True):
            archive.writestr(_dated(f"images/{image['file_name']}"), files.content(row))
    return [*notes, *files.notes]


def _document(
    run: RunFolder, partition: pd.DataFrame, *, with_images: bool = False
) -> tuple[dict[str, Any], list[int], list[str]]:
    """Return the content of the JSON, the rows of its images where each is an image of the run, and lines for the user."""
    partition, notes = without_excluded(partition)
    names = category_names(partition)
    categories = {name: number for number, name in enumerate(dict.fromkeys(names), 1)}
    objects = exported_objects(run)
    outlines = run.companion("outlines") if objects is not None else None
    if objects is not None and outlines is not None and not with_images:
        images, annotations = _on_photographs(partition, objects, outlines["outline"].to_numpy(object))
    else:
        images, annotations, more = _each_an_image(run, partition, with_images=with_images)
        notes += more
    for annotation, name, attributes in zip(annotations, names, _attributes(run, partition, objects), strict=True):
        annotation.update({"category_id": categories[name], "iscrowd": 0, "attributes": attributes})
    supercategory = "image" if objects is None else objects.supercategory
    above = _classes_above(partition)
    document = {
        "info": {
            "description": f"Images of the run {run.path.name}, grouped by Facies {run.manifest['version']}",
            "version": "1.0",
            "date_created": run.manifest["created"],
        },
        "licenses": [],
        "images": images,
        "categories": [
            {"id": number, "name": name, "supercategory": above.get(name, supercategory)}
            for name, number in categories.items()
        ],
        "annotations": annotations,
    }
    return document, partition.index.tolist(), notes


def _classes_above(partition: pd.DataFrame) -> dict[str, str]:
    """Return the path of the class above each class, by name, of those that lie under one."""
    if "class_path" not in partition:
        return {}
    known = partition.drop_duplicates("class")
    paths = {str(n): str(path) for n, path in zip(known["class"], known["class_path"], strict=True)}
    return {name: path[: -len(SEPARATOR + name)] for name, path in paths.items() if path != name}


def _on_photographs(
    partition: pd.DataFrame, objects: ExportedObjects, outlines: NDArray[np.object_]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    frames = objects.frames()
    photographs = frames.drop_duplicates("file")
    images = [
        {"id": number, "file_name": row["file"], "width": int(row["width"]), "height": int(row["height"])}
        for number, row in enumerate(photographs.to_dict("records"), 1)
    ]
    ids = {image["file_name"]: image["id"] for image in images}
    files = frames["file"].to_numpy(object)
    annotations = [
        {"id": number, "image_id": ids[files[row]], **_shape(np.asarray(outlines[row], np.float64).reshape(-1, 2))}
        for number, row in enumerate(partition.index, 1)
    ]
    return images, annotations


def _each_an_image(
    run: RunFolder, partition: pd.DataFrame, *, with_images: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    sizes, originals, token, ids = native_sizes(run), original_names(run), run_token(run), run.images["id"]
    cut_off = run.images["band_px"].to_numpy(np.int64) if "band_px" in run.images else np.zeros(len(sizes), np.int64)
    files = ImageFiles(run, partition.index) if with_images else None
    naming = FileNames()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, row in enumerate(partition.index.tolist(), 1):
        width, height = sizes[row].tolist()
        name = originals.get(row)
        whole = height + (int(cut_off[row]) if name is not None else 0)
        if name is None or files is not None:
            suffix = ".png" if files is None else files.suffix(row)
            name = naming.name(f"{to_ascii(str(ids[row]))[:80]}_{token}", suffix)
        images.append({"id": number, "file_name": name, "width": width, "height": whole})
        box = {"segmentation": [], "bbox": [0, 0, width, height], "area": width * height}
        annotations.append({"id": number, "image_id": number, **box})
    lacking = sum(row not in originals for row in partition.index)
    if not lacking or with_images:
        return images, annotations, []
    remedy = "-o NAME.zip writes the pixels, too"
    return (
        images,
        annotations,
        [
            f"{lacking} of {len(partition)} images are no files of their own, so no file has the name in the JSON: {remedy}"
        ],
    )


def _shape(polygon: NDArray[np.float64]) -> dict[str, Any]:
    low, high = polygon.min(0), polygon.max(0)
    x, y = (polygon - low).T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    return {
        "segmentation": [np.round(polygon, 2).ravel().tolist()],
        "bbox": np.round([*low, *(high - low)], 2).tolist(),
        "area": round(float(area), 2),
    }


def _attributes(run: RunFolder, partition: pd.DataFrame, objects: ExportedObjects | None) -> list[dict[str, Any]]:
    names = ("sample_id", "acq_id", "folder") if objects is None else objects.attributes
    known = run.images.loc[partition.index]
    table = pd.DataFrame(
        {
            "id": partition["id"].astype(str),
            "group": partition["group"].astype(int),
            "probability": partition["probability"].astype(float).round(4),
            "state": partition.get("state", "none"),
            **{name: partition[name] for name in ("class_path", "note") if name in partition},
            **{name: known[name].astype(str) for name in names if name in known},
        }
    )
    return [
        {str(key): None if value != value else value for key, value in row.items()} for row in table.to_dict("records")
    ]


def _dated(name: str) -> zipfile.ZipInfo:
    # Without the moment of writing two exports of a run are equal.
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
