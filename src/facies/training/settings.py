"""What several methods let a user choose in the same words: training, augmentation, hardware, projection."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import torch
from annotated_types import Ge, Interval, Lt

from facies.errors import InputError, suggest
from facies.images import RandomAffine
from facies.parameters import Count, Fraction, Positive, Settings, Weight
from facies.training.one_device import OneDevice
from facies.training.schedules import ScheduleName, learning_rate_factor

if TYPE_CHECKING:
    from lightning.fabric import Fabric

ACCELERATORS = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")

OptimizerName = Literal["adam", "amsgrad", "adamw", "sgd", "rmsprop"]

Epochs = Count | Literal["auto"]
"""A number of epochs, or ``auto``: as many as suit the number of images."""


@dataclass(kw_only=True)
class Training(Settings):
    """How long and how fast a network learns."""

    epochs: Epochs = 100
    """Times that every image is shown; ``auto`` chooses by the number of images, fewer times the more there are."""
    batch_size: Count = 128
    """Images in a step, over all devices together; larger batches make smoother and fewer steps."""
    optimizer: OptimizerName = "adam"
    """Rule by which the weights follow their gradient."""
    learning_rate: Positive = 1e-3
    """Size of a step; the highest one where `schedule` changes it. Too large a value makes the loss diverge."""
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    """Share of the last step that the next one keeps; for ``sgd`` alone."""
    weight_decay: Weight = 0.0
    """Pull of the weights towards 0: an L2 penalty, decoupled from the gradient in ``adamw``."""
    schedule: ScheduleName = "constant"
    """How the learning rate goes: ``constant``; ``one-cycle``, a short climb and a long cosine descent; ``cosine``, the
    descent alone; ``step``, multiplied by `decay` after every `decay_epochs` epochs."""
    decay: Fraction = 0.1
    """Factor of the schedule ``step``."""
    decay_epochs: Count = 10
    """Epochs between two changes of the schedule ``step``."""
    gradient_clip: Positive | None = None
    """Largest norm of a gradient, longer ones are shortened to it; null shortens none."""
    patience: Count | None = None
    """Epochs without a loss lower by 0.1 % after which a training ends early; null never ends one. No label is read."""

    @property
    def n_epochs(self) -> int:
        """`epochs` as a number.

        Raises
        ------
        InputError
            If it is ``auto`` and no method has settled it.
        """
        if self.epochs == "auto":
            raise InputError("epochs='auto' must be settled by the method before a training begins")
        return self.epochs

    def rate(self, progress: float) -> float:
        """Learning rate once a share `progress` in [0, 1] of the training is done."""
        epoch = int(progress * self.n_epochs)
        factor = learning_rate_factor(
            self.schedule, progress, epoch=epoch, decay=self.decay, decay_epochs=self.decay_epochs
        )
        return self.learning_rate * factor

    def with_n_epochs(self, epochs: int) -> Self:
        """The same settings with this number of epochs."""
        return dataclasses.replace(self, epochs=epochs)

    def with_epochs(self, automatic: int) -> Self:
        """The same settings with ``auto`` replaced by a number of epochs, at least 1."""
        return dataclasses.replace(self, epochs=max(1, automatic)) if self.epochs == "auto" else self


@dataclass(kw_only=True)
class Augmentation(Settings):
    """Random views of the images that a network learns from."""

    enabled: bool = True
    """Show views; else the images as they are."""
    rotation: Annotated[float, Interval(ge=0, le=180)] = 10.0
    """Largest turn in degrees, either way."""
    zoom: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Largest change of size, as a share."""
    shift: Fraction = 0.1
    """Largest shift along each side, as a share of the side."""
    flip: bool = False
    """Mirror every second view; only where a mirrored thing is of the same kind."""

    def transform(self, fill: float) -> RandomAffine | None:
        """The random map of a batch of images, or None where views are not enabled.

        Parameters
        ----------
        fill
            Pixel value of what comes in from outside of an image.
        """
        return RandomAffine(self.rotation, self.zoom, self.shift, self.flip, fill=fill) if self.enabled else None


@dataclass(kw_only=True)
class Projection(Settings):
    """The map of all images in two dimensions; groups never depend on it."""

    n_neighbors: Annotated[int, Ge(2)] = 15
    """Neighbours by which UMAP lays out an image; more show the whole rather than the detail."""
    min_dist: Fraction = 0.1
    """How close UMAP may put two images; larger values spread the map."""


@dataclass(kw_only=True)
class Hardware(Settings):
    """Device, number of processes and arithmetic of a fit; a fitted method is the same whatever they were."""

    accelerator: str = "auto"
    """``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``."""
    devices: Count = 1
    """How many GPUs, or CPU processes; each has a part of every batch, and they learn the same weights (DDP)."""
    precision: str = "auto"
    """``auto`` (bf16 autocast on GPUs that have it, 32 bits elsewhere), ``32-true``, ``bf16-mixed`` or ``16-mixed``."""
    channels_last: bool = True
    """Keep the weights of convolutions in the channels-last order, which is quicker on most machines."""

    def check(self) -> None:
        """Raise InputError if there is no such device or arithmetic, or this machine has not so many devices."""
        for name, known in (("accelerator", ACCELERATORS), ("precision", PRECISIONS)):
            value = getattr(self, name)
            if value not in known:
                raise InputError(f"hardware.{name}={value!r} is not known; {suggest(value, known, 'choose from {}')}")
        if self.accelerator == "mps" and not torch.backends.mps.is_available():
            raise InputError(
                "hardware.accelerator='mps': this machine has no such device that torch can use; take 'auto'"
            )
        if self.resolved_accelerator == "cuda" and torch.cuda.device_count() < self.devices:
            raise InputError(
                f"devices={self.devices}: this machine has {torch.cuda.device_count()} GPUs that torch can use"
            )

    @property
    def resolved_accelerator(self) -> str:
        """`accelerator`, with ``auto`` made definite."""
        if self.accelerator != "auto":
            return self.accelerator
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"

    @property
    def device(self) -> torch.device:
        """The device of a single process."""
        return torch.device(self.resolved_accelerator)

    def fabric(self) -> Fabric | OneDevice:
        """A Lightning Fabric for these settings, launched; for one process on the CPU what does the same without Lightning."""
        accelerator = self.resolved_accelerator
        if accelerator == "cpu" and self.devices == 1 and self.precision in ("auto", "32-true"):
            return OneDevice()
        from lightning.fabric import Fabric
        from lightning.fabric.plugins.environments import LightningEnvironment

        precision: Any = self.precision
        if precision == "auto":
            precision = "bf16-mixed" if accelerator == "cuda" and torch.cuda.is_bf16_supported() else "32-true"
        strategy, plugins = ("auto", []) if self.devices == 1 else ("ddp", [LightningEnvironment()])
        fabric = Fabric(
            accelerator=accelerator, devices=self.devices, strategy=strategy, precision=precision, plugins=plugins
        )
        fabric.launch()
        return fabric
