"""The formats into which the groups and classes of a run can be exported: the contract, and the registry."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from facies.errors import InputError, suggest
from facies.io import atomic_file, atomic_folder
from facies.plugins import load_plugins
from facies.report.annotated_partition import annotated_partition, select_rows
from facies.report.exporters.class_list import write_class_list, write_class_list_text, write_class_list_tsv
from facies.report.exporters.coco import write_coco, write_coco_with_images
from facies.report.exporters.ecotaxa import write_ecotaxa
from facies.report.exporters.folders import write_folders
from facies.report.exporters.tables import write_csv, write_parquet
from facies.runs import RunFolder

Write = Callable[[RunFolder, pd.DataFrame, Path], Sequence[str] | None]
"""Writes some images of a run to a path; returns lines for the user, of what was left out or converted, if there are any."""

MODEL_EXPORTERS = ("onnx",)
"""Formats of the model, which `facies.workflows` adds; no package can take their names."""


@dataclass(frozen=True)
class Exporter:
    """A format into which the groups and classes of a run can be written.

    A package registers an instance as an entry point of the group ``facies.exporters``, under the name of the format.

    Attributes
    ----------
    description : str
        One line for the help text.
    suffix : str
        The suffix of the file, with its dot; empty if the exporter writes a folder.
    write : callable
        ``write(run, partition, path)`` writes the new file, or fills the new folder, ``path``. `partition` is the table
        of `annotated_partition`, cut to the images chosen: its index holds their row numbers. Whatever it raises, nothing
        is left of ``path``. It may return lines for the user: what was left out, cut or converted.
    write_as : mapping of str to callable
        Other writers, by the suffix (``.zip``) of the name that the user gave.
    """

    description: str
    suffix: str
    write: Write
    write_as: Mapping[str, Write] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it writes a folder, or one file."""
        return not self.suffix


@functools.cache
def exporters() -> dict[str, Exporter]:
    """Return the exporters by name: those of this room, and those that are registered."""
    own = {
        "csv": Exporter("a table of id, group, probability, and all that is known of each image", ".csv", write_csv),
        "parquet": Exporter("the same table, with its types, for pandas, R or DuckDB", ".parquet", write_parquet),
        "folders": Exporter("a folder of image files for each class or group, and index.csv", "", write_folders),
        "coco": Exporter(
            "images, classes and outlines or boxes, for COCO's readers; as .zip with the images",
            ".json",
            write_coco,
            {".zip": write_coco_with_images},
        ),
        "classes": Exporter(
            "the list of classes with keys, parents, colours and roles; .tsv, or .txt for the names alone",
            ".csv",
            write_class_list,
            {".tsv": write_class_list_tsv, ".txt": write_class_list_text},
        ),
        "ecotaxa": Exporter("a zip of images and their table, to be imported into EcoTaxa", ".zip", write_ecotaxa),
    }
    return {**own, **dict(load_plugins("facies.exporters", Exporter, {*own, *MODEL_EXPORTERS}))}


def export_run(
    run: RunFolder,
    to: str,
    output: str | Path,
    *,
    partition: str | None = None,
    classes: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
    overwrite: bool = False,
    more: Mapping[str, Exporter] | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Export a partition of a run, or some of its images, whole or not at all.

    Parameters
    ----------
    run : RunFolder
        The run.
    to : str
        A name in `exporters`: ``csv``, ``parquet``, ``folders``, ``coco``, ``ecotaxa``, ``classes``, or what a package adds.
    output : str or Path
        The file or folder to write. COCO is written with its images if the name ends in ``.zip``.
    partition : str, optional
        Without it the newest.
    classes, groups : sequence of str, sequence of int, optional
        Only images of these classes, without excluded ones; only images of these groups (-1: noise).
    overwrite : bool
        Whether an existing file, or a folder that such an export wrote, is replaced.
    more : mapping of Exporter, optional
        Exporters beside `exporters`: those that need what this room does not know, such as the model.
    report : callable, optional
        Called with each line on what was left out, cut or converted.

    Returns
    -------
    Path
        The absolute path of what was written.

    Raises
    ------
    InputError
        If the exporter, the partition, a class or a group is unknown, no image is left, the output exists and may not
        be replaced, the images are needed and gone, or the disk is full.
    """
    known = {**exporters(), **(more or {})}
    exporter = known.get(to)
    if exporter is None:
        raise InputError(f"there is no exporter {to!r}: {suggest(to, known, 'choose one of {}')}")
    path = Path(output).expanduser().absolute()
    _check_output(path, exporter, overwrite=overwrite)
    table, _ = annotated_partition(run, partition)
    table = table.loc[select_rows(run, table, classes, groups)]
    write = exporter.write_as.get(path.suffix.lower(), exporter.write)
    with (atomic_folder if exporter.is_folder else atomic_file)(path, overwrite=overwrite) as prepared:
        notes = write(run, table, prepared)
    for line in notes or ():
        if report is not None:
            report(line)
    return path


def _check_output(path: Path, exporter: Exporter, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"{path} already exists: give another output, or --overwrite to replace it")
    if path.is_dir() != exporter.is_folder:
        existing, new = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise InputError(f"{path} is a {existing} and a {new} is to be written: give another output")
    if exporter.is_folder and any(path.iterdir()) and not (path / "index.csv").is_file():
        raise InputError(f"{path} was not written by an export (it has no index.csv), so it is not overwritten")
