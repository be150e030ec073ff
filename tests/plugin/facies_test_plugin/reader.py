"""`.tiles`: grey bytes after a line such as ``tiles 60 8 8`` (number, height, width)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facies.errors import InputError
from facies.images import ImageSet
from facies.images.readers import Reader
from facies.images.readers.arrays import images_from_array


def images_from_tiles(path: Path) -> ImageSet:
    with path.open("rb") as file:
        header = file.readline(64)
    word, *numbers = header.split()
    if word != b"tiles" or len(numbers) != 3:
        raise InputError(f"{path}: is no file of tiles: its first line must be such as 'tiles 60 8 8'")
    count, height, width = map(int, numbers)
    return images_from_array(np.memmap(path, np.uint8, "r", offset=len(header), shape=(count, height, width)))


READER = Reader(
    name="tiles",
    description=".tiles",
    can_read=lambda path: path.suffix == ".tiles",
    read=lambda path, _format, _progress: images_from_tiles(path),
)
