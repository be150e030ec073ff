"""The file ``*_dat1.pid`` (or ``.txt``) of ZooProcess: what was scanned, in sections, and then a row an object."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from facies.errors import InputError

PID_NAME = re.compile(r".+_dat1\.(pid|txt)", re.IGNORECASE)
"""The names that ZooProcess gives to the tables of ZooScan and UVP; the `.txt` is the same with the experts' groups."""

_SECTION = re.compile(r"\[(.+?)\]")
# ZooProcess marks the column of groups by how it came about; EcoTaxa calls it so.
_GROUPS = re.compile(r"(pred_)?valid.*|predicted.*|ident", re.IGNORECASE)


def table_of_pid(where: Path, name: str, text: str) -> tuple[pd.DataFrame, set[str]]:
    """Return the objects of such a file in the columns of EcoTaxa, as texts, and which columns are numbers.

    The vignette of an object is the file ``<Label>_<Item>``, whatever kind of picture it is; `object_id` is the same name.
    The sections before the data are columns ``sample_…`` (section Sample) and ``process_…`` (all others; of them `pixel`, which
    has no unit, is `acq_pixel`). The group that an expert gave, where there is one, is `object_annotation_category`.

    Raises
    ------
    InputError
        If there are no data, or a row has more cells than the header.
    """
    lines = [line.strip() for line in text.splitlines()]
    start = next((number for number, line in enumerate(lines) if line.lower() == "[data]"), None)
    header = next((number for number in range((start or 0) + 1, len(lines)) if lines[number]), None)
    if start is None or header is None:
        raise InputError(
            f"{where / name}: has no section [Data] with rows: it is no table of ZooProcess, or was cut short"
        )
    names = [cell.strip().lstrip("! ") for cell in lines[header].split(";")]
    lower = [cell.lower() for cell in names]
    if not {"item", "label"} <= set(lower):
        raise InputError(f"{where / name}: its data have no columns Item and Label, by which vignettes are found")
    rows = [[cell.strip() for cell in line.split(";")] for line in lines[header + 1 :] if line]
    wrong = next((number for number, row in enumerate(rows) if len(row) != len(names)), None)
    if wrong is not None:
        raise InputError(
            f"{where / name}: row {wrong + 1} of the data has {len(rows[wrong])} cells, and the header {len(names)}: it was cut "
            "short, or changed by another program"
        )
    data = pd.DataFrame(rows, columns=lower, dtype=str)
    objects = data["label"] + "_" + data["item"]
    columns = {_object_column(cell): data[cell] for cell in dict.fromkeys(lower)}
    table = pd.DataFrame({"img_file_name": objects, **columns, "object_id": objects})
    constants = {"acq_id": _stem(name), "sample_id": _stem(name)} | _sections(lines[:start])
    table = table.assign(**constants)
    numbers = {_object_column(cell) for cell in lower if pd.to_numeric(data[cell], errors="coerce").notna().all()}
    return table, (numbers if len(data) else set()) - {"object_label"}


def _stem(name: str) -> str:
    return re.sub(r"_dat1$", "", PurePosixPath(name).stem, flags=re.IGNORECASE)


def _object_column(cell: str) -> str:
    return "object_annotation_category" if _GROUPS.fullmatch(cell) else f"object_{_plain(cell)}"


def _plain(name: str) -> str:
    """Return a name as EcoTaxa writes it: ``Particle_pixel_size_(mm)`` is ``particle_pixel_size_mm``."""
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_").replace("__", "_")


def _sections(lines: list[str]) -> dict[str, str]:
    """Return what the sections say; the first word on a thing holds."""
    said: dict[str, str] = {}
    section = ""
    for line in lines:
        if begun := _SECTION.fullmatch(line):
            section = begun[1].strip().lower()
            continue
        key, equals, value = line.partition("=")
        if equals and _plain(key) and value.strip():
            name = "id" if section == "sample" and _plain(key) in ("sampleid", "sample_id") else _plain(key)
            # A bare `pixel` is in mm or µm, as the UVP has it; `acq_pixel` is the column of EcoTaxa that has no unit.
            prefix = "sample" if section == "sample" else "acq" if name == "pixel" else "process"
            said.setdefault(f"{prefix}_{name}", value.strip())
    return said
