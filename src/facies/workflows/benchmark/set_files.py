"""Where the images of a set lie: in the folder of data sets, at a path, in scikit-learn, on a hub, or cut out of a larger file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from facies.errors import InputError, suggest
from facies.io import atomic_file
from facies.workflows.benchmark.hub import fetch
from facies.workflows.benchmark.suite import SetEntry

VARIABLE = "FACIES_DATA"
"""Names the folder of data sets where ``--data`` does not."""
DIGITS = "digits"
"""The set that scikit-learn carries."""
ONE_FILE = (".npz", ".npy", ".zarr", ".zip", ".tif", ".tiff")


def data_folder(given: Path | None) -> Path | None:
    """The folder of data sets: the one that is given, else that of the environment; None where there is none."""
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is None:
        return None
    folder = named.expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{'--data ' if given else VARIABLE + '='}{named}: there is no such folder of data sets")
    return folder


def find_set(entry: SetEntry, suite: Path, data: Path | None) -> Path | None:
    """Where the images of a set lie; None of those that scikit-learn carries, and of those of a hub.

    Parameters
    ----------
    entry
        Of a suite.
    suite
        The suite's file; paths are looked for beside it.
    data
        Folder of data sets: a set is a file in it, in one of its folders, or a folder that holds one file or images.

    Raises
    ------
    InputError
        If there is no such set; names the nearest.
    """
    if entry.source == DIGITS or entry.is_of_hub:
        return None
    known = dict(_known_sets(data))
    if entry.source in known:
        return known[entry.source]
    path = (suite.parent / Path(entry.source).expanduser()).resolve()
    if path.exists():
        return path
    where = "" if data is not None else f"; --data FOLDER or {VARIABLE} says where data sets lie"
    raise InputError(
        f"{suite}: [sets] {entry.name}: there is no set and no path {entry.source!r}; "
        f"{suggest(entry.source, [DIGITS, *sorted(known)])}{where}"
    )


def _known_sets(data: Path | None) -> Iterator[tuple[str, Path]]:
    """Names and places, those in folders first, so that a file of the folder itself goes before them."""
    if data is None:
        return
    for folder in sorted(each for each in data.iterdir() if each.is_dir() and each.suffix not in ONE_FILE):
        files = sorted(each for each in folder.iterdir() if each.suffix in ONE_FILE)
        yield from ((each.stem, each) for each in files)
        packed = [each for each in files if each.suffix in ONE_FILE[:3]]
        yield folder.name, packed[0] if len(packed) == 1 else folder
    yield from ((each.stem, each) for each in sorted(data.iterdir()) if each.suffix in ONE_FILE)


def check_arrays(entry: SetEntry, path: Path | None) -> None:
    """Refuse to take arrays or a sample from what is no ``.npz``."""
    if entry.arrays and path is not None and path.suffix != ".npz":
        raise InputError(
            f"[sets] {entry.name}: {', '.join(entry.arrays)} can be given for .npz alone, not for {path.name}"
        )


def input_of(
    entry: SetEntry, path: Path | None, made: Path, report: Callable[[str], None] = lambda _line: None
) -> Path:
    """The file that is opened: the set itself, or what is made of it once in the folder `made`.

    What is of a hub is fetched here; `report` is told what.

    Raises
    ------
    InputError
        If the file lacks an array that the suite names, or a hub does not give the set.
    """
    if path is not None and not entry.arrays:
        return path
    target = made / f"{entry.name}.npz"
    if target.exists():
        return target
    arrays = _made(entry, report) if path is None else _arrays(entry, path)
    count = entry.arrays.get("sample", len(arrays["images"]))
    if count < len(arrays["images"]):
        rows = np.sort(np.random.default_rng(0).choice(len(arrays["images"]), count, replace=False))
        arrays = {name: values[rows] for name, values in arrays.items()}
    with atomic_file(target, overwrite=True) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return target


def _made(entry: SetEntry, report: Callable[[str], None]) -> dict[str, np.ndarray]:
    if not entry.is_of_hub:
        return _digits()
    return fetch(entry.source, entry.arrays.get("shape"), f"[sets] {entry.name}", report)


def _digits() -> dict[str, np.ndarray]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return {"images": found.images.astype(np.uint8), "labels": found.target}


def _arrays(entry: SetEntry, path: Path) -> dict[str, np.ndarray]:
    wanted = {name: entry.arrays.get(name, name) for name in ("images", "labels")}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name, own in wanted.items():
                if own not in file.files and (name == "images" or name in entry.arrays):
                    raise InputError(
                        f"[sets] {entry.name}: {path.name} has no array {own!r}; {suggest(str(own), file.files)}"
                    )
            return {name: file[own] for name, own in wanted.items() if own in file.files}
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"[sets] {entry.name}: {path.name} cannot be read ({reason}); write it again") from error
