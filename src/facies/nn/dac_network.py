"""The networks of deep adaptive clustering: images in, probabilities of K groups out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor, nn

from facies.errors import InputError
from facies.nn.spatial_transformer import SpatialTransformer, ThetaInit, resample

BATCH_NORM_EPSILON = 1e-3
"""Keras' value, on which both papers' scripts rest."""

BLOCKS = 3


class STDACNetwork(nn.Module):
    """Three convolutions and two dense layers, with spatial transformers before or after any block (ST-DAC, table 1).

    [T₀] → C(f) → P → C(2f) → [T₂] → P → C(4f) → [T₃] → dense → dropout → K numbers → normalised → ReLU → softmax, where C is
    3 × 3 convolution, batch normalisation, ReLU, and P is max-pooling 2, batch normalisation. A transformer after
    block 1 stands before the first pool. As in the authors' code there is no third pool.

    Parameters
    ----------
    image_shape
        (C, H, W).
    n_clusters
        K.
    filters
        f.
    hidden_size
        Numbers of the dense layer.
    dropout
        Share of them that a training step leaves out.
    transformers
        Where they stand: 0 is the input, b after the convolution of block b.
    theta_init
        Where they begin (see `SpatialTransformer`).

    Raises
    ------
    InputError
        If a transformer stands where there is no block, or its maps are too small.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_clusters: int,
        *,
        filters: int = 64,
        hidden_size: int = 3096,
        dropout: float = 0.5,
        transformers: Sequence[int] = (0, 2),
        theta_init: ThetaInit = "tanh_identity",
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        widths = [channels, filters, 2 * filters, 4 * filters]
        sizes = map_sizes((height, width))
        for place in transformers:
            if place not in range(BLOCKS + 1):
                raise InputError(
                    f"there is no block {place} to set a transformer after: give 0 (the input) to {BLOCKS}"
                )
        self.transformers = nn.ModuleDict(
            {str(b): SpatialTransformer(widths[b], sizes[b], theta_init) for b in sorted(set(transformers))}
        )
        self.convolutions = nn.ModuleList(_convolution(widths[b], widths[b + 1]) for b in range(BLOCKS))
        self.pools = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(widths[b], eps=BATCH_NORM_EPSILON)) for b in (1, 2)
        )
        flat = widths[-1] * sizes[-1][0] * sizes[-1][1]
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(flat, hidden_size, bias=False),
            nn.BatchNorm1d(hidden_size, eps=BATCH_NORM_EPSILON),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, n_clusters, bias=False),
            nn.BatchNorm1d(n_clusters, eps=BATCH_NORM_EPSILON),
        )
        _initialise(self.convolutions, self.head)

    def logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, K), before the ReLU."""
        return self._head_logits(self._transform(0, images))

    def maps(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → what the dense layers are given, (B, 4f, H/4, W/4)."""
        return self._block_maps(self._transform(0, images))

    def _head_logits(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.head(self._block_maps(maps))
        return logits

    def _block_maps(self, maps: Tensor) -> Tensor:
        for block, convolution in enumerate(self.convolutions, start=1):
            maps = self._transform(block, convolution(maps))
            if block < BLOCKS:
                maps = self.pools[block - 1](maps)
        return maps

    @overload
    def forward(self, images: Tensor) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, originals: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...

    def forward(self, images: Tensor, originals: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) → probabilities (B, K); of views with their own images also θ of both, (B, 2, 3) each."""
        if originals is None:
            return probabilities(self.logits(images))
        theta, image_theta = self.theta(torch.cat([images, originals])).chunk(2)
        return probabilities(self._head_logits(resample(images, theta))), theta, image_theta

    def theta(self, images: Tensor) -> Tensor:
        """Affine maps of the transformer at the input: (B, 2, 3)."""
        first: SpatialTransformer = self.transformers["0"]  # type: ignore[assignment]  # a ModuleDict forgets the type
        return first.theta(images)

    def _transform(self, block: int, maps: Tensor) -> Tensor:
        name = str(block)
        return self.transformers[name](maps) if name in self.transformers else maps


class AllConvolutionalNetwork(nn.Module):
    """The all-convolutional network of DAC (table 2), for images of any size.

    Three 3 × 3 convolutions of f filters, pool, three of 2f, pool, a 1 × 1 convolution of K, the mean over what is left of the
    image, and two layers of K numbers that begin as the identity; each convolution and layer normalised and rectified.

    Parameters
    ----------
    image_shape
        (C, H, W), H and W at least 4.
    n_clusters
        K.
    filters
        f.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_clusters: int, *, filters: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = image_shape[0]
        for width in (filters, 2 * filters):
            for _ in range(3):
                layers.append(_convolution(before, width))
                before = width
            layers += [nn.MaxPool2d(2), nn.BatchNorm2d(width, eps=BATCH_NORM_EPSILON)]
        layers += [_convolution(before, n_clusters, kernel=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(_identity(n_clusters), nn.ReLU(), _identity(n_clusters))
        _initialise(self.features)

    def logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, K), before the last ReLU."""
        return self.head(self.features(images))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → probabilities (B, K)."""
        return probabilities(self.logits(images))


def probabilities(logits: Tensor) -> Tensor:
    """Softmax of the rectified logits: none votes against a group, and none exceeds e^a / (e^a + K − 1) for a logit a."""
    return logits.relu().float().softmax(dim=1)


def map_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Height and width where a transformer may stand: the input, and after the convolutions of blocks 1, 2 and 3."""
    height, width = size
    return [(height, width), (height, width), (height // 2, width // 2), (height // 4, width // 4)]


def _convolution(channels: int, filters: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, filters, kernel, padding="same", bias=False),
        nn.BatchNorm2d(filters, eps=BATCH_NORM_EPSILON),
        nn.ReLU(inplace=True),
    )


def _identity(size: int) -> nn.Sequential:
    layer = nn.Linear(size, size, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(size))
    return nn.Sequential(layer, nn.BatchNorm1d(size, eps=BATCH_NORM_EPSILON))


def _initialise(*modules: nn.Module) -> None:
    """He's normal weights (He et al., 2015); the localisation networks keep their own."""
    for module in modules:
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
