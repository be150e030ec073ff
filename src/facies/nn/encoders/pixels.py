"""The pixels themselves as features: the plain measure for every encoder, and the best of them where images are written signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor

from facies.nn.encoders.encoder import Encoder, Weights

SIDE = 24


class PixelsEncoder(Encoder):
    """A reduced image, pixel by pixel; no network, and nothing that was learnt."""

    kind = "pixels"
    is_trainable = False

    def __init__(self) -> None:
        super().__init__(Weights("pixels", "", "", "Facies"), 3 * SIDE * SIDE, usual_side=SIDE, least_side=1)

    def input_size(self, size: tuple[int, int], side: int | None = None) -> tuple[int, int]:
        """Always 24 × 24, so that every image has as many features."""
        return SIDE, SIDE

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, 3, 24, 24) → (B, 1728)."""
        return images.flatten(1)

    @classmethod
    def from_state(cls, _description: Mapping[str, Any], _state: Mapping[str, Tensor]) -> Self:
        """Build it again; there is nothing to restore."""
        return cls()
