"""Names and reads the files of a run, and says which one is missing or damaged."""

from __future__ import annotations

import contextlib
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_REMEDY = "restore it, or make the run again"
_MAX_JSON_BYTES = 2**26
_PARSING = (SyntaxError, tokenize.TokenError)


def check_name(name: str) -> str:
    """Return ``name`` if it can be the name of a file, else raise `InputError`."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a projection, a partition or an array: use letters, digits, '.', '+', '-' and '_', "
            "beginning with a letter or a digit"
        )
    return name


def names_by_age(descriptions: Iterable[tuple[str, Path]], remedy: str = _REMEDY) -> list[str]:
    """Return names ordered by the ``created`` of the JSON file that describes each, the oldest first."""
    created = {name: str(read_json(path, remedy).get("created", "")) for name, path in descriptions}
    return sorted(created, key=lambda name: (created[name], name))


def read_json(path: Path, remedy: str = _REMEDY) -> dict[str, Any]:
    """Read a file that holds one JSON object of at most 64 MB; ``remedy`` is what the error tells the user to do."""
    with reading(path, remedy):
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError("too large")
        return dict(json.loads(path.read_text("utf-8")))


def read_array(path: Path) -> NDArray[Any]:
    """Open an ``.npy`` file as a read-only memory map."""
    with reading(path):
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array


@contextlib.contextmanager
def reading(path: Path, remedy: str = _REMEDY) -> Iterator[None]:
    """Turn the errors of reading a file into an `InputError` that names it and says what to do."""
    try:
        yield
    except InputError:
        raise
    # pyarrow's errors are among these; JSON of many nested brackets ends in a RecursionError, and the damaged header of an
    # array in an error of Python's parser.
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, *_PARSING) as error:
        raise InputError(f"{path} is missing or damaged: {remedy}") from error
