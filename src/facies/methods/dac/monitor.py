"""What is recorded of a training of `st-dac` or `dac` after each epoch, and whether its groups have collapsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.images import ImageSet
from facies.methods.dac.frame import FramedPreprocessor
from facies.methods.preprocessing import as_channels
from facies.nn import resample, use_batch_statistics
from facies.training import Batch, Callback, CallbackState
from facies.training.batches import read_batches

CLEAN_BATCH = 256
"""Images at once in a pass without gradient that normalises by batch statistics."""


class PairMonitor(Callback):
    """Records the group of every image and examples set upright; ends a training whose groups have collapsed.

    It reads no label. Its state is ``labels E``, (N,) int16, for each epoch E from 1, and ``examples first`` and
    ``examples last`` in native units.
    """

    def __init__(
        self,
        images: ImageSet,
        preprocessor: FramedPreprocessor,
        order: NDArray[np.int64],
        max_positives: float,
        examples: Tensor | None = None,
    ) -> None:
        self.images, self.preprocessor, self.order = images, preprocessor, order
        self.max_positives, self.examples = max_positives, examples
        self.state: CallbackState = {}

    @torch.no_grad()
    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Record, and say whether the groups have collapsed."""
        device = next(module.parameters()).device
        self.preprocessor.to(device)
        labels = torch.empty(len(self.images), dtype=torch.int16)
        with use_batch_statistics(module):
            for batch in read_in_order(self.images, self.order, device):
                probabilities = module(self.preprocessor.transform(batch.images))
                labels[batch.indices.cpu()] = probabilities.argmax(dim=1).to(torch.int16).cpu()
            if self.examples is not None:
                upright = set_upright(module, self.preprocessor, self.examples.to(device)).cpu()
                self.state["examples last"] = upright
                self.state.setdefault("examples first", upright.clone())
        self.state[f"labels {epoch}"] = labels
        return bool(row["positives"] > self.max_positives)

    def state_dict(self) -> CallbackState:
        """All that has been recorded."""
        return self.state

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up what was recorded before a kill."""
        self.state = dict(state)

    @property
    def epoch_labels(self) -> NDArray[np.int16]:
        """Groups epoch by epoch, (epochs, N)."""
        epochs = sum(name.startswith("labels ") for name in self.state)
        return np.stack([self.state[f"labels {epoch}"].numpy() for epoch in range(1, epochs + 1)])


def read_in_order(images: ImageSet, order: NDArray[np.int64], device: torch.device) -> Iterator[Batch]:
    """Read all images in batches of one size, none of which is too small to have statistics."""
    return read_batches(images, np.array_split(order, -(-len(images) // CLEAN_BATCH)), device)


def set_upright(network: Any, preprocessor: FramedPreprocessor, pixels: Tensor) -> Tensor:
    """Native pixels, all layers and channels alike, as the transformer at the input sets them; of their own shape and units."""
    theta: Tensor = network.theta(preprocessor.transform(pixels))
    upright = resample(preprocessor.surrounded(as_channels(pixels)), theta)
    if upright.shape[-2:] != pixels.shape[-2:]:
        upright = F.interpolate(upright, size=pixels.shape[-2:], mode="bilinear", align_corners=False, antialias=True)
    return upright.reshape(pixels.shape)
