"""Files in a zip that somebody else made: listed by safe names, and unpacked within bounds."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from facies.errors import InputError

MAX_MEMBER_BYTES = 2**30
"""Larger files in a zip are left out: no vignette is so large."""

MAX_MEMBERS = 2_000_000
_PIECE = 2**20
_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)


def safe_name(name: str) -> str | None:
    """Return a name of a file below a folder, with forward slashes; None if it would lead out of the folder."""
    text = name.replace("\\", "/")
    parts = [part for part in PurePosixPath(text).parts if part != "."]
    if not parts or text.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", text) or "\0" in text:
        return None
    return "/".join(parts)


class ZipMembers:
    """The files in an open zip by their safe names.

    Attributes
    ----------
    names : dict of str to ZipInfo
        The files that may be read.
    refused : list of (str, str)
        Names of others, and why they are not read.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        self.names: dict[str, zipfile.ZipInfo] = {}
        self.refused: list[tuple[str, str]] = []
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise InputError(f"{path}: holds {len(members):,} files: unpack it, and give the folder")
        for info in members:
            name = safe_name(info.filename)
            shown = info.filename.encode("utf-8", "replace").decode()
            if name is None:
                self.refused.append((shown, "its name leads out of the zip"))
            elif any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
                continue
            elif name in self.names:
                self.refused.append((shown, "another file in the zip has its name"))
            elif info.flag_bits & 1:
                self.refused.append((shown, "it is encrypted"))
            elif info.file_size > MAX_MEMBER_BYTES:
                self.refused.append((shown, f"it is larger than {MAX_MEMBER_BYTES // 2**20:,} MB"))
            else:
                self.names[name] = info

    def read(self, name: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """Return the content of a file, or raise an `InputError` if it is damaged, or larger than a limit in bytes."""
        info = self.names[name]
        if info.file_size > limit:
            raise InputError(f"{self._path}: {name} is larger than {limit // 2**20:,} MB: unpack the zip and cut it")
        try:
            return self._archive.read(info)
        except _DAMAGE as error:
            raise InputError(f"{self._path}: {name} is damaged ({error}): pack or download it again") from error

    def unpack(self, name: str, path: Path) -> str | None:
        """Write a file to a path; return why that is impossible, or None."""
        info = self.names[name]
        written = 0
        try:
            with self._archive.open(info) as packed, path.open("wb") as file:
                while piece := packed.read(_PIECE):
                    written += len(piece)
                    if written > info.file_size:
                        return "it is larger than the zip says"
                    file.write(piece)
        except _DAMAGE as error:
            return f"damaged in the zip ({error})"
        return None

    def check_room(self, names: list[str], folder: Path) -> None:
        """Raise an `InputError` if a folder has no room for some of the files."""
        size, free = sum(self.names[name].file_size for name in names), shutil.disk_usage(folder).free
        if size > free:
            raise InputError(
                f"{self._path}: unpacked it needs {size / 1e9:.2f} GB, and {folder} has {free / 1e9:.2f} GB: set TMPDIR to "
                "a folder on a larger disk"
            )


@contextmanager
def open_zip(path: Path) -> Iterator[ZipMembers]:
    """Open a zip, or raise an `InputError` if it is none."""
    try:
        archive = zipfile.ZipFile(path)
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it") from error
    except _DAMAGE as error:
        raise InputError(f"{path}: is no zip, or is damaged ({error}): pack or download it again") from error
    with archive:
        yield ZipMembers(path, archive)
