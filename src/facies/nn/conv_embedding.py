"""A plain convolutional network that gives an image a direction: convolutions of 5 × 5, and one linear layer (JULE)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

LARGEST_MAP = 14
"""Maps are halved until their longer side has no more pixels."""


class ConvEmbedding(nn.Module):
    """Convolutions of 5 × 5 with batch normalisation and ReLU, halved between them, and a linear layer: images → unit vectors.

    Parameters
    ----------
    image_shape
        (C, H, W).
    filters
        Of each convolution.
    size
        Numbers of the vectors.
    """

    def __init__(self, image_shape: tuple[int, int, int], filters: int = 50, size: int = 160) -> None:
        super().__init__()
        channels, height, width = image_shape
        layers: list[nn.Module] = _convolution(channels, filters)
        while max(height, width) > LARGEST_MAP:
            layers += [nn.MaxPool2d(2, ceil_mode=True), *_convolution(filters, filters)]
            height, width = -(-height // 2), -(-width // 2)
        if len(layers) == len(_convolution(1, 1)):
            layers += _convolution(filters, filters)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(filters * height * width, size))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, size), of length 1."""
        return F.normalize(self.layers(images), dim=1)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 5, padding=2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
