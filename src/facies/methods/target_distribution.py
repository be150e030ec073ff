"""The target of self-training: assignments of all images, sharpened, and renewed now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from facies.images import ImageSet
from facies.losses import student_t_assignment, target_distribution
from facies.methods.preprocessing import Preprocessor
from facies.training import Batch, Callback, CallbackState, apply_in_batches


class TargetDistribution(Callback):
    """Keeps p of every image (DEC, eq. 3), and ends the training once the groups stand still.

    It is computed from the images as they are, also where the network learns from views. No label is read.

    Parameters
    ----------
    images, preprocessor
        All images, and how their pixels are prepared.
    alpha
        Degrees of freedom of Student's t, by which codes belong to centres; None asks the network itself (its `assign`).
    interval
        Steps between two targets.
    tolerance
        Share of the images that may change their group from one target to the next, when the training ends.
    sharpen
        From the assignments of all images to their targets.
    """

    def __init__(
        self,
        images: ImageSet,
        preprocessor: Preprocessor,
        alpha: float | None,
        interval: int,
        tolerance: float,
        sharpen: Callable[[Tensor], Tensor] = target_distribution,
    ) -> None:
        self.images, self.preprocessor, self.sharpen = images, preprocessor, sharpen
        self.alpha, self.interval, self.tolerance = alpha, interval, tolerance
        self.steps, self.settled = 0, False
        self.target: Tensor | None = None
        self.labels = torch.zeros(0, dtype=torch.int64)

    def assignments(self, module: nn.Module, images: Tensor) -> Tensor:
        """Q of prepared images: (B, C, H, W) → (B, K) (eq. 1)."""
        network: Any = module
        if self.alpha is None:
            assigned: Tensor = network.assign(network.encode(images))
            return assigned
        return student_t_assignment(network.encode(images), network.centres, self.alpha)

    def for_batch(self, batch: Batch) -> Tensor:
        """P of the images of a batch, (B, K), on their device."""
        assert self.target is not None
        return self.target[batch.indices.cpu()].to(batch.images.device)

    def on_fit_start(self, module: nn.Module) -> None:
        """The first target."""
        if self.target is None:
            self.renew(module)

    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Another target, every `interval` steps."""
        self.steps += 1
        if self.steps % self.interval == 0:
            self.renew(module)

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Whether the groups stand still."""
        return self.settled

    def renew(self, module: nn.Module) -> None:
        """Compute the target from all images."""
        training, device = module.training, next(module.parameters()).device
        module.eval()
        self.preprocessor.to(device)
        (q,) = apply_in_batches(
            lambda pixels: self.assignments(module, self.preprocessor.transform(pixels)), self.images, device
        )
        module.train(training)
        labels = torch.from_numpy(q.argmax(axis=1))
        if len(self.labels):
            self.settled = float((labels != self.labels).float().mean()) <= self.tolerance
        self.labels, self.target = labels, self.sharpen(torch.from_numpy(q))

    def state_dict(self) -> CallbackState:
        """Target, groups, and how far the interval is."""
        assert self.target is not None
        counts = torch.tensor([self.steps, int(self.settled)])
        return {"target": self.target, "labels": self.labels, "counts": counts}

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up a state."""
        self.target, self.labels = state["target"], state["labels"]
        self.steps, self.settled = int(state["counts"][0]), bool(state["counts"][1])
