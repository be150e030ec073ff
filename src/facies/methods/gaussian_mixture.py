"""`gaussian-mixture`: a mixture of Gaussians with diagonal covariances on the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from sklearn.mixture import GaussianMixture
from torch import Tensor

from facies.methods.fit_context import FitContext
from facies.methods.pixel_clustering import PixelClustering
from facies.parameters import Count, Positive
from facies.training import StageOutputs


@dataclass(kw_only=True, eq=False, repr=False)
class PixelGaussianMixture(PixelClustering):
    """A mixture of K Gaussians on the pixels, each pixel with a variance of its own in each group.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via the EM algorithm", Journal of
       the Royal Statistical Society B 39, 1977.
    """

    name: ClassVar[str] = "gaussian-mixture"
    title: ClassVar[str] = "Gaussian mixture on pixels"
    reference: ClassVar[str] = (
        "A. P. Dempster, N. M. Laird, D. B. Rubin, Maximum likelihood from incomplete data via the EM algorithm. Journal of the "
        "Royal Statistical Society B 39, 1977."
    )
    citation: ClassVar[str] = "Dempster et al., 1977"
    summary: ClassVar[str] = (
        "A mixture of Gaussians with diagonal covariances was fitted to the pixels of the images, the best of {0.n_init} starts."
    )

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    n_init: Count = 3
    """Starts, each from another k-means, of which the most likely is kept."""
    floor: Positive = 1e-3
    """Added to every variance, for pixels in [0, 1]; without it a pixel that is always black would decide alone."""

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: weights, means and variances, by expectation-maximisation."""
        rows = np.asarray(outputs["embedding_"], np.float64)
        seed = fit.trainer.seed("groups")
        with fit.trainer.progress("group", 1, "steps"):
            model = GaussianMixture(
                self.n_clusters, covariance_type="diag", n_init=self.n_init, reg_covar=self.floor, random_state=seed
            ).fit(rows)
        parts = {"weights": model.weights_, "means": model.means_, "variances": model.covariances_}
        groups = {name: torch.from_numpy(np.asarray(values, np.float32)) for name, values in parts.items()}
        return {"groups": groups, "n_clusters": self.n_clusters}

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """The Gaussians."""
        weights, self.means_, self.variances_ = (
            groups[name].to(self.device_) for name in ("weights", "means", "variances")
        )
        self.log_weights_ = weights.clamp(min=1e-30).log() - 0.5 * self.variances_.log().sum(dim=1)

    def place(self, embedding: Tensor) -> Tensor:
        """p(k | x) ∝ π_k ∏_p N(x_p; μ_kp, σ²_kp)."""
        distances = [
            ((embedding - mean).square() / variance).sum(dim=1)
            for mean, variance in zip(self.means_, self.variances_, strict=True)
        ]
        return (self.log_weights_ - 0.5 * torch.stack(distances, dim=1)).softmax(dim=1)
