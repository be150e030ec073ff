"""What experts do, drawn at random; and what a page keeps on its screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.atlas.factories import Browser, N, mask_of

NAMES = ("quartz", "foram", "fragment", "dark")
REASONS = ("cut", "blurred")


def random_action(rng: np.random.Generator, groups: np.ndarray) -> dict[str, Any]:
    """An action that may be possible, given the groups of the images."""
    rows = np.sort(rng.choice(N, rng.integers(1, 12), replace=False)).tolist()
    of: dict[str, Any] = {"rows": rows} if rng.random() < 0.5 else {"mask": mask_of(rows)}
    there = np.unique(groups[groups >= 0])
    name = str(rng.choice(NAMES))
    kinds: list[dict[str, Any]] = [
        {"kind": "name", "group": int(rng.choice(there)), "name": name},
        {"kind": "assign", "of": of, "name": name, "state": str(rng.choice(["validated", "predicted", "dubious"]))},
        {"kind": "exclude", "of": of, "reason": str(rng.choice(REASONS))},
        {"kind": str(rng.choice(["clear", "include", "dubious", "validate"])), "of": of},
        {"kind": "merge", "groups": rng.choice(there, min(2, len(there)), replace=False).tolist()},
        {"kind": "split", "of": of},
        {"kind": "class", "name": name, "excluded": bool(rng.random() < 0.3), "key": str(rng.integers(0, 9))},
        {"kind": "undo"},
        {"kind": "redo"},
    ]
    return kinds[rng.choice(len(kinds), p=[0.13, 0.25, 0.1, 0.15, 0.05, 0.07, 0.05, 0.14, 0.06])]


class Screen:
    """A page: it knows the state at a revision, and fetches what changed since."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.revision = -1
        self.arrays: dict[str, np.ndarray] = {}
        self.load()

    def load(self) -> None:
        """Fetch everything."""
        header, arrays = self.browser.arrays("/state")
        self.revision = header["revision"]
        self.arrays = {name: arrays[name].copy() for name in ("class", "state", "group", "reason")}

    def catch_up(self) -> None:
        """Fetch what changed."""
        header, arrays = self.browser.arrays(f"/changes?since={self.revision}")
        if header["full"]:
            self.load()
            return
        for name, array in self.arrays.items():
            array[arrays["rows"]] = arrays[name]
        self.revision = header["revision"]

    def shown(self) -> dict[str, list[int]]:
        """What is on it."""
        return {name: array.tolist() for name, array in self.arrays.items()}
