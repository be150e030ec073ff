"""What every encoder is: a network that turns colour images into vectors, and whose weights say where they are from."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Weights:
    """Where the weights of an encoder are from.

    Attributes
    ----------
    name
        Of the encoder, as a user would call it.
    sha256
        Digest of the weights; the empty text where there are none to be read.
    licence
        Under which they were published, as far as they say so.
    source
        The package, the file or the folder, without the folders above it.
    """

    name: str
    sha256: str
    licence: str
    source: str

    def as_json(self) -> dict[str, str]:
        """The same as a dictionary, for ``run.json``."""
        return asdict(self)


class Encoder(nn.Module, ABC):
    """A network from images with three channels in [0, 1], (B, 3, H, W), to vectors, (B, features) float32.

    Attributes
    ----------
    kind
        Which class opens what `description` and `state` gave.
    weights
        Where the weights are from.
    features
        Numbers an image.
    usual_side
        Longer side, in pixels, of the images that the network was made for.
    least_side
        Smallest side that it can take.
    multiple
        The sides are whole multiples of this.
    is_trainable
        Whether gradients go through it.
    is_exportable
        Whether torch can write it into an ONNX file.
    averages_turns
        Whether the mean of its features over turned copies of an image still says what the image shows, as it does for a
        network of photographs; that of pixels does not.
    computes_in_torch
        Whether it computes where torch does and in the same numbers; else on the CPU, in 32 bits.
    """

    kind: str
    averages_turns: bool = False
    is_trainable: bool = True
    is_exportable: bool = True
    computes_in_torch: bool = True

    def __init__(
        self, weights: Weights, features: int, *, usual_side: int = 224, least_side: int = 32, multiple: int = 1
    ) -> None:
        super().__init__()
        self.weights, self.features = weights, features
        self.usual_side, self.least_side, self.multiple = usual_side, least_side, multiple

    def computes_on(self, device: torch.device) -> torch.device:
        """The device on which it computes if its images are on `device`."""
        return device if self.computes_in_torch else torch.device("cpu")

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, 3, H, W) → (B, features)."""

    @property
    def parts(self) -> tuple[int, ...]:
        """Numbers of each layer that the features are from, in their order; their sum is `features`."""
        return (self.features,)

    def joined(self) -> Self:
        """Return this encoder with the features of an earlier layer beside its own, which keep finer texture; itself if it has none."""
        return self

    def description(self) -> dict[str, Any]:
        """All but the numbers that is needed to build this encoder again, as JSON can hold it."""
        return {"kind": self.kind, "weights": self.weights.as_json()}

    def state(self) -> Mapping[str, Tensor]:
        """The numbers of this encoder, for a file."""
        return dict(self.state_dict())

    def input_size(self, size: tuple[int, int], side: int | None = None) -> tuple[int, int]:
        """Height and width to which images of a size are brought: the longer side becomes `side`, the proportions stay.

        Parameters
        ----------
        size
            Height and width of the images.
        side
            Longer side for the network, by default `usual_side`; no side becomes less than `least_side`.
        """
        longest = side or self.usual_side
        scale = longest / max(size)
        height, width = (
            max(self.least_side, self.multiple * max(1, round(edge * scale / self.multiple))) for edge in size
        )
        return height, width


def normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Images in [0, 1] → zero mean and unit variance over the images that a network was trained on."""
    return (images - mean) / std


def channel_statistics(values: Iterable[float]) -> Tensor:
    """One number a channel as (3, 1, 1)."""
    return torch.tensor([float(value) for value in values]).view(3, 1, 1)


def digest_of(paths: Iterable[Path]) -> str:
    """SHA-256 of the contents of files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def digest_of_state(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names, shapes and numbers of a network."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
