"""`mixae`: deep clustering by a mixture of autoencoders (Zhang, Sun, Eriksson & Balzano, 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from facies.losses import batch_entropy, expected_loss, sample_entropy
from facies.methods.joint_clustering import JointClustering
from facies.methods.preprocessing import Preprocessor
from facies.nn import MixAENetwork
from facies.parameters import Count, Weight
from facies.training import Batch, StageOutputs


@dataclass(kw_only=True, eq=False, repr=False)
class MIXAE(JointClustering):
    """K autoencoders learn from random weights, each from the images that are given to it by the codes of all.

    References
    ----------
    .. [1] D. Zhang, Y. Sun, B. Eriksson, L. Balzano, "Deep unsupervised clustering using mixture of autoencoders",
       arXiv 1712.07788, 2017.
    """

    name: ClassVar[str] = "mixae"
    title: ClassVar[str] = "Mixture of autoencoders"
    reference: ClassVar[str] = (
        "D. Zhang, Y. Sun, B. Eriksson, L. Balzano, Deep unsupervised clustering using mixture of autoencoders. arXiv 1712.07788, "
        "2017."
    )
    citation: ClassVar[str] = "Zhang et al., 2017"
    summary: ClassVar[str] = (
        "{0.n_clusters} autoencoders, and a network that gives images to them by the codes of all, learnt together from random "
        "weights: to reproduce the images, to be sure of each, and to share them evenly."
    )

    code_size: Count = 8
    """Numbers in the code of each autoencoder; more reproduce images better, also those of other groups."""
    sample_weight: Weight = 0.1
    """Weight α of how unsure images are, at the end; it climbs from 0. Larger values make surer groups."""
    batch_weight: Weight = 1.0
    """Weight β of how evenly groups are filled, at the start; it falls to `sample_weight`. Smaller values can empty groups."""

    def build_network(self) -> MixAENetwork:
        """K autoencoders and a classifier."""
        return MixAENetwork(math.prod(self.shown_shape), self.n_clusters, self.code_size)

    def objective(self, preprocessor: Preprocessor, outputs: StageOutputs) -> MIXAEObjective:
        """R + α·S + β·B (eq. 4)."""
        return MIXAEObjective(preprocessor, self.sample_weight, self.batch_weight)


@dataclass
class MIXAEObjective:
    """Σ_k p_k MSE_k over MSE of the mean image + α·S − β·H (eq. 4).

    S is the entropy of an image's p, and H that of their mean over the batch.
    """

    preprocessor: Preprocessor
    sample_weight: float
    batch_weight: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``sample entropy`` S and ``batch entropy`` −H."""
        view, _ = self.preprocessor(batch.images)
        probabilities, errors = module(view)
        of_mean_image = (view - view.mean(dim=0)).square().mean().clamp(min=1e-12)
        error = expected_loss(probabilities, errors / of_mean_image)
        unsure, uneven = sample_entropy(probabilities), batch_entropy(probabilities)
        alpha = self.sample_weight * batch.progress
        beta = self.batch_weight * (1 - batch.progress) + self.sample_weight * batch.progress
        loss = error + alpha * unsure + beta * uneven
        return {"loss": loss, "reconstruction": error, "sample entropy": unsure, "batch entropy": uneven}
