"""Runs of a few vignettes of plankton, drawn here, and what EcoTaxa would read of their exports."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from facies.images import ImageSet, open_images
from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents


def draw_vignette(number: int, colour: bool = False) -> Image.Image:
    """Draw a dark object on white, of a size of its own."""
    width, height = 24 + number % 7, 20 + number % 5
    picture = Image.new("RGB" if colour else "L", (width, height), "white")
    box = (4, 4, 8 + number % 3 * 5, 12)
    ImageDraw.Draw(picture).ellipse(box, fill=(30 + number, 60, 90) if colour else 30 + number)
    return picture


def write_vignettes(folder: Path, n: int = 12, suffix: str = ".png", *, colour: bool = False) -> Path:
    """Write vignettes as files, in two folders."""
    for number in range(n):
        path = folder / f"station {number % 2}" / f"vignette {number:02d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_vignette(number, colour).save(path)
    return folder


def write_vignette_run(path: Path, images: ImageSet | Path, **manifest: Any) -> RunFolder:
    """Write a run of images, or of a path that holds them."""
    opened = images if isinstance(images, ImageSet) else open_images(images)
    contents = make_contents(opened)
    described = {"value_range": list(opened.value_range())}
    return write_run(path, make_contents(opened, manifest={**contents.manifest, "input": described, **manifest}))


def read_ecotaxa(path: Path) -> tuple[pd.DataFrame, dict[str, str], zipfile.ZipFile]:
    """Read an export with the rules of EcoTaxa's importer, and fail where it would refuse.

    They are those of its source (ecotaxa_back, py/BO/Bundle.py and TSVFile.py, July 2025): names of tables, Latin-1, names of columns,
    types, mandatory ids, images that exist and can be opened, statuses, and no text of more than 250 characters.
    """
    archive = zipfile.ZipFile(path)
    tables = [name for name in archive.namelist() if Path(name).match("ecotaxa*.tsv")]
    assert len(tables) == 1
    rows = list(csv.reader(io.StringIO(archive.read(tables[0]).decode("latin-1")), delimiter="\t", quotechar='"'))
    names, types = rows[0], dict(zip(rows[0], rows[1], strict=True))
    table = pd.DataFrame(rows[2:], columns=names)
    assert len(set(names)) == len(names)
    assert all(
        name == name.lower() and name.split("_")[0] in ("img", "object", "sample", "acq", "process") for name in names
    )
    assert set(types.values()) <= {"[t]", "[f]"}
    for prefix in {name.split("_")[0] for name in names} - {"img"}:
        assert (table[f"{prefix}_id"] != "").all()
    assert not table.duplicated(["object_id", "img_file_name"]).any()
    for name, kind in types.items():
        assert (table[name].str.len() <= 250).all(), name
        if kind == "[f]":
            pd.to_numeric(table[name][table[name] != ""])
            assert not table[name].str.contains("inf|nan", case=False).any()
    for name in table["img_file_name"]:
        with Image.open(io.BytesIO(archive.read(f"{Path(tables[0]).parent}/{name}".removeprefix("./")))) as picture:
            picture.load()
    assert set(table["object_annotation_status"]) <= {"", "predicted", "validated", "dubious"}
    assert ((table["object_annotation_category"] == "") == (table["object_annotation_status"] == "")).all()
    return table, types, archive


def pixels_of(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with Image.open(io.BytesIO(archive.read(name))) as picture:
        return np.asarray(picture)
