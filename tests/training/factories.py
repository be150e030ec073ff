"""Small trainings to run, stop and run again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from facies.images import ImageSet, open_images
from facies.training import Batch, Callback, Hardware, StageCheckpoints, Trainer, Training

CPU = Hardware(accelerator="cpu")


class Interrupted(Exception):
    """Stands for a kill."""


def make_images(count: int = 24, side: int = 6, seed: int = 0, channels: int = 2) -> ImageSet:
    pixels = np.random.default_rng(seed).random((count, channels, side, side), dtype=np.float32)
    return open_images(pixels)


class Network(nn.Module):
    """Convolutions of several channels (so that memory formats matter), with or without batch statistics."""

    def __init__(self, *, batch_norm: bool = True, channels: int = 2) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(5) if batch_norm else nn.Identity()
        self.blocks = nn.Sequential(
            nn.Conv2d(channels, 5, 3, padding=1), norm, nn.Tanh(), nn.Conv2d(5, channels, 3, padding=1)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.blocks(images)


def build(**options: bool | int) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Network(**options)


@dataclass
class Redraw:
    """Mean squared error, of noisy images if `noise`; raises at the step `stop_at` (counted over the object's life)."""

    noise: float = 0.0
    stop_at: int | None = None
    scale: float = 1.0
    seen: list[list[int]] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        if self.stop_at is not None and len(self.seen) >= self.stop_at:
            raise Interrupted
        self.seen.append(batch.indices.tolist())
        self.progress.append(batch.progress)
        shown = batch.images + self.noise * torch.randn_like(batch.images)
        error = (module(shown) - batch.images).square().mean()
        return {"loss": self.scale * error, "error": error.sqrt()}


@dataclass
class RedrawLargeBatches(Redraw):
    """Redraws half of the large batch as the network drew it; remembers what it was given."""

    pairing_batch_size: int = 12
    large_batches: list[tuple[int, list[int]]] = field(default_factory=list)

    def begin_large_batch(self, module, batch: Batch) -> None:
        assert module.training
        with torch.no_grad():
            module.eval()
            self.target = module(batch.images)
            module.train()
        self.rows = batch.indices
        self.large_batches.append((batch.epoch, batch.indices.tolist()))

    def __call__(self, module, batch):
        assert torch.equal(self.rows[batch.within], batch.indices)
        terms = super().__call__(module, batch)
        error = (module(batch.images) - 0.5 * self.target[batch.within]).square().mean()
        return {"loss": terms["loss"] + error}


class WeightRecorder(Callback):
    """Records a weight after each epoch, and ends the training after epoch `last`."""

    def __init__(self, last: int | None = None) -> None:
        self.last, self.state, self.calls = last, {}, []

    def on_fit_start(self, module) -> None:
        self.calls.append("start")

    def on_step_end(self, module, batch) -> None:
        self.state["steps"] = self.state.get("steps", torch.tensor(0)) + 1

    def on_epoch_end(self, module, epoch, row) -> bool:
        assert row["epoch"] == epoch
        self.calls.append(epoch)
        self.state[f"weight {epoch}"] = next(module.parameters()).detach().clone()
        return epoch == self.last

    def state_dict(self):
        return self.state

    def load_state_dict(self, state) -> None:
        self.state = dict(state)


def make_training(epochs: int, batch_size: int = 100, learning_rate: float = 5e-4, **settings) -> Training:
    return Training(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, **settings)


class NotANumber:
    """A loss that is NaN from the third step on."""

    def __init__(self, value: float = float("nan")) -> None:
        self.value, self.steps = value, 0

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        self.steps += 1
        error = (module(batch.images) - batch.images).square().mean()
        return {"loss": error * (self.value if self.steps > 2 else 1.0)}


def train(
    module: nn.Module,
    images: ImageSet,
    objective: object,
    training: Training,
    *,
    folder=None,
    hardware=CPU,
    random_state=0,
    rows=None,
    **options,
):
    """Train as the first stage of a fit would; return the trainer."""
    trainer = Trainer(random_state, hardware, StageCheckpoints(folder))
    trainer.result = trainer.fit(module, images, objective, training, rows, **options)
    return trainer
