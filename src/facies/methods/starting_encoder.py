"""A pretrained encoder in front of the networks of a method: left as it is, or learning on in the first of the trainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.errors import InputError
from facies.methods.features import assumptions, encoder_about, find_encoder, shown_notes, weights_note
from facies.nn.encoders import PlanesEncoder, rebuild_encoder
from facies.parameters import Fraction, Settings
from facies.training import ParameterGroup, StageOutputs

ROWS_AT_ONCE = 4096
KEPT = ("encoder", "encoder_about")
"""Outputs of a stage, and entries of a model, that hold the encoder."""


@dataclass(kw_only=True)
class EncoderSettings(Settings):
    """What looks at the images before a network describes what it sees."""

    main: ClassVar[str] = "name"
    own: ClassVar[tuple[str, ...]] = ("conv",)
    """Names of networks of the method itself, which learn from the first step on."""

    name: str = "conv"
    """``conv``, the method's own convolutions; or a pretrained encoder, by its name, folder or file as of ``pretrained``, such
    as ``efficientnet-lite0``. ``encoder=…`` is short for this."""
    rate: Fraction = 0.0
    """Share of the learning rate at which a pretrained encoder learns on in the first training; with 0 it stays as it is, and
    looks at each image once."""
    image_size: Annotated[int, Ge(8)] | None = 128
    """Longer side, in pixels, to which images are brought for a pretrained encoder; null is that for which it was made."""

    @property
    def is_pretrained(self) -> bool:
        """Whether the encoder was trained elsewhere."""
        return self.name not in self.own

    @property
    def learns_on(self) -> bool:
        """Whether a pretrained encoder goes on learning."""
        return self.is_pretrained and self.rate > 0

    @property
    def use(self) -> str:
        """What became of a pretrained encoder, in words."""
        return f"learnt on, at {self.rate:g} of the learning rate" if self.learns_on else "left as it is"

    def check(self, image_shape: tuple[int, ...]) -> None:
        """Raise InputError if there is no such encoder, or it cannot look at such images, or not learn."""
        if not self.is_pretrained:
            if self.rate:
                raise InputError(
                    f"encoder.rate={self.rate:g}: {self.name} learns at the whole rate; leave it out, or set encoder to a "
                    "pretrained one"
                )
            return
        planes = self.begin(image_shape)
        if self.learns_on and not planes.encoder.is_trainable:
            raise InputError(f"encoder={self.name}: it cannot learn on; set encoder.rate=0, or take another")

    def begin(self, image_shape: tuple[int, ...]) -> PlanesEncoder:
        """The pretrained encoder as it was published, for images of this shape."""
        try:
            encoder = find_encoder(self.name)
        except InputError as error:
            if str(error).startswith("there is no encoder"):
                raise InputError(f"{error}; or {', '.join(self.own)} of the method itself") from error
            raise
        return PlanesEncoder(encoder, image_shape, self.image_size)

    def rebuild(self, image_shape: tuple[int, ...], state: Mapping[str, Any]) -> PlanesEncoder:
        """The pretrained encoder that stage or model kept (`kept_encoder`), for images of this shape."""
        encoder = rebuild_encoder(state["encoder_about"], state["encoder"])
        return PlanesEncoder(encoder, image_shape, self.image_size).eval()

    def about(self, planes: PlanesEncoder, image_shape: tuple[int, ...]) -> dict[str, Any]:
        """What ``run.json`` says of a pretrained encoder."""
        return {**encoder_about(planes), "use": self.use, "assumed": assumptions(planes, image_shape)}

    def notes(self, planes: PlanesEncoder, image_shape: tuple[int, ...]) -> list[str]:
        """What the user should know of it, one line each."""
        return [weights_note(planes.encoder.weights, f"was {self.use}"), *shown_notes(planes, image_shape)]


def kept_encoder(planes: PlanesEncoder) -> StageOutputs:
    """What a stage hands on, and a model keeps, of a pretrained encoder."""
    return {"encoder": dict(planes.encoder.state()), "encoder_about": planes.encoder.description()}


class LearningEncoder(nn.Module):
    """A pretrained encoder that learns on at a share of the learning rate, and the network that learns on top of it.

    Parameters
    ----------
    planes
        Looks at images.
    network
        Takes what it makes of them.
    rate
        The share.
    prepare
        Brings what the training shows to pixels in [0, 1] of the shape of the images; None where they are that already.
    """

    def __init__(
        self, planes: PlanesEncoder, network: nn.Module, rate: float, prepare: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.planes, self.network, self.rate, self.prepare = planes, network, rate, prepare

    def forward(self, images: Tensor) -> Any:
        """What the network gives for images."""
        return self.network(self.planes(images if self.prepare is None else self.prepare(images)))

    def parameter_groups(self) -> list[ParameterGroup]:
        """The encoder, and what stands on top of it."""
        return [
            ParameterGroup(self.planes.parameters(), rate=self.rate),
            ParameterGroup(self.network.parameters()),
        ]


@torch.no_grad()
def apply_to_features(
    function: Callable[[Tensor], Tensor], features: NDArray[np.float32], device: torch.device
) -> NDArray[np.float32]:
    """Apply a function of rows to the features (N, …) of all images, some at a time."""
    starts = range(0, len(features), ROWS_AT_ONCE)
    blocks = (torch.from_numpy(np.array(features[start : start + ROWS_AT_ONCE])).to(device) for start in starts)
    return np.concatenate([function(block).float().cpu().numpy() for block in blocks])
