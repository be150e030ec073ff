"""What `st-dac` and `dac` minimise: the pairs of a chunk from the network as it is, the loss of its batches from them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.images import ImageSet, RandomAffine
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
from facies.methods.autoencoder import as_channels
from facies.methods.downsample import downsample
from facies.nn import PixelNormalizer, resample, use_batch_statistics
from facies.training import Batch, Seen
from facies.training.batches import read_batches

CLEAN_BATCH = 256
"""Images at once in a pass without gradient that goes by batch statistics."""


@dataclass(frozen=True)
class Shown:
    """Native pixels as the network sees them: downsample, scaled to [0, 1], less the mean of all pixels.

    Parameters
    ----------
    intensity
        Scale and mean of the pixels.
    shape
        (C, H, W) that the network sees; focal layers are channels.
    whole_numbers
        Whether the pixels are bytes.
    """

    intensity: PixelNormalizer
    shape: tuple[int, int, int]
    whole_numbers: bool

    def __call__(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → (B, L·C, H', W')."""
        return self.intensity(as_channels(downsample(pixels, self.shape[-2:], whole_numbers=self.whole_numbers)))

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        return type(self)(copy.deepcopy(self.intensity).to(device), self.shape, self.whole_numbers)


@dataclass
class PairObjective(ABC):
    """Loss of the pairs of a batch; which are alike was said of the whole chunk, untouched, before its first batch.

    Parameters
    ----------
    shown
        How the network sees pixels.
    augment
        Random map of each image.
    """

    shown: Shown
    augment: RandomAffine
    clean: Tensor = field(init=False, repr=False)

    def begin_large_batch(self, module: nn.Module, chunk: Batch) -> None:
        """Compare all images of the chunk with one another: one pass, and one product of matrices."""
        self.shown.intensity.to(chunk.images.device)
        with torch.no_grad(), use_batch_statistics(module):
            parts = chunk.images.tensor_split(-(-len(chunk.images) // CLEAN_BATCH))
            self.clean = torch.cat([unit_vectors(module(self.shown(part)).float()) for part in parts])
        self.compare(chunk.epoch)

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms of the batch as it is shown, in its part of the chunk."""
        views = self.augment(self.shown(batch.images))
        return self.terms(module(views).float(), batch.within)

    @abstractmethod
    def compare(self, epoch: int) -> None:
        """From the unit_vectors of the clean chunk, which pairs are alike."""

    @abstractmethod
    def terms(self, probabilities: Tensor, within: slice) -> dict[str, Tensor]:
        """Terms of the loss, of softmax (B, K) of a batch and where it is in the chunk."""


@dataclass
class STDACObjective(PairObjective):
    """DAC* with consistency: every pair is alike or not, by one threshold that falls from epoch to epoch.

    Parameters
    ----------
    epochs
        E.
    upper, lower
        The threshold of the first epoch, and that after the last.
    consistency
        Weight of the consistency loss.
    pose
        Whether the poses of an image and of its view must agree, too, with the same weight; the network then tells them.
    """

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
        untouched = self.shown(batch.images)
        maps = self.augment.draw(len(untouched), untouched.shape[-2:], untouched.device)
        y, view_theta, theta = module(self.augment(untouched, maps=maps), untouched)
        terms = self.terms(y.float(), batch.within)
        pose = pose_loss(theta.float(), view_theta.float(), maps)
        return {**terms, "loss": terms["loss"] + self.consistency * pose, "pose": pose}

    def compare(self, epoch: int) -> None:
        """R of the chunk."""
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
    """DAC: pairs above the one threshold are alike, below the other unlike, and those between are left out.

    Parameters
    ----------
    eta
        η, by which the thresholds close in.
    upper, lower
        Where they begin.
    """

    eta: float
    upper: float
    lower: float
    alike: Tensor = field(init=False, repr=False)
    unlike: Tensor = field(init=False, repr=False)
    shares: dict[str, Tensor] = field(init=False, repr=False)

    def compare(self, epoch: int) -> None:
        """Pairs of the chunk that are certain."""
        above, below = dac_thresholds(epoch, self.eta, self.upper, self.lower)
        self.alike, self.unlike = positive_pairs(self.clean, above), negative_pairs(self.clean, below)
        self.shares = {"positives": share_of_pairs(self.alike), "negatives": share_of_pairs(self.unlike)}

    def terms(self, probabilities: Tensor, within: slice) -> dict[str, Tensor]:
        """Terms ``loss``, ``positives`` and ``negatives``."""
        alike, unlike = self.alike[within, within], self.unlike[within, within]
        return {"loss": certain_pairs_loss(unit_vectors(probabilities), alike, unlike), **self.shares}


@dataclass
class PairMonitor:
    """After each epoch: the group of every image, examples set upright, and whether the groups have collapsed.

    It reads no label. What it sees are ``labels E`` (N,) int16 for each epoch E from 1, and ``examples first`` and
    ``examples last`` in native units.

    Parameters
    ----------
    images
        As the network sees them.
    shown
        How it sees them.
    order
        Of the images in the batches whose statistics are gone by.
    most_positives
        Share of the pairs beyond which the groups have collapsed.
    examples
        Native pixels to set upright; None without a transformer at the input.
    """

    images: ImageSet
    shown: Shown
    order: NDArray[np.int64]
    most_positives: float
    examples: Tensor | None = None

    def __call__(self, module: nn.Module, epoch: int, row: Mapping[str, Any], seen: Seen) -> bool:
        """Look; True ends the training."""
        device = next(module.parameters()).device
        shown = self.shown.to(device)
        labels = torch.empty(len(self.images), dtype=torch.int16)
        with torch.no_grad(), use_batch_statistics(module):
            for batch in read_batches(self.images, statistics_batches(len(self.images), self.order), device):
                labels[batch.indices.cpu()] = module(shown(batch.images)).argmax(dim=1).to(torch.int16).cpu()
            if self.examples is not None:
                examples = self.examples.to(device)
                seen["examples last"] = set_upright(module, shown, examples).cpu()
                seen.setdefault("examples first", seen["examples last"].clone())
        seen[f"labels {epoch}"] = labels
        return bool(row["positives"] > self.most_positives)


def set_upright(network: Any, shown: Shown, pixels: Tensor) -> Tensor:
    """Native pixels, all layers and channels alike, as the transformer at the input sets them: of their own shape and units."""
    theta: Tensor = network.theta(shown(pixels))
    return resample(as_channels(pixels), theta).reshape(pixels.shape)


def share_of_pairs(chosen: Tensor) -> Tensor:
    """Share of the pairs of different images that `chosen` (N, N) holds."""
    n = len(chosen)
    return (chosen.sum() - chosen.diagonal().sum()).float() / max(1, n * (n - 1))


def collapse_share(n_clusters: int) -> float:
    """Share of alike pairs from which on groups have collapsed: halfway from 1/K, that of K groups of one size, to 1."""
    return (1 + 1 / n_clusters) / 2


def statistics_batches(count: int, order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows in `order`, in batches of one size, none of which is small enough to have no statistics."""
    return np.array_split(order, -(-count // CLEAN_BATCH))
