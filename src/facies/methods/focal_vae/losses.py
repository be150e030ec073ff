"""The loss of the variational autoencoder of focal stacks."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from facies.images import RandomAffine
from facies.losses import gaussian_reconstruction, kl_to_standard_normal, linear_warm_up
from facies.methods.focal_vae.positions import PositionFeatures
from facies.methods.pose_alignment import to_canonical
from facies.nn import PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.training import Batch


@dataclass
class FocalObjective:
    """MSE + β·KL, with MSE the mean over all pixels of all layers and KL the sum over the code (eq. 2, corrected).

    With `looked_at`, the network is given what an encoder made of the stacks, and draws them from that.
    """

    normalizer: PixelNormalizer
    augmentation: RandomAffine
    beta: float
    warm_up: float
    pose: PoseTransformer | None = None
    looked_at: PositionFeatures | None = None

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``kl``."""
        device = batch.images.device
        if self.pose is not None:
            self.pose.to(device)
        stacks = to_canonical(self.pose, self.normalizer.to(device)(batch.images))
        if self.looked_at is None:
            given = stacks = self.augmentation(stacks)
        else:
            stacks, given = self.looked_at.draw(stacks, batch.indices)
        out = module(given)
        error = gaussian_reconstruction(out.reconstruction.flatten(1, 2).float(), stacks.flatten(1, 2)).mean()
        kl = kl_to_standard_normal(out.mean.float(), out.log_variance.float()).mean()
        weight = self.beta * linear_warm_up(batch.progress, self.warm_up)
        return {"loss": error + weight * kl, "reconstruction": error, "kl": kl}
