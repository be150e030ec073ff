"""What a fit computes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from lightning.fabric import Fabric

from facies.errors import InputError

SINGLE_PROCESS = ("auto",)
SPAWNED = ("ddp", "ddp_spawn")


@dataclass(frozen=True)
class Hardware:
    """Device, number of processes and arithmetic.

    Parameters
    ----------
    accelerator
        ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
    devices
        How many GPUs, or CPU processes.
    strategy
        How several devices share the work: ``auto`` or ``ddp`` (each has a part of every batch).
    precision
        ``auto`` (bf16 autocast on GPUs that have it, 32 bits elsewhere), ``32-true``, ``bf16-mixed`` or ``16-mixed``.
    channels_last
        Keep the weights of convolutions in the channels-last order, which is quicker on most machines.
    """

    accelerator: str = "auto"
    devices: int = 1
    strategy: str = "auto"
    precision: str = "auto"
    channels_last: bool = True

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise InputError(f"devices={self.devices}: give 1 or more")
        if self.strategy not in (*SINGLE_PROCESS, *SPAWNED):
            raise InputError(f"strategy={self.strategy!r} is not known; choose from auto, ddp")
        if self.resolved_accelerator == "cuda" and torch.cuda.device_count() < self.devices:
            raise InputError(
                f"devices={self.devices}: this machine has {torch.cuda.device_count()} GPUs that torch can use"
            )

    @property
    def resolved_accelerator(self) -> str:
        """``accelerator``, with ``auto`` made definite."""
        if self.accelerator != "auto":
            return self.accelerator
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"

    @property
    def device(self) -> torch.device:
        """The device of a single process."""
        return torch.device(self.resolved_accelerator)

    def fabric(self) -> Fabric:
        """A Lightning Fabric for these settings, not yet launched."""
        from lightning.fabric import Fabric

        accelerator = self.resolved_accelerator
        precision: Any = self.precision
        if precision == "auto":
            precision = "bf16-mixed" if accelerator == "cuda" and torch.cuda.is_bf16_supported() else "32-true"
        strategy = "auto" if self.devices == 1 else "ddp_spawn"
        return Fabric(accelerator=accelerator, devices=self.devices, strategy=strategy, precision=precision)
