"""Graph attention over the neighbours of pixels, as dense tensor work, and the denoising autoencoder made of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

OFFSETS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))
"""A pixel and its eight neighbours."""


class GridAttention(nn.Module):
    r"""Attention of each pixel over itself and its eight measured neighbours.

    .. math:: a_{ij} = \sigma(w_s \cdot \mathrm{LeakyReLU}(W h_i) + w_t \cdot \mathrm{LeakyReLU}(W h_j)), \qquad
       \alpha_{ij} = \operatorname{softmax}_j a_{ij}

    The sum :math:`\sum_j \alpha_{ij} W h_j` is computed as :math:`W \sum_j \alpha_{ij} h_j`: neighbours are gathered before they are
    widened, and no list of edges is made.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.source = nn.Parameter(torch.empty(n_out))
        self.target = nn.Parameter(torch.empty(n_out))
        nn.init.xavier_uniform_(self.weight)
        for vector in (self.source, self.target):
            nn.init.uniform_(vector, -(n_out**-0.5), n_out**-0.5)

    def attention(self, images: Tensor, measured: Tensor) -> Tensor:
        """Images (B, C, H, W) and mask (H, W) → shares of the nine neighbours, (B, 9, H, W); 0 for unmeasured ones."""
        wide = functional.leaky_relu(torch.einsum("oc,bchw->bohw", self.weight, images))
        source = torch.einsum("o,bohw->bhw", self.source, wide)
        target = torch.einsum("o,bohw->bhw", self.target, wide)
        scores = torch.sigmoid(source[:, None] + neighbours(target[:, None])[:, 0])
        there = neighbours(measured[None, None].to(images))[:, 0] > 0
        return scores.masked_fill(~there, -torch.inf).softmax(dim=1).masked_fill(~there | ~measured, 0.0)

    def forward(self, images: Tensor, attention: Tensor) -> Tensor:
        """Mix neighbours, then widen: (B, n_in, H, W) → (B, n_out, H, W)."""
        return torch.einsum("oc,bchw->bohw", self.weight, mix(images, attention))


class GridAttentionAutoencoder(nn.Module):
    """Denoises images: attention, a code a pixel, and a decoder with the same weights (STAGATE's, on a grid of pixels).

    Parameters
    ----------
    channels : int
        Of the images.
    hidden, code : int
        Numbers a pixel in the hidden layer and in the code.
    """

    def __init__(self, channels: int, hidden: int = 512, code: int = 30) -> None:
        super().__init__()
        self.attend = GridAttention(channels, hidden)
        self.encode = nn.Parameter(torch.empty(code, hidden))
        nn.init.xavier_uniform_(self.encode)

    def forward(self, images: Tensor, measured: Tensor) -> Tensor:
        """(B, C, H, W), mask (H, W) → denoised, of the same shape; 0 where unmeasured."""
        attention = self.attend.attention(images, measured)
        hidden = functional.leaky_relu(self.attend(images, attention))
        codes = torch.einsum("kd,bdhw->bkhw", self.encode, hidden)
        again = functional.leaky_relu(torch.einsum("kd,bkhw->bdhw", self.encode, mix(codes, attention)))
        return torch.einsum("dc,bdhw->bchw", self.attend.weight, again) * measured


def neighbours(images: Tensor) -> Tensor:
    """Each pixel's nine neighbours: (B, C, H, W) → (B, C, 9, H, W); 0 beyond the border."""
    padded = functional.pad(images, (1, 1, 1, 1))
    height, width = images.shape[-2:]
    return torch.stack(
        [padded[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width] for down, right in OFFSETS], dim=2
    )


def mix(images: Tensor, attention: Tensor) -> Tensor:
    """Sum of neighbours by their shares: (B, C, H, W) and (B, 9, H, W) → (B, C, H, W)."""
    padded = functional.pad(images, (1, 1, 1, 1))
    height, width = images.shape[-2:]
    mixed = torch.zeros_like(images)
    for number, (down, right) in enumerate(OFFSETS):  # nine, whatever the image: no list of edges in memory
        there = padded[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]
        mixed = mixed + there * attention[:, number, None]
    return mixed


def smooth(images: Tensor, measured: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing over the measured pixels alone (normalised convolution): (B, C, H, W) → the same."""
    reach = max(1, round(3 * sigma))
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=images.device) / sigma) ** 2)
    kernel = (line / line.sum())[None, None]

    def blurred(planes: Tensor) -> Tensor:
        flat = planes.reshape(-1, 1, *planes.shape[-2:])
        flat = functional.conv2d(
            functional.conv2d(flat, kernel[..., None, :], padding=(0, reach)), kernel[..., None], padding=(reach, 0)
        )
        return flat.reshape(planes.shape)

    mask = measured[None, None].to(images)
    return blurred(images * mask) / blurred(mask).clamp(min=1e-6) * mask
