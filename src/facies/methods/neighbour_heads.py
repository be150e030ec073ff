"""Heads on an embedding that learn groups from neighbours, and a classifier that learns from what the heads are sure of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.losses import mean_entropy, neighbour_consistency, pair_weights, pointwise_mutual_information
from facies.training import Batch, unwrapped

HeadLoss = Literal["scan", "temi"]

MARGINAL_MOMENTUM = 0.9
"""Share of itself that the teacher's mean probability of each group keeps at each step."""


@dataclass
class NeighbourObjective:
    """Loss of many heads that put neighbours into one group and fill the groups evenly.

    ``scan``: −log Σ p(x)p(x') − λ·H(p̄) (Van Gansbeke et al., 2020). ``temi``: the weighted pointwise mutual information of
    a student and a teacher, both ways (Adaloglou et al., 2023). Each head learns for itself.

    Parameters
    ----------
    loss
        Which one.
    entropy_weight
        λ of ``scan``.
    beta
        β of ``temi``.
    temperature
        τ by which logits are divided for ``temi``.
    """

    loss: HeadLoss
    entropy_weight: float
    beta: float
    temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``confidence``, the mean of the greatest probability."""
        assert batch.partners is not None
        logits = module(batch.images.flatten(1), batch.partners.flatten(1))
        loss = self._scan(logits) if self.loss == "scan" else self._temi(module, logits)
        with torch.no_grad():
            confidence = self.probabilities(logits[0]).amax(dim=-1).mean()
        return {"loss": loss.mean(), "confidence": confidence}

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (H, B, K) → probabilities."""
        return (logits.float() / (self.temperature if self.loss == "temi" else 1.0)).softmax(dim=-1)

    def _scan(self, logits: tuple[Tensor, ...]) -> Tensor:
        own, neighbours = self.probabilities(logits[0]), self.probabilities(logits[1])
        return neighbour_consistency(own, neighbours) - self.entropy_weight * mean_entropy(own)

    def _temi(self, module: nn.Module, logits: tuple[Tensor, ...]) -> Tensor:
        own, neighbours, taught, taught_neighbours = (self.probabilities(each) for each in logits)
        marginal: Tensor = unwrapped(module).marginal
        weights = pair_weights(taught, taught_neighbours)
        ways = ((own, taught_neighbours), (neighbours, taught))
        information = sum(pointwise_mutual_information(*way, marginal, self.beta) for way in ways)
        with torch.no_grad():
            mean = torch.cat([taught, taught_neighbours], dim=1).mean(dim=1)
            marginal.lerp_(mean.to(marginal.dtype), 1 - MARGINAL_MOMENTUM)
        return -(weights * information / 2).mean(dim=-1)


@dataclass
class LabelObjective:
    """Cross-entropy of a classifier with the groups that heads are sure of, each group with the same weight.

    Half of what it sees are not the images themselves but neighbours of theirs, under the group of the image.

    Parameters
    ----------
    labels
        (N,) int64.
    weights
        (K,) of the groups.
    """

    labels: Tensor
    weights: Tensor

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Term ``loss``."""
        assert batch.partners is not None
        target = self.labels[batch.indices.cpu()].to(batch.images.device)
        logits = module(torch.cat([batch.images.flatten(1), batch.partners.flatten(1)]))[0]
        return {"loss": F.cross_entropy(logits.float(), target.repeat(2), self.weights.to(logits.device))}
