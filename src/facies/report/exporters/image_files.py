"""The image of each row of a run as a file for other programs: the original where there is one, else its pixels."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.io import path_inside
from facies.report.native_images import NativeImages, native_sizes
from facies.runs import RunFolder, confirm_folder, is_confirmed

SHOWN_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif")
"""The files that every browser shows; they are copied as they are."""

_READERS_OF_FILES = ("folder", "ecotaxa")


def has_originals(run: RunFolder) -> bool:
    """Return whether the images of a run are files of a folder, or of a zip, that could be copied."""
    origin = run.manifest["input"]["origin"]
    return origin.get("kind") in _READERS_OF_FILES and isinstance(origin.get("path"), str)


def originals_note(run: RunFolder) -> str | None:
    """Return one line that says how original files are copied, if the user has to confirm their folder first."""
    if not has_originals(run) or is_confirmed(path := run.manifest["input"]["origin"]["path"]):
        return None
    return f"the images were written as the run holds them; --originals {path} copies the original files from there"


def confirm_originals(run: RunFolder, folder: str | PathLike[str]) -> None:
    """Record that files may be copied from the folder that a run was made from; `InputError` if it is another one."""
    path = run.manifest["input"]["origin"].get("path")
    if path is None:
        raise InputError(f"the images of {run.path.name} came from memory: there are no original files to copy")
    if Path(folder).expanduser().resolve() != Path(path).resolve():
        raise InputError(f"{run.path.name} was made from {path}, and not from {fspath(folder)}: give that folder")
    confirm_folder(path)


def original_names(run: RunFolder) -> dict[int, str]:
    """Return the name in the folder, or zip, of those images that are a file of their own, by row.

    It is empty if the user has not confirmed that files may be copied from there.
    """
    if not has_originals(run) or not is_confirmed(run.manifest["input"]["origin"]["path"]):
        return {}
    sources = run.images["source"]
    alone = ~sources.duplicated(keep=False)
    if run.manifest["input"]["origin"]["kind"] == "folder":
        # The run's pages, not the file's, are known: one page of many looks alone where the others were left out.
        alone &= sources.eq(run.images["id"])
    return {int(row): str(sources[row]) for row in np.flatnonzero(alone)}


def original_file(run: RunFolder, name: str) -> Path:
    """Return the path of an original file, or raise an `InputError` if it is gone, or lies outside of its folder."""
    root = Path(run.manifest["input"]["origin"]["path"]).resolve()
    file = path_inside(root, name)
    if not file.is_file():
        raise InputError(f"{file} is gone: put it back, or export to csv")
    return file


def original_bytes(run: RunFolder, name: str) -> bytes:
    """Return the content of an original file, of the folder or of the zip that the run was made from."""
    root = Path(run.manifest["input"]["origin"]["path"])
    if not root.is_file():
        return original_file(run, name).read_bytes()
    try:
        with zipfile.ZipFile(root) as archive:
            return archive.read(name)
    except (KeyError, zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{root} no longer holds {name}: put it back, or export to csv") from error


def copy_original(run: RunFolder, name: str, path: Path) -> None:
    """Copy an original file, of the folder or of the zip that the run was made from, to a path."""
    if Path(run.manifest["input"]["origin"]["path"]).is_file():
        path.write_bytes(original_bytes(run, name))
    else:
        shutil.copyfile(original_file(run, name), path)


class ImageFiles:
    """Gives the content of a file for each image: an original that browsers show, or a JPEG (colour) or PNG (grey).

    Parameters
    ----------
    run : RunFolder
        Its images must be where they were; of images that came from memory the thumbnails are taken.
    rows : iterable of int
        The images that will be asked for.
    """

    def __init__(self, run: RunFolder, rows: Iterable[int]) -> None:
        self._run = run
        self._rows = list(rows)
        origin = run.manifest["input"]["origin"]
        self._names = {row: name for row, name in original_names(run).items() if row in set(self._rows)}
        root = origin.get("path")
        if root is not None and not Path(root).exists():
            run.image_set()  # says what is gone
        self._native = NativeImages(run) if len(self._names) < len(self._rows) else None
        if self._native is not None and self._native.from_thumbnails and root is not None:
            run.image_set()
        self._shape: tuple[int, ...] = tuple(run.manifest["input"]["image_shape"])
        self._jpeg = self._shape[-3] >= 3

    @property
    def notes(self) -> list[str]:
        """What was done to the images, in lines for the user."""
        note = originals_note(self._run)
        return [*self._pixel_notes(), *([note] if note else [])]

    def _pixel_notes(self) -> list[str]:
        stored = len(self._rows) - len(self._names)
        if self._native is None:
            return []
        if self._native.from_thumbnails:
            return [f"the {stored} images came from memory: their thumbnails were written, not their pixels"]
        lines = []
        if self._names:
            lines.append(f"{stored} of {len(self._rows)} images are no files of their own: their pixels were written")
        dtype = np.dtype(self._run.manifest["input"]["dtype"])
        if dtype != np.uint8:
            lines.append(
                f"pixels of the type {dtype} were scaled to 8 bits for the pictures: from the range of the run"
            )
        if len(self._shape) == 3 and self._was_resized():
            size = " × ".join(map(str, self._shape[-2:]))
            lines.append(f"{stored} images are written from the {size} pixels that the run holds, at their own size")
        if self._shape[-3] not in (1, 3, 4):
            shown = "the first three" if self._shape[-3] > 3 else "the first"
            lines.append(f"the images have {self._shape[-3]} channels: the pictures show {shown}")
        return lines

    def _was_resized(self) -> bool:
        rows = [row for row in self._rows if row not in self._names]
        return bool((native_sizes(self._run)[rows] != self._shape[-2:][::-1]).any())

    def suffix(self, row: int) -> str:
        """Return the suffix of the file of an image, with its dot."""
        own = PurePosixPath(self._names.get(row, "")).suffix.lower()
        return own if own in SHOWN_SUFFIXES else ".jpg" if self._jpeg else ".png"

    def content(self, row: int) -> bytes:
        """Return the file of an image."""
        name = self._names.get(row)
        if name is None:
            assert self._native is not None, "an image without a file of its own is read from the run"
            return _encoded(self._native.picture(row), self.suffix(row))
        if PurePosixPath(name).suffix.lower() in SHOWN_SUFFIXES:
            return original_bytes(self._run, name)
        return _encoded(self._picture_of_file(name), self.suffix(row))

    def _picture_of_file(self, name: str) -> Image.Image:
        """Decode an original that browsers do not show, such as a TIFF, at its full size."""
        from facies.images.readers.image_file import decode_pages
        from facies.images.readers.pixels import UnreadableImage

        with tempfile.TemporaryDirectory(prefix="facies-") as folder:
            copy = Path(folder) / f"original{PurePosixPath(name).suffix}"
            copy_original(self._run, name, copy)
            try:
                pixels = next(iter(decode_pages(copy)))
            except UnreadableImage as error:
                raise InputError(f"{name} can no longer be read ({error}): put it back, or export to csv") from error
        return Image.fromarray(self._to_8_bits(pixels))

    def _to_8_bits(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        described = self._run.manifest["input"]
        low, high = 0.0, 255.0
        if pixels.dtype != np.uint8:
            low, high = described.get("value_range") or (0.0, 1.0)
            if str(pixels.dtype) != described["dtype"] and pixels.dtype.kind in "iu":
                high = high * float(np.iinfo(pixels.dtype).max)  # the run divided whole numbers by their largest
        scaled = np.clip((pixels.astype(np.float64) - low) / ((high - low) or 1.0) * 255, 0, 255).astype(np.uint8)
        scaled = scaled[..., :3] if scaled.shape[2] >= 3 else scaled[..., 0]
        return np.ascontiguousarray(scaled)


def _encoded(picture: Image.Image, suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".png":
        greys = picture.convert("L") if picture.mode == "RGB" and _is_grey(picture) else picture
        greys.save(buffer, "PNG")
    else:
        picture.convert("RGB").save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _is_grey(picture: Image.Image) -> bool:
    pixels = np.asarray(picture)
    return bool((pixels[..., :1] == pixels).all())
