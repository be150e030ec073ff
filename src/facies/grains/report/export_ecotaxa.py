"""A zip of images and their table, as EcoTaxa imports them."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.grains.report.extraction_record import is_grain_run
from facies.report.exporters.folders import FileNames
from facies.report.exporters.registry import Exporter
from facies.report.exporters.tables import guard_formulas
from facies.report.native_images import NativeImages
from facies.runs import RunFolder

_STATUS = {"predicted": "predicted", "validated": "validated", "dubious": "dubious"}


def write_ecotaxa(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
    """Write ``ecotaxa_RUN.tsv`` and ``images/`` into one zip.

    The table has a row of names (``object_id``, ``img_file_name``, ``object_annotation_category`` …), a row of types
    (``[t]`` text, ``[f]`` number), and one row a grain; measures are in µm where the scale is known, else in pixels,
    which ``object_unit`` says. The image is the best focal layer in native proportions, JPEG. Grains without a class
    have no category and no status. Excluded grains are left out. An InputError says that the run is not of grains, or
    that its images are gone.
    """
    if not is_grain_run(run):
        raise InputError(f"{run.path.name} is no run of grains, which ecotaxa needs: begin with `facies extract`")
    if "state" in partition:
        partition = partition[partition["state"] != "excluded"]
    run.image_set()  # says what is wrong if they are gone; thumbnails would not do
    naming = FileNames()
    ids = run.images["id"]
    files = [f"images/{naming.name(_ascii(ids[row]), '.jpg')}" for row in partition.index]
    images = NativeImages(run)
    with zipfile.ZipFile(path, "w") as archive:
        for row, file in zip(partition.index.tolist(), files, strict=True):
            buffer = io.BytesIO()
            images.picture(row).save(buffer, "JPEG", quality=95, subsampling=0)
            archive.writestr(_dated(file), buffer.getvalue(), zipfile.ZIP_STORED)
        name = f"ecotaxa_{FileNames().name(_ascii(run.path.name), '.tsv')}"
        archive.writestr(_dated(name), _tsv(_table(run, partition, files)), zipfile.ZIP_DEFLATED)


def _table(run: RunFolder, partition: pd.DataFrame, files: list[str]) -> pd.DataFrame:
    """Return the columns of EcoTaxa, by the tables it has: image, object, sample, acquisition, process."""
    known = run.images.loc[partition.index]
    scale = run.manifest["input"].get("um_per_px")
    named = partition["class"] if "class" in partition else pd.Series("", index=partition.index)
    states = partition["state"] if "state" in partition else pd.Series("none", index=partition.index)
    sample = known["sample"].astype(str)
    columns = {
        "img_file_name": files,
        "img_rank": 0,
        "object_id": known["id"].astype(str),
        "object_annotation_category": named.astype(str),
        "object_annotation_status": np.where(named != "", states.map(_STATUS).fillna(""), ""),
        "object_group": partition["group"].astype(int),
        "object_probability": partition["probability"].astype(float),
        "object_stack": known["stack"].astype(str),
        "object_photograph": known["photograph"].astype(str),
        **{
            f"object_{name}": known[name]
            for name in ("x0", "y0", "x1", "y1", "width", "height", "best_layer")
            if name in known
        },
        "object_unit": "um" if scale else "px",
        **_measures(run, partition, scale),
        "sample_id": sample,
        "acq_id": sample + "_photographs",
        "acq_um_per_px": scale or "",
        "process_id": sample + "_facies",
        "process_software": f"Facies {run.manifest['version']}",
        "process_method": str(run.manifest["method"]),
    }
    return pd.DataFrame(columns, index=partition.index).reset_index(drop=True)


def _measures(run: RunFolder, partition: pd.DataFrame, scale: float | None) -> dict[str, pd.Series]:
    from facies.grains.morphometry import shape_table

    outlines = run.companion("outlines")
    if outlines is None:
        return {}
    shapes = shape_table(outlines.loc[partition.index], scale)
    shapes.index = partition.index
    return {f"object_{name}": shapes[name] for name in shapes.columns if name != "id"}


def _tsv(table: pd.DataFrame) -> bytes:
    """Return the table as EcoTaxa reads it: tabs, Latin-1, the types below the names."""
    types = ["[f]" if pd.api.types.is_numeric_dtype(column) else "[t]" for _, column in table.items()]
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerow(types)
    for row in guard_formulas(table).itertuples(index=False):
        writer.writerow(
            ["" if cell != cell else " ".join(cell.split()) if isinstance(cell, str) else cell for cell in row]
        )
    return text.getvalue().encode("latin-1", "backslashreplace")


def _ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _dated(name: str) -> zipfile.ZipInfo:
    # Without the moment of writing two exports of a run are equal.
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


EXPORTER = Exporter("a zip of images and their table, to be imported into EcoTaxa", ".zip", write_ecotaxa)
