"""Volumes in HDF5 files: ``file.h5:/path/of/dataset``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.volumes.readers.array_axes import axes_of
from facies.volumes.readers.attributes import placement_in
from facies.volumes.voxels import StoredArray

_MAX_DATASETS = 10_000


def open_hdf5(path: Path, part: str | None, level: int) -> StoredArray:
    """Open a dataset; without a name the only volume in the file. Links to other files are not followed."""
    if level:
        raise InputError(f"{path}: has 1 level, numbered from 0: there is no level {level}")
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: HDF5 files need h5py: pip install 'facies[volumes]'") from error
    try:
        file = h5py.File(path, "r")
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: is no HDF5 file that can be read, or is cut off ({text}): copy the file again"
        ) from error
    names = [part.strip("/")] if part else _volumes(file)
    if len(names) != 1:
        listed = f": name one of them: {', '.join(f'{path}:/{name}' for name in names[:8])}" if names else ""
        raise InputError(f"{path}: holds {len(names) or 'no'} volumes{listed}")
    dataset = _dataset(file, names[0], path)
    try:
        attributes = {name: _plain(value) for name, value in dataset.attrs.items()}
    except (OSError, TypeError, ValueError):
        attributes = {}
    name = f"{path}:/{names[0]}"
    axes = axes_of(tuple(dataset.shape), dataset.dtype, name)
    placed = placement_in(attributes, "".join(axis for axis in axes if axis in "zyx"))
    chunks = tuple(dataset.chunks) if dataset.chunks else None
    return StoredArray(dataset, axes, placed.voxel_size_nm, placed.offset_nm, chunks, placed.notes)


def _volumes(file: Any) -> list[str]:
    import h5py

    found: list[str] = []
    seen = 0

    def visit(name: str, node: Any) -> bool | None:
        nonlocal seen
        seen += 1
        if isinstance(node, h5py.Dataset) and len(node.shape or ()) >= 3 and node.dtype.kind in "buif":
            found.append(name)
        return True if seen > _MAX_DATASETS else None

    file.visititems(visit)  # does not follow links
    return found


def _dataset(file: Any, name: str, path: Path) -> Any:
    import h5py

    node: Any = file
    for word in name.split("/"):
        link = node.get(word, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            known = _volumes(file)
            listed = f": it has {', '.join(f'/{each}' for each in known[:8])}" if known else ""
            raise InputError(f"{path}: has no dataset /{name}{listed}")
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{path}: /{name} is a link to another file ({link.filename}): give that file itself")
        try:
            node = node[word]
        except (KeyError, OSError) as error:
            raise InputError(f"{path}: /{name} leads nowhere or is damaged: copy the file again") from error
    if not isinstance(node, h5py.Dataset) or node.shape is None:
        raise InputError(f"{path}: /{name} is no dataset: name one inside of it")
    if node.external or node.is_virtual:
        raise InputError(f"{path}: the values of /{name} lie in other files: copy it into a file of its own (h5repack)")
    return node


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.tolist() if hasattr(value, "tolist") else value
