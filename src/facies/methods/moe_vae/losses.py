"""Losses of the manager alone, and of manager and experts together, on the views of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.losses import (
    batch_entropy,
    expected_loss,
    kl_to_standard_normal,
    linear_warm_up,
    reconstruction,
    sample_entropy,
    soft_target_divergence,
    weighted_mmd,
)
from facies.methods.autoencoder import AutoencoderKind
from facies.methods.moe_vae.network import MixtureOutput
from facies.methods.preprocessing import Preprocessor
from facies.training import Batch
from facies.training.loop import unwrapped


@dataclass
class ManagerObjective:
    """KL(t ‖ manager(x)): the manager learns the soft memberships t of the density grouping (section 3.5)."""

    preprocessor: Preprocessor
    targets: NDArray[np.float32]

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``agreement``, the share of images given to the group the target prefers."""
        targets = torch.from_numpy(self.targets)[batch.indices.cpu()].to(batch.images.device)
        logits = module(self.preprocessor.looked_at(self.preprocessor(batch.images)[0], batch))
        agreement = (logits.argmax(dim=1) == targets.argmax(dim=1)).float().mean()
        return {"loss": soft_target_divergence(targets, logits), "agreement": agreement}


@dataclass
class MixtureObjective:
    """L = R + α·S + β·B while the mixture learns as one; R alone once the manager is fixed (section 3.5).

    Parameters
    ----------
    preprocessor
        Prepares the pixels.
    alpha, balance
        α and β.
    weight
        Of the KL term of variational experts, or of MMD² of Wasserstein ones, which is over the codes of an expert.
    warm_up
        Share of the training in which `weight` climbs from 0.
    kind
        Of the experts.
    """

    preprocessor: Preprocessor
    alpha: float
    balance: float
    weight: float
    warm_up: float
    kind: AutoencoderKind = "vae"

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``expert loss`` (R), ``sample entropy`` (S) and ``batch entropy`` (B)."""
        images, target = self.preprocessor(batch.images)
        out = module(images, target, self.preprocessor.looked_at(images, batch))
        distance = reconstruction(out.experts.reconstruction, out.images, self.preprocessor.normalizer.likelihood)
        weight = linear_warm_up(batch.progress, self.warm_up) * self.weight
        losses, discrepancy = distance, distance.new_zeros(())
        if self.kind.startswith("wae"):
            discrepancy = weight * self._discrepancy(module, out, len(images))
        else:
            kl = kl_to_standard_normal(out.experts.mean, out.experts.log_variance) / target[0].numel()
            losses = distance + weight * kl
        expert_loss = expected_loss(out.weights, losses) * len(losses) / len(batch.images) + discrepancy
        probabilities = out.logits.softmax(dim=1)
        unsure, uneven = sample_entropy(probabilities), batch_entropy(probabilities)
        loss = expert_loss + self.alpha * unsure + self.balance * uneven
        return {"loss": loss, "expert loss": expert_loss, "sample entropy": unsure, "batch entropy": uneven}

    def _discrepancy(self, module: nn.Module, out: MixtureOutput, n_images: int) -> Tensor:
        """Σₖ p̄ₖ MMD²ₖ: how far the codes of each expert's images are from the prior; the manager learns nothing by it."""
        experts, weights = unwrapped(module).experts, out.weights.detach().t()
        codes = out.experts.code.transpose(0, 1)
        prior = experts.within_sizes(torch.randn_like(out.experts.code)).transpose(0, 1)
        sizes = torch.tensor(experts.own_sizes, dtype=codes.dtype, device=codes.device)
        return (weights.sum(dim=1) / n_images * weighted_mmd(codes, prior, weights, sizes)).sum()
