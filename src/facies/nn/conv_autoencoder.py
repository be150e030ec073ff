"""The convolutional autoencoder whose depth and width follow from the image size.

Every network can be a *stack*: K networks of one shape with parameters of their own, evaluated together by grouped
convolutions. A stack of one is an ordinary network. Images of a stack are (B, K, C, H, W); its codes are (B, K, D).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

ACTIVATIONS: dict[str, type[nn.Module]] = {"mish": nn.Mish, "silu": nn.SiLU}
"""Mish is the thesis's; SiLU has nearly its shape and is quicker to compute on a CPU."""


def block_count(height: int, width: int) -> int:
    """Number of halving blocks: log₂(D) − 1, so that 2 × 2 pixels remain of a D × D image (thesis, section 3.3).

    D is the longer side; between powers of two the nearest counts (28 is treated as 32).
    """
    return max(1, round(math.log2(max(height, width))) - 1)


class AutoencoderOutput(NamedTuple):
    """What an autoencoder gives back.

    Attributes
    ----------
    reconstruction
        (B, K, C, H, W); logits where the likelihood is Bernoulli.
    mean
        (B, K, D), the code.
    log_variance
        (B, K, D), logarithm of the variance of the code.
    code
        (B, K, D), what was decoded: a draw from the code's Gaussian, or its mean.
    """

    reconstruction: Tensor
    mean: Tensor
    log_variance: Tensor
    code: Tensor


class ParallelLinear(nn.Module):
    """K affine maps side by side: (B, K, in) → (B, K, out)."""

    def __init__(self, inputs: int, outputs: int, stack: int = 1) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(stack, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(stack, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map each of the K rows of every image by its own weights."""
        return torch.baddbmm(self.bias[:, None], x.transpose(0, 1), self.weight).transpose(0, 1)


class ConvEncoder(nn.Module):
    """Images → numbers: general blocks of two convolutions, then specific blocks of one; each block halves the sides.

    A convolution is 3 × 3, followed by a normalisation and Mish (thesis, figure 3.2). Block b has ``filters · 2^b`` filters,
    at most 512.

    Parameters
    ----------
    image_shape
        (C, H, W).
    outputs
        Numbers an image.
    filters
        Filters of the first block; the thesis takes D, the side.
    stack
        K, how many networks.
    normalisation
        ``batch``, or ``group`` (of one image alone, so that an image's value does not depend on its batch).
    activation
        ``mish`` or ``silu``.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        outputs: int,
        filters: int,
        stack: int = 1,
        normalisation: str = "batch",
        activation: str = "mish",
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        widths = _widths(image_shape, filters)
        general = math.ceil(len(widths) / 2)
        layers: list[nn.Module] = []
        for block, wide in enumerate(widths):
            if block < general:
                layers += _convolution(channels, wide, stack, normalisation, activation)
                channels = wide
            layers += _convolution(channels, wide, stack, normalisation, activation, stride=2)
            channels = wide
        self.stack = stack
        self.padding = _padding(height, width, 2 ** len(widths))
        self.blocks = nn.Sequential(*layers)
        rows, columns = _smallest(height, width, len(widths))
        self.head = ParallelLinear(channels * rows * columns, outputs, stack)

    def forward(self, images: Tensor) -> Tensor:
        """(B, K, C, H, W) → (B, K, outputs)."""
        x = F.pad(images.flatten(1, 2), self.padding)
        return self.head(self.blocks(x).reshape(x.shape[0], self.stack, -1))


class ConvDecoder(nn.Module):
    """Numbers → images: the mirror of `ConvEncoder`, with nearest-neighbour enlargement before a block's first convolution."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        inputs: int,
        filters: int,
        stack: int = 1,
        normalisation: str = "batch",
        activation: str = "mish",
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        widths = _widths(image_shape, filters)
        general = math.ceil(len(widths) / 2)
        self.rows, self.columns = _smallest(height, width, len(widths))
        self.padding = _padding(height, width, 2 ** len(widths))
        self.image_shape, self.stack = image_shape, stack
        self.head = ParallelLinear(inputs, widths[-1] * self.rows * self.columns, stack)
        layers: list[nn.Module] = []
        for block in reversed(range(len(widths))):
            wide, next_wide = widths[block], widths[max(block - 1, 0)]
            layers += [
                nn.UpsamplingNearest2d(scale_factor=2),
                *_convolution(wide, next_wide, stack, normalisation, activation),
            ]
            if 0 < block < general:
                layers += _convolution(next_wide, next_wide, stack, normalisation, activation)
        layers.append(nn.Conv2d(widths[0] * stack, channels * stack, 3, padding=1, groups=stack))
        self.blocks = nn.Sequential(*layers)

    def forward(self, codes: Tensor) -> Tensor:
        """(B, K, inputs) → (B, K, C, H, W)."""
        x = self.head(codes).reshape(codes.shape[0], -1, self.rows, self.columns)
        left, right, top, bottom = self.padding
        x = self.blocks(x)
        x = x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]
        return x.reshape(codes.shape[0], self.stack, *self.image_shape)


class ConvAutoencoder(nn.Module):
    """Encoder, Gaussian code and decoder; a variational autoencoder, or with ``deterministic`` a plain one.

    Parameters
    ----------
    image_shape
        (C, H, W).
    latent_size
        D, numbers in a code.
    filters
        Filters of the first block.
    stack
        K, how many autoencoders.
    normalisation
        ``batch`` or ``group``.
    activation
        ``mish`` or ``silu``.
    deterministic
        Decode the mean itself, and not a draw from the code's Gaussian.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_size: int,
        filters: int,
        *,
        stack: int = 1,
        normalisation: str = "batch",
        activation: str = "mish",
        deterministic: bool = False,
    ) -> None:
        super().__init__()
        self.latent_size, self.deterministic = latent_size, deterministic
        self.encoder = ConvEncoder(image_shape, 2 * latent_size, filters, stack, normalisation, activation)
        self.decoder = ConvDecoder(image_shape, latent_size, filters, stack, normalisation, activation)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, C, H, W) → mean and log-variance of the codes, each (B, K, D)."""
        mean, log_variance = self.encoder(images).chunk(2, dim=-1)
        return mean, log_variance.clamp(-15.0, 15.0)

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """Encode, draw a code if in training, decode."""
        mean, log_variance = self.encode(images)
        noisy = self.training and not self.deterministic
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if noisy else mean
        return AutoencoderOutput(self.decoder(code), mean, log_variance, code)


def _convolution(
    inputs: int, outputs: int, stack: int, normalisation: str, activation: str, stride: int = 1
) -> list[nn.Module]:
    per_image = nn.GroupNorm(stack * math.gcd(outputs, 4), outputs * stack)
    norm = nn.BatchNorm2d(outputs * stack) if normalisation == "batch" else per_image
    conv = nn.Conv2d(inputs * stack, outputs * stack, 3, stride, padding=1, groups=stack, bias=False)
    return [conv, norm, ACTIVATIONS[activation]()]


def _widths(image_shape: tuple[int, int, int], filters: int) -> list[int]:
    return [min(filters * 2**block, 512) for block in range(block_count(*image_shape[1:]))]


def _smallest(height: int, width: int, blocks: int) -> tuple[int, int]:
    return math.ceil(height / 2**blocks), math.ceil(width / 2**blocks)


def _padding(height: int, width: int, multiple: int) -> tuple[int, int, int, int]:
    rows, columns = -height % multiple, -width % multiple
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2
