"""Names and reads the files of a run, and says which one is missing or damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError

__all__ = ["check_name", "names_by_age", "read_array", "read_json", "read_table"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_REMEDY = "restore it, or make the run again"


def check_name(name: str) -> str:
    """Return ``name`` if it can name a projection, a partition or an array, since it becomes the name of a file.

    Raises
    ------
    InputError
        If it is not made of letters, digits, dots, plus and minus signs and underscores.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a projection, a partition or an array: use letters, digits, '.', '+', '-' and '_', "
            "beginning with a letter or a digit"
        )
    return name


def names_by_age(descriptions: Iterable[tuple[str, Path]], remedy: str = _REMEDY) -> list[str]:
    """Return names ordered by the ``created`` of the JSON file that describes each, the oldest first.

    Raises
    ------
    InputError
        If one of the files is damaged.
    """
    created = {name: str(read_json(path, remedy).get("created", "")) for name, path in descriptions}
    return sorted(created, key=lambda name: (created[name], name))


def read_json(path: Path, remedy: str = _REMEDY) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What the error tells the user to do.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    try:
        content: dict[str, Any] = dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is missing or damaged: {remedy}") from error
    return content


def read_array(path: Path) -> NDArray[Any]:
    """Open an ``.npy`` file as a read-only memory map.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is missing or damaged: {_REMEDY}") from error
    return array


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet table.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are among these
        raise InputError(f"{path} is missing or damaged: {_REMEDY}") from error
