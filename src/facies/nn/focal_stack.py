"""The variational autoencoder of focal stacks: a branch a layer, one code, one decoder of all layers.

A stack is (B, L, C, H, W) with pixels in [0, 1]; a plain image is a stack of one layer.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.heads import FeatureHead
from facies.nn.resnet import ResNetBranch

Backbone = Literal["conv", "resnet18", "resnet50", "resnet152"]

MAX_FILTERS = 512
MIN_ENCODED_SIDE, MIN_DECODED_SIDE = 4, 10
SLOPE = 0.2


class FocalOutput(NamedTuple):
    """What the autoencoder gives back.

    Attributes
    ----------
    reconstruction
        (B, L, C, H, W) in [0, 1].
    mean, log_variance
        (B, D) each, of the code's Gaussian.
    """

    reconstruction: Tensor
    mean: Tensor
    log_variance: Tensor


class ConvBranch(nn.Module):
    """Convolutions that halve the sides until at most 4 pixels remain, with twice the filters each time (at most 512)."""

    def __init__(self, image_shape: tuple[int, int, int], filters: int) -> None:
        super().__init__()
        channels, *size = image_shape
        sizes = halved((size[0], size[1]), MIN_ENCODED_SIDE)
        layers: list[nn.Module] = []
        for number in range(len(sizes) - 1):
            wide = min(filters * 2**number, MAX_FILTERS)
            layers += [nn.Conv2d(channels, wide, 3, 2, padding=1, bias=False), *_normalised(wide)]
            channels = wide
        self.features = channels * math.prod(sizes[-1])
        self.blocks = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, features)."""
        return self.blocks(images).flatten(1)


class FocalEncoder(nn.Module):
    """One branch a focal layer; their features side by side give mean and log-variance of the code.

    With `features` there are no branches: it takes so many numbers a stack, which another encoder has found.
    """

    def __init__(
        self,
        stack_shape: tuple[int, int, int, int],
        latent_size: int,
        *,
        backbone: Backbone = "conv",
        filters: int = 32,
        share_branches: bool = True,
        freeze_batch_norm: bool = False,
        features: int | None = None,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList()
        if features is not None:
            self.head: nn.Module = FeatureHead(features, 2 * latent_size)
            return
        layers, channels, height, width = stack_shape

        def branch() -> ConvBranch | ResNetBranch:
            if backbone == "conv":
                return ConvBranch((channels, height, width), filters)
            return ResNetBranch(backbone, channels, freeze_batch_norm=freeze_batch_norm)

        branches = [branch() for _ in range(1 if share_branches else layers)]
        self.branches = nn.ModuleList(branches)
        self.head = nn.Linear(layers * branches[0].features, 2 * latent_size)

    def forward(self, stacks: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, C, H, W), or (B, features) → mean and log-variance, each (B, D)."""
        if not len(self.branches):
            features = stacks
        elif len(self.branches) == 1:
            features = self.branches[0](stacks.flatten(0, 1)).reshape(stacks.shape[0], -1)
        else:
            features = torch.cat([branch(stacks[:, layer]) for layer, branch in enumerate(self.branches)], dim=1)
        mean, log_variance = self.head(features).chunk(2, dim=1)
        return mean, log_variance.clamp(-15.0, 15.0)


class FocalDecoder(nn.Module):
    """Code → all layers: a small map, doubled (nearest neighbour) and convolved until it has the size of the images."""

    def __init__(self, stack_shape: tuple[int, int, int, int], latent_size: int, filters: int) -> None:
        super().__init__()
        layers, channels, height, width = stack_shape
        sizes = halved((height, width), MIN_DECODED_SIDE)
        widths = [min(filters * 2**number, MAX_FILTERS) for number in range(len(sizes))]
        first = widths[max(len(sizes) - 2, 0)]
        self.stack_shape, self.sizes = stack_shape, sizes[-2::-1]
        self.smallest = (first, *sizes[-1])
        self.head = nn.Linear(latent_size, math.prod(self.smallest))
        self.stages = nn.ModuleList()
        for number in reversed(range(len(sizes) - 1)):
            convolution = nn.Conv2d(first, widths[number], 3, padding=1, bias=False)
            self.stages.append(nn.Sequential(convolution, *_normalised(widths[number])))
            first = widths[number]
        self.last = nn.Conv2d(first, layers * channels, 3, padding=1)

    def forward(self, codes: Tensor) -> Tensor:
        """(B, D) → (B, L, C, H, W) in [0, 1]."""
        x = F.leaky_relu(self.head(codes), SLOPE).reshape(-1, *self.smallest)
        for size, stage in zip(self.sizes, self.stages, strict=True):
            x = stage(F.interpolate(x, size=size, mode="nearest"))
        return self.last(x).sigmoid().reshape(-1, *self.stack_shape)


class FocalAutoencoder(nn.Module):
    """Encoder, Gaussian code and decoder of focal stacks; parameters as in `FocalEncoder`."""

    def __init__(
        self,
        stack_shape: tuple[int, int, int, int],
        latent_size: int,
        *,
        backbone: Backbone = "conv",
        filters: int = 32,
        share_branches: bool = True,
        freeze_batch_norm: bool = False,
        features: int | None = None,
    ) -> None:
        super().__init__()
        self.encoder = FocalEncoder(
            stack_shape,
            latent_size,
            backbone=backbone,
            filters=filters,
            share_branches=share_branches,
            freeze_batch_norm=freeze_batch_norm,
            features=features,
        )
        self.decoder = FocalDecoder(stack_shape, latent_size, filters)

    def load_imagenet(self, weights: str) -> None:
        """Let residual branches begin with ImageNet's weights (see `ResNetBranch.load_imagenet`)."""
        for branch in self.encoder.branches:
            assert isinstance(branch, ResNetBranch)
            branch.load_imagenet(weights)

    def forward(self, stacks: Tensor) -> FocalOutput:
        """Encode, draw a code if in training (else take its mean), decode."""
        mean, log_variance = self.encoder(stacks)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        return FocalOutput(self.decoder(code), mean, log_variance)


def halved(size: tuple[int, int], smallest: int) -> list[tuple[int, int]]:
    """Sizes from `size` down, each half of the one before it, rounded up, until no side is longer than `smallest`."""
    sizes = [size]
    while max(sizes[-1]) > smallest:
        height, width = sizes[-1]
        sizes.append((math.ceil(height / 2), math.ceil(width / 2)))
    return sizes


def _normalised(filters: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(filters), nn.LeakyReLU(SLOPE)]
