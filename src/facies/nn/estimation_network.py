"""An autoencoder whose code and error are given to Gaussians by a network (DAGMM)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

ESTIMATION_SIZE = 10
DROPOUT = 0.5
SMALLEST_NORM = 1e-6


class DAGMMNetwork(nn.Module):
    """An autoencoder, and a network that gives code and error of an image to K Gaussians.

    Parameters
    ----------
    autoencoder
        With a code of D numbers.
    latent_size, n_clusters
        D and K.
    """

    def __init__(self, autoencoder: nn.Module, latent_size: int, n_clusters: int) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.standardise = nn.BatchNorm1d(latent_size + 2, affine=False)
        self.estimation = nn.Sequential(
            nn.Linear(latent_size + 2, ESTIMATION_SIZE),
            nn.Tanh(),
            nn.Dropout(DROPOUT),
            nn.Linear(ESTIMATION_SIZE, n_clusters),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) → reconstructions, standardised z (B, D + 2) of code, error and cosine, and probabilities (B, K)."""
        out = self.autoencoder(images)
        rows, again = images.flatten(1), out.reconstruction.flatten(1)
        error = (rows - again).norm(dim=1) / rows.norm(dim=1).clamp(min=SMALLEST_NORM)
        z = torch.cat([out.mean, error[:, None], F.cosine_similarity(rows, again, eps=SMALLEST_NORM)[:, None]], dim=1)
        z = self.standardise(z)
        return out.reconstruction, z, self.estimation(z).softmax(dim=1)

    def place(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → z (B, D + 2) and probabilities (B, K)."""
        return self(images)[1:]
