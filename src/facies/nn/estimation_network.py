"""An autoencoder whose code and error are given to Gaussians by a network (DAGMM)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

ESTIMATION_SIZE = 10
DROPOUT = 0.5
SMALLEST_NORM = 1e-6
FOLLOW = 0.1
"""Share of the last batch in the running mean and covariance."""
RIDGE = 1e-5


class Whitening(nn.Module):
    """Numbers of a batch made uncorrelated, with mean 0 and variance 1; later by running means, as a batch normalisation.

    Parameters
    ----------
    size
        D, numbers of a row.
    """

    mean: Tensor
    covariance: Tensor
    started: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("covariance", torch.eye(size))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, rows: Tensor) -> Tensor:
        """(B, D) → (B, D)."""
        mean, covariance = self.mean, self.covariance
        if self.training:
            mean = rows.mean(dim=0)
            covariance = (rows - mean).T @ (rows - mean) / len(rows)
            with torch.no_grad():
                # The first batch counts whole, so that what the buffers begin with leaves no trace.
                share = torch.where(self.started, FOLLOW, 1.0)
                self.mean.lerp_(mean, share)
                self.covariance.lerp_(covariance, share)
                self.started.fill_(True)
        deviation = covariance.diagonal().clamp(min=SMALLEST_NORM**2).sqrt()
        correlation = covariance / deviation[:, None] / deviation
        ridge = RIDGE * torch.eye(len(mean), device=rows.device)
        factor = torch.linalg.cholesky(correlation + ridge)
        return torch.linalg.solve_triangular(factor, ((rows - mean) / deviation).T, upper=False).T


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
        self.whiten = Whitening(latent_size + 2)
        self.estimation = nn.Sequential(
            nn.Linear(latent_size + 2, ESTIMATION_SIZE),
            nn.Tanh(),
            nn.Dropout(DROPOUT),
            nn.Linear(ESTIMATION_SIZE, n_clusters),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) → reconstructions, whitened z (B, D + 2) of code, error and cosine, and probabilities (B, K)."""
        out = self.autoencoder(images)
        rows, again = images.flatten(1), out.reconstruction.flatten(1)
        error = (rows - again).norm(dim=1) / rows.norm(dim=1).clamp(min=SMALLEST_NORM)
        z = torch.cat([out.mean, error[:, None], F.cosine_similarity(rows, again, eps=SMALLEST_NORM)[:, None]], dim=1)
        z = self.whiten(z)
        return out.reconstruction, z, self.estimation(z).softmax(dim=1)

    def place(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → z (B, D + 2) and probabilities (B, K)."""
        return self(images)[1:]
