"""Files of weights, of which nothing but names and numbers is taken: no object in them is ever built."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from facies.errors import InputError


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a safetensors file, or from one of PyTorch with `weights_only`.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds other things than named tensors.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file of weights")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            held: object = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: cannot be read as weights: it is no such file, or holds more than named numbers, which is never "
            "unpickled; save the state_dict() of the network alone, best as .safetensors"
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: cannot be read as weights, for it is damaged ({reason}); fetch it again, or save it again"
        ) from error
    if not isinstance(held, Mapping) or not held or not all(isinstance(value, Tensor) for value in held.values()):
        raise InputError(
            f"{path}: holds no plain state dict (names and tensors); save the state_dict() of the network alone"
        )
    return {str(name): value for name, value in held.items()}
