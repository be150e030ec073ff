"""A network of one's own in an ONNX file, run by `onnxruntime` on the processor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from facies.errors import InputError
from facies.nn.encoders.encoder import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Encoder,
    Weights,
    channel_statistics,
    normalise,
)


class ONNXEncoder(Encoder):
    """The first output of an ONNX network of colour images, (B, 3, H, W).

    A map (B, D, h, w) is averaged over its positions, and tokens (B, T, D) over the tokens. Pixels are normalised by
    ImageNet's mean and deviation, or by the entries ``mean`` and ``std`` (each a JSON list of three) of the file's metadata.

    Parameters
    ----------
    content
        The bytes of the file.
    source
        Its name.

    Raises
    ------
    InputError
        If `onnxruntime` is not installed, or the file is none that it reads, or takes no colour images.
    """

    kind = "onnx"
    averages_turns = True
    is_trainable = is_exportable = computes_in_torch = False
    mean: Tensor
    std: Tensor

    def __init__(self, content: bytes, source: str) -> None:
        self._content, self._session = content, _session(content, source)
        metadata = self._session.get_modelmeta().custom_metadata_map
        (given, *others) = self._session.get_inputs()
        shape = list(given.shape)
        if others or len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)):
            raise InputError(
                f"{source}: takes {given.name} {shape}; an encoder takes one input of images, (N, 3, H, W)"
            )
        self._input, self._batch = given.name, shape[0] if isinstance(shape[0], int) else None
        fixed = [edge for edge in shape[2:] if isinstance(edge, int)]
        self.fixed_size = (fixed[0], fixed[1]) if len(fixed) == 2 else None
        digest = hashlib.sha256(content).hexdigest()
        weights = Weights(
            Path(source).stem, digest, metadata.get("licence") or metadata.get("license") or "not stated", source
        )
        super().__init__(weights, 0, usual_side=max(self.fixed_size or (224,)))
        mean, std = (_numbers(metadata, *each, source) for each in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)))
        self.register_buffer("mean", channel_statistics(mean), persistent=False)
        self.register_buffer("std", channel_statistics(std), persistent=False)
        try:
            self.features = self(torch.zeros(1, 3, *self.input_size((224, 224)))).shape[1]
        except InputError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"{source}: cannot be run on an image ({reason})") from error

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, 3, H, W) → (B, features); computed on the processor."""
        pixels = normalise(images, self.mean, self.std).detach().cpu().numpy().astype(np.float32)
        step = self._batch or len(pixels)
        parts = [self._run(pixels[start : start + step], step) for start in range(0, len(pixels), step)]
        return torch.from_numpy(np.concatenate(parts)).to(images.device)

    def _run(self, pixels: np.ndarray[Any, np.dtype[np.float32]], step: int) -> Any:
        count = len(pixels)
        if count < step:  # a file whose batches are of one size
            pixels = np.concatenate([pixels, np.zeros((step - count, *pixels.shape[1:]), np.float32)])
        found = np.asarray(self._session.run(None, {self._input: pixels})[0], np.float32)
        if found.ndim == 4:
            found = found.mean(axis=(2, 3))
        elif found.ndim == 3:
            found = found.mean(axis=1)
        if found.ndim != 2 or len(found) != len(pixels):
            raise InputError(
                f"{self.weights.source}: its first output is {list(found.shape)}; an encoder gives one vector an image, (N, D)"
            )
        return found[:count]

    def description(self) -> dict[str, Any]:
        """The name of the file."""
        return {**super().description(), "source": self.weights.source}

    def state(self) -> Mapping[str, Tensor]:
        """The file itself, as bytes."""
        return {"file": torch.frombuffer(bytearray(self._content), dtype=torch.uint8)}

    def input_size(self, size: tuple[int, int], side: int | None = None) -> tuple[int, int]:
        """As for every encoder, or the one size that the file takes."""
        return self.fixed_size or super().input_size(size, side)

    @classmethod
    def from_state(cls, description: Mapping[str, Any], state: Mapping[str, Tensor]) -> Self:
        """Build again what `description` and `state` gave."""
        return cls(state["file"].numpy().tobytes(), str(description["source"]))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Load a file; see `ONNXEncoder`."""
        if not path.is_file():
            raise InputError(f"encoder={path}: there is no such file")
        return cls(path.read_bytes(), path.name)


def _session(content: bytes, source: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"encoder={source} needs onnxruntime: pip install 'facies[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{source}: cannot be read as an ONNX file ({reason}); export the network again") from error


def _numbers(metadata: Mapping[str, str], name: str, otherwise: tuple[float, ...], source: str) -> tuple[float, ...]:
    if name not in metadata:
        return otherwise
    try:
        numbers = tuple(float(each) for each in json.loads(metadata[name]))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or (name == "std" and min(numbers) <= 0):
        raise InputError(f"{source}: its metadata say {name}={metadata[name][:40]}; it is a JSON list of three numbers")
    return numbers
