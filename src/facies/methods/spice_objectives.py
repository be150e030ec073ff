"""The two trainings of SPICE: heads on a frozen encoder that learn from prototypes, and a classifier that learns from the sure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.losses import double_softmax_cross_entropy, prototype_targets
from facies.methods.preprocessing import Preprocessor
from facies.training import Batch, derive_seed, unwrapped


@dataclass
class PrototypeObjective:
    """Cross-entropy of heads on strong views, with the labels that weak views and prototypes gave in the pool of the batch.

    Parameters
    ----------
    encoder
        Frozen, in evaluation mode.
    weak, strong
        Draw views.
    pairing_batch_size
        Images of a pool, of which each group takes an equal part.
    seed
        Of the weak views: a pool is looked at before its first step, and so before the random numbers of that step.
    """

    encoder: Any
    weak: Preprocessor
    strong: Preprocessor
    pairing_batch_size: int
    seed: int
    targets: Tensor = field(default_factory=lambda: torch.zeros(0), repr=False)

    @torch.no_grad()
    def begin_large_batch(self, module: nn.Module, batch: Batch) -> None:
        """Give labels to the images of a pool."""
        self.encoder.to(batch.images.device)
        torch.manual_seed(derive_seed(self.seed, batch.epoch, int(batch.indices[0])))
        embedding = self.encoder(self.weak.transform(batch.images))
        scores = unwrapped(module)(self.encoder(self.weak(batch.images)[0])).softmax(dim=-1)
        self.targets = prototype_targets(embedding, scores)

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``confidence``, the mean of the greatest probability."""
        with torch.no_grad():
            embedding = self.encoder(self.strong(batch.images)[0])
        logits = module(embedding)
        losses = double_softmax_cross_entropy(logits, self.targets[:, batch.within])
        return {"loss": losses.sum(), "confidence": logits.detach().softmax(dim=-1).amax(dim=-1).mean()}


@dataclass
class FixMatchObjective:
    """Cross-entropy of sure images, and of strong views with what their weak views say, where that is sure (FixMatch).

    Parameters
    ----------
    weak, strong
        Draw views.
    labels
        (N,) int64; read for the partners of the images alone, which are sure ones.
    ratio
        Images without a label beside one with.
    threshold
        Least probability of a weak view that teaches.
    """

    weak: Preprocessor
    strong: Preprocessor
    labels: Tensor
    ratio: int
    threshold: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``supervised``, ``consistency`` and ``share``, of the images that teach."""
        assert batch.partners is not None
        assert batch.partner_indices is not None
        count = max(2, len(batch.images) // self.ratio)
        sure = self.weak(batch.partners[:count])[0]
        weak, strong = self.weak(batch.images)[0], self.strong(batch.images)[0]
        logits = module(torch.cat([sure, weak, strong])).float()
        own, guess, learnt = logits.split([len(sure), len(weak), len(strong)])
        target = self.labels[batch.partner_indices[:count].cpu()].to(logits.device)
        supervised = F.cross_entropy(own, target)
        probability, group = guess.detach().softmax(dim=1).max(dim=1)
        teaches = (probability >= self.threshold).float()
        consistency = (F.cross_entropy(learnt, group, reduction="none") * teaches).mean()
        loss = supervised + consistency
        return {"loss": loss, "supervised": supervised, "consistency": consistency, "share": teaches.mean()}
