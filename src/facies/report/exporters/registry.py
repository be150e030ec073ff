"""Takes the groups and classes of a run elsewhere: into tables, folders of images, and other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facies.errors import InputError, suggest
from facies.grains.report.export_coco import write_coco
from facies.grains.report.export_ecotaxa import write_ecotaxa
from facies.io import atomic_file, atomic_folder
from facies.report.annotated_partition import named_partition, select_rows
from facies.report.exporters.folders import write_folders
from facies.report.exporters.tables import write_csv, write_parquet
from facies.runs import RunFolder

__all__ = ["EXPORTERS", "Exporter", "export_run"]


@dataclass(frozen=True)
class Exporter:
    """A way out of Facies.

    Attributes
    ----------
    says : str
        One line for the help text.
    is_folder : bool
        Whether it writes a folder, or one file.
    write : callable
        ``write(run, partition, path)`` fills the new folder, or writes the new file, ``path``. `partition` is the table
        of `named_partition`, cut to the images chosen: its index holds their row numbers. Whatever it raises, nothing
        is left of ``path``.
    """

    says: str
    is_folder: bool
    write: Callable[[RunFolder, pd.DataFrame, Path], None]


EXPORTERS: dict[str, Exporter] = {
    "csv": Exporter("a table of id, group, probability, and all that is known of each image", False, write_csv),
    "parquet": Exporter("the same table, with its types, for pandas, R or DuckDB", False, write_parquet),
    "folders": Exporter("a folder of image files for each class or group, and index.csv", True, write_folders),
    "coco": Exporter("grains as instances with outlines, for COCO's readers", False, write_coco),
    "ecotaxa": Exporter("a zip of images and their table, to be imported into EcoTaxa", False, write_ecotaxa),
}
"""The exporters by name. A new one is a new entry."""


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
) -> Path:
    """Export a partition of a run, or some of its images, whole or not at all.

    Parameters
    ----------
    run : RunFolder
        The run.
    to : str
        A name in `EXPORTERS`: ``csv``, ``parquet``, ``folders``, ``coco``, ``ecotaxa``.
    output : str or Path
        The file or folder to write.
    partition : str, optional
        Without it the newest.
    classes : sequence of str, optional
        Only images of these classes; excluded ones are left out.
    groups : sequence of int, optional
        Only images of these groups (-1: noise). With ``classes`` too, images that are of both.
    overwrite : bool
        Whether an existing file, or a folder that such an export wrote, is replaced.
    more : mapping of Exporter, optional
        Exporters beside `EXPORTERS`: those that need what this room does not know, such as the model.

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
    known = {**EXPORTERS, **(more or {})}
    exporter = known.get(to)
    if exporter is None:
        raise InputError(f"there is no exporter {to!r}: {suggest(to, known, 'choose one of {}')}")
    path = Path(output).expanduser().absolute()
    _check_output(path, exporter, overwrite=overwrite)
    table, _ = named_partition(run, partition)
    table = table.loc[select_rows(run, table, classes, groups)]
    if exporter.is_folder:
        with atomic_folder(path, overwrite=overwrite) as folder:
            exporter.write(run, table, folder)
    else:
        with atomic_file(path, overwrite=overwrite) as file:
            exporter.write(run, table, file)
    return path


def _check_output(path: Path, exporter: Exporter, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"{path} already exists: give another output, or --overwrite to replace it")
    if path.is_dir() != exporter.is_folder:
        kind, wanted = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise InputError(f"{path} is a {kind} and a {wanted} is to be written: give another output")
    if exporter.is_folder and any(path.iterdir()) and not (path / "index.csv").is_file():
        raise InputError(f"{path} was not written by an export (it has no index.csv), so it is not overwritten")
