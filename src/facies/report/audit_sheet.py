"""The sheet of a blind audit: pictures without their classes, to be filled in by an expert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError, suggest
from facies.io import match_ids, read_table
from facies.report.exporters.tables import save_csv
from facies.report.galleries import data_uri
from facies.report.native_images import NativeImages
from facies.report.rendering import render_template
from facies.runs import RunFolder

_LONG_SIDE = 256


@dataclass(frozen=True)
class _Item:
    number: int
    id: str
    uri: str
    pixelated: bool


def write_audit_table(run: RunFolder, rows: NDArray[np.int64], path: Path) -> None:
    """Write the columns ``number``, ``id`` and ``true``, the last one empty."""
    ids = run.images["id"].to_numpy(object)[rows]
    save_csv(pd.DataFrame({"number": np.arange(1, len(rows) + 1), "id": ids, "true": ""}), path)


def write_audit_page(run: RunFolder, rows: NDArray[np.int64], classes: Sequence[str], path: Path, csv: str) -> None:
    """Write one HTML page with the pictures of `rows`, a field under each that proposes `classes`, and a button to save `csv`."""
    images = NativeImages(run)
    ids = run.images["id"].to_numpy(object)
    items = [_item(images, number, row, str(ids[row])) for number, row in enumerate(rows.tolist(), 1)]
    context = {"run": run.path.name, "items": items, "classes": list(classes), "csv": csv}
    page = render_template(Path(__file__).parent / "templates" / "audit.html.jinja", context)
    path.write_bytes(page.encode("utf-8", "backslashreplace"))


def _item(images: NativeImages, number: int, row: int, name: str) -> _Item:
    width, height = images.native_size(row)
    few = max(width, height) <= _LONG_SIDE // 4
    zoom = 1.0 if few else min(1.0, _LONG_SIDE / max(width, height))
    picture = images.picture(row, (max(1, round(width * zoom)), max(1, round(height * zoom))))
    return _Item(number, name, data_uri(picture), few)


def audit_results(
    run: RunFolder, path: Path, classes: Sequence[str], *, new_classes: bool = False
) -> tuple[NDArray[np.int64], list[str], int]:
    """Read a filled table, a CSV file with the columns ``id`` and ``true``.

    Returned are the rows of the images that were judged, their classes (``""`` for ``none``), and how many are still open.
    With `new_classes` other names than `classes` are taken too.
    """
    table = _read(path)
    given = table["true"].str.strip()
    filled = table[given != ""].assign(true=given[given != ""])
    if filled.empty:
        raise InputError(f"{path}: the column true is empty: write the class of each image into it")
    ids = run.images["id"].astype(str)
    rows = match_ids(filled["id"].tolist(), ids.tolist())
    if (rows < 0).any():
        raise InputError(f"{path}: {filled['id'].iloc[int((rows < 0).argmax())]!r} is no image of {run.path.name}")
    twice = pd.Series(rows).duplicated().to_numpy()
    if twice.any():
        raise InputError(f"{path}: {filled['id'].iloc[int(twice.argmax())]!r} stands there twice: keep one row")
    return rows, _names(path, filled["true"].tolist(), classes, new_classes=new_classes), len(table) - len(filled)


def _names(path: Path, true: Sequence[str], classes: Sequence[str], *, new_classes: bool) -> list[str]:
    known = {name.casefold(): name for name in classes} | {"none": ""}
    if not new_classes:
        for name in true:
            if name.casefold() not in known:
                listing = suggest(name, classes, "the classes are {} and none; --new-classes takes others too")
                raise InputError(f"{path}: there is no class {name!r}: {listing}")
    return [known.get(name.casefold(), name) for name in true]


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path, "the audit", ("number", "id", "true"), exact=("id",))
    lacking = [name for name in ("id", "true") if name not in table.columns]
    if lacking:
        raise InputError(f"{path} lacks the column {' and '.join(lacking)}: fill in the table that facies audit wrote")
    return table
