"""The spatial transformer: a small network estimates how to turn, shift and scale an image, and a sampler does so."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.errors import InputError

ThetaInit = Literal["tanh_identity", "identity"]

MIN_SIDE = 4
"""Shortest side, in pixels, of a map that a transformer fits: the localisation network halves it twice."""
FILTERS, KERNEL, HIDDEN = 20, 5, 50


class Localisation(nn.Module):
    """The localisation network of ST-DAC; before any training it gives `start`, whatever the image.

    Max-pooling 2 → convolution 5 × 5 of 20 filters → tanh → max-pooling 2 → convolution 5 × 5 of 20 filters → tanh → 50
    numbers, tanh → `start`'s numbers. The last layer's weights begin at 0.

    References
    ----------
    .. [1] T. V. M. Souza, C. Zanchettin, "Improving deep image clustering with spatial transformer layers", ICANN 2019,
       arXiv:1902.05401; layers as in the authors' scripts.
    """

    def __init__(self, channels: int, size: tuple[int, int], start: list[float]) -> None:
        super().__init__()
        height, width = size
        if min(size) < MIN_SIDE:
            raise InputError(
                f"a spatial transformer needs maps of {MIN_SIDE} × {MIN_SIDE} pixels or more, "
                f"and was given {height} × {width}: leave this one out, or give larger images"
            )
        self.layers = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Conv2d(channels, FILTERS, KERNEL, padding="same"),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Conv2d(FILTERS, FILTERS, KERNEL, padding="same"),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(FILTERS * (height // 4) * (width // 4), HIDDEN),
            nn.Tanh(),
        )
        self.last = nn.Linear(HIDDEN, len(start))
        with torch.no_grad():
            self.last.weight.zero_()
            self.last.bias.copy_(torch.tensor(start))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, numbers), unbounded; in full precision, for places in an image have no other use."""
        with torch.autocast(images.device.type, enabled=False):
            return self.last(self.layers(images.to(self.last.weight.dtype)))


class SpatialTransformer(nn.Module):
    """Resamples images by the affine map of its localisation network: θ = tanh of the network's six numbers.

    A pixel at (x, y) of the new image, with the image reaching from −1 to 1, is read at θ·(x, y, 1) of the old one, between
    pixels bilinearly and outside of the image at its border. As no number of
    θ leaves −1 to 1, an image can be enlarged and never made smaller.

    Parameters
    ----------
    channels
        C.
    size
        Height and width, at least `MIN_SIDE` each.
    theta_init
        ``tanh_identity`` is the authors': the bias is the identity and θ begins at its tanh, an enlargement by
        1 / tanh 1 = 1.31. ``identity`` begins at 0.999 of the identity, by a bias of artanh 0.999.

    Raises
    ------
    InputError
        If the maps are too small.

    References
    ----------
    .. [1] M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial transformer networks", NeurIPS 2015.
    .. [2] T. V. M. Souza, C. Zanchettin, "Improving deep image clustering with spatial transformer layers", ICANN 2019,
       arXiv:1902.05401; the tanh as in the authors' scripts.
    """

    def __init__(self, channels: int, size: tuple[int, int], theta_init: ThetaInit = "tanh_identity") -> None:
        super().__init__()
        one = 1.0 if theta_init == "tanh_identity" else math.atanh(0.999)
        self.localisation = Localisation(channels, size, [one, 0.0, 0.0, 0.0, one, 0.0])

    def theta(self, images: Tensor) -> Tensor:
        """Affine maps of images (B, C, H, W): (B, 2, 3), each number between −1 and 1."""
        return self.localisation(images).tanh().reshape(-1, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape, set anew."""
        return resample(images, self.theta(images))


def resample(images: Tensor, theta: Tensor) -> Tensor:
    """Read images at the places that affine maps say."""
    exact = torch.promote_types(images.dtype, torch.float32)
    # Eight bits of mantissa are too few for a place: an image of 64 pixels would be read a quarter of a pixel off.
    with torch.autocast(images.device.type, enabled=False):
        grid = F.affine_grid(theta.to(exact), list(images.shape), align_corners=False)
        new = F.grid_sample(images.to(exact), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return new.to(images.dtype)
