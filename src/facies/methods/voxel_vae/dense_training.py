"""How the default network of Voxel-VAE is trained: alone, or by several processes together; a killed training goes on the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from facies.losses import kl_to_standard_normal
from facies.methods.voxel_vae.training_blocks import PatchSource, TrainingBlock
from facies.methods.voxels.patch_training import train_on_patches
from facies.methods.voxels.physical_scale import Shape
from facies.nn.voxel_encoder import VoxelEncoder
from facies.training import Batch
from facies.training.checkpoints import load_state, save_state
from facies.training.optimizers import load_optimizer_state, optimizer_state

if TYPE_CHECKING:
    from facies.training import Progress

LEAST_DEVIATION = 0.05
SECONDS_BETWEEN_SAVES = 30.0
CHECKPOINT = "training.safetensors"


class DenseSettings(Protocol):
    """The parameters that the network needs; `VoxelVAE` says what they do."""

    scale_nm: float
    random_state: int
    latent_size: int
    channels: Sequence[int]
    hidden: int
    n_steps: int
    batch_size: int
    learning_rate: float
    kl_weight: float
    noise: float
    n_blocks: int
    keep_intensity: bool
    device: str
    devices: int


class Decoder(nn.Module):
    """A code → mean of the responses; their standard deviations are learnt, one for each."""

    def __init__(self, latent_size: int, hidden: int, n_values: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_size, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, n_values)
        )
        self.log_deviation = nn.Parameter(torch.full((n_values,), -1.0))

    def loss(self, codes: Tensor, targets: Tensor) -> Tensor:
        """Negative log-likelihood of the targets without its constant, one number a row."""
        deviation = self.log_deviation.exp().clamp_min(LEAST_DEVIATION)
        return (0.5 * ((self.layers(codes) - targets) / deviation).square() + deviation.log()).sum(dim=1)


class EncoderAndDecoder(nn.Module):
    """Both as one network, for several processes that share it."""

    def __init__(self, encoder: VoxelEncoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, patches: Tensor, values: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Means over the batch of what the targets cost, and of the divergence of the codes."""
        mean, variance = self.encoder(patches, values)
        code = mean + variance.sqrt() * torch.randn_like(mean)
        return self.decoder.loss(code, targets).mean(), kl_to_standard_normal(mean, variance.log()).mean()


class DenseObjective:
    """The loss of a batch of patches, which it draws itself, on the device.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        What patches are drawn from.
    patch : tuple of int
        The shape of a patch.
    kl_weight : float
        Weight of the divergence.
    """

    def __init__(self, blocks: Sequence[TrainingBlock], patch: Shape, kl_weight: float) -> None:
        self.blocks, self.patch, self.kl_weight = blocks, patch, kl_weight
        self._source: PatchSource | None = None

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Draw as many patches as the batch has rows, by the seed of the step; terms of the loss."""
        if self._source is None:
            self._source = PatchSource(self.blocks, self.patch, batch.indices.device)
        patches, values, targets = next(self._source.batches(1, len(batch.indices), torch.initial_seed()))
        reconstruction, divergence = module(patches, values, targets)
        loss = reconstruction + self.kl_weight * divergence
        return {"loss": loss, "reconstruction": reconstruction, "divergence": divergence}


def train_alone(
    encoder: VoxelEncoder,
    decoder: Decoder,
    source: PatchSource,
    settings: DenseSettings,
    seed: int,
    progress: Progress,
    checkpoints: Path | None,
) -> list[dict[str, float]]:
    """Train both on one device, on batches of a source; the losses by step are returned.

    The state is kept in `checkpoints` now and then. A training that was killed goes on from there: what the steps before it drew is
    drawn again from the seed, so that all numbers are those of an unbroken one.
    """
    n_steps = settings.n_steps
    pair = EncoderAndDecoder(encoder, decoder)
    optimizer = torch.optim.Adam(pair.parameters(), lr=settings.learning_rate, amsgrad=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    kept = None if checkpoints is None else checkpoints / CHECKPOINT
    history = _restore(kept, pair, optimizer, schedule)
    begun = schedule.last_epoch
    for _ in range(begun):
        torch.randn(settings.batch_size, settings.latent_size, device=source.device)
    progress.start("training", n_steps, "steps")
    progress.advance(begun)
    saved = time.monotonic()
    for step, batch in enumerate(source.batches(n_steps, settings.batch_size, seed, begun), begun):
        reconstruction, divergence = pair(*batch)
        loss = reconstruction + settings.kl_weight * divergence
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if step % max(n_steps // 200, 1) == 0:
            history.append({"step": step, "reconstruction": reconstruction.item(), "divergence": divergence.item()})
        if kept is not None and (time.monotonic() - saved >= SECONDS_BETWEEN_SAVES or step == n_steps - 1):
            _save(kept, pair, optimizer, schedule, history)
            saved = time.monotonic()
        progress.advance(1)
    progress.finish()
    return history


def train_together(
    encoder: VoxelEncoder,
    decoder: Decoder,
    blocks: Sequence[TrainingBlock],
    settings: DenseSettings,
    progress: Progress,
    checkpoints: Path | None,
) -> list[dict[str, float]]:
    """Train both on several devices, each of which has all blocks and draws a part of every batch."""
    return train_on_patches(
        EncoderAndDecoder(encoder, decoder), DenseObjective(blocks, encoder.patch, settings.kl_weight),
        n_steps=settings.n_steps, batch_size=settings.batch_size, learning_rate=settings.learning_rate, schedule="cosine",
        device=settings.device, devices=settings.devices, random_state=settings.random_state, progress=progress,
        checkpoints=checkpoints,
    )  # fmt: skip


def _save(
    path: Path,
    pair: EncoderAndDecoder,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.CosineAnnealingLR,
    history: list[dict[str, float]],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_state(
        path,
        {
            "weights": dict(pair.state_dict()), "optimizer": optimizer_state(optimizer), "schedule": schedule.state_dict(),
            "history": history,
        },
    )  # fmt: skip


def _restore(
    path: Path | None,
    pair: EncoderAndDecoder,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.CosineAnnealingLR,
) -> list[dict[str, float]]:
    """Take the state that was kept, if any, and return the losses so far."""
    if path is None or not path.exists():
        return []
    kept = load_state(path)
    pair.load_state_dict(kept["weights"])
    load_optimizer_state(optimizer, kept["optimizer"])
    schedule.load_state_dict(kept["schedule"])
    for group, rate in zip(optimizer.param_groups, schedule.get_last_lr(), strict=True):
        group["lr"] = rate
    history: list[dict[str, float]] = kept["history"]
    return history
