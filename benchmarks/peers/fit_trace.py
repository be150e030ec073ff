"""What every program of `benchmarks/side_by_side.py` is given and writes; numpy alone, for each environment."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class Trace:
    """The groups of all images during a fit, with the seconds since it began; finding and writing them takes none.

    The folder, the last argument of the program, holds ``request.json`` and ``images.npy`` (N, C, H, W). Written are
    ``groups.npy`` (N,), ``answer.json`` and ``trace.npz`` with ``seconds`` (T,) and ``groups`` (T, N).
    """

    def __init__(self) -> None:
        self.folder = Path(sys.argv[-1])
        self.request: dict[str, Any] = json.loads((self.folder / "request.json").read_text())
        self.seconds: list[float] = []
        self.groups: list[np.ndarray] = []
        self.paused, self.began = 0.0, time.monotonic()

    def images(self) -> np.ndarray:
        """The images as they came."""
        return np.load(self.folder / "images.npy", allow_pickle=False)

    def start(self) -> None:
        """Count seconds from now on."""
        self.paused, self.began = 0.0, time.monotonic()

    def now(self) -> float:
        """Seconds of the fit so far."""
        return time.monotonic() - self.began - self.paused

    def record(self, find: Callable[[], np.ndarray]) -> None:
        """Keep the groups that a function finds."""
        began = time.monotonic()
        self.seconds.append(began - self.began - self.paused)
        self.groups.append(np.asarray(find(), np.int32))
        self.paused += time.monotonic() - began

    def end(self, groups: np.ndarray, *packages: str) -> None:
        """Write what was found, with the versions of packages."""
        seconds = self.now()
        found = np.asarray(groups, np.int64)
        np.savez_compressed(
            self.folder / "trace.npz", seconds=[*self.seconds, seconds], groups=np.stack([*self.groups, found])
        )
        np.save(self.folder / "groups.npy", found)
        versions = {name: importlib.metadata.version(name) for name in packages}
        answer = {"seconds_by_stage": {"fit": seconds}, "versions": versions}
        (self.folder / "answer.json").write_text(json.dumps(answer))
