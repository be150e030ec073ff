"""The manifest of a run, ``run.json``: input, method, parameters, versions, seed, timings, metrics, files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from facies.errors import InputError
from facies.io import jsonable

FORMAT = 1
"""The number of the run folder's format. It grows when a reader of the old format would read the new one wrongly."""

_MAX_BYTES = 2**26


def now() -> str:
    """Return the present time in UTC, ISO 8601 with microseconds, so that sorting the text sorts by time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class InputDescription(BaseModel):
    """The images of a run: where they are, their number, shape, dtype and fingerprint, and whether they have labels."""

    model_config = ConfigDict(extra="allow")

    origin: dict[str, Any]
    n_images: int = Field(ge=0)
    image_shape: list[Annotated[int, Field(ge=1, le=2**31)]] = Field(min_length=3, max_length=4)
    dtype: str
    fingerprint: str
    labelled: bool = False
    label_names: list[str] | None = None

    @field_validator("origin")
    @classmethod
    def _origin_has_texts(cls, origin: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(origin.get("path"), str | None) or not isinstance(origin.get("options", {}), dict):
            raise ValueError("a path is a text, and options are a table")
        return origin

    @field_validator("dtype")
    @classmethod
    def _is_number(cls, dtype: str) -> str:
        try:
            kind = np.dtype(dtype).kind
        except TypeError as error:
            raise ValueError("no type of numbers") from error
        if kind not in "biuf":
            raise ValueError("no type of numbers")
        return dtype


class LeftOut(BaseModel):
    """A source that could not be used, and why."""

    source: str
    reason: str


class Manifest(BaseModel):
    """The content of ``run.json``. Fields beside these are preserved.

    ``files`` lists what `facies.runs.write_run` wrote, with sizes in bytes, so that a missing or truncated file is
    noticed at once. Projections and partitions that are added later are not in it; each has a JSON file of its own.
    """

    model_config = ConfigDict(extra="allow")

    format: Literal[1] = 1
    version: str
    created: str = Field(default_factory=now)
    command: Any = None
    input: InputDescription
    method: str = "unknown"
    parameters: dict[str, Any] = Field(default_factory=dict)
    preset: str | None = None
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    timings: dict[str, float] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    n_groups: int | None = None
    partition: str | None = None
    notes: list[str] = Field(default_factory=list)
    references: list[str] = Field(default_factory=list)
    left_out: list[LeftOut] = Field(default_factory=list)
    files: dict[str, int] = Field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as plain data that JSON can hold."""
        plain: dict[str, Any] = jsonable(self.model_dump(mode="python"))
        return plain


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``run.json`` of a run folder; `InputError` if it is missing, damaged or of another format."""
    path = folder / "run.json"
    if not path.is_file():
        what = "has no run.json" if folder.is_dir() else "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} is not a run folder ({what}): give the folder that `facies cluster … -o` wrote")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES // 2**20} MB")
        plain = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read ({reason}): restore it, or make the run again") from error
    number = plain.get("format") if isinstance(plain, dict) else None
    if number != FORMAT:
        raise InputError(
            f"{folder} is a run folder of format {number!r}, and this version of facies reads format {FORMAT}: "
            "open it with the version of facies that wrote it, or make the run again"
        )
    try:
        return Manifest.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is damaged ({where}: {first['msg']}): restore it, or make the run again") from error
