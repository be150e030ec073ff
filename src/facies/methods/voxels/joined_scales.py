"""One method at several scales: its embeddings of a voxel side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.methods.voxels.base import VoxelMethod, VoxelSample
from facies.methods.voxels.filter_bank import learning_blocks
from facies.methods.voxels.physical_scale import Shape, Triple, WorkingGrid
from facies.methods.voxels.registry import make_voxel_method
from facies.parameters import Positive

if TYPE_CHECKING:
    from facies.training import Progress


@dataclass(kw_only=True, eq=False, repr=False)
class JoinedScales(VoxelMethod):
    """Fits a method once for each scale, and joins what they say of a voxel; each is divided by its own standard deviation first.

    Examples
    --------
    >>> import numpy as np
    >>> grey = np.random.default_rng(0).integers(0, 255, (16, 16, 16), np.uint8)
    >>> method = join_scales("intensity", [60, 120]).fit(VoxelSample([grey], (8, 8, 8)))
    >>> method.embed(np.zeros([3 + 2 * each for each in method.halo], np.float32)).shape
    (2, 3, 3, 3)
    """

    name: ClassVar[str] = "joined-scales"
    title: ClassVar[str] = "Several scales joined"

    method: str = "voxel-vae"
    """The name of the method that is fitted at each scale."""
    preset: str = "quick"
    """Its preset."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Its parameters, by name."""
    further_scales_nm: tuple[Positive, ...] = ()
    """The smaller scales, beside `scale_nm`."""

    @property
    def scales_nm(self) -> list[float]:
        """All scales, the smallest first."""
        return sorted([self.scale_nm, *self.further_scales_nm])

    @property
    def n_features(self) -> int:
        """Those of all scales together."""
        return sum(part.n_features for part in self._parts)

    @property
    def cluster_kind(self) -> str:
        """That of the method."""
        return self._parts[0].cluster_kind

    @property
    def halo(self) -> Shape:
        """The greatest of all scales, in whole working voxels of the coarsest."""
        factors = self.grid.factors
        z, y, x = (
            -(-max(each) // factor) * factor
            for *each, factor in zip(*(part.halo for part in self._parts), factors, strict=True)
        )
        return z, y, x

    def grid_of(self, voxel_size_nm: Triple) -> WorkingGrid:
        """Return the coarsest working voxels of all scales; the others are whole parts of them."""
        factors = [part.grid_of(voxel_size_nm).factors for part in self._parts]
        z, y, x = (max(each) for each in zip(*factors, strict=True))
        return WorkingGrid(voxel_size_nm, (z, y, x))

    def patch_voxels(self, voxel_size_nm: Triple) -> Shape:
        """What a volume must have at least, for all scales."""
        z, y, x = (max(each) for each in zip(*(part.patch_voxels(voxel_size_nm) for part in self._parts), strict=True))
        return z, y, x

    def check(self) -> None:
        """Refuse also scales that are equal, and codes in a ball, which cannot be joined."""
        super().check()
        if len(set(self.scales_nm)) < len(self.scales_nm) or len(self.scales_nm) < 2:
            raise InputError(f"--scale-nm {_listed(self.scales_nm)}: give different scales to be joined")
        for part in self._parts:
            part.check()
        if self.cluster_kind == "hyperbolic":
            raise InputError(
                f"--scale-nm {_listed(self.scales_nm)}: codes in a ball, as {self.method} has, are not joined: give one"
            )

    def learn(self, sample: VoxelSample, progress: Progress) -> None:
        """Fit the method at each scale, and find how widely each embedding is spread."""
        self.parts_ = self._make()
        self.notes_ = []
        spreads = []
        for number, part in enumerate(self.parts_):
            part.fit(sample, progress, None if self.checkpoints is None else self.checkpoints / f"scale-{number}")
            self.notes_ += [f"at {part.scale_nm:g} nm: {note}" for note in part.notes_]
            rng = np.random.default_rng(self.random_state)
            blocks = learning_blocks(sample, part.halo, rng, slices=part.grid.is_slices, count=2)
            codes = np.concatenate([part.embed(block).reshape(part.n_features, -1) for block in blocks], axis=1)
            spreads.append(np.sqrt(codes.var(axis=1).mean()))
        self.deviations_ = np.maximum(spreads, 1e-6).astype(np.float32)
        self.history_ = _side_by_side({f"{part.scale_nm:g} nm": part.history_ for part in self.parts_})

    def embed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed a block at each scale."""
        found = []
        for part, deviation in zip(self.parts_, self.deviations_, strict=True):
            more = [a - b for a, b in zip(self.halo, part.halo, strict=True)]
            cut = tuple(slice(each, size - each) for each, size in zip(more, values.shape, strict=True))
            found.append(part.embed(values[cut]) / deviation)
        return np.concatenate(found)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt at each scale."""
        arrays = {
            f"{number}.{name}": each for number, part in enumerate(self.parts_) for name, each in part.state().items()
        }
        return arrays | {"deviations": self.deviations_}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned."""
        self.parts_, self.deviations_ = self._make(), state["deviations"]
        for number, part in enumerate(self.parts_):
            part.voxel_size_nm_, part.history_, part.notes_ = self.voxel_size_nm_, [], []
            own = f"{number}."
            part.load_state({name.removeprefix(own): each for name, each in state.items() if name.startswith(own)})

    @property
    def _parts(self) -> list[VoxelMethod]:
        """Fitted ones, or what would be fitted."""
        fitted: list[VoxelMethod] | None = getattr(self, "parts_", None)
        if fitted is None:
            fitted = self._make()
            if hasattr(self, "voxel_size_nm_"):
                for part in fitted:
                    part.voxel_size_nm_ = self.voxel_size_nm_
        return fitted

    def _make(self) -> list[VoxelMethod]:
        own = {name: tuple(value) if isinstance(value, list) else value for name, value in self.parameters.items()}
        return [
            make_voxel_method(self.method, self.preset, {**own, "scale_nm": scale, "random_state": self.random_state})
            for scale in self.scales_nm
        ]


def join_scales(
    method: str, scales_nm: Sequence[float], preset: str = "quick", parameters: Mapping[str, Any] | None = None
) -> JoinedScales:
    """Make a method of several scales from the name, the preset and the parameters of one."""
    own = dict(parameters or {})
    seed = own.pop("random_state", 0)
    *smaller, greatest = sorted(float(each) for each in scales_nm)
    return JoinedScales(
        method=method,
        preset=preset,
        parameters=own,
        scale_nm=greatest,
        further_scales_nm=tuple(smaller),
        random_state=seed,
    )


def _side_by_side(histories: Mapping[str, list[dict[str, float]]]) -> list[dict[str, float]]:
    """The losses of all scales in one row a step, as long as all have one."""
    rows = []
    for step in zip(*histories.values(), strict=False):
        named = {
            f"{name}, {scale}": value
            for scale, row in zip(histories, step, strict=True)
            for name, value in row.items()
            if name != "step"
        }
        rows.append({"step": step[0]["step"], **named})
    return rows


def _listed(scales: Sequence[float]) -> str:
    return ",".join(f"{each:g}" for each in scales)
