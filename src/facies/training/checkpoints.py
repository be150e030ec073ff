"""What a stage found, on disk: one safetensors file, replaced atomically."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from facies.errors import InputError

Results = dict[str, Any]
"""Name → numpy array, dictionary of tensors (a ``state_dict``), or anything JSON can hold."""


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write `results` to `path`, so that after a kill either the old file or the new one is there, whole.

    Raises
    ------
    InputError
        When the disk is full.
    """
    tensors: dict[str, torch.Tensor] = {}
    kinds: dict[str, str] = {}
    plain: dict[str, Any] = {}
    for name, value in results.items():
        if isinstance(value, np.ndarray):
            kinds[name] = "array"
            tensors[name] = torch.from_numpy(np.array(value, order="C"))
        elif _is_state_dict(value):
            kinds[name] = "state"
            tensors.update({f"{name}/{key}": tensor.detach().cpu().contiguous() for key, tensor in value.items()})
        else:
            plain[name] = value
    metadata = {"kinds": json.dumps(kinds), "plain": json.dumps(plain)}
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part, metadata=metadata)
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise InputError(f"{path.parent}: the disk is full; free some space and go on with --resume") from error
        raise


def as_stored(results: Mapping[str, Any]) -> Results:
    """Give results the form they have when they are read back, so that a later stage cannot tell whether they were.

    The order of an array in memory decides in which order its numbers are added up, and so the last digit of a sum.
    """
    stored: Results = {}
    for name, value in results.items():
        if isinstance(value, np.ndarray):
            stored[name] = np.array(value, order="C")
        elif _is_state_dict(value):
            stored[name] = {
                key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for key, tensor in value.items()
            }
        else:
            stored[name] = json.loads(json.dumps(value))
    return stored


def read_results(path: Path) -> Results:
    """Read what `write_results` wrote."""
    results: Results = {}
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        kinds = json.loads(metadata["kinds"])
        results.update(json.loads(metadata["plain"]))
        results.update({name: {} for name, kind in kinds.items() if kind == "state"})
        for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
            if kinds.get(key) == "array":
                results[key] = file.get_tensor(key).numpy()
            else:
                name, parameter = key.split("/", 1)
                results[name][parameter] = file.get_tensor(key)
    return results


def _is_state_dict(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, torch.Tensor) for item in value.values()) and bool(value)


class StageStore:
    """Keeps the results of finished stages and the place reached in the one that runs.

    Parameters
    ----------
    folder
        Where the files go; None keeps nothing, and a fit that is killed starts anew.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def finished(self, number: int, stage: str) -> Results | None:
        """Results of the stage, or None if it has not finished."""
        path = self._path(number, stage)
        return read_results(path) if path is not None and path.exists() else None

    def finish(self, number: int, stage: str, results: Mapping[str, Any]) -> None:
        """Keep the results of a stage and forget the places reached inside it."""
        path = self._path(number, stage)
        if path is None:
            return
        write_results(path, results)
        for place in path.parent.glob(f"{path.stem}.place-*"):
            place.unlink()

    def place(self, number: int, stage: str, loop: int) -> Path | None:
        """File for the place reached in the `loop`-th training of a stage."""
        path = self._path(number, stage)
        return path and path.with_name(f"{path.stem}.place-{loop}.safetensors")

    def _path(self, number: int, stage: str) -> Path | None:
        name = f"{number:02d}-{stage.replace(' ', '-')}.safetensors"
        return self.folder and self.folder / name
