"""The groups that k-means finds in a code, as the mixture of equal spheres that it fits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ACTIVE_VARIANCE = 1e-2
"""A dimension of the code is active if its mean varies more than this over the images (Burda et al., 2016)."""

MIN_FOR_LIMIT = 20
"""A percentile of fewer distances says little; that of all images is taken instead."""


def active_dimensions(codes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which dimensions d have Var(μ_d) > 0.01 over the images (Burda et al., 2016, section 5.2): (D,) bool."""
    return np.asarray(codes.var(axis=0, dtype=np.float64) > ACTIVE_VARIANCE)


@dataclass(frozen=True)
class SphericalGaussianMixture:
    """K spheres of one size in a scaled code.

    K-means is the limit of expectation-maximisation for a mixture of equal spherical Gaussians with equal weights; its
    responsibilities are p_k ∝ exp(−‖s∘z − c_k‖² / 2σ²) with σ² = inertia / (N·D'), D' the number of scaled dimensions.

    Attributes
    ----------
    active
        (D,) bool, dimensions that vary.
    scale
        (D,) s; 0 leaves a dimension out.
    centres
        (K, D) c_k, in the scaled code.
    variance
        () σ².
    limits
        (K,) distance to the centre from which on an image lies outside.
    means, deviations
        (K, D) of the members' codes, not scaled.
    """

    active: Tensor
    scale: Tensor
    centres: Tensor
    variance: Tensor
    limits: Tensor
    means: Tensor
    deviations: Tensor

    @classmethod
    def from_clusters(
        cls,
        embedding: NDArray[np.float32],
        codes: NDArray[np.float32],
        labels: NDArray[np.int64],
        centres: NDArray[np.float32],
        scale: NDArray[np.float32],
        percentile: float,
    ) -> Self:
        """Describe the groups of an embedding (N, D) with labels (N,), centres (K, D) and scale (D,).

        `codes` (N, D) are what the decoder takes; they are the embedding, unless that is a mean over positions.
        """
        squares = np.square(embedding * scale - centres[labels], dtype=np.float64).sum(axis=1)
        used = max(1, int(np.count_nonzero(scale)))
        distances = np.sqrt(squares)
        pooled = np.percentile(distances, percentile)
        limits, means, deviations = [], [], []
        for group in range(len(centres)):
            members = labels == group
            enough = members.sum() >= MIN_FOR_LIMIT
            limits.append(np.percentile(distances[members], percentile) if enough else pooled)
            means.append(codes[members].mean(axis=0))
            deviations.append(codes[members].std(axis=0))
        return cls(
            active=torch.from_numpy(active_dimensions(codes)),
            scale=torch.from_numpy(scale),
            centres=torch.from_numpy(centres),
            variance=torch.tensor(max(float(squares.mean()) / used, 1e-12), dtype=torch.float32),
            limits=torch.tensor(np.array(limits), dtype=torch.float32),
            means=torch.from_numpy(np.stack(means)),
            deviations=torch.from_numpy(np.stack(deviations)),
        )

    @classmethod
    def from_state(cls, state: dict[str, Tensor], device: torch.device) -> Self:
        """Build from what `state` gave."""
        return cls(**{field.name: state[field.name].to(device) for field in fields(cls)})

    def state(self) -> dict[str, Tensor]:
        """All that there is, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def distances(self, codes: Tensor) -> Tensor:
        """Euclidean distance of each code to each centre, in the scaled code: (B, D) → (B, K)."""
        scaled = codes.float() * self.scale
        return torch.cdist(scaled, self.centres, compute_mode="donot_use_mm_for_euclid_dist")

    def responsibilities(self, codes: Tensor) -> Tensor:
        """Probability of each group: (B, D) → (B, K), rows sum to 1, the nearest centre first."""
        return (-self.distances(codes).square() / (2 * self.variance)).softmax(dim=1)
