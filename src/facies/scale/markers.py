"""Which blocks are done: a small file for each, apart from the data, written after the data of the block."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = "done"
_PER_FOLDER = 1000


class DoneMarkers:
    """The files ``done/000/000042.json`` beside a plan.

    Each holds the key of the plan and what the block returned. A file of another key, or one that is damaged, is none. The data
    of a block must have reached the disk before it is marked.

    Parameters
    ----------
    folder : Path
        The folder of the plan.
    key : str
        The key of the plan.
    n_blocks : int
        How many blocks it has.
    """

    def __init__(self, folder: Path, key: str, n_blocks: int) -> None:
        self.folder = folder / FOLDER
        self.key = key
        self.n_blocks = n_blocks

    def path(self, block: int) -> Path:
        """Return the path of the marker of a block."""
        return self.folder / f"{block // _PER_FOLDER:03d}" / f"{block:06d}.json"

    def mark(self, block: int, result: Any = None) -> None:
        """Say that a block is done; a kill leaves the whole marker or none."""
        path = self.path(block)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        temporary.write_text(json.dumps({"key": self.key, "result": result}), "utf-8")
        temporary.replace(path)

    def is_done(self, block: int) -> bool:
        """Return whether a block has a marker of this plan."""
        return self._read(self.path(block)) is not None

    def done(self) -> NDArray[np.bool_]:
        """Read which blocks are done, (n_blocks,)."""
        done = np.zeros(self.n_blocks, bool)
        for block, _ in self._all():
            done[block] = True
        return done

    def results(self) -> Iterator[tuple[int, Any]]:
        """Read what the blocks returned, in the order of the blocks, one at a time."""
        for block, plain in self._all():
            yield block, plain["result"]

    def _all(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for folder in range(-(-self.n_blocks // _PER_FOLDER)):
            first = self.path(folder * _PER_FOLDER).parent
            if not first.is_dir():
                continue
            for path in sorted(first.iterdir()):
                number = path.name.removesuffix(".json")
                if not number.isdecimal() or int(number) >= self.n_blocks:
                    continue
                plain = self._read(path)
                if plain is not None:
                    yield int(number), plain

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            plain = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return plain if isinstance(plain, dict) and plain.get("key") == self.key else None
