"""Opens a run folder, checks it, reads what it holds, and adds projections and partitions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.io import check_confined, lock_run, path_inside
from facies.runs.files import check_name, names_by_age, read_array, read_json
from facies.runs.manifest import read_manifest
from facies.runs.partitions import check_partition, write_partition
from facies.runs.projections import check_projection, write_projection
from facies.runs.tables import read_table
from facies.runs.thumbnails import Thumbnails
from facies.runs.trees import check_tree, read_tree, write_tree

if TYPE_CHECKING:
    from facies.cluster.group_tree import GroupTree
    from facies.images import ImageSet

_SIZED_BY_THEIR_FILES = ("folder", "ecotaxa", "ifcb")
"""The readers that bring images of several sizes to one, which further files would change."""
_NO_LABEL = np.iinfo(np.int64).min  # as `facies.images` has it


class RunFolder:
    """A run on disk: what was done, and all results.

    Opening reads ``run.json`` and compares the sizes of the files with it; tables and arrays are read at their first
    use, the embedding and the samples as memory maps. What is missing or damaged then raises `InputError` too.

    Parameters
    ----------
    path : str or Path
        The folder that `write_run` (or ``facies cluster``) wrote.

    Attributes
    ----------
    path : Path
        Its absolute path.
    manifest : dict
        The content of ``run.json``.

    Raises
    ------
    InputError
        If it is not a run folder, is of another format, or one of its files is missing or truncated.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().resolve()
        manifest = read_manifest(self.path)
        check_confined(self.path)
        for name, size in manifest.files.items():
            file = path_inside(self.path, name)
            if not file.is_file():
                raise InputError(f"{file} is missing: restore it, or make the run again")
            if file.stat().st_size != size:
                raise InputError(
                    f"{file} has {file.stat().st_size} bytes and should have {size}: restore it, or make the run again"
                )
        self.manifest: dict[str, Any] = manifest.to_dict()
        self._companions: dict[str, pd.DataFrame | None] = {}

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def __len__(self) -> int:
        """Return the number of images."""
        n_images: int = self.manifest["input"]["n_images"]
        return n_images

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row an image: ``id``, ``source``, what the reader knows, and ``label`` where true labels are known."""
        table = read_table(self.path / "images.parquet", len(self))
        if "id" not in table:
            raise InputError(f"{self.path / 'images.parquet'} has no column 'id': restore it")
        return table

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """True labels, shape (N,), or None where there are none; of images that lack one a number below all others."""
        if not self.manifest["input"]["labelled"]:
            return None
        return self.images["label"].fillna(_NO_LABEL).to_numpy(np.int64)

    @property
    def labelled(self) -> NDArray[np.bool_] | None:
        """Of which images the true label is known, shape (N,); None where there are no labels."""
        return None if self.labels is None else self.labels != _NO_LABEL

    @property
    def label_names(self) -> list[str] | None:
        """The names of the labels 0, 1, …, or None."""
        names: list[str] | None = self.manifest["input"]["label_names"]
        return names

    @cached_property
    def embedding(self) -> NDArray[np.float32]:
        """The embedding as a read-only memory map, float32 (N, D)."""
        path = self.path / "embedding.npy"
        embedding = read_array(path)
        if embedding.ndim != 2 or len(embedding) != len(self) or 0 in embedding.shape or embedding.dtype.kind != "f":
            raise InputError(
                f"{path} is no embedding of {len(self)} images (it has the type {embedding.dtype} and the shape "
                f"{embedding.shape}): restore it, or make the run again"
            )
        return embedding

    @cached_property
    def samples(self) -> NDArray[np.float32] | None:
        """Images generated from each group, float32 (K, n, C, H, W) in [0, 1], as a memory map, or None."""
        path = self.path / "samples.npy"
        if not path.exists():
            return None
        samples = read_array(path)
        if samples.ndim != 5 or samples.dtype.kind != "f":
            raise InputError(f"{path} holds no generated images (its shape is {samples.shape}): restore it")
        return samples

    @cached_property
    def training_curves(self) -> pd.DataFrame:
        """The training curves: ``stage``, ``epoch``, and one column a loss term. Empty if the method has none."""
        path = self.path / "history.csv"
        if not path.exists() or path.stat().st_size <= 1:
            return pd.DataFrame(columns=["stage", "epoch"])
        return pd.read_csv(path, float_precision="round_trip")

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """The thumbnails of all images."""
        return Thumbnails(self.path / "thumbnails")

    @cached_property
    def canonical_thumbnails(self) -> Thumbnails | None:
        """The thumbnails of all images in the canonical pose of the method; None if the method has none."""
        folder = self.path / "thumbnails-upright"
        return Thumbnails(folder) if folder.is_dir() else None

    def companion(self, name: str) -> pd.DataFrame | None:
        """Return a further table of the images, one row an image with the column ``id``; None if there is no such table.

        Of grains, ``outlines`` has the column ``outline``: x and y in turn, in pixels of the photograph.
        """
        if name not in self._companions:
            path = self.path / f"{check_name(name)}.parquet"
            self._companions[name] = read_table(path, len(self)) if path.exists() else None
        return self._companions[name]

    def method_array(self, name: str) -> NDArray[Any] | None:
        """Return an array that the method stored with its fit, as a read-only memory map; None if there is none."""
        path = self.path / "method" / f"{check_name(name)}.npy"
        return read_array(path) if path.exists() else None

    @property
    def model_folder(self) -> Path:
        """The folder that `Method.save` wrote; `InputError` if the run was written without a model."""
        folder = self.path / "model"
        if not folder.is_dir():
            raise InputError(f"{self.path} holds no model: make the run again with a method that can be saved")
        return folder

    def projections(self) -> list[str]:
        """Return the names of the projections, the oldest first."""
        return _names_in(self.path / "projections")

    def partitions(self) -> list[str]:
        """Return the names of the partitions, the oldest first."""
        return _names_in(self.path / "partitions")

    def trees(self) -> list[str]:
        """Return the names of the trees of groups, the oldest first."""
        return _names_in(self.path / "trees")

    def partition_name(self, name: str | None = None) -> str:
        """Return ``name`` if a partition has it, else raise `InputError`; without it the name of the newest."""
        return self._choose("partition", name, self.partitions())

    def projection(self, name: str | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return a projection and how it was made.

        Parameters
        ----------
        name : str, optional
            Its name; without it the newest.

        Returns
        -------
        points : ndarray of float32, shape (N, 2)
        meta : dict
            ``name``, ``created``, and how it was made (method, parameters, seed).

        Raises
        ------
        InputError
            If there is none of that name.
        """
        name = self._choose("projection", name, self.projections())
        points = read_array(self.path / "projections" / f"{name}.npy")
        return check_projection(points, len(self)), self._meta("projections", name)

    def partition(self, name: str | None = None) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Return a partition and how it was made.

        Parameters
        ----------
        name : str, optional
            Its name; without it the newest.

        Returns
        -------
        table : DataFrame
            Columns ``id``, ``group``, ``probability``, ``distance``; one row an image, in the order of `images`.
        meta : dict
            ``name``, ``created``, ``n_groups``, and how it was made (method, parameters, seed).

        Raises
        ------
        InputError
            If there is none of that name.
        """
        name = self.partition_name(name)
        table = read_table(self.path / "partitions" / f"{name}.parquet", len(self))
        return check_partition(table, self.images["id"]), self._meta("partitions", name)

    def tree(self, name: str | None = None) -> tuple[GroupTree, dict[str, Any]]:
        """Return a tree of groups and how it was made.

        Parameters
        ----------
        name : str, optional
            Its name; without it the newest.

        Returns
        -------
        tree : GroupTree
            Checked; its images are those of the run, in the order of `images`.
        meta : dict
            ``name``, ``created``, ``n_nodes``, and how it was made (``method``: ``density`` or ``ward``; parameters, seed).

        Raises
        ------
        InputError
            If there is none of that name, or it is damaged.
        """
        name = self._choose("tree of groups", name, self.trees())
        return read_tree(self.path / "trees", name, len(self)), self._meta("trees", name)

    def add_projection(self, name: str, points: ArrayLike, meta: Mapping[str, Any]) -> None:
        """Add a projection; it becomes the default.

        Parameters
        ----------
        name : str
            A new name.
        points : array_like of shape (N, 2)
            One point an image, in the order of `images`; finite.
        meta : mapping
            How it was made: method, parameters, seed.

        Raises
        ------
        InputError
            If the name is taken (nothing is ever overwritten), the points do not fit, or the run is being written to.
        """
        checked = check_projection(points, len(self))
        folder = self.path / "projections"
        with self._adding("projection", name, folder):
            write_projection(folder, name, checked, meta)

    def add_partition(self, name: str, table: pd.DataFrame, meta: Mapping[str, Any]) -> None:
        """Add a partition; it becomes the default.

        Parameters
        ----------
        name : str
            A new name.
        table : DataFrame
            As `partition_table` makes it: one row an image, in the order of `images`.
        meta : mapping
            How it was made: method, parameters, seed.

        Raises
        ------
        InputError
            If the name is taken (nothing is ever overwritten), the table does not fit, or the run is being written to.
        """
        checked = check_partition(table, self.images["id"])
        folder = self.path / "partitions"
        with self._adding("partition", name, folder):
            write_partition(folder, name, checked, meta)

    def add_tree(self, name: str, tree: GroupTree, meta: Mapping[str, Any]) -> None:
        """Add a tree of groups; it becomes the default.

        Parameters
        ----------
        name : str
            A new name.
        tree : GroupTree
            Of the images of the run, in the order of `images`.
        meta : mapping
            How it was made: method, parameters, seed.

        Raises
        ------
        InputError
            If the name is taken (nothing is ever overwritten), the tree does not fit, or the run is being written to.
        """
        checked = check_tree(tree, len(self))
        folder = self.path / "trees"
        with self._adding("tree of groups", name, folder):
            write_tree(folder, name, checked, meta)

    def image_set(self) -> ImageSet:
        """Open the images that the run was made of, in its order, without others that were added to their folder since.

        Raises
        ------
        InputError
            If the images are no longer where they were, or some of them are gone.
        """
        from facies.images import reopen

        origin = dict(self.manifest["input"]["origin"])
        path = self._path_of_images()
        if origin.get("kind") in _SIZED_BY_THEIR_FILES:
            # Files that were added since must not change the size that the others are brought to.
            origin["options"] = {**origin.get("options", {}), "size": self.manifest["input"]["image_shape"][-2:]}
        sources = self.images["source"].drop_duplicates().astype(str).tolist() if "source" in self.images else None
        images = reopen(origin, sources)
        ids = pd.Index(self.images["id"])
        if ids.equals(pd.Index(images.table["id"])):
            return images
        rows = pd.Index(images.table["id"]).get_indexer(ids)
        if (rows < 0).any():
            raise InputError(
                f"{path} no longer holds {int((rows < 0).sum())} of the {len(self)} images of {self.path.name} "
                f"(the first is {ids[rows < 0][0]!r}): put them back, or make the run again"
            )
        return images.subset(rows)

    def _path_of_images(self) -> Path:
        path = self.manifest["input"]["origin"].get("path")
        if path is None:
            raise InputError(
                f"the images of {self.path} came from memory, and only thumbnails of them are kept: "
                "save them as .npy and make the run from that file"
            )
        # Of a pipe or a device, which a stranger could name, nothing would ever come back.
        if not Path(path).is_dir() and not Path(path).is_file():
            raise InputError(f"{path}, which holds the images of the run {self.path.name}, is gone: put it back")
        return Path(path)

    def _choose(self, kind: str, name: str | None, names: list[str]) -> str:
        if not names and not self.path.is_dir():
            raise InputError(f"{self.path} is gone: put it back, or close it")
        if not names:
            raise InputError(f"{self.path} holds no {kind}: make the run again")
        if name is not None and name not in names:
            raise InputError(f"{self.path} holds no {kind} {name!r}: it has {', '.join(names)}")
        return names[-1] if name is None else name

    def _meta(self, folder: str, name: str) -> dict[str, Any]:
        return {**read_json(self.path / folder / f"{name}.json"), "name": name}

    @contextlib.contextmanager
    def _adding(self, kind: str, name: str, folder: Path) -> Iterator[None]:
        check_name(name)
        with lock_run(self.path):
            if name in _names_in(folder):
                raise InputError(
                    f"{self.path} already holds a {kind} {name!r}, and none is ever overwritten: choose another name"
                )
            yield


def _names_in(folder: Path) -> list[str]:
    return names_by_age((path.stem, path) for path in folder.glob("[!.]*.json"))
