"""Fully connected autoencoders of an image and of a second, fixed view of it, side by side (multi-view clustering)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from facies.nn.grid_attention import smooth
from facies.nn.mlp_autoencoder import perceptron

SecondViewKind = Literal["smoothed", "edges"]


class SecondView(nn.Module):
    """Another picture of the same image: Gaussian smoothing, or the length of the gradient at each pixel.

    Parameters
    ----------
    kind
        ``smoothed`` or ``edges``.
    width
        Standard deviation of the smoothing in pixels.
    """

    def __init__(self, kind: SecondViewKind, width: float) -> None:
        super().__init__()
        self.kind, self.width = kind, width

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        if self.kind == "edges":
            down, across = torch.gradient(images, dim=(2, 3))
            return (down.square() + across.square() + 1e-12).sqrt()
        return smooth(images, torch.ones(images.shape[-2:], dtype=torch.bool, device=images.device), self.width)


class PairedAutoencoder(nn.Module):
    """An autoencoder of the image and one of its second view; their codes have the same size.

    Parameters
    ----------
    image_shape
        (C, H, W).
    second_view
        Makes the second view.
    hidden_sizes
        Units of the hidden layers; the decoders mirror them.
    latent_size
        D, numbers in each code.
    batch_norm
        Normalise each hidden layer over the batch.
    softmax
        Codes are probabilities; else they are linear.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        second_view: SecondView,
        hidden_sizes: Sequence[int],
        latent_size: int,
        *,
        batch_norm: bool = False,
        softmax: bool = False,
    ) -> None:
        super().__init__()
        self.second_view, self.softmax = second_view, softmax
        sizes = [math.prod(image_shape), *hidden_sizes, latent_size]
        self.encoders = nn.ModuleList(perceptron(sizes, batch_norm=batch_norm) for _ in range(2))
        self.decoders = nn.ModuleList(perceptron(sizes[::-1], batch_norm=batch_norm) for _ in range(2))

    def views(self, images: Tensor) -> list[Tensor]:
        """(B, C, H, W) → the pixels of the image and of its second view, (B, P) each."""
        return [images.flatten(1), self.second_view(images).flatten(1)]

    def encode(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Two views (B, P) → their codes (B, D)."""
        codes = [encoder(view) for encoder, view in zip(self.encoders, views, strict=True)]
        return [code.softmax(dim=1) for code in codes] if self.softmax else codes

    def reconstruction(self, views: Sequence[Tensor], codes: Sequence[Tensor]) -> Tensor:
        """Mean squared error of what each decoder makes of its code, both added."""
        pairs = zip(self.decoders, codes, views, strict=True)
        return torch.stack([(decoder(code) - view).square().mean() for decoder, code, view in pairs]).sum()

    def embed(self, images: Tensor) -> Tensor:
        """Images → both codes, one after the other, (B, 2D)."""
        return torch.cat(self.encode(self.views(images)), dim=1)
