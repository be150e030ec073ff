"""Pretraining by interpolation: mixed codes are to be decoded so that a critic cannot tell (ACAI, Berthelot et al., 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from facies.losses import gaussian_reconstruction
from facies.methods.preprocessing import Preprocessor
from facies.training import Batch

REAL_SHARE = 0.2
"""Share of the image in the mixture of image and reconstruction that the critic must know as unmixed (Berthelot et al., 2019)."""


class InterpolationNetwork(nn.Module):
    """An autoencoder, and a critic that tells from an image in which shares two codes were mixed.

    Parameters
    ----------
    autoencoder
        What is pretrained.
    critic
        An encoder, of whose numbers the mean is taken.
    """

    def __init__(self, autoencoder: nn.Module, critic: nn.Module) -> None:
        super().__init__()
        self.autoencoder: Any = autoencoder
        self.critic = critic

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, C, H, W) → reconstructions, what the critic says of mixed codes, its error there, and on the unmixed."""
        codes = self.autoencoder.encode(images)[0]
        reconstruction = self.autoencoder.decode(codes)
        share = torch.rand(len(codes), 1, device=codes.device) / 2
        mixed = self.autoencoder.decode(share * codes + (1 - share) * codes.flip(0))
        frozen = {name: weight.detach() for name, weight in self.critic.named_parameters()}
        deceived = functional_call(self.critic, frozen, (self._shown(mixed),)).mean(dim=1)
        unmixed = REAL_SHARE * images + (1 - REAL_SHARE) * reconstruction.detach()
        guesses = self.critic(self._shown(torch.cat([mixed.detach(), unmixed]))).mean(dim=1)
        return reconstruction, deceived, guesses[: len(codes)] - share[:, 0], guesses[len(codes) :]

    def _shown(self, images: Tensor) -> Tensor:
        return images.flatten(1) if isinstance(self.critic, nn.Sequential) else images


@dataclass
class InterpolationObjective:
    """MSE + w·d(mixed)², and for the critic (d(mixed) − α)² + d(unmixed)² (Berthelot et al., 2019, eq. 1 and 2)."""

    preprocessor: Preprocessor
    critic_weight: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``deceived`` and ``critic``."""
        view, target = self.preprocessor(batch.images)
        reconstruction, deceived, mixed, unmixed = module(view)
        error = gaussian_reconstruction(reconstruction, target).mean()
        fooled = deceived.square().mean()
        critic = mixed.square().mean() + unmixed.square().mean()
        loss = error + self.critic_weight * fooled + critic
        return {"loss": loss, "reconstruction": error, "deceived": fooled, "critic": critic}
