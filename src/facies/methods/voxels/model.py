"""A voxel method with its clusters, as one folder; and what computes the labels of a block with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy import ndimage

from facies.cluster.clusters_by_k import ClustersByK
from facies.errors import InputError
from facies.io import write_json_atomically
from facies.methods.voxels.base import VoxelMethod
from facies.methods.voxels.registry import load_voxel_method

CLUSTERS, CLUSTER_NUMBERS = "clusters.json", "clusters.safetensors"
PADDING_SIDE = 7
"""A cube of so many voxels of the value 0 is padding, not measured."""


@dataclass(frozen=True)
class VoxelModel:
    """What gives the same labels to the same structures in any volume.

    Attributes
    ----------
    method : VoxelMethod
        Fitted.
    clusters : ClustersByK
        Fitted to its embedding.
    """

    method: VoxelMethod
    clusters: ClustersByK

    @property
    def halo(self) -> tuple[int, int, int]:
        """That of the method, and at least that of padding, which is eroded and dilated."""
        z, y, x = (max(more, side - 1) for more, side in zip(self.method.halo, self._padding, strict=True))
        factors = self.method.grid.factors
        z, y, x = (-(-more // factor) * factor for more, factor in zip((z, y, x), factors, strict=True))
        return z, y, x

    @property
    def _padding(self) -> tuple[int, int, int]:
        return (1 if self.method.grid.is_slices else PADDING_SIDE), PADDING_SIDE, PADDING_SIDE

    @property
    def label_names(self) -> dict[str, int]:
        """The label images: ``{"k4": 4, …}``."""
        return {f"k{k}": k for k in self.clusters.ks}

    def label(self, values: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Label the voxels of a block.

        Parameters
        ----------
        values : ndarray
            (z, y, x) float32 in 0 … 1, with `halo` on each side.

        Returns
        -------
        dict of ndarray
            By ``k4`` …: (z, y, x) uint8, clusters from 1, 0 for padding; ``embedding``: (n_features, z, y, x) float32.
        """
        own = self.method.halo
        cut = tuple(slice(a - b, size - (a - b)) for a, b, size in zip(self.halo, own, values.shape, strict=True))
        embedding = self.method.embed(values[cut])
        measured = ~self._is_padding(values)
        labels = self.clusters.predict(embedding.reshape(len(embedding), -1).T)
        found: dict[str, NDArray[Any]] = {
            f"k{k}": np.where(measured, (groups + 1).astype(np.uint8).reshape(measured.shape), np.uint8(0))
            for k, groups in labels.items()
        }
        found["embedding"] = np.where(measured, embedding, np.float32(0))
        return found

    def _is_padding(self, values: NDArray[np.float32]) -> NDArray[np.bool_]:
        inner = tuple(slice(more, size - more) for more, size in zip(self.halo, values.shape, strict=True))
        dark = values <= 0
        if not dark.any():
            return np.zeros(values[inner].shape, bool)
        return np.asarray(ndimage.binary_opening(dark, np.ones(self._padding, bool))[inner])

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        self.method.save(folder)
        save_file(
            {name: np.ascontiguousarray(each) for name, each in self.clusters.arrays.items()}, folder / CLUSTER_NUMBERS
        )
        described = {"ks": list(self.clusters.ks), "kind": self.clusters.kind, "stability": self.clusters.stability}
        write_json_atomically(folder / CLUSTERS, described)

    @classmethod
    def load(cls, folder: str | Path) -> VoxelModel:
        """Open what `save` wrote; an `InputError` says that it is damaged."""
        path = Path(folder)
        method = load_voxel_method(path)
        try:
            described = json.loads((path / CLUSTERS).read_text("utf-8"))
            arrays = load_file(path / CLUSTER_NUMBERS)
            clusters = ClustersByK(tuple(int(k) for k in described["ks"]), described["kind"], arrays)
            clusters.check(method.n_features)
        except Exception as error:
            raise InputError(f"{path}: the clusters are damaged ({error}): segment the volume again") from error
        return cls(method, clusters)


def model_digest(folder: Path) -> str:
    """SHA-256 of the files of a model."""
    digest = hashlib.sha256()
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class LabelledBlocks:
    """Labels blocks with the model of a folder: what workers are given by name.

    Parameters
    ----------
    settings : mapping
        ``model``, the folder, and ``digest``, what `model_digest` said of it.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        folder = Path(settings["model"])
        if model_digest(folder) != settings["digest"]:
            raise InputError(f"{folder}: the model has changed since the work began: begin anew with --overwrite")
        self.model = VoxelModel.load(folder)
        self.halo = self.model.halo

    def __call__(self, values: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        """Label a block."""
        return self.model.label(values)
