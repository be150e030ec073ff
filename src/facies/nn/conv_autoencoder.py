"""The convolutional autoencoder whose depth and width follow from the image size."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.enlarging_convolution import EnlargingConv2d

ACTIVATIONS: dict[str, type[nn.Module]] = {"mish": nn.Mish, "silu": nn.SiLU}
"""Mish is the thesis's; SiLU has nearly its shape and is quicker to compute on a CPU."""

MAX_FILTERS = 512
LARGE_SIDE = 32
"""For images of so many pixels and more, enlargement and convolution are one step, which is quicker and rounds otherwise; for smaller
ones they stay two, so that seeds give the fits that they gave in earlier versions."""


def block_count(height: int, width: int) -> int:
    """Number of halving blocks: log₂(D) − 1, so that 2 × 2 pixels remain of a D × D image (thesis, section 3.3).

    D is the longer side; between powers of two the nearest counts (28 is treated as 32).
    """
    return max(1, round(math.log2(max(height, width))) - 1)


class AutoencoderOutput(NamedTuple):
    """What an autoencoder gives back; of K parallel ones, each tensor has an axis of K after the first.

    Attributes
    ----------
    reconstruction
        (B, C, H, W); logits where the likelihood is Bernoulli.
    mean
        (B, D), the code.
    log_variance
        (B, D), logarithm of the variance of the code.
    code
        (B, D), what was decoded: a draw from the code's Gaussian, or its mean.
    """

    reconstruction: Tensor
    mean: Tensor
    log_variance: Tensor
    code: Tensor


class ConvEncoder(nn.Module):
    """Images → numbers: general blocks of two convolutions, then specific blocks of one; each block halves the sides.

    A convolution is 3 × 3, followed by a normalisation and Mish (thesis, figure 3.2). Block b has ``filters · 2^b`` filters,
    at most 512.
    """

    def __init__(self, image_shape: tuple[int, int, int], outputs: int, filters: int, activation: str = "mish") -> None:
        super().__init__()
        self.layout = ConvLayout(image_shape, filters, activation)
        self.blocks = self.layout.encoder_blocks()
        self.head = Linear(self.layout.features, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, outputs)."""
        return self.head(self.blocks(F.pad(images, self.layout.padding)).flatten(1))


class ConvDecoder(nn.Module):
    """Numbers → images: the mirror of `ConvEncoder`, with nearest-neighbour enlargement before a block's first convolution."""

    def __init__(self, image_shape: tuple[int, int, int], inputs: int, filters: int, activation: str = "mish") -> None:
        super().__init__()
        self.layout = ConvLayout(image_shape, filters, activation)
        self.head = Linear(inputs, self.layout.features)
        self.blocks = self.layout.decoder_blocks()

    def forward(self, codes: Tensor) -> Tensor:
        """(B, inputs) → (B, C, H, W)."""
        maps = self.head(codes).reshape(len(codes), -1, *self.layout.smallest)
        return self.layout.crop(self.blocks(maps))


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
    activation
        ``mish`` or ``silu``.
    deterministic
        Decode the mean itself, and not a draw from the code's Gaussian.
    encoder
        Gives 2·D numbers an image, in place of a `ConvEncoder`; what it takes, the autoencoder takes.

    Examples
    --------
    >>> import torch
    >>> network = ConvAutoencoder((1, 28, 28), latent_size=10, filters=8)
    >>> output = network(torch.rand(4, 1, 28, 28))
    >>> output.reconstruction.shape, output.mean.shape
    (torch.Size([4, 1, 28, 28]), torch.Size([4, 10]))
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_size: int,
        filters: int,
        *,
        activation: str = "mish",
        deterministic: bool = False,
        encoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.latent_size, self.deterministic = latent_size, deterministic
        self.encoder = encoder or ConvEncoder(image_shape, 2 * latent_size, filters, activation)
        self.decoder = ConvDecoder(image_shape, latent_size, filters, activation)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → mean and log-variance of the codes, each (B, D)."""
        return gaussian_code(self.encoder(images))

    def decode(self, codes: Tensor) -> Tensor:
        """(B, D) → (B, C, H, W)."""
        images: Tensor = self.decoder(codes)
        return images

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """Encode, draw a code if in training, decode."""
        mean, log_variance = self.encode(images)
        code = draw_code(mean, log_variance) if self.training and not self.deterministic else mean
        return AutoencoderOutput(self.decoder(code), mean, log_variance, code)


class ConvLayout:
    """Sizes and layers of encoder and decoder, for one network or for several side by side in grouped convolutions."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        filters: int,
        activation: str = "mish",
        normalization: str = "batch",
        n_networks: int = 1,
    ) -> None:
        self.image_shape, self.filters = image_shape, filters
        self.channels, height, width = image_shape
        self.is_large = max(height, width) >= LARGE_SIDE
        self.activation, self.normalization, self.n_networks = activation, normalization, n_networks
        count = block_count(height, width)
        self.widths = [min(filters * 2**block, MAX_FILTERS) for block in range(count)]
        self.n_general = math.ceil(count / 2)
        self.smallest = (math.ceil(height / 2**count), math.ceil(width / 2**count))
        self.features = self.widths[-1] * math.prod(self.smallest)
        rows, columns = -height % 2**count, -width % 2**count
        self.padding = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)

    def of_one_network(self) -> ConvLayout:
        """The same for one network alone."""
        return ConvLayout(self.image_shape, self.filters, self.activation, self.normalization)

    def encoder_blocks(self) -> nn.Sequential:
        """Convolutions that halve the sides."""
        layers: list[nn.Module] = []
        channels = self.channels
        for block, width in enumerate(self.widths):
            if block < self.n_general:
                layers += self._convolution(channels, width)
                channels = width
            layers += self._convolution(channels, width, stride=2)
            channels = width
        return nn.Sequential(*layers)

    def decoder_blocks(self) -> nn.Sequential:
        """Convolutions that double the sides, and a last one that draws the channels."""
        layers: list[nn.Module] = []
        for block in reversed(range(len(self.widths))):
            width, next_width = self.widths[block], self.widths[max(block - 1, 0)]
            layers += self._enlarging_convolution(width, next_width)
            if 0 < block < self.n_general:
                layers += self._convolution(next_width, next_width)
        count = self.n_networks
        layers.append(nn.Conv2d(self.widths[0] * count, self.channels * count, 3, padding=1, groups=count))
        return nn.Sequential(*layers)

    def crop(self, maps: Tensor) -> Tensor:
        """Take the padding away again."""
        left, right, top, bottom = self.padding
        return maps[:, :, top : maps.shape[2] - bottom, left : maps.shape[3] - right]

    def _convolution(self, inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
        count = self.n_networks
        conv = nn.Conv2d(inputs * count, outputs * count, 3, stride, padding=1, groups=count, bias=False)
        return [conv, *self._normalised(outputs)]

    def _enlarging_convolution(self, inputs: int, outputs: int) -> list[nn.Module]:
        if not self.is_large:
            return [nn.UpsamplingNearest2d(scale_factor=2), *self._convolution(inputs, outputs)]
        count = self.n_networks
        # The first place stays, so that weights have the same names for images of every size and version.
        return [nn.Identity(), EnlargingConv2d(inputs * count, outputs * count, count), *self._normalised(outputs)]

    def _normalised(self, outputs: int) -> list[nn.Module]:
        count = self.n_networks
        per_image = nn.GroupNorm(count * math.gcd(outputs, 4), outputs * count)
        norm = nn.BatchNorm2d(outputs * count) if self.normalization == "batch" else per_image
        return [norm, ACTIVATIONS[self.activation]()]


class Linear(nn.Module):
    """x·W + b, with W and b drawn from U(−1/√inputs, 1/√inputs).

    Torch's own layer has the same distribution; it keeps W transposed, so that seeds would no longer give the fits that they
    gave in earlier versions.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) → (B, outputs)."""
        return torch.addmm(self.bias, x, self.weight)


def gaussian_code(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """What an encoder gives, (…, 2D) → mean and log-variance, each (…, D); the latter between −15 and 15."""
    mean, log_variance = numbers.chunk(2, dim=-1)
    return mean, log_variance.clamp(-15.0, 15.0)


def draw_code(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Z = μ + σ·ε with ε ~ N(0, 1) (Kingma & Welling, 2014, eq. 4)."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
