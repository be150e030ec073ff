"""What is to be done in blocks, as data: a task by its name, its settings, and how many blocks there are."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from facies._version import __version__
from facies.errors import InputError
from facies.io import write_json_atomically

FORMAT = 1
FILE = "plan.json"

BlockTask = Callable[[int], Any]
"""Does one block, by its number, and returns a small result that JSON can hold, or None."""


@dataclass(frozen=True)
class BlockPlan:
    """A piece of work in blocks 0 to `n_blocks` − 1. Workers are sent the path of its file and numbers of blocks, nothing else.

    Attributes
    ----------
    task : str
        ``package.module:function``. The function is called once a process with `settings`, opens what all blocks need, and returns
        a function of a block's number that does one block. A block that is done twice must give the same twice.
    settings : mapping
        All that the result depends on, as JSON holds it: paths, geometry, and the fingerprints of the input and of the model.
    n_blocks : int
        How many blocks there are.
    needs : tuple of str
        Packages that a worker must be able to import.

    Examples
    --------
    >>> plan = BlockPlan("my_package.smoothing:open_task", {"volume": "a.zarr", "sigma_nm": 20.0}, n_blocks=64)
    >>> plan.key == BlockPlan(plan.task, {"sigma_nm": 20.0, "volume": "a.zarr"}, 64).key
    True
    """

    task: str
    settings: Mapping[str, Any]
    n_blocks: int
    needs: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def key(self) -> str:
        """The SHA-256 of the task, its settings, the number of blocks and the version of Facies: equal keys, equal results."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True, allow_nan=False).encode()).hexdigest()

    def _content(self) -> dict[str, Any]:
        return {"task": self.task, "settings": dict(self.settings), "n_blocks": self.n_blocks, "facies": __version__}

    def write(self, folder: Path) -> Path:
        """Write the plan as ``plan.json`` into a folder, and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        write_json_atomically(path, {"format": FORMAT, "key": self.key, "needs": self.needs, **self._content()})
        return path

    def differences(self, earlier: BlockPlan) -> list[str]:
        """Say in which settings an earlier plan differs from this one."""
        if earlier.task != self.task:
            return [f"it was begun to do {earlier.task}, not {self.task}"]
        before, now = dict(earlier.settings), dict(self.settings)
        points = [
            f"{name} was {_short(before.get(name))}, is {_short(now.get(name))}"
            for name in dict.fromkeys([*before, *now])
            if before.get(name) != now.get(name)
        ]
        if not points and earlier.n_blocks != self.n_blocks:
            points.append(f"it had {earlier.n_blocks:,} blocks, and now has {self.n_blocks:,}")
        return points or ["it was begun by another version of facies"]


def read_plan(path: Path, key: str | None = None) -> BlockPlan:
    """Read a plan.

    Parameters
    ----------
    path : Path
        The ``plan.json``.
    key : str, optional
        The key that it must have: the one who sends blocks to workers sends it, so that nobody runs another plan for it.

    Raises
    ------
    InputError
        If the file cannot be read, or is not the plan of that key.
    """
    try:
        plain = json.loads(path.read_text("utf-8"))
        plan = BlockPlan(plain["task"], plain["settings"], int(plain["n_blocks"]), tuple(plain["needs"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: is no plan of blocks that can be read here ({error}): --overwrite begins anew"
        ) from error
    if key is not None and plan.key != key:
        raise InputError(
            f"{path}: is not the plan that was sent, or this worker has another version of facies ({__version__})"
        )
    return plan


def open_task(plan: BlockPlan) -> BlockTask:
    """Import the task of a plan, and call it with the settings."""
    module, _, name = plan.task.partition(":")
    task: BlockTask = getattr(importlib.import_module(module), name)(plan.settings)
    return task


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
