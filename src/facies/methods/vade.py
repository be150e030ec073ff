"""`vade`: variational deep embedding (Jiang, Zheng, Tan, Tang & Zhou, IJCAI 2017): a mixture of Gaussians as prior of a VAE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from facies.losses import reconstruction
from facies.methods.autoencoder_clustering import AutoencoderClustering, ClusteringNetwork, Initialisation
from facies.methods.clustering_networks import VaDENetwork
from facies.methods.downsample import enlarge
from facies.methods.preprocessing import PixelScatter, Preprocessor
from facies.nn import MLPAutoencoder
from facies.parameters import settings
from facies.training import Batch, Callback, StageOutputs, Training

NOISE = 0.1
"""Variance of the noise in a code at the start, as a share of that of the Gaussians; with more, groups merge."""
RIDGE = 1e-4
"""Least variance of a Gaussian at the start."""


@dataclass(kw_only=True, eq=False, repr=False)
class VaDE(AutoencoderClustering):
    """A variational autoencoder whose codes come from a mixture of Gaussians, one a group, which is learnt with it.

    References
    ----------
    .. [1] Z. Jiang, Y. Zheng, H. Tan, B. Tang, H. Zhou, "Variational deep embedding: an unsupervised and generative approach
       to clustering", IJCAI 2017.
    """

    likelihood: ClassVar[PixelScatter] = "auto"
    is_generative: ClassVar[bool] = True
    name: ClassVar[str] = "vade"
    title: ClassVar[str] = "Variational deep embedding"
    reference: ClassVar[str] = (
        "Z. Jiang, Y. Zheng, H. Tan, B. Tang, H. Zhou, Variational deep embedding: an unsupervised and generative approach to "
        "clustering. IJCAI 2017."
    )
    citation: ClassVar[str] = "Jiang et al., 2017"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers, and a mixture "
        "of {0.n_clusters} Gaussians was fitted to the codes. Both then learnt together as a variational autoencoder whose prior is "
        "the mixture; the group of an image is the Gaussian with the greatest posterior probability."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "pretraining.epochs": "auto",
            "training.epochs": 50,
            "training.learning_rate": 2e-4,
        },
    }

    initialisation: Initialisation = "gaussian-mixture"
    """What finds the means of the Gaussians in the code, from which they are fitted; ``k-means`` is quicker."""
    training: Training = settings(
        Training, epochs=300, batch_size=100, learning_rate=2e-3, schedule="step", decay=0.9, decay_epochs=10
    )
    """Training of network and mixture together."""

    def build_network(self, dropout: float = 0.0) -> ClusteringNetwork:
        """A variational autoencoder, which decodes its mean while it is pretrained."""
        network = super().build_network(dropout)
        if self.network == "conv":
            return network
        shape = network.autoencoder.image_shape
        autoencoder = MLPAutoencoder(shape, self.code_length, dropout=dropout, deterministic=False)
        autoencoder.deterministic = True
        return self.with_groups(autoencoder)

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> VaDENetwork:
        """An autoencoder and K Gaussians."""
        return VaDENetwork(autoencoder, n_clusters or self.n_clusters, self.code_length)

    def first_groups(self, codes: NDArray[np.float32], seed: int) -> StageOutputs:
        """Codes → shares, means and variances of K Gaussians."""
        found = super().first_groups(codes, seed)
        means = found["centres"]
        mixture = GaussianMixture(
            len(means), covariance_type="diag", reg_covar=RIDGE, means_init=means, random_state=seed
        )
        mixture.fit(codes)
        return {
            "centres": mixture.means_.astype(np.float32),
            "log_variances": np.log(mixture.covariances_).astype(np.float32),
            "log_weights": np.log(mixture.weights_).astype(np.float32),
            "n_clusters": len(means),
        }

    def begin(self, network: Any, outputs: StageOutputs) -> None:
        """Put in also the variances and shares, and begin with little noise."""
        super().begin(network, outputs)
        network.log_noise.fill_(float(outputs["log_variances"].mean()) + math.log(NOISE))
        network.log_variances.data.copy_(torch.from_numpy(outputs["log_variances"]))
        network.weight_logits.data.copy_(torch.from_numpy(outputs["log_weights"]))

    def place(self, codes: Tensor) -> Tensor:
        """Posterior probabilities."""
        return self.network_.assign(codes)

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> VaDEObjective:
        """The evidence lower bound, with a minus (eq. 12)."""
        return VaDEObjective(preprocessor)

    def draw(self, n: int, cluster: int, seed: int) -> Tensor:
        """Draw codes from the group's Gaussian, and decode them."""
        network: Any = self.network_
        _, means, log_variances = network.mixture()
        noise = torch.randn(n, self.code_length, generator=torch.Generator().manual_seed(seed)).to(self.device_)
        codes = means[cluster] + (0.5 * log_variances[cluster]).exp() * noise
        images = self.normalizer_.native(self.normalizer_.scaled(network.autoencoder.decode(codes)))
        return enlarge(images.reshape(n, *self.shown_shape), self.image_shape_[-2:]).reshape(n, *self.image_shape_)


@dataclass
class VaDEObjective:
    """Cross-entropy or squared error of the pixels, and KL divergence of code and group from the mixture, over the number
    of pixels (eq. 12).
    """

    preprocessor: Preprocessor

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``divergence``."""
        view, target = self.preprocessor(batch.images)
        decoded, divergence = module(view)
        error = reconstruction(decoded, target, self.preprocessor.normalizer.likelihood).mean()
        divergence = divergence.mean() / target[0].numel()
        return {"loss": error + divergence, "reconstruction": error, "divergence": divergence}
