"""A folder of image files for each class, or group."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.report.exporters.image_files import copy_original, original_names, originals_note
from facies.report.exporters.tables import save_csv
from facies.runs import RunFolder

if TYPE_CHECKING:
    from facies.images import ImageSet

_LONGEST = 100
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_README = """\
One folder a class, or a group where none was named; index.csv tells which image became which file.
Files that stood in a folder are copies of the originals.
{scaled}"""
_SCALED = """\
The pixels were no whole numbers that a PNG can hold. They are scaled to 16 bits: a pixel v stands for
{low!r} + v / 65535 * ({high!r} - {low!r}).
"""


class FileNames:
    """Gives each image of a folder a safe file name that no other has, and that is not `taken`, whatever its id is."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.casefold() for name in taken}

    def name(self, identity: str, suffix: str) -> str:
        """Return a name for the image ``identity``, ending in ``suffix``: letters, digits, dots, hyphens and underscores.

        It is not longer than 120 characters, and differs from earlier ones also where capitals do not count.
        """
        text = identity[: -len(suffix)] if suffix and identity.lower().endswith(suffix.lower()) else identity
        stem = re.sub(r"[^\w.-]+", "_", text).strip("._")[:_LONGEST].rstrip(".") or "image"
        while len(stem.encode()) > 2 * _LONGEST:
            stem = stem[:-1]
        if stem.split(".")[0].lower() in _RESERVED:
            stem = f"_{stem}"
        name, n = stem + suffix, 1
        while name.casefold() in self._taken:
            n += 1
            name = f"{stem}-{n}{suffix}"
        self._taken.add(name.casefold())
        return name


def write_folders(run: RunFolder, partition: pd.DataFrame, folder: Path) -> list[str]:
    """Write ``group-03/``, … and ``noise/`` with the images in them, ``index.csv`` and ``README.txt``.

    Where classes were named, their images are in folders of their names, and what was excluded in ``excluded/``.

    The original files are copied where the run was made from a folder of files, one image a file, and the user has
    confirmed that folder; a returned line says so if not. Otherwise the pixels
    are written as PNG, 8 and 16 bits as they are, other types scaled to 16 bits (``README.txt`` says how); images that
    PNG cannot hold (two or more than four channels, focal stacks) become TIFF files of their own type.
    """
    places = _places(partition)
    for place in set(places.values()):
        (folder / place).mkdir()
    names: defaultdict[str, FileNames] = defaultdict(FileNames)
    files: dict[int, str] = {}

    def choose_file(row: int, suffix: str) -> Path:
        place = places[row]
        files[row] = f"{place}/{names[place].name(ids[row], suffix)}"
        return folder / files[row]

    ids = partition["id"]
    originals = {row: name for row, name in original_names(run).items() if row in places}
    for row, name in originals.items():
        copy_original(run, name, choose_file(row, _safe_suffix(name)))
    scaling = ""
    if len(originals) < len(places):
        pixels = _PixelWriter(run.image_set())
        scaling = pixels.scaling_note
        for row, image in pixels.read([row for row in places if row not in originals]):
            pixels.write(choose_file(row, pixels.suffix), image)
    known = [
        name for name in ("id", "group", "probability", "class", "class_path", "state", "note") if name in partition
    ]
    index = pd.DataFrame({"file": [files[row] for row in places], **{name: partition[name].tolist() for name in known}})
    save_csv(index, folder / "index.csv")
    (folder / "README.txt").write_text(_README.format(scaled=scaling), "utf-8")
    note = originals_note(run)
    return [note] if note else []


def _places(partition: pd.DataFrame) -> dict[int, str]:
    """Return the name of the folder of each image, by row: its class, ``excluded``, or its group."""
    groups = partition["group"].to_numpy(np.int64)
    width = max(2, len(str(int(groups.max(initial=0)))))
    places = {
        int(row): "noise" if group < 0 else f"group-{group:0{width}d}"
        for row, group in zip(partition.index, groups, strict=True)
    }
    if "class" not in partition:
        return places
    naming = FileNames(["excluded", *places.values()])
    of_class = {name: naming.name(str(name), "") for name in sorted(set(partition["class"]) - {""})}
    for row, name, state in zip(partition.index, partition["class"], partition["state"], strict=True):
        if state == "excluded":
            places[int(row)] = "excluded"
        elif name:
            places[int(row)] = of_class[name]
    return places


def _safe_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""


class _PixelWriter:
    """Reads images as they are stored and writes them to files that hold them."""

    def __init__(self, images: ImageSet) -> None:
        self._images = images
        channels = images.image_shape[-3]
        self._tiff = len(images.image_shape) == 4 or channels not in (1, 3, 4)
        self._scaled = not self._tiff and images.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16))
        self.suffix = ".tif" if self._tiff else ".png"

    @property
    def scaling_note(self) -> str:
        """How the pixels were scaled, for the README; empty if they were not."""
        if not self._scaled:
            return ""
        low, high = self._images.value_range()
        return _SCALED.format(low=low, high=high)

    def read(self, rows: Sequence[int]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the number and the pixels, (C, H, W) or (L, C, H, W), of some images, in blocks of a few megabytes."""
        for start, block in self._images.subset(rows).stored_blocks():
            yield from zip(rows[start : start + len(block)], block, strict=True)

    def write(self, path: Path, image: NDArray[Any]) -> None:
        """Write one image to a new file."""
        if self._tiff:
            import tifffile

            tifffile.imwrite(path, image, photometric="minisblack", metadata={"axes": "LCYX"[-image.ndim :]})
            return
        import cv2

        if self._scaled:
            low, high = self._images.value_range()
            scaled = np.clip((image.astype(np.float64) - low) / ((high - low) or 1), 0, 1)
            image = np.rint(scaled * 65535).astype(np.uint16)
        arranged = image[0] if len(image) == 1 else image[[2, 1, 0, 3][: len(image)]].transpose(1, 2, 0)
        ok, encoded = cv2.imencode(".png", np.ascontiguousarray(arranged))
        if not ok:
            raise ValueError(f"OpenCV could not write {path.name}")
        path.write_bytes(encoded.tobytes())
