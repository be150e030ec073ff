"""CIHS: its parameters, and how a voxel gets its code in the ball."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import annotated_types as at
import numpy as np
import torch
from numpy.typing import NDArray

from facies.errors import InputError
from facies.methods.cihs.objective import Hierarchy, HierarchyObjective
from facies.methods.voxels.base import VoxelMethod, VoxelSample
from facies.methods.voxels.patch_sampler import PatchGrid, PatchSampler
from facies.methods.voxels.patch_training import embed_patches, load_weights, train_on_patches, weights_of
from facies.methods.voxels.physical_scale import Shape
from facies.nn.hyperbolic_vae import HyperbolicVAE
from facies.parameters import Count, Fraction, Positive, Weight
from facies.training import Hardware

if TYPE_CHECKING:
    from facies.training import Progress

RADIUS = 4 / 9
_PARTS = ("encoder", "tangent")


@dataclass(kw_only=True, eq=False, repr=False)
class CIHS(VoxelMethod):
    """A variational autoencoder of patches whose codes lie in the Poincaré ball; a patch and what lies inside of it have near ones.

    Examples
    --------
    >>> import numpy as np
    >>> grey = np.random.default_rng(0).integers(0, 255, (4, 40, 40), np.uint8)
    >>> method = CIHS(n_steps=1, batch_size=2, channels=(2,), hidden=4).fit(VoxelSample([grey], (80, 16, 16)))
    >>> method.embed(np.zeros([3 + 2 * each for each in method.halo], np.float32)).shape
    (2, 3, 3, 3)
    """

    name: ClassVar[str] = "cihs"
    title: ClassVar[str] = "CIHS"
    reference: ClassVar[str] = (
        "Hsu, Gu, Wu, Chiu and Yeung, Capturing implicit hierarchical structure in 3D biomedical images with self-supervised "
        "hyperbolic representations, NeurIPS 2021"
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {},
        "paper": {"channels": (32, 64, 128), "hidden": 128, "n_steps": 78_125},
    }

    scale_nm: Positive = 144.0
    """The size of the patch around a voxel, in nm."""
    latent_size: Count = 2
    """Dimensions of the ball."""
    channels: tuple[Count, ...] = (16, 32, 64)
    """Outputs of the convolutions, behind each of which a patch is halved; up to four."""
    hidden: Count = 64
    """Width of the layer between the convolutions and the code, and number of gyroplanes."""
    n_steps: Count = 400
    """Steps of the training; the preset ``paper`` sees the ten million patches that Han et al. gave it."""
    batch_size: Annotated[int, at.Ge(2)] = 128
    """Patches of a step, with one inside of each, over all devices together."""
    learning_rate: Positive = 1e-3
    """Of AMSGrad."""
    smallest: Positive = 0.5
    """Smallest size of a patch that is learnt from, in units of the size at which voxels are embedded."""
    largest: Positive = 1.5
    """Greatest size of a patch that is learnt from."""
    child: Annotated[float, at.Gt(0), at.Lt(1)] = 0.5
    """Size of the patch inside of another one, in units of that one."""
    noise: Weight = 0.1
    """Standard deviation of the noise that is added to a patch, in those of the patch."""
    least_deviation: Fraction = 0.05
    """Least spread that the decoder predicts for a value."""
    kl_weight: Weight = 1e-3
    """Weight of the divergence of codes from the prior."""
    prior_deviation: Positive = 1.0
    """Standard deviation of the prior, a wrapped normal distribution around the middle of the ball."""
    triplet_weight: Weight = 1.0
    """Weight of the triplets."""
    margin: Weight = 0.2
    """By how much what lies elsewhere is to be farther from a patch than what lies inside of it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What is computed on; ``auto`` is a GPU if there is one."""
    devices: Count = 1
    """How many GPUs, or CPU processes, it is trained on."""

    @property
    def n_features(self) -> int:
        """The dimensions of the ball."""
        return self.latent_size

    @property
    def cluster_kind(self) -> str:
        """k-means by the distances of the ball."""
        return "hyperbolic"

    @property
    def finest_nm(self) -> float:
        """A patch is 9 voxels wide."""
        return self.scale_nm / 9

    @property
    def halo(self) -> Shape:
        """How far a patch reaches."""
        return self.grid.stored_halo(PatchGrid.of(self.grid).halo(self._radius_nm))

    def check(self) -> None:
        """Refuse also parameters that do not go together."""
        super().check()
        if not 1 <= len(self.channels) <= 4:
            raise InputError(f"channels={self.channels}: give one to four, since a patch of 16 can be halved so often")
        if self.smallest > self.largest:
            raise InputError(f"smallest={self.smallest:g} exceeds largest={self.largest:g}: make it smaller")

    def learn(self, sample: VoxelSample, progress: Progress) -> None:
        """Train the network on random patches of the sample."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            self.network_ = self._make()
        hierarchy = Hierarchy(self, self._radius_nm, PatchSampler.of(sample, self.grid))
        self.history_ = train_on_patches(
            self.network_, HierarchyObjective(self, hierarchy), n_steps=self.n_steps, batch_size=self.batch_size,
            learning_rate=self.learning_rate, device=self.device, devices=self.devices, random_state=self.random_state,
            progress=progress, checkpoints=self.checkpoints,
        )  # fmt: skip

    def embed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed a block by the patches of its voxels."""
        z, y, x = (size - 2 * more for size, more in zip(values.shape, self.halo, strict=True))
        device = Hardware(accelerator=self.device).device
        network = self.network_.to(device).eval()
        grid = PatchGrid.of(self.grid)
        working = self.grid.reduce(values)
        codes = embed_patches(lambda each: network.encode(each)[0], working, grid, self._radius_nm, device)
        return np.ascontiguousarray(self.grid.restore(codes, (z, y, x)))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the weights of what embeds."""
        return weights_of(self.network_, _PARTS)

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the weights."""
        self.network_ = self._make()
        load_weights(self.network_, dict(state), _PARTS)

    @property
    def _radius_nm(self) -> float:
        return RADIUS * self.scale_nm

    def _make(self) -> HyperbolicVAE:
        grid = PatchGrid.of(self.grid)
        return HyperbolicVAE(
            grid.shape, grid.n_values, self.channels, hidden=self.hidden, latent_size=self.latent_size
        )  # fmt: skip
