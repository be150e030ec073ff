"""A vision transformer over the measured patches of an image, and a decoder that draws the image from one vector."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH = 4
MOST_PLACES = 300
"""Attention takes the square of the number of places: on larger images patches are larger, so that time grows as pixels do."""


class PatchGrid(nn.Module):
    """Cuts images into patches of 4 × 4, or larger ones where more than 300 would hold a measured pixel, and keeps those.

    Parameters
    ----------
    measured : Tensor of bool, shape (H, W)
        Sides that are no multiple of a patch are padded with unmeasured pixels.
    channels : int

    Attributes
    ----------
    side : int
        Of a patch, in pixels.
    """

    kept: Tensor
    inside: Tensor
    position: Tensor

    def __init__(self, measured: Tensor, channels: int) -> None:
        super().__init__()
        height, width = measured.shape
        for self.side in itertools.count(PATCH):
            self.padding = (0, -width % self.side, 0, -height % self.side)
            pixels = self._cut(measured[None, None].float()).squeeze(0)
            kept = (pixels.amax(dim=1) > 0).nonzero()[:, 0]
            if len(kept) <= MOST_PLACES:
                break
        rows, columns = -(-height // self.side), -(-width // self.side)
        places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1).reshape(
            -1, 2
        )
        self.register_buffer("kept", kept)
        self.register_buffer("inside", pixels[kept].repeat(1, channels))
        self.register_buffer("position", places[kept].float())

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) → patches (B, T, C·side²)."""
        return self._cut(images)[:, self.kept]

    def _cut(self, images: Tensor) -> Tensor:
        padded = functional.pad(images, self.padding)
        return functional.unfold(padded, self.side, stride=self.side).transpose(1, 2)


class PatchEncoder(nn.Module):
    r"""Transformer over patches; an image is the mean of its tokens, less that of their positions.

    Each place has a map of its own, :math:`t_p = T W_p x_p + c_p`, with T the number of places and c cosines of the place, and the
    blocks begin as the identity: so the vector begins as a linear map of the whole image, :math:`\sum_p W_p x_p`, such as its
    principal components (`begin`). With one map for all places the mean would forget where something was.

    Parameters
    ----------
    grid : PatchGrid
    width, depth, heads : int
        Numbers in a token, blocks, and attention heads in each.
    """

    position: Tensor

    def __init__(self, grid: PatchGrid, width: int = 64, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        n_places, n_numbers = grid.inside.shape
        self.embed = nn.Parameter(torch.randn(n_places, n_numbers, width) / (n_places * n_numbers))
        self.register_buffer("position", cosine_positions(grid.position, width))
        self.blocks = nn.ModuleList(_block(width, heads) for _ in range(depth))

    @torch.no_grad()
    def begin(self, weights: Tensor) -> None:
        """Let the vector begin as the sum of patches (T, P) times weights (width, T, P)."""
        self.embed.copy_(weights.permute(1, 2, 0))

    def forward(self, patches: Tensor, visible: Tensor | None = None) -> Tensor:
        """Patches (B, T, P), of which only `visible` (B, V) are encoded → one vector an image, (B, width)."""
        position = self.position.expand(len(patches), -1, -1)
        tokens = torch.einsum("btp,tpd->btd", patches, self.embed) * len(self.embed) + position
        if visible is not None:
            tokens, position = (
                each.gather(1, visible[:, :, None].expand(-1, -1, each.shape[2])) for each in (tokens, position)
            )
        for block in self.blocks:
            tokens = block(tokens)
        return (tokens - position).mean(dim=1)


def _block(width: int, heads: int) -> nn.Module:
    block = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
    nn.init.zeros_(block.linear2.weight)
    nn.init.zeros_(block.self_attn.out_proj.weight)
    return block


class ImageDecoder(nn.Module):
    """Residual layers width → 128 → 256 → 512 → 1024 → all patches, with a skip to 512 (Li et al., 2024)."""

    def __init__(self, width: int, n_numbers: int) -> None:
        super().__init__()
        sides = (width, 128, 256, 512)
        layers = [nn.Sequential(nn.Linear(a, b), nn.LayerNorm(b), nn.LeakyReLU()) for a, b in itertools.pairwise(sides)]
        self.rise = nn.Sequential(*layers)
        self.skip = nn.Linear(width, 512)
        self.draw = nn.Sequential(nn.Linear(512, 1024), nn.LayerNorm(1024), nn.LeakyReLU(), nn.Linear(1024, n_numbers))

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, width) → (B, n_numbers)."""
        drawn: Tensor = self.draw(self.rise(vectors) + self.skip(vectors))
        return drawn


def cosine_positions(places: Tensor, width: int) -> Tensor:
    """Products of cosines of row and column (T, 2) of the `width` lowest spatial frequencies, without the constant: (T, width)."""
    side = math.isqrt(width) + 2
    pairs = sorted(
        ((k, m) for k in range(side) for m in range(side) if k + m), key=lambda pair: pair[0] ** 2 + pair[1] ** 2
    )
    frequencies = torch.tensor(pairs[:width], dtype=torch.float32)
    longest = (places.amax(dim=0) - places.amin(dim=0) + 1).clamp(min=1)
    inside = (places - places.amin(dim=0) + 0.5) / longest
    waves = torch.cos(math.pi * inside[:, None] * frequencies)
    return 2 * waves.prod(dim=2)


def draw_visible(n_images: int, n_tokens: int, share_masked: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw which tokens an image shows: their numbers (B, V), and which are masked, bool (B, T)."""
    n_visible = max(1, round(n_tokens * (1 - share_masked)))
    order = torch.rand(n_images, n_tokens, device=device).argsort(dim=1)
    masked = torch.ones(n_images, n_tokens, dtype=torch.bool, device=device)
    visible = order[:, :n_visible]
    return visible, masked.scatter(1, visible, False)
