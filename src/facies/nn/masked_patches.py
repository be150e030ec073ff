"""A vision transformer over the measured patches of an image, and a decoder that draws the image from one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4


class PatchGrid(nn.Module):
    """Cuts images into patches of 4 × 4, and keeps those with a measured pixel.

    Parameters
    ----------
    measured : Tensor of bool, shape (H, W)
        Sides that are no multiple of 4 are padded with unmeasured pixels.
    channels : int
    """

    kept: Tensor
    inside: Tensor
    position: Tensor

    def __init__(self, measured: Tensor, channels: int) -> None:
        super().__init__()
        height, width = measured.shape
        self.padding = (0, -width % PATCH, 0, -height % PATCH)
        self.channels = channels
        pixels = self._cut(F.pad(measured[None, None].float(), self.padding)).squeeze(0)
        rows, columns = (side // PATCH for side in (height + self.padding[3], width + self.padding[1]))
        kept = (pixels.amax(dim=1) > 0).nonzero()[:, 0]
        places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1).reshape(
            -1, 2
        )
        self.register_buffer("kept", kept)
        self.register_buffer("inside", pixels[kept].repeat(1, channels))
        self.register_buffer("position", places[kept].float())

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) → patches (B, T, C·16)."""
        return self._cut(F.pad(images, self.padding))[:, self.kept]

    @staticmethod
    def _cut(images: Tensor) -> Tensor:
        return F.unfold(images, PATCH, stride=PATCH).transpose(1, 2)


class PatchEncoder(nn.Module):
    """Transformer over patches; an image is the mean of its tokens.

    Parameters
    ----------
    grid : PatchGrid
    width, depth, heads : int
        Numbers in a token, blocks, and attention heads in each.
    """

    position: Tensor

    def __init__(self, grid: PatchGrid, width: int = 64, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.embed = nn.Linear(PATCH * PATCH * grid.channels, width)
        self.register_buffer("position", sine_positions(grid.position, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Tensor, visible: Tensor | None = None) -> Tensor:
        """Patches (B, T, P), of which only `visible` (B, V) are encoded → one vector an image, (B, width)."""
        tokens = self.embed(patches) + self.position
        if visible is not None:
            tokens = tokens.gather(1, visible[:, :, None].expand(-1, -1, tokens.shape[2]))
        for block in self.blocks:
            tokens = block(tokens)
        mean: Tensor = self.norm(tokens).mean(dim=1)
        return mean


class ImageDecoder(nn.Module):
    """Residual layers width → 128 → 256 → 512 → 1024 → all patches, with a skip to 512 (Li et al., 2024)."""

    def __init__(self, width: int, n_numbers: int) -> None:
        super().__init__()
        sides = (width, 128, 256, 512)
        layers = [
            nn.Sequential(nn.Linear(a, b), nn.LayerNorm(b), nn.LeakyReLU())
            for a, b in zip(sides, sides[1:], strict=False)
        ]
        self.rise = nn.Sequential(*layers)
        self.skip = nn.Linear(width, 512)
        self.draw = nn.Sequential(nn.Linear(512, 1024), nn.LayerNorm(1024), nn.LeakyReLU(), nn.Linear(1024, n_numbers))

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, width) → (B, n_numbers)."""
        drawn: Tensor = self.draw(self.rise(vectors) + self.skip(vectors))
        return drawn


def sine_positions(places: Tensor, width: int) -> Tensor:
    """Sines and cosines of rows and columns (T, 2) at width/4 frequencies each: (T, width)."""
    rates = 100.0 ** (-torch.arange(width // 4) / max(1, width // 4))
    angles = places[:, :, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=2).flatten(1)


def draw_visible(n_images: int, n_tokens: int, share_masked: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw which tokens an image shows: their numbers (B, V), and which are masked, bool (B, T)."""
    n_visible = max(1, round(n_tokens * (1 - share_masked)))
    order = torch.rand(n_images, n_tokens, device=device).argsort(dim=1)
    masked = torch.ones(n_images, n_tokens, dtype=torch.bool, device=device)
    visible = order[:, :n_visible]
    return visible, masked.scatter(1, visible, False)
