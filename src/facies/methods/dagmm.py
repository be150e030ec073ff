"""`dagmm`: deep autoencoding Gaussian mixture model (Zong et al., ICLR 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from facies.losses import gaussian_reconstruction, mixture_energy, mixture_moments
from facies.methods.autoencoder import build_autoencoder
from facies.methods.joint_clustering import JointClustering
from facies.methods.preprocessing import Preprocessor
from facies.nn import DAGMMNetwork, MLPAutoencoder
from facies.parameters import Count, Weight, settings
from facies.training import Batch, StageOutputs, Training


@dataclass(kw_only=True, eq=False, repr=False)
class DAGMM(JointClustering):
    """An autoencoder, and K Gaussians over its code and its error; an estimation network says which one an image is of.

    References
    ----------
    .. [1] B. Zong et al., "Deep autoencoding Gaussian mixture model for unsupervised anomaly detection", ICLR 2018.
    """

    name: ClassVar[str] = "dagmm"
    title: ClassVar[str] = "Deep autoencoding Gaussian mixture model"
    reference: ClassVar[str] = (
        "B. Zong, Q. Song, M. R. Min, W. Cheng, C. Lumezanu, D. Cho, H. Chen, Deep autoencoding Gaussian mixture model for "
        "unsupervised anomaly detection. ICLR 2018."
    )
    citation: ClassVar[str] = "Zong et al., 2018"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) with a code of {0.latent_size} numbers, and a network that gives code and reconstruction error "
        "to {0.n_clusters} Gaussians, learnt together: to reproduce the images, and to make them likely under the Gaussians."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "training.epochs": "auto",
            "training.batch_size": 128,
            "training.learning_rate": 1e-3,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        **JointClustering.test_parameters, "filters": 4, "latent_size": 4,
    }  # fmt: skip

    latent_size: Count = 10
    """Numbers in a code."""
    network: Literal["mlp", "conv"] = "conv"
    """Convolutional, or fully connected (500-500-2000 and mirrored)."""
    filters: Count = 16
    """Filters of the first block of ``conv``; more see finer detail and take longer."""
    energy_weight: Weight = 0.1
    """Weight λ₁ of how unlikely images are under the Gaussians."""
    covariance_weight: Weight = 1e-4
    """Weight λ₂ of the sum of 1/σ² over the diagonals of the covariances; smaller values let Gaussians shrink to a point."""
    training: Training = settings(Training, epochs=200, batch_size=1024, learning_rate=1e-4)

    def build_network(self) -> DAGMMNetwork:
        """Autoencoder and estimation network."""
        shape = self.shown_shape
        conv = self.network == "conv"
        autoencoder: nn.Module = (
            build_autoencoder(shape, self.latent_size, self.filters, "ae")
            if conv
            else MLPAutoencoder(shape, self.latent_size)
        )
        return DAGMMNetwork(autoencoder, self.latent_size, self.n_clusters)

    def objective(self, preprocessor: Preprocessor, outputs: StageOutputs) -> DAGMMObjective:
        """‖x − x̂‖² + λ₁·energy + λ₂·Σ 1/σ² (eq. 7)."""
        return DAGMMObjective(preprocessor, self.energy_weight, self.covariance_weight)


@dataclass
class DAGMMObjective:
    """(‖x − x̂‖² + λ₁·energy + λ₂·Σ_k Σ_j 1/Σ_kjj) / P of images of P pixels, with the moments of the batch (eq. 7)."""

    preprocessor: Preprocessor
    energy_weight: float
    covariance_weight: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``energy`` and ``covariance``."""
        view, target = self.preprocessor(batch.images)
        reconstruction, z, responsibilities = module(view)
        error = gaussian_reconstruction(reconstruction, target).mean()
        shares, means, covariances = mixture_moments(z, responsibilities)
        energy = mixture_energy(z, shares, means, covariances).mean()
        narrowness = covariances.diagonal(dim1=1, dim2=2).reciprocal().sum()
        loss = error + (self.energy_weight * energy + self.covariance_weight * narrowness) / target[0].numel()
        return {"loss": loss, "reconstruction": error, "energy": energy, "covariance": narrowness}
