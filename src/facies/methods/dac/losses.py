"""What `st-dac` and `dac` minimise: pairs of a large batch that the network itself finds alike, learnt batch by batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from facies.images import RandomAffine
from facies.losses import (
    adaptive_threshold,
    all_pairs_loss,
    certain_pairs_loss,
    consistency_loss,
    dac_thresholds,
    negative_pairs,
    pose_loss,
    positive_pairs,
    unit_vectors,
)
from facies.methods.dac.monitor import CLEAN_BATCH
from facies.methods.dac.regroup import Regrouping
from facies.methods.preprocessing import Preprocessor
from facies.nn import use_batch_statistics
from facies.training import Batch


@dataclass
class PairObjective(ABC):
    """Loss of the pairs of a batch; which are alike is settled for the whole large batch, of the images as they are."""

    preprocessor: Preprocessor
    augmentation: RandomAffine
    pairing_batch_size: int
    regrouping: Regrouping | None = field(default=None, kw_only=True)
    clean: Tensor = field(init=False, repr=False)

    def begin_large_batch(self, module: nn.Module, batch: Batch) -> None:
        """Compare all images with one another: one pass, and one product of matrices."""
        self.preprocessor.to(batch.images.device)
        with torch.no_grad(), use_batch_statistics(module):
            parts = batch.images.tensor_split(-(-len(batch.images) // CLEAN_BATCH))
            outputs = [module(self.preprocessor.transform(part)).float() for part in parts]
            self.clean = torch.cat([unit_vectors(each) for each in outputs])
        if self.regrouping is not None:
            self.clean = self.regrouping.redirect(self.clean, batch)
        self.compare(batch.epoch)

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms of views of the batch."""
        views = self.augmentation(self.preprocessor.transform(batch.images))
        return self.terms(module(views).float(), batch.within)

    @abstractmethod
    def compare(self, epoch: int) -> None:
        """From the unit vectors of the images as they are, say which pairs are alike."""

    @abstractmethod
    def terms(self, probabilities: Tensor, within: slice) -> dict[str, Tensor]:
        """Terms of the loss, of the softmax (B, K) of a batch and its place in the large batch."""


@dataclass
class STDACObjective(PairObjective):
    """DAC* with consistency: every pair is alike or not, by one threshold that falls from epoch to epoch."""

    epochs: int
    upper: float
    lower: float
    consistency: float
    pose: bool = False
    alike: Tensor = field(init=False, repr=False)
    positives: Tensor = field(init=False, repr=False)

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms of the batch; with `pose` another one, ``pose``."""
        if not self.pose:
            return super().__call__(module, batch)
        images = self.preprocessor.transform(batch.images)
        maps = self.augmentation.draw(len(images), images.shape[-2:], images.device)
        y, view_theta, theta = module(self.augmentation(images, maps=maps), images)
        terms = self.terms(y.float(), batch.within)
        pose = pose_loss(theta.float(), view_theta.float(), maps)
        return {**terms, "loss": terms["loss"] + self.consistency * pose, "pose": pose}

    def compare(self, epoch: int) -> None:
        """R of the large batch."""
        self.alike = positive_pairs(self.clean, adaptive_threshold(epoch, self.epochs, self.upper, self.lower))
        self.positives = share_of_pairs(self.alike)

    def terms(self, probabilities: Tensor, within: slice) -> dict[str, Tensor]:
        """Terms ``loss``, ``pairs``, ``consistency`` and ``positives``."""
        pairs = all_pairs_loss(unit_vectors(probabilities), self.alike[within, within])
        consistency = consistency_loss(probabilities, self.clean[within])
        loss = pairs + self.consistency * consistency
        return {"loss": loss, "pairs": pairs, "consistency": consistency, "positives": self.positives}


@dataclass
class DACObjective(PairObjective):
    """DAC: pairs above the one threshold are alike, below the other unlike, and those between are left out."""

    eta: float
    upper: float
    lower: float
    alike: Tensor = field(init=False, repr=False)
    unlike: Tensor = field(init=False, repr=False)
    shares: dict[str, Tensor] = field(init=False, repr=False)

    def compare(self, epoch: int) -> None:
        """Pairs of the large batch that are certain."""
        above, below = dac_thresholds(epoch, self.eta, self.upper, self.lower)
        self.alike, self.unlike = positive_pairs(self.clean, above), negative_pairs(self.clean, below)
        self.shares = {"positives": share_of_pairs(self.alike), "negatives": share_of_pairs(self.unlike)}

    def terms(self, probabilities: Tensor, within: slice) -> dict[str, Tensor]:
        """Terms ``loss``, ``positives`` and ``negatives``."""
        alike, unlike = self.alike[within, within], self.unlike[within, within]
        return {"loss": certain_pairs_loss(unit_vectors(probabilities), alike, unlike), **self.shares}


def share_of_pairs(chosen: Tensor) -> Tensor:
    """Share of the pairs of different images that `chosen` (N, N) holds."""
    n = len(chosen)
    return (chosen.sum() - chosen.diagonal().sum()).float() / max(1, n * (n - 1))
