"""Files and folders that are written whole or not at all.

Everything is written under a temporary name beside its final one, flushed to the disk (``fsync``), and then renamed,
which the file system does at once. A reader of the final name sees either the old content or all of the new one,
also after a kill or a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from facies.errors import InputError


def temporary_sibling(path: Path, kind: str = "partial") -> Path:
    """Return an unused hidden name in the folder of ``path``, so that a rename to ``path`` stays on the same file system."""
    return path.with_name(f".{path.name}.{kind}-{secrets.token_hex(4)}")


def flush(path: Path) -> None:
    """Flush a file, or the list of names in a folder, to the disk; without the latter a power cut may undo a rename."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """Flush every file and every folder below ``folder`` to the disk, also those that other libraries wrote."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            flush(Path(root, name))
        flush(Path(root))


@contextlib.contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to; the file is renamed to ``path`` if the body succeeds, else removed.

    Parameters
    ----------
    path : Path
        The final name.
    overwrite : bool
        Whether a file of that name is replaced.

    Raises
    ------
    InputError
        If ``path`` exists and may not be replaced, the disk is full, or the folder may not be written to.
    """
    temporary = temporary_sibling(path)
    try:
        with user_errors(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            flush(temporary)
            _rename_file(temporary, path, overwrite=overwrite)
            flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _rename_file(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        # A link, unlike a rename, refuses to replace a file that another process has just put there.
        path.hardlink_to(temporary)
    except OSError as error:  # also of a file system without hard links (exFAT, some network shares)
        if isinstance(error, FileExistsError) or path.exists():
            raise InputError(f"{path} already exists: give another name, or --overwrite to replace it") from None
        temporary.replace(path)


@contextlib.contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a new temporary folder to fill; it is renamed to ``path`` if the body succeeds, else removed.

    With ``overwrite`` the old folder stays until the new one is complete; it is then renamed, the new one gets its
    name, and the old one is removed.

    Parameters
    ----------
    path : Path
        The final name.
    overwrite : bool
        Whether a folder of that name is replaced. The caller checks whether it may be.

    Raises
    ------
    InputError
        If ``path`` exists and may not be replaced, the disk is full, or the folder may not be written to.
    """
    temporary = temporary_sibling(path)
    try:
        with user_errors(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            yield temporary
            rename_folder(temporary, path, overwrite=overwrite)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def rename_folder(temporary: Path, path: Path, *, overwrite: bool = False) -> None:
    """Flush a complete folder to the disk, and rename it to its final name, on the same file system.

    With ``overwrite`` a folder of that name is renamed first, and removed at the end; else it is an `InputError`.
    """
    flush_tree(temporary)
    aside = temporary_sibling(path, "replaced")
    if path.exists():
        if not overwrite:
            raise InputError(f"{path} already exists: give another name, or --overwrite to replace it")
        path.rename(aside)
    try:
        temporary.rename(path)
    except OSError as error:
        if aside.exists() and not path.exists():
            aside.rename(path)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise InputError(f"{path} was written by another process meanwhile: give another name") from error
        raise
    flush(path.parent)
    if aside.exists():
        shutil.rmtree(aside)


def restore_replaced(path: Path) -> None:
    """Remove what killed writers left beside ``path``, and restore a folder that one of them had just renamed.

    The caller holds the lock of the folder.
    """
    if not path.parent.is_dir():
        return
    for entry in list(path.parent.iterdir()):
        if entry.name.startswith(f".{path.name}.replaced-") and not path.exists():
            entry.rename(path)
        elif entry.name.startswith((f".{path.name}.partial-", f".{path.name}.replaced-")) and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)


@contextlib.contextmanager
def user_errors(path: Path, written: Path | None = None) -> Iterator[None]:
    """Turn the errors of a full disk and of a folder without permission into an `InputError` that says what to do.

    Parameters
    ----------
    path : Path
        What is being written.
    written : Path, optional
        What has been written so far; the message gives its size.

    Raises
    ------
    InputError
        If the body failed because the disk is full or the folder may not be written to.
    """
    try:
        yield
    except Exception as error:
        # Where several are nested, the outer one knows the name that the user gave.
        if _is_disk_full(error):
            raise InputError(_disk_full_message(path, written)) from error
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise InputError(
                f"{path} cannot be written ({os.strerror(error.errno)}, at {error.filename or path.parent}): "
                "choose a place that you may write to"
            ) from error
        raise


def _is_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        text = str(error)
        # safetensors and numpy's tofile lose the error number.
        if "No space left on device" in text or ("requested and" in text and "written" in text):
            return True
        error = error.__cause__ or error.__context__
    return False


def _disk_full_message(path: Path, written: Path | None) -> str:
    existing = next(folder for folder in path.parents if folder.exists())
    done = f" after {_format_bytes(_bytes_of(written))} had been written" if written is not None else ""
    free = _format_bytes(shutil.disk_usage(existing).free)
    return (
        f"the disk that holds {existing} is full: {path.name} did not fit ({free} free{done}): "
        "free some space, or write elsewhere"
    )


def _bytes_of(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(Path(root, name).lstat().st_size for root, _, names in os.walk(path) for name in names)


def _format_bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def jsonable(value: Any) -> Any:
    """Return ``value`` as objects that JSON can hold: arrays as lists, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def write_json_atomically(path: Path, value: Any, *, overwrite: bool = True) -> None:
    """Write ``value``, made JSON-able by `jsonable`, as indented JSON under ``path``; as `atomic_file`."""
    plain = jsonable(value)
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:  # a file name that is not UTF-8, which ASCII escapes can hold
        encoded = json.dumps(plain, indent=2, allow_nan=False).encode("ascii")
    with atomic_file(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(encoded)
