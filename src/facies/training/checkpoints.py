"""What the stages of a fit give, on disk: one safetensors file each, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from facies.io import atomic_file

StageOutputs = dict[str, Any]
"""Name → numpy array, dictionary of tensors (a ``state_dict``), or anything JSON can hold."""


def save_state(path: Path, values: Mapping[str, Any]) -> None:
    """Write named values to `path`, so that after a kill either the old file or the new one is there, whole.

    Raises
    ------
    InputError
        If the disk is full, or the folder may not be written to.
    """
    tensors: dict[str, torch.Tensor] = {}
    kinds: dict[str, str] = {}
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            kinds[name] = "array"
            tensors[name] = torch.from_numpy(np.array(value, order="C"))
        elif _is_state_dict(value):
            kinds[name] = "state"
            tensors.update({f"{name}/{key}": tensor.detach().cpu().contiguous() for key, tensor in value.items()})
        else:
            plain[name] = value
    metadata = {"kinds": json.dumps(kinds), "plain": json.dumps(plain)}
    with atomic_file(path, overwrite=True) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def roundtrip(values: Mapping[str, Any]) -> StageOutputs:
    """Give values the form that `load_state` gives them, so that a later stage cannot tell whether they were read.

    The order of an array in memory decides in which order its numbers are added up, and so the last digit of a sum.
    """
    stored: StageOutputs = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            stored[name] = np.array(value, order="C")
        elif _is_state_dict(value):
            stored[name] = {
                key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for key, tensor in value.items()
            }
        else:
            stored[name] = json.loads(json.dumps(value))
    return stored


def load_state(path: Path) -> StageOutputs:
    """Read what `save_state` wrote."""
    values: StageOutputs = {}
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        kinds = json.loads(metadata["kinds"])
        values.update(json.loads(metadata["plain"]))
        values.update({name: {} for name, kind in kinds.items() if kind == "state"})
        for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
            if kinds.get(key) == "array":
                values[key] = file.get_tensor(key).numpy()
            else:
                name, parameter = key.split("/", 1)
                values[name][parameter] = file.get_tensor(key)
    return values


def _is_state_dict(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, torch.Tensor) for item in value.values()) and bool(value)


class StageCheckpoints:
    """Keeps the outputs of finished stages, and how far the trainings of the unfinished one have come.

    Parameters
    ----------
    folder
        Where the files go; None keeps nothing, and a fit that is killed starts anew.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def load_stage(self, number: int, stage: str) -> StageOutputs | None:
        """Outputs of the stage, or None if it has not finished."""
        path = self._path(number, stage)
        return load_state(path) if path is not None and path.exists() else None

    def save_stage(self, number: int, stage: str, outputs: Mapping[str, Any]) -> None:
        """Keep the outputs of a stage, and remove the states of its trainings."""
        path = self._path(number, stage)
        if path is None:
            return
        save_state(path, outputs)
        for training in path.parent.glob(f"{path.stem}.training-*"):
            training.unlink()

    def training_file(self, number: int, stage: str, training: int) -> Path | None:
        """File for the state of the `training`-th training of a stage."""
        path = self._path(number, stage)
        return path and path.with_name(f"{path.stem}.training-{training}.safetensors")

    def _path(self, number: int, stage: str) -> Path | None:
        name = f"{number:02d}-{stage.replace(' ', '-')}.safetensors"
        return self.folder and self.folder / name
