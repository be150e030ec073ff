"""A small residual network that turns images into embeddings, and what contrastive learning puts on top of an encoder."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

SMALLEST_MAP = 4
"""Maps are halved until their shorter side would fall below so many pixels."""
LARGE_IMAGE = 48
"""Images with a shorter side of so many pixels are halved by the first convolution already."""
STAGES = 4


class ResidualEncoder(nn.Module):
    """A residual network of four short stages for small images (He et al., 2016): images → the mean of its last map.

    A convolution, then four stages of two 3 × 3 convolutions with a shortcut around them, of f, 2f, 4f and 8f filters. Each
    stage halves its maps as long as they keep four pixels a side.

    Parameters
    ----------
    image_shape
        (C, H, W).
    filters
        f.

    Attributes
    ----------
    features
        Numbers an image, 8f.
    """

    def __init__(self, image_shape: tuple[int, int, int], filters: int = 16) -> None:
        super().__init__()
        channels, *size = image_shape
        side = min(size)
        stride = 2 if side >= LARGE_IMAGE else 1
        side //= stride
        layers: list[nn.Module] = [
            nn.Conv2d(channels, filters, 3 if stride == 1 else 5, stride, 1 if stride == 1 else 2, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
        ]
        before = filters
        for stage in range(STAGES):
            halve = side // 2 >= SMALLEST_MAP
            layers.append(_ResidualBlock(before, filters * 2**stage, 2 if halve else 1))
            before, side = filters * 2**stage, side // 2 if halve else side
        self.layers = nn.Sequential(*layers)
        self.features = before

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, 8f)."""
        maps: Tensor = self.layers(images)
        return maps.mean(dim=(-2, -1))


class _ThinnedConv2d(nn.Conv2d):
    """A convolution of 1 × 1 of every second pixel: the pixels are taken first, and then convolved with stride 1.

    On processors without AVX-512 the gradient of a strided one of fewer than eight channels-last maps writes past its memory
    (oneDNN, issue 6035): the program crashes, or learns from wrong numbers.
    """

    def forward(self, maps: Tensor) -> Tensor:
        rows, columns = self.stride
        return F.conv2d(maps[:, :, ::rows, ::columns], self.weight)


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False),
            nn.BatchNorm2d(filters),
        )
        same = channels == filters and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(_ThinnedConv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
        )

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.path(maps) + self.shortcut(maps))


class ViewNetwork(nn.Module):
    """An encoder that learns from views, with its projector, and where asked a predictor and a teacher.

    Parameters
    ----------
    encoder
        (B, C, H, W) → (B, features).
    features
        Numbers that the encoder gives an image.
    projection_size
        Numbers that are compared; the projector has one hidden layer of as many as the features, the predictor too.
    teacher
        Whether there are a predictor and a teacher, a copy of encoder and projector that learns nothing itself.
    """

    def __init__(self, encoder: nn.Module, features: int, projection_size: int, *, teacher: bool) -> None:
        super().__init__()
        self.student = nn.Sequential(encoder, _perceptron(features, features, projection_size))
        self.predictor = _perceptron(projection_size, features, projection_size) if teacher else None
        self.teacher = copy.deepcopy(self.student).requires_grad_(False) if teacher else None

    @property
    def encoder(self) -> nn.Module:
        """The encoder of the student."""
        return self.student[0]

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Two views of each image → what the student makes of each, and the teacher's projections of each, or None."""
        projections: Tensor = self.student(torch.cat([first, second]))
        if self.predictor is None or self.teacher is None:
            one, other = projections.chunk(2)
            return one, other, None, None
        with torch.no_grad():
            targets = self.teacher(torch.cat([first, second])).chunk(2)
        one, other = self.predictor(projections).chunk(2)
        return one, other, targets[0], targets[1]


def _perceptron(before: int, hidden: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(before, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, after),
    )
