"""The default network of Voxel-VAE: trained on single voxels and their patches, applied to a whole block in one dense pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.methods.voxel_vae.dense_training import Decoder, DenseSettings, train_alone, train_together
from facies.methods.voxel_vae.training_blocks import PatchSource, TrainingBlock, with_noise
from facies.methods.voxels.base import VoxelSample
from facies.methods.voxels.contrast import normalise_contrast
from facies.methods.voxels.filter_bank import all_responses, bank_halo, bank_sigmas, learning_blocks
from facies.methods.voxels.gaussian_scale import radius
from facies.methods.voxels.physical_scale import Shape, Triple, WorkingGrid
from facies.nn.voxel_encoder import VoxelEncoder
from facies.training import derive_seed

if TYPE_CHECKING:
    from facies.training import Progress

N_SCALES = 4


class DenseNetwork:
    """Embeds a voxel from the filter responses at it, of thick slices also the mean of those of the slices beside.

    The code must reconstruct the responses. So it keeps what varies together across filters and slices, and leaves out noise. With
    `channels` the encoder also sees the patch around the voxel, by convolutions.

    Parameters
    ----------
    settings : DenseSettings
        The parameters, such as a `VoxelVAE`.
    grid : WorkingGrid
        The voxels that are worked on.
    """

    def __init__(self, settings: DenseSettings, grid: WorkingGrid) -> None:
        self.settings, self.grid = settings, grid
        self.slices = grid.is_slices
        self.sigmas: list[Triple] = [grid.voxels(sigma) for sigma in bank_sigmas(settings.scale_nm, N_SCALES)]
        self.window: Triple = grid.voxels(settings.scale_nm / 4)
        if self.slices:
            self.window = (0.0, *self.window[1:])
        self.n_values = (14 if self.slices else 9) * N_SCALES
        self.encoder = VoxelEncoder(
            settings.channels,
            self.n_values,
            latent_size=settings.latent_size,
            hidden=settings.hidden,
            slices=self.slices,
        )
        self.means = torch.zeros(self.n_values)
        self.deviations = torch.ones(self.n_values)

    @property
    def working_halo(self) -> Shape:
        """How far a voxel sees, in working voxels."""
        bank, patch = bank_halo(self.sigmas, slices=self.slices), self.encoder.halo
        window = [radius(each) for each in self.window]
        if not self.settings.keep_intensity:
            bank = _sum(bank, window)
        if self.settings.channels:
            patch = _sum(patch, window)
        z, y, x = (max(a, b) for a, b in zip(bank, patch, strict=True))
        return z, y, x

    def learn(
        self, sample: VoxelSample, device: torch.device, progress: Progress, checkpoints: Path | None = None
    ) -> list[dict[str, float]]:
        """Train encoder and decoder on random patches of a sample; the losses by step are returned.

        What a kill left unfinished goes on from `checkpoints`.
        """
        settings = self.settings
        seed = derive_seed(settings.random_state, "dense")
        blocks = list(self._blocks(sample, np.random.default_rng(seed), progress))
        every = torch.cat([block.targets.flatten(1)[:, ::7].float() for block in blocks], dim=1)
        self.means, self.deviations = every.mean(dim=1), every.std(dim=1).clamp_min(1e-6)
        blocks = [self._standardised(block) for block in blocks]
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.encoder = VoxelEncoder(
                settings.channels,
                self.n_values,
                latent_size=settings.latent_size,
                hidden=settings.hidden,
                slices=self.slices,
            ).to(device)
            decoder = Decoder(settings.latent_size, settings.hidden, self.n_values).to(device)
            if settings.devices > 1:
                return train_together(self.encoder, decoder, blocks, settings, progress, checkpoints)
            source = PatchSource(blocks, self.encoder.patch, device)
            return train_alone(self.encoder, decoder, source, settings, seed, progress, checkpoints)

    def _blocks(self, sample: VoxelSample, rng: np.random.Generator, progress: Progress) -> Iterator[TrainingBlock]:
        count = self.settings.n_blocks if self.slices else max(1, self.settings.n_blocks // 4)
        halo = self.grid.stored_halo(self.working_halo)
        cut = list(learning_blocks(sample, halo, rng, slices=self.slices, count=count))
        progress.start("filtering", len(cut), "blocks")
        for values in cut:
            working = self.grid.reduce(values)
            seen = with_noise(working, self.settings.noise, rng) if self.settings.noise else working
            responses = torch.from_numpy(self._responses(seen)).half()
            targets = torch.from_numpy(self._responses(working)).half() if self.settings.noise else responses
            yield TrainingBlock(torch.from_numpy(self._grey(seen)), responses, targets)
            progress.advance(1)
        progress.finish()

    @torch.no_grad()
    def embed(self, values: NDArray[np.float32], device: torch.device) -> NDArray[np.float32]:
        """Embed the working voxels of a block (z, y, x) with `working_halo` on each side: (latent_size, z, y, x)."""
        responses = self._standard(torch.from_numpy(self._responses(values)))
        grey = torch.from_numpy(self._grey(values))
        encoder = self.encoder.to(device).eval()
        return encoder.dense(grey[None].to(device), responses.to(device)).cpu().numpy()

    def _grey(self, working: NDArray[np.float32]) -> NDArray[np.float32]:
        """What patches are cut from, with the halo of the network alone."""
        values = normalise_contrast(working, self.window) if self.settings.channels else working
        return np.ascontiguousarray(_inner(values, self._more(self.encoder.halo)))

    def _responses(self, working: NDArray[np.float32]) -> NDArray[np.float32]:
        """Responses of the filters without any halo, (n_values, z, y, x)."""
        if not self.settings.keep_intensity:
            working = normalise_contrast(working, self.window)
        z, y, x = self.working_halo
        if not self.slices:
            return all_responses(working, self.sigmas, slices=False, halo=(z, y, x))
        parts = all_responses(working, self.sigmas, slices=True, halo=(0, y, x))
        own = parts[:, z : parts.shape[1] - z]
        return np.concatenate([own, (parts[:, z - 1 : -z - 1] + parts[:, z + 1 : parts.shape[1] - z + 1]) / 2])

    def _more(self, halo: Shape) -> Shape:
        z, y, x = (all_of - own for all_of, own in zip(self.working_halo, halo, strict=True))
        return z, y, x

    def _standardised(self, block: TrainingBlock) -> TrainingBlock:
        values = self._standard(block.values)
        without_noise = block.targets is block.values
        return TrainingBlock(block.grey, values, values if without_noise else self._standard(block.targets))

    def _standard(self, values: Tensor) -> Tensor:
        """Standardise responses, those of float32 in their place."""
        shape = (-1, 1, 1, 1)
        found = values.float().sub_(self.means.reshape(shape)).div_(self.deviations.reshape(shape))
        return found.to(values.dtype)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return weights, and means and deviations of the responses."""
        arrays = {f"encoder.{name}": each.detach().cpu().numpy() for name, each in self.encoder.state_dict().items()}
        return arrays | {"means": self.means.numpy(), "deviations": self.deviations.numpy()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned."""
        weights = {name: torch.from_numpy(each.copy()) for name, each in state.items()}
        self.means, self.deviations = weights.pop("means"), weights.pop("deviations")
        self.encoder.load_state_dict({name.removeprefix("encoder."): each for name, each in weights.items()})


def _sum(halo: Shape, more: Sequence[int]) -> Shape:
    z, y, x = (a + b for a, b in zip(halo, more, strict=True))
    return z, y, x


def _inner(values: NDArray[np.float32], halo: Shape) -> NDArray[np.float32]:
    z, y, x = (slice(more, size - more) for more, size in zip(halo, values.shape, strict=True))
    return values[z, y, x]
