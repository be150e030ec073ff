"""Vignettes of plankton with the table that EcoTaxa, PlanktoScope or ZooProcess wrote, in a folder or a zip."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.images.image_set import LEFT_OUT_COLUMNS, ImageSet
from facies.images.readers.base import Progress, Reader
from facies.images.readers.file_search import ImageFile, find_image_files, listings
from facies.images.readers.folder import images_from_files
from facies.images.readers.pixel_size import pixel_sizes
from facies.images.readers.plankton_table import (
    MAX_TABLE_BYTES,
    PlanktonTable,
    is_table,
    read_tables,
    tables_to_read,
)
from facies.images.readers.suffixes import SUFFIXES
from facies.images.readers.zip_members import ZipMembers, open_zip, safe_name
from facies.images.resize import ImageFormat
from facies.images.sources import SubsetSource

_DEPTH = 3


@dataclass
class _Vignettes:
    """Which row of the table is which file; what is left of both is told."""

    files: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def holds_table(path: Path) -> bool:
    """Return whether a folder holds a table of EcoTaxa's kind, at most two folders deep, or a path is a zip."""
    if path.is_file():
        return path.suffix.lower() == ".zip"
    return path.is_dir() and next(_tables_below(path), None) is not None


def _tables_below(folder: Path) -> Iterator[Path]:
    """Yield the tables in a folder and a few levels below."""
    for entries in listings(folder, _DEPTH):
        yield from (Path(entry.path) for entry in entries if is_table(entry.name) and entry.is_file())


def images_from_ecotaxa(path: Path, image_format: ImageFormat, progress: Progress | None = None) -> ImageSet:
    """Open the vignettes that the tables in a folder or zip name, with all columns of their rows.

    The id of an image is its ``object_id``, with the acquisition before it where several objects bear one. Of an object with
    several images the first (by ``img_rank``) is read. The table of the images gets the columns of the tables, ``sample``
    (that is ``sample_id``) and ``pixel_size_um``, the side of a pixel in its acquisition, where that is known. Categories
    stay a column, ``object_annotation_category``: no fit reads them.

    Images that a table names and that are not there, and files that no table names, are left out, and counted.

    Raises
    ------
    InputError
        If there is no table, one cannot be read, or no image is left.
    """
    if path.is_file():
        return _from_zip(path, image_format, progress)
    files, left_out = find_image_files(path)
    by_name = {file.name: file for file in files}
    names, passed_over = tables_to_read([_relative(path, table) for table in _tables_below(path)])
    tables = read_tables(path, [(name, _content(path / name)) for name in names])
    vignettes = _match(tables, list(by_name))
    vignettes.notes += _said_of(passed_over)
    vignettes.left_out += [(item.source, item.reason) for item in left_out]
    return _image_set(path, tables, vignettes, by_name, image_format, progress)


def _from_zip(path: Path, image_format: ImageFormat, progress: Progress | None) -> ImageSet:
    with open_zip(path) as members, tempfile.TemporaryDirectory(prefix="facies-") as temporary:
        names, passed_over = tables_to_read(list(members.names))
        if not names:
            raise InputError(
                f"{path}: holds no table ecotaxa_*.tsv or *_dat1.pid, by which vignettes in a zip are read: "
                "unpack it and give the folder"
            )
        tables = read_tables(path, [(name, members.read(name, MAX_TABLE_BYTES)) for name in names])
        images = [name for name in members.names if PurePosixPath(name).suffix.lower() in SUFFIXES]
        vignettes = _match(tables, images)
        vignettes.notes += _said_of(passed_over)
        vignettes.left_out += members.refused
        with _unpacked(members, vignettes, Path(temporary)) as by_name:
            return _image_set(path, tables, vignettes, by_name, image_format, progress)


@contextmanager
def _unpacked(members: ZipMembers, vignettes: _Vignettes, folder: Path) -> Iterator[Mapping[str, ImageFile]]:
    """Unpack the vignettes under names of our own; what is damaged is left out."""
    members.check_room(vignettes.files, folder)
    by_name: dict[str, ImageFile] = {}
    for number, name in enumerate(vignettes.files):
        copy = folder / f"{number:07d}{PurePosixPath(name).suffix}"
        reason = members.unpack(name, copy)
        if reason is None:
            by_name[name] = ImageFile(copy, name)
        else:
            vignettes.left_out.append((name, reason))
    yield by_name


def _said_of(passed_over: Sequence[str]) -> list[str]:
    """Say which of ZooProcess's own tables were not read."""
    if not passed_over:
        return []
    return [
        f"{len(passed_over)} tables of ZooProcess were passed over (the first: {passed_over[0]}): ecotaxa_*.tsv has their objects"
    ]


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise InputError(f"{path}: is larger than {MAX_TABLE_BYTES // 2**20:,} MB: split it by sample")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _match(tables: PlanktonTable, available: Sequence[str]) -> _Vignettes:
    """Find the file of each row: beside the table, below the folder, or by its name alone if that is unique."""
    find = _finder(available)
    found = _Vignettes(notes=list(tables.notes))
    rows = tables.rows
    ranks = (
        pd.to_numeric(rows["img_rank"], errors="coerce").fillna(0) if "img_rank" in rows else pd.Series(0, rows.index)
    )
    objects = rows["object_id"].astype(str) + "\0" + (rows["acq_id"].astype(str) if "acq_id" in rows else "")
    first = _first_of_each(objects.where(rows["object_id"] != "", rows["img_file_name"]), ranks)
    named: set[str] = set()
    missing: list[tuple[str, str]] = []
    further = 0
    for row, name, table in zip(rows.index, rows["img_file_name"], rows["table"], strict=True):
        file = find(name, table)
        if file is not None:
            repeated = file in named
            named.add(file)
        if not first[row]:
            further += 1
            found.left_out.append((name, f"a further image of the object {rows['object_id'][row]}"))
        elif file is None:
            outside = name and safe_name(name) is None
            missing.append(
                (
                    name or "(no name)",
                    "its name leads out of the folder" if outside else "named in the table, and not there",
                )
            )
        elif repeated:
            found.left_out.append((name, "another row of the table names this file"))
        else:
            found.files.append(file)
            found.rows.append(row)
    found.left_out += missing
    unnamed = [name for name in available if name not in named]
    found.left_out += [(name, "no table names it") for name in unnamed]
    if missing:
        found.notes.append(
            f"{len(missing)} of {len(rows)} images that the table names are not there (the first: {missing[0][0]})"
        )
    if unnamed:
        found.notes.append(
            f"{len(unnamed)} image files are named in no table, and were left out (the first: {unnamed[0]})"
        )
    if further:
        found.notes.append(
            f"{further} further images of objects were left out: one image an object is read, by img_rank"
        )
    return found


def _finder(available: Sequence[str]) -> Callable[[str, str], str | None]:
    exact = set(available)
    by_base: dict[str, list[str]] = {}
    for name in available:
        for base in {PurePosixPath(name).name, PurePosixPath(name).stem}:
            by_base.setdefault(base, []).append(name)

    def find(name: str, table: str) -> str | None:
        safe = safe_name(name)
        if safe is None:
            return None
        beside = (PurePosixPath(table).parent / safe).as_posix()
        if beside in exact:
            return beside
        if safe in exact:
            return safe
        same = by_base.get(PurePosixPath(safe).name, [])
        return same[0] if len(same) == 1 else None

    return find


def _first_of_each(objects: pd.Series, ranks: pd.Series) -> pd.Series:
    """Return whether each row is the first of its object by rank, and then by its place."""
    order = pd.DataFrame({"object": objects, "rank": ranks}).sort_values("rank", kind="stable")
    return (~order["object"].duplicated()).reindex(objects.index)


def _image_set(
    path: Path,
    tables: PlanktonTable,
    vignettes: _Vignettes,
    by_name: Mapping[str, ImageFile],
    image_format: ImageFormat,
    progress: Progress | None,
) -> ImageSet:
    files = [by_name[name] for name in vignettes.files if name in by_name]
    if not files:
        first = vignettes.left_out[0] if vignettes.left_out else ("the table", "has no rows")
        raise InputError(
            f"{path}: none of the {len(tables.rows)} images of the table can be read; {first[0]}: {first[1]}"
        )
    images = images_from_files(path, files, image_format=image_format, progress=progress)
    row_of = dict(zip(vignettes.files, vignettes.rows, strict=True))
    own = ~images.table["source"].duplicated()
    pages = images.table.loc[~own, "id"]
    vignettes.left_out += [(page, "a further page of its file") for page in pages]
    table = images.table[own].reset_index(drop=True)
    known = tables.rows.loc[[row_of[source] for source in table["source"]]].reset_index(drop=True)
    sizes, notes = pixel_sizes(known)
    ids, said = _ids(known, table["source"])
    columns = known.drop(columns=["table", *({*table.columns, "pixel_size_um", "sample"} & set(known.columns))])
    table = table.assign(id=ids).join(columns)
    if "sample_id" in known:
        table["sample"] = known["sample_id"].astype(str)
    if sizes.notna().any():
        table["pixel_size_um"] = sizes
    left_out = pd.DataFrame(vignettes.left_out, columns=list(LEFT_OUT_COLUMNS), dtype=str)
    one_size = sizes.notna().all() and len(sizes.round(6).unique()) == 1
    return ImageSet(
        images.source if own.all() else SubsetSource(images.source, np.flatnonzero(own).astype(np.int64)),
        table,
        left_out=pd.concat([images.left_out, left_out], ignore_index=True),
        notes=[*vignettes.notes, *said, *notes, *images.notes],
        origin=images.origin,
        pixel_size_um=float(sizes.iloc[0]) if one_size else None,
    )


def _ids(known: pd.DataFrame, sources: pd.Series) -> tuple[pd.Series, list[str]]:
    objects = known["object_id"].astype(str)
    if (objects != "").all() and objects.is_unique:
        return objects, []
    if (objects != "").all() and "acq_id" in known:
        with_acquisition = known["acq_id"].astype(str) + "_" + objects
        if with_acquisition.is_unique:
            return with_acquisition, [
                "objects of several acquisitions bear one object_id: acq_id stands before it in the ids"
            ]
    return sources, ["object_id is not unique or is missing: the names of the files are the ids"]


READER = Reader(
    name="ecotaxa",
    description="a folder or .zip of vignettes with a table ecotaxa_*.tsv or *_dat1.pid",
    can_read=holds_table,
    read=images_from_ecotaxa,
)
