"""The encoders there are by name, files and folders of one's own, and functions that a program registers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from facies.errors import InputError, suggest
from facies.nn.encoders.encoder import Encoder
from facies.nn.encoders.hugging_face import HUB

ENCODERS: dict[str, str] = {
    "efficientnet-lite0": "facies.nn.encoders.efficientnet_lite:load_efficientnet_lite0",
    "pixels": "facies.nn.encoders.pixels:PixelsEncoder",
}
"""The encoders of Facies; what one of them needs is imported when it is asked for."""

KINDS: dict[str, str] = {
    "efficientnet-lite0": "facies.nn.encoders.efficientnet_lite:EfficientNetLite0",
    "hugging-face": "facies.nn.encoders.hugging_face:HuggingFaceEncoder",
    "onnx": "facies.nn.encoders.onnx_file:ONNXEncoder",
    "pixels": "facies.nn.encoders.pixels:PixelsEncoder",
}
"""Classes that open what a model keeps of its encoder."""

STATE_FILES = (".pth", ".pt", ".safetensors")


@dataclass(frozen=True)
class EncoderLoader:
    """An encoder that another package, or a program, adds.

    Parameters
    ----------
    name
        By which it is asked for.
    load
        Returns the encoder; called when it is asked for.
    """

    name: str
    load: Callable[[], Encoder]


_registered: dict[str, EncoderLoader] = {}


def register_encoder(loader: EncoderLoader) -> None:
    """Add an encoder under its name to those of this process; one of the same name that was added before is replaced.

    Raises
    ------
    InputError
        If Facies itself has an encoder of that name, or the name reads as a path.
    """
    if loader.name in ENCODERS or is_path(loader.name) or loader.name.startswith(HUB):
        raise InputError(f"an encoder of one's own cannot be called {loader.name!r}; choose another name")
    _registered[loader.name] = loader


def encoder_names() -> list[str]:
    """Return the names of the encoders of Facies, and of those that were registered."""
    return [*ENCODERS, *_registered]


def is_path(encoder: str) -> bool:
    """Whether an encoder is asked for by a file or folder."""
    return "/" in encoder.removeprefix(HUB) or encoder.endswith((".onnx", *STATE_FILES)) or Path(encoder).is_dir()


def load_encoder(encoder: str) -> Encoder:
    """Load an encoder, in evaluation mode.

    Parameters
    ----------
    encoder
        A name (`encoder_names`); a local folder of Hugging Face; a file ``.onnx``; a state dict of EfficientNet-Lite0
        (``.pth``, ``.pt``, ``.safetensors``); or ``hub:OWNER/NAME``, which alone may be fetched from the network.

    Raises
    ------
    InputError
        If there is no such encoder, a package that it needs is missing, or its weights cannot be used.

    Examples
    --------
    >>> load_encoder("efficientnet-lite0").features
    1280
    """
    if encoder in _registered:
        return _registered[encoder].load().eval()
    if encoder in ENCODERS:
        return _attribute(ENCODERS[encoder])().eval()
    if encoder.startswith(HUB):
        return _attribute(KINDS["hugging-face"]).from_folder(encoder).eval()
    if not is_path(encoder):
        choices = suggest(encoder, encoder_names(), "choose from {}, a folder of Hugging Face or an .onnx file")
        raise InputError(f"there is no encoder {encoder!r}; {choices}")
    path = Path(encoder).expanduser()
    if path.suffix == ".onnx":
        return _attribute(KINDS["onnx"]).from_file(path)
    if path.suffix in STATE_FILES:
        return _attribute(KINDS["efficientnet-lite0"]).from_file(path)
    if not path.is_dir():
        raise InputError(
            f"encoder={encoder}: there is no such folder, and no file of a kind that is known (.onnx, .pth, .safetensors)"
        )
    if not (path / "config.json").is_file():
        raise InputError(f"encoder={encoder}: is no folder of Hugging Face, for it holds no config.json")
    return _attribute(KINDS["hugging-face"]).from_folder(str(path)).eval()


def rebuild_encoder(description: Mapping[str, Any], state: Mapping[str, Tensor]) -> Encoder:
    """Build an encoder from its `description` and `state`, as a saved model holds them.

    Raises
    ------
    InputError
        If what it needs is not installed, or it is a function that this program has not registered.
    """
    kind = str(description["kind"])
    if kind in KINDS:
        return _attribute(KINDS[kind]).from_state(description, state).eval()
    name = str(description["weights"]["name"])
    if name not in _registered:
        raise InputError(
            f"this model looks at images with the encoder {name!r}, a function in Python: register it "
            "(facies.nn.encoders.register_encoder), or install the package that has it"
        )
    encoder = _registered[name].load().eval()
    if encoder.weights.sha256 != description["weights"]["sha256"]:
        raise InputError(
            f"the encoder {name!r} is not the one that this model learnt with; register that version of it"
        )
    return encoder


def _attribute(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
