"""The image files in a folder, in the order in which people count, and what else it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from facies.images.readers.suffixes import SUFFIXES, is_companion


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file, and its name relative to the folder, with forward slashes."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, folder or image that is not used, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class FolderSearch:
    """What a folder and its subfolders hold.

    Parameters
    ----------
    files : list of ImageFile
        In natural order (2 before 10).
    left_out : list of LeftOut
        Files with the suffix of an image that cannot be read, and folders that cannot be searched.
    passed_over : list of str
        Names of other files that are neither hidden nor tables, notes and the like.
    """

    files: list[ImageFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def search_folder(folder: Path) -> FolderSearch:
    """Search a folder and its subfolders for image files.

    Hidden files are ignored. Links to folders, and links to files outside the folder, are not followed. A folder whose
    name ends in ``.zarr`` is one file.
    """
    root = folder.resolve()
    found = FolderSearch()

    def unreadable(error: OSError) -> None:
        name = Path(error.filename).relative_to(root).as_posix()
        found.left_out.append(LeftOut(name, f"the folder cannot be read ({error.strerror})"))

    for parent, folders, names in os.walk(root, onerror=unreadable):
        here = Path(parent)
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        links = [name for name in folders if (here / name).is_symlink()]
        found.left_out.extend(
            LeftOut((here / name).relative_to(root).as_posix(), "a link to a folder") for name in links
        )
        stores = [name for name in folders if name.lower().endswith(".zarr") and name not in links]
        folders[:] = [name for name in folders if name not in stores]
        for name in [*names, *stores]:
            if not name.startswith("."):
                _sort_in(here / name, root, found)
    found.files.sort(key=lambda file: natural_key(file.name))
    return found


def listings(folder: Path, depth: int) -> Iterator[list[os.DirEntry[str]]]:
    """Yield what is in a folder, then in those below it, each sorted by name.

    For readers that look for files of their own in a few levels of folders (`depth`, 1 for the folder alone). Links to
    folders, hidden folders and folders that cannot be read are passed over.
    """
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    yield listed
    for entry in listed if depth > 1 else ():
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith((".", "__MACOSX")):
            yield from listings(Path(entry.path), depth - 1)


def _sort_in(path: Path, root: Path, found: FolderSearch) -> None:
    relative = path.relative_to(root).as_posix()
    if path.suffix.lower() not in SUFFIXES:
        if not is_companion(path.name):
            found.passed_over.append(relative)
        return
    reason = _reason_to_skip(path, root)
    if reason is None:
        found.files.append(ImageFile(path, relative))
    else:
        found.left_out.append(LeftOut(relative.encode("utf-8", "replace").decode(), reason))


def find_image_files(folder: Path) -> tuple[list[ImageFile], list[LeftOut]]:
    """Return the image files that `search_folder` finds, and those that cannot be read."""
    found = search_folder(folder)
    return found.files, found.left_out


def natural_key(name: str) -> tuple[list[list[tuple[bool, int, str]]], str]:
    """Return a key that sorts names folder by folder, and numbers in them by their value."""
    parts = PurePosixPath(name.lower()).parts
    split = [
        [
            (False, int(piece), "") if piece.isdecimal() else (True, 0, piece)
            for piece in re.split(r"([0-9]+)", part)
            if piece
        ]
        for part in parts
    ]
    return split, name


def _reason_to_skip(path: Path, root: Path) -> str | None:
    """Return why a file with the suffix of an image cannot be read; None if it can."""
    try:
        str(path.relative_to(root)).encode("utf-8")
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            return "a link that leaves the folder"
        # A pipe, for example: opening it would wait for ever.
        return None if path.is_file() or path.is_dir() else "not a file, or a link to nothing"
    except UnicodeEncodeError:
        return "its name is not UTF-8: rename it"
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        return f"it cannot be reached ({error})"
