"""The contract of voxel methods: an embedding for every voxel of a block, whatever the block is a part of."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from sklearn.base import BaseEstimator

from facies._version import __version__
from facies.errors import InputError
from facies.io import write_json_atomically
from facies.methods.voxels.physical_scale import Triple, WorkingGrid
from facies.parameters import Positive, Seed, check_parameters, parameter_values, set_parameters

if TYPE_CHECKING:
    from facies.training import Progress

FORMAT = 1
DESCRIPTION, NUMBERS = "method.json", "method.safetensors"


@dataclass(frozen=True)
class VoxelSample:
    """What a method learns from: parts of one or several volumes, which have voxels of one size.

    Attributes
    ----------
    boxes : sequence of ndarray
        (z, y, x) uint8, the grey range of the volume as 0 … 255. A volume that fits in memory is one box.
    voxel_size_nm : tuple of float
        Along z, y and x.
    """

    boxes: Sequence[NDArray[np.uint8]]
    voxel_size_nm: Triple


@dataclass(kw_only=True, eq=False, repr=False)
class VoxelMethod(BaseEstimator, ABC):
    """Gives each voxel an embedding.

    A subclass is a dataclass whose fields are its parameters. All lengths are in nm; `fit` is told how large the voxels are.

    Attributes
    ----------
    voxel_size_nm_ : tuple of float
        Of the volume that was learnt from. Another volume must have voxels of the same size.
    history_ : list of dict
        Losses by step, if something was trained.
    notes_ : list of str
        What the user should know.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Packages that a worker must have, beside those of Facies."""
    leaves_border: ClassVar[bool] = False
    """Whether voxels that see beyond the volume get no label; else the volume is mirrored."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {}}

    scale_nm: Positive = 300.0
    """How far a voxel sees, in nm, from end to end. It should be about the size of the structures that are to be told apart."""
    random_state: Seed = 0
    """Seed of all that is random; equal seeds give equal fits."""

    @property
    @abstractmethod
    def n_features(self) -> int:
        """How many values the embedding of a voxel has."""

    @property
    @abstractmethod
    def halo(self) -> tuple[int, int, int]:
        """How many voxels beyond a block `embed` needs along z, y and x; known once it is fitted."""

    @abstractmethod
    def learn(self, sample: VoxelSample, progress: Progress) -> None:
        """Learn all that `embed` needs."""

    @abstractmethod
    def embed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed the voxels of a block.

        Parameters
        ----------
        values : ndarray
            (z, y, x) float32 in 0 … 1, a block with its `halo` on each side. The first voxel of the block has an even place in the
            volume (a multiple of `WorkingGrid.factors`).

        Returns
        -------
        ndarray
            (n_features, z, y, x) float32, of the block without its halo.
        """

    @property
    def n_other_features(self) -> int:
        """How many further values a network gives, which are not clustered; the report shows how they differ."""
        return 0

    def embed_with_others(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed as `embed` does, and append the other values: (n_features + n_other_features, z, y, x) float32."""
        return self.embed(values)

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt, as named arrays."""

    @abstractmethod
    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned; the parameters and `voxel_size_nm_` are set."""

    @property
    def cluster_kind(self) -> str:
        """What its embedding is clustered by, if the user does not say; see `facies.cluster.clusters_by_k`."""
        return "merged"

    def check(self) -> None:
        """Raise an `InputError` if a parameter has a value that it does not take."""
        check_parameters(self)

    def fit(self, sample: VoxelSample, progress: Progress | None = None, checkpoints: Path | None = None) -> Self:
        """Learn from a sample of a volume.

        Parameters
        ----------
        sample : VoxelSample
            What to learn from.
        progress : Progress, optional
            Told how far it has come.
        checkpoints : Path, optional
            A folder for the state of a long training: with the same one, sample and parameters, it goes on where it was killed.
        """
        from facies.training import SilentProgress

        self.check()
        self.checkpoints = checkpoints
        self.voxel_size_nm_: Triple = sample.voxel_size_nm
        self.history_: list[dict[str, float]] = []
        self.notes_: list[str] = list(self.grid.notes)
        self.learn(sample, progress or SilentProgress())
        return self

    @property
    def grid(self) -> WorkingGrid:
        """The voxels that the method works on: the stored ones, or means of several; known once it is fitted."""
        return self.grid_of(self.voxel_size_nm_)

    def grid_of(self, voxel_size_nm: Triple) -> WorkingGrid:
        """Return the voxels that the method would work on in a volume with voxels of a size."""
        return WorkingGrid.of(voxel_size_nm, self.finest_nm)

    def patch_voxels(self, voxel_size_nm: Triple) -> tuple[int, int, int]:
        """How many voxels `scale_nm` is along z, y and x: what a volume must have at least. Of thick slices one is enough."""
        z, y, x = (max(1, round(self.scale_nm / size)) for size in voxel_size_nm)
        return (1 if self.grid_of(voxel_size_nm).is_slices else z), y, x

    @property
    def finest_nm(self) -> float:
        """The length in nm below which the method needs no detail."""
        return self.scale_nm / 30

    @classmethod
    def current_parameters(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Give parameters that bear names of earlier versions their names of today; there are none yet."""
        return dict(parameters)

    def save(self, folder: str | Path) -> None:
        """Write ``method.json`` and ``method.safetensors`` into a folder; nothing is pickled."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(values) for name, values in self.state().items()}
        save_file(arrays, path / NUMBERS)
        described = {
            "format": FORMAT, "facies": __version__, "method": self.name, "parameters": parameter_values(self),
            "voxel_size_nm": list(self.voxel_size_nm_), "notes": self.notes_, "history": self.history_,
        }  # fmt: skip
        write_json_atomically(path / DESCRIPTION, described)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Open what `save` wrote.

        Raises
        ------
        InputError
            If it is damaged, or of another method.
        """
        path = Path(folder)
        described = read_description(path)
        if described["method"] != cls.name:
            raise InputError(f"{path}: is a model of {described['method']}, not of {cls.name}")
        method = cls()
        try:
            set_parameters(method, _with_tuples(described["parameters"]))
            check_parameters(method)
            z, y, x = (float(each) for each in described["voxel_size_nm"])
            method.voxel_size_nm_ = (z, y, x)
            method.notes_, method.history_ = list(described["notes"]), list(described["history"])
            method.load_state(load_file(path / NUMBERS))
        except Exception as error:
            raise InputError(f"{path}: the model is damaged ({error}): segment the volume again") from error
        return method


def read_description(folder: Path) -> dict[str, Any]:
    """Read ``method.json`` of a saved method; an `InputError` says that it is missing or damaged."""
    try:
        described: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        if described["format"] != FORMAT:
            raise InputError(f"{folder}: was written by another version of facies: use that one")
        _ = described["method"], described["parameters"], described["voxel_size_nm"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{folder}: holds no voxel method, or is damaged ({error}): segment the volume again"
        ) from error
    return described


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
