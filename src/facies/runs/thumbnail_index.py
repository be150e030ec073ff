"""The index of the sheets of thumbnails, checked as it is read: a run may come from a stranger."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from facies.errors import InputError
from facies.io import path_inside
from facies.runs.files import read_json

TILE = 64
"""Side of a thumbnail's tile on the sheet, in pixels."""
COLUMNS = 32
"""Number of thumbnails in a row of a sheet, and of rows of a sheet."""
PER_SHEET = COLUMNS * COLUMNS

_Side = Annotated[int, Field(ge=1, le=TILE)]


class _Shape(BaseModel):
    height: _Side
    width: _Side
    mode: Literal["L", "RGB"]


class _Values(BaseModel):
    black: Annotated[float, Field(allow_inf_nan=False)]
    white: Annotated[float, Field(allow_inf_nan=False)]


class _Sheet(BaseModel):
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    first: int
    count: Annotated[int, Field(ge=1, le=PER_SHEET)]


class _Index(BaseModel):
    model_config = ConfigDict(extra="allow")

    format: Literal[1]
    count: Annotated[int, Field(ge=0)]
    tile: Literal[64]
    columns: Literal[32]
    per_sheet: Literal[1024]
    thumbnail: _Shape
    values: _Values
    sheets: list[_Sheet]
    layers: list[list[_Sheet]] | None = None

    @model_validator(mode="after")
    def _sheets_hold_all(self) -> _Index:
        for sheets in (self.sheets, *(self.layers or [])):
            if len(sheets) != math.ceil(self.count / PER_SHEET) or sum(sheet.count for sheet in sheets) != self.count:
                raise ValueError(f"the sheets do not hold {self.count} thumbnails")
        return self


def read_index(folder: Path) -> dict[str, Any]:
    """Read ``index.json`` of a folder of thumbnails.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    dict
        ``count``, ``tile``, ``columns``, ``per_sheet``, ``thumbnail``, ``values``, ``sheets``, and of focal stacks
        ``layers``.

    Raises
    ------
    InputError
        If it is missing or damaged, or a sheet is not a file of the folder.
    """
    plain = read_json(folder / "index.json")
    try:
        index = _Index.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise InputError(
            f"{folder / 'index.json'} is missing or damaged ({where}: {first['msg']}): restore it, or make the run again"
        ) from error
    for sheet in (*index.sheets, *(sheet for layer in index.layers or [] for sheet in layer)):
        path_inside(folder, sheet.file)
    return index.model_dump(exclude_none=True)
