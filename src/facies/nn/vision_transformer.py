"""A small vision transformer whose patches can be masked, and the student and teacher of self-distillation (iBOT)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.mlp_autoencoder import perceptron

POSITION = 0.5
"""Standard deviation of the places at first: about that of the patches of standardised pixels, so that both are seen."""


class VisionTransformer(nn.Module):
    """Transformer over square patches and a class token (Dosovitskiy et al., 2021).

    Parameters
    ----------
    image_shape
        (C, H, W); sides that are no multiple of a patch are padded with zeros.
    patch_size
        Side of a patch in pixels.
    width, depth, heads
        Numbers in a token, blocks, and attention heads in each.

    Attributes
    ----------
    grid
        Rows and columns of patches.
    features
        Numbers an image: those of the class token and of the mean patch token.
    """

    def __init__(self, image_shape: tuple[int, int, int], patch_size: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        channels, rows, columns = image_shape
        self.padding = (0, -columns % patch_size, 0, -rows % patch_size)
        self.grid = (-(-rows // patch_size), -(-columns // patch_size))
        self.features = 2 * width
        self.patches = nn.Conv2d(channels, width, patch_size, patch_size)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(POSITION * torch.randn(1, 1 + self.grid[0] * self.grid[1], width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def tokens(self, images: Tensor, masked: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W), of which the patches `masked`, bool (B, T), are hidden → tokens (B, 1 + T, width), the class first."""
        patches = self.patches(F.pad(images, self.padding)).flatten(2).transpose(1, 2)
        if masked is not None:
            patches = torch.where(masked[:, :, None], self.mask_token.to(patches.dtype), patches)
        tokens = torch.cat([self.class_token.expand(len(patches), -1, -1), patches], dim=1) + self.position
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → class token and mean patch token, (B, 2·width)."""
        tokens = self.tokens(images)
        return torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)


class DistillationHead(nn.Module):
    """Three linear layers to a direction, and its cosines with the outputs' own directions, shared by all tokens."""

    def __init__(self, width: int, hidden: int, bottleneck: int, outputs: int) -> None:
        super().__init__()
        self.bottleneck = bottleneck
        self.layers = perceptron([width, hidden, hidden, bottleneck])
        self.directions = nn.Parameter(torch.randn(outputs, bottleneck))

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., width) → (..., outputs), between −1 and 1."""
        cosines: Tensor = F.normalize(self.layers(tokens), dim=-1) @ F.normalize(self.directions, dim=1).T
        return cosines


class TokenOutputs(nn.Module):
    """A transformer and a head over all of its tokens."""

    def __init__(self, encoder: VisionTransformer, head: DistillationHead) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, images: Tensor, asked: Tensor, *, hides: bool) -> tuple[Tensor, Tensor]:
        """(B, C, H, W), and which M patches are asked of, bool (B, T) → outputs of the class tokens (B, outputs) and of these
        patches (M, outputs), which are hidden with `hides`.
        """
        tokens = self.encoder.tokens(images, asked if hides else None)
        outputs: Tensor = self.head(torch.cat([tokens[:, 0], tokens[:, 1:][asked]]))
        return outputs[: len(images)], outputs[len(images) :]


class TokenDistillation(nn.Module):
    """A student and a teacher, each a transformer with a head; the teacher's mean outputs of hidden patches are kept as a centre.

    Parameters
    ----------
    encoder
        The transformer; the teacher begins as its copy.
    width
        Numbers in a token.
    outputs
        Numbers of the head.
    """

    patch_centre: Tensor

    def __init__(self, encoder: VisionTransformer, width: int, outputs: int) -> None:
        super().__init__()
        self.student = TokenOutputs(encoder, DistillationHead(width, 4 * width, width, outputs))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("patch_centre", torch.zeros(outputs))

    def forward(self, views: Tensor, masked: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Views, and which M patches the student does not see → of student and teacher, each: (B, outputs), (M, outputs)."""
        with torch.no_grad():
            teacher: tuple[Tensor, Tensor] = self.teacher(views, masked, hides=False)
        student: tuple[Tensor, Tensor] = self.student(views, masked, hides=True)
        return student, teacher

    @torch.no_grad()
    def follow(self, teacher: Tensor, momentum: float = 0.9) -> None:
        """Move the centre towards the mean of the teacher's outputs of patches, (M, outputs)."""
        self.patch_centre.lerp_(teacher.mean(dim=0).float(), 1 - momentum)


def draw_blocks(n_images: int, grid: tuple[int, int], share: float, device: torch.device) -> Tensor:
    """Mask a rectangle of patches in each image, of about this share of them and of any proportions: bool (B, T)."""
    rows, columns = grid
    aspect = torch.exp(2.4 * torch.rand(n_images, device=device) - 1.2)  # from 0.3 to 3.3, as in BEiT
    area = share * rows * columns
    height = (area * aspect).sqrt().round().clamp(1, rows)
    width = (area / height).round().clamp(1, columns)
    top = torch.floor(torch.rand(n_images, device=device) * (rows - height + 1))
    left = torch.floor(torch.rand(n_images, device=device) * (columns - width + 1))
    y = torch.arange(rows, device=device)[None, :, None]
    x = torch.arange(columns, device=device)[None, None, :]
    top, left, height, width = (each[:, None, None] for each in (top, left, height, width))
    return ((y >= top) & (y < top + height) & (x >= left) & (x < left + width)).flatten(1)
