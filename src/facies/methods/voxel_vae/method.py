"""Voxel-VAE: its parameters, and which of its networks does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import annotated_types as at
import numpy as np
import torch
from numpy.typing import NDArray

from facies.errors import InputError
from facies.methods.voxel_vae.dense import N_SCALES, DenseNetwork
from facies.methods.voxel_vae.paper import PaperNetwork, PaperSettings
from facies.methods.voxels.base import VoxelMethod, VoxelSample
from facies.methods.voxels.filter_bank import bank_sigmas
from facies.methods.voxels.physical_scale import Shape
from facies.parameters import Count, Positive, Weight, parameter_values, settings

if TYPE_CHECKING:
    from facies.training import Progress

_OF_BOTH = ("network", "paper", "device", "devices", "scale_nm", "random_state")


@dataclass(kw_only=True, eq=False, repr=False)
class VoxelVAE(VoxelMethod):
    """A variational autoencoder that gives each voxel a code, from filters at several scales and, if wanted, the patch around it.

    Examples
    --------
    >>> import numpy as np
    >>> grey = np.random.default_rng(0).integers(0, 255, (12, 40, 40), np.uint8)
    >>> method = VoxelVAE(n_steps=2, n_blocks=1, scale_nm=240).fit(VoxelSample([grey], (80, 16, 16)))
    >>> method.embed(np.zeros([3 + 2 * each for each in method.halo], np.float32)).shape
    (6, 3, 3, 3)
    """

    name: ClassVar[str] = "voxel-vae"
    title: ClassVar[str] = "Voxel-VAE"
    reference: ClassVar[str] = (
        "Han, Dmitrieva, Sauer, Tam and Rittscher, Self-supervised voxel-level representation rediscovers subcellular structures in "
        "volume electron microscopy, CVPR Workshops 2022"
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {},
        "convolutions": {"channels": (8, 12, 16, 24), "latent_size": 8},
        "paper": {"network": "paper", "scale_nm": 144.0},
        "paper-small": {
            "network": "paper", "scale_nm": 144.0, "paper.channels": (16, 32, 64), "paper.hidden": 64, "paper.latent_size": 16,
            "paper.n_steps": 300, "paper.batch_size": 64, "paper.learning_rate": 1e-3,
        },
    }  # fmt: skip

    network: Literal["dense", "paper"] = "dense"
    """``dense`` is applied to a whole block in one pass; ``paper`` is the network of Han et al., computed patch by patch, with
    parameters of its own."""
    paper: PaperSettings = settings(PaperSettings)
    """The parameters of ``paper``; all others but the size, the seed and the devices are those of ``dense``."""
    latent_size: Count = 6
    """Numbers in a code; more keep finer differences, and clusters are harder to find."""
    channels: tuple[Count, ...] = ()
    """Outputs of convolutions over the patch around a voxel, which are encoded with the filters; each one more doubles the side of the
    patch, which is 2^(n + 1) − 1 voxels. By default there are none, and the filters alone are encoded."""
    hidden: Count = 96
    """Width of the layers between patch and code, and of the decoder."""
    n_steps: Count = 1500
    """Steps of the training."""
    batch_size: Annotated[int, at.Ge(2)] = 512
    """Patches in a step."""
    learning_rate: Positive = 2e-3
    """Of AMSGrad at the first step; it falls to 0 as a cosine."""
    kl_weight: Weight = 1.0
    """Weight of the divergence of codes from a standard normal distribution; larger values keep fewer differences."""
    noise: Weight = 0.0
    """Greatest standard deviation of the noise in what the encoder sees, in units of the grey range; the decoder is shown none. With
    noise all blocks are filtered twice."""
    n_blocks: Count = 96
    """Blocks of slices from which patches are drawn; where voxels are about cubes a quarter as many, which are larger. More of them
    show more of the volume, and take longer to filter."""
    keep_intensity: bool = True
    """Whether filters see grey values as they are; else also they see the local contrast, and dark and bright areas become alike."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What is computed on; ``auto`` is a GPU if there is one."""
    devices: Count = 1
    """How many GPUs, or CPU processes, it is trained on."""

    @property
    def n_features(self) -> int:
        """The size of a code."""
        return self.paper.semantic_size if self.network == "paper" else self.latent_size

    @property
    def n_other_features(self) -> int:
        """The numbers of the paper's code that are not clustered."""
        return self.paper.latent_size - self.paper.semantic_size if self.network == "paper" else 0

    @property
    def cluster_kind(self) -> str:
        """The paper's codes are clustered by k-means."""
        return "kmeans" if self.network == "paper" else "merged"

    @property
    def finest_nm(self) -> float:
        """The smallest filter, or a patch of as many voxels as the network sees; that of the paper is 9 voxels wide."""
        if self.network == "paper":
            return self.scale_nm / 9
        n_sides = 2 ** (len(self.channels) + 1) - 1
        return min(bank_sigmas(self.scale_nm, N_SCALES)[0], self.scale_nm / n_sides)

    @property
    def halo(self) -> Shape:
        """How far a code depends on what is around its voxel."""
        network = getattr(self, "network_", None) or self._make()
        return self.grid.stored_halo(network.working_halo)

    def learn(self, sample: VoxelSample, progress: Progress) -> None:
        """Train the network on patches of the sample."""
        self.network_ = self._make()
        if isinstance(self.network_, PaperNetwork):
            self.history_ = self.network_.learn(
                sample, self.device, self.devices, self.random_state, progress, self.checkpoints
            )
        else:
            self.history_ = self.network_.learn(sample, self._device(), progress, self.checkpoints)

    def embed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed a block in one dense pass, or by the patches of its voxels."""
        z, y, x = (size - 2 * more for size, more in zip(values.shape, self.halo, strict=True))
        codes = self.network_.embed(self.grid.reduce(values), self._device())
        return np.ascontiguousarray(self.grid.restore(codes, (z, y, x)))

    def embed_with_others(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed a block, with the numbers of the paper's code that are not clustered behind the others."""
        if not isinstance(self.network_, PaperNetwork):
            return self.embed(values)
        z, y, x = (size - 2 * more for size, more in zip(values.shape, self.halo, strict=True))
        codes = self.network_.embed(self.grid.reduce(values), self._device(), self.paper.latent_size)
        return np.ascontiguousarray(self.grid.restore(codes, (z, y, x)))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the weights."""
        return self.network_.state()

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the weights."""
        self.network_ = self._make()
        self.network_.load_state(state)

    def _make(self) -> DenseNetwork | PaperNetwork:
        if self.network == "paper":
            return PaperNetwork(self.paper, self.scale_nm, self.grid)
        return DenseNetwork(self, self.grid)

    def check(self) -> None:
        """Refuse also parameters of the other network, which would do nothing, and those that do not go together."""
        super().check()
        paper, own = self.paper, type(self)()
        if self.network == "dense":
            given = [name for name, value in parameter_values(paper).items() if value != getattr(own.paper, name)]
            given = [f"paper.{name}" for name in given]
        else:
            names = [each.name for each in fields(self) if each.name not in _OF_BOTH]
            given = [name for name in names if getattr(self, name) != getattr(own, name)]
        if given:
            other = "paper" if self.network == "dense" else "dense"
            raise InputError(
                f"{given[0]} is of network={other!r}, and does nothing with {self.network!r}: leave it out, or set network"
            )
        if not 1 <= len(paper.channels) <= 4:
            raise InputError(
                f"paper.channels={paper.channels}: give one to four, since a patch of 16 can be halved so often"
            )
        if paper.semantic_size > paper.latent_size or paper.smallest > paper.largest:
            raise InputError(
                "paper.semantic_size may not exceed paper.latent_size, nor paper.smallest paper.largest: make them smaller"
            )

    def _device(self) -> torch.device:
        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device(name)
