"""A zip of images and their table, as EcoTaxa imports them."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.report.exporters.ecotaxa_table import PREFIXES, as_tsv, fit_to_ecotaxa
from facies.report.exporters.exported_objects import (
    object_ids,
    run_token,
    to_ascii,
    without_excluded,
)
from facies.report.exporters.folders import FileNames
from facies.report.exporters.image_files import ImageFiles
from facies.report.sections import exported_objects
from facies.runs import RunFolder

_STATES = ("predicted", "validated", "dubious")
_ANNOTATION = "object_annotation_"
# These say who decided when, by numbers of EcoTaxa, or are made by its export; they are not true of a new class.
_OF_THE_OLD_CLASS = tuple(
    f"{_ANNOTATION}{name}" for name in ("category_id", "person_name", "person_email", "date", "time")
)
_MADE_BY_ECOTAXA = (f"{_ANNOTATION}hierarchy", "object_parent_category", f"{_ANNOTATION}parent_category")
_OWN = {"id", "source", "width", "height", "label", "band_px", "pixel_size_um", "sample", "acquisition"}


def write_ecotaxa(run: RunFolder, partition: pd.DataFrame, path: Path) -> list[str]:
    """Write ``ecotaxa_RUN_….tsv`` and a folder of images into one zip.

    The table has a row of names (``object_id``, ``img_file_name``, ``object_annotation_category`` …), a row of types
    (``[t]`` text, ``[f]`` number), and one row an image. What is measured has its unit in its name. Images that came with a
    table of EcoTaxa keep its columns and ids, and their category where the expert named no other; all others get an id
    that no image of another run has. Images without a class have no category and no status. Excluded images are left out.
    The names of the files are unique, so that several exports may be unpacked into one folder and imported at once.

    Originals that browsers show are copied; else the pixels are written, of a focal stack the best layer.

    Returns
    -------
    list of str
        What was left out, cut or converted, in lines for the user.
    """
    partition, notes = without_excluded(partition)
    ids, said = object_ids(run)
    files = ImageFiles(run, partition.index)
    token, naming = run_token(run), FileNames()
    folder = f"images_{_safe(run.path.name)}_{token}"
    names = [f"{folder}/{naming.name(ids[row], files.suffix(row))}" for row in partition.index]
    table, cut = fit_to_ecotaxa(_table(run, partition, ids.loc[partition.index], names))
    content = as_tsv(table)
    digest = hashlib.sha256(content).hexdigest()[:8]
    with zipfile.ZipFile(path, "w") as archive:
        for row, name in zip(partition.index.tolist(), names, strict=True):
            archive.writestr(_dated(name), files.content(row), zipfile.ZIP_STORED)
        tsv = f"ecotaxa_{_safe(run.path.name)}_{digest}.tsv"
        archive.writestr(_dated(tsv), content, zipfile.ZIP_DEFLATED)
    return [*notes, *said, *files.notes, *cut]


def _safe(name: str) -> str:
    return FileNames().name(to_ascii(name)[:60], "")


def _table(run: RunFolder, partition: pd.DataFrame, ids: pd.Series, names: list[str]) -> pd.DataFrame:
    """Return the columns of EcoTaxa, by the tables it has: image, object, sample, acquisition, process."""
    known = run.images.loc[partition.index]
    columns: dict[str, Any] = {
        "img_file_name": names,
        "img_rank": 0,
        "object_id": ids,
        **_annotation(partition, known),
        "object_group": partition["group"].astype(int),
        "object_probability": partition["probability"].astype(float),
    }
    for name, column in (("object_class_path", "class_path"), ("object_note", "note")):
        if column in partition:
            columns[name] = partition[column].astype(str)
    objects = exported_objects(run)
    if objects is None:
        columns |= _known_columns(run, known)
    else:
        columns |= {str(name): column for name, column in objects.columns(partition.index).items()}
    sample = columns.get("sample_id", pd.Series(_safe(_name_of_input(run)), index=partition.index))
    columns.setdefault("sample_id", sample)
    columns.setdefault("acq_id", sample + "_images")
    columns.setdefault("process_id", sample + "_facies")
    columns["process_software" if "process_software" not in columns else "process_facies"] = (
        f"Facies {run.manifest['version']}"
    )
    columns["process_method" if "process_method" not in columns else "process_facies_method"] = str(
        run.manifest["method"]
    )
    ordered = sorted(columns, key=lambda name: PREFIXES.index(name.split("_")[0]))
    return pd.DataFrame({name: columns[name] for name in ordered}, index=partition.index).reset_index(drop=True)


def _annotation(partition: pd.DataFrame, known: pd.DataFrame) -> dict[str, pd.Series]:
    """Return category and status: the class that the expert named, else what the images came with."""
    nothing = pd.Series("", index=partition.index, dtype=object)
    classes = partition["class"].astype(object) if "class" in partition else nothing
    states = partition["state"].astype(object) if "state" in partition else nothing
    named = classes != ""
    earlier = {
        name: known[name].astype(object).where(known[name].notna(), "").astype(str)
        for name in (f"{_ANNOTATION}category", f"{_ANNOTATION}status")
        if name in known
    }
    category = classes.where(named, earlier.get(f"{_ANNOTATION}category", nothing))
    status = states.where(states.isin(_STATES), "").where(named, earlier.get(f"{_ANNOTATION}status", nothing))
    columns = {f"{_ANNOTATION}category": category, f"{_ANNOTATION}status": status.where(category != "", "")}
    for name in _OF_THE_OLD_CLASS:
        if name in known:
            columns[name] = known[name].astype(object).where(known[name].notna() & ~named, "")
    return columns


def _known_columns(run: RunFolder, known: pd.DataFrame) -> dict[str, Any]:
    """Return what the table of the images holds: columns of EcoTaxa as they are, others as columns of the object."""
    columns: dict[str, Any] = {}
    for name in map(str, known.columns):
        if name in _OWN or name.startswith((_ANNOTATION, "img_")) or name in (*_MADE_BY_ECOTAXA, "object_id"):
            continue
        prefix, _, rest = name.lower().partition("_")
        free = re.sub(r"[\s/\\]+", "_", name.strip().lower())
        columns[free if prefix in PREFIXES and rest else f"object_{free}"] = known[name]
    if {"width", "height"} <= set(known.columns):
        columns |= {"object_width_px": known["width"], "object_height_px": known["height"]}
    if "source" in known:
        columns["object_source"] = known["source"].astype(str)
    names = run.label_names
    if run.labels is not None:
        codes = run.labels[known.index.to_numpy()]
        columns["object_label"] = [names[code] if names else str(code) for code in codes]
    if "sample" in known and "sample_id" not in columns:
        columns["sample_id"] = known["sample"].astype(str)
    columns["acq_um_per_px"] = known.get("pixel_size_um", run.manifest["input"].get("um_per_px") or "")
    return {name: np.asarray(column) if isinstance(column, list) else column for name, column in columns.items()}


def _name_of_input(run: RunFolder) -> str:
    path = run.manifest["input"]["origin"].get("path")
    return run.path.name if path is None else Path(path).stem


def _dated(name: str) -> zipfile.ZipInfo:
    # Without the moment of writing two exports of a run are equal.
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
