"""Images that come as arrays: NumPy, torch, `.npy` and `.npz`."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images.axes import check_dtype, infer_axis_order
from facies.images.image_set import ImageSet
from facies.images.labels import as_labels
from facies.images.sources import PixelSource, source_from_array, source_from_temporary
from facies.images.temporary_store import TemporaryArray

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, struct.error)
_PAIRED = frozenset({"images", "labels", "label_names", "class_names"})
_ZIP_LOCAL_HEADER = 30


def images_from_array(array: NDArray[Any] | Tensor) -> ImageSet:
    """Make an image set that reads from an array in memory, or from a memory map; any `AxisOrder`."""
    if isinstance(array, Tensor):
        array = array.detach().cpu()
        array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    return ImageSet(
        _checked_source(array, "the array"), numbered_table(len(array), "array"), origin=memory_origin("array")
    )


def images_from_npy(path: Path) -> ImageSet:
    """Open a `.npy` file; it is memory mapped."""
    try:
        with path.open("rb") as file:
            if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
                raise InputError(f"{path}: is not a NumPy array, whatever its name says: write it with numpy.save")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it") from error
    except _DAMAGE as error:
        if "object" in str(error).lower():
            raise InputError(f"{path}: holds Python objects, not numbers: save uint8, uint16 or float32") from error
        raise InputError(f"{path}: is damaged or truncated ({error}): write it again") from error
    return ImageSet(_checked_source(array, str(path)), numbered_table(len(array), path.name))


def images_from_npz(path: Path) -> ImageSet:
    """Open a `.npz` file with `images` and, where they are known, `labels`.

    Uncompressed members are memory mapped; compressed ones are unpacked once, into memory while they are small.
    `label_names` or `class_names` name the labels, `id` the images; other arrays of one entry per image
    become columns of the table.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            names = [name.removesuffix(".npy") for name in packed.namelist() if name.endswith(".npy")]
            if "images" not in names:
                raise InputError(
                    f"{path}: has no array named 'images' (it has {', '.join(names) or 'none'}): "
                    "write it with numpy.savez(path, images=…, labels=…)"
                )
            source = _source_in_zip(packed, path)
            others = {
                name: _small_member(packed, name, path) for name in names
                if name in _PAIRED - {"images"} or _is_table_column(packed, name, source.shape[0])
            }  # fmt: skip
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it") from error
    except _DAMAGE as error:
        raise InputError(f"{path}: is no .npz file, or is damaged or truncated ({error}): write it again") from error
    return image_set_from_arrays(source, others, path)


def memory_origin(kind: str) -> dict[str, Any]:
    """Return the origin of images that were in memory, and so cannot be opened again."""
    return {"kind": kind, "path": None, "options": {}}


def numbered_table(n_images: int, source: str) -> pd.DataFrame:
    """Return the table of images without names: their ids are their numbers, from 0."""
    return pd.DataFrame({"id": [str(row) for row in range(n_images)], "source": source})


def image_set_from_arrays(source: PixelSource, others: Mapping[str, NDArray[Any]], path: Path) -> ImageSet:
    """Combine pixels with the other arrays of a file: `labels`, `label_names` or `class_names`, `id`, table columns."""
    n_images = source.shape[0]
    table = numbered_table(n_images, path.name)
    for name, values in others.items():
        if name in _PAIRED or name == "source":
            continue
        column = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
        if name == "id":
            column = column.astype(str)
            if len(np.unique(column)) < n_images:
                raise InputError(f"{path}: 'id' names several images alike: give each its own")
        table[name] = column.astype(object) if column.dtype.kind == "U" else column
    if "labels" not in others:
        return ImageSet(source, table)
    labels = as_labels(others["labels"], n_images, f"{path}: 'labels'")
    names = others.get("label_names", others.get("class_names"))
    names_of_labels = labels.names
    if names_of_labels is None and names is not None and names.ndim == 1 and names.dtype.kind == "U":
        names_of_labels = [str(word) for word in names]
    return ImageSet(source, table, labels=labels.codes, label_names=names_of_labels)


def is_table_column(name: str, shape: Iterable[int], dtype: np.dtype[Any], n_images: int) -> bool:
    """Return whether an array has one entry per image, and so becomes a column of their table."""
    return name != "images" and tuple(shape) == (n_images,) and dtype.kind in "biufUS"


def _checked_source(array: NDArray[Any], name: str) -> PixelSource:
    check_dtype(array.dtype, name)
    return source_from_array(array, infer_axis_order(array.shape, name))


def member_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, whether the first axis is the fastest, and type of an array in a ``.npy`` file."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(file)


def _is_table_column(packed: zipfile.ZipFile, name: str, n_images: int) -> bool:
    with packed.open(f"{name}.npy") as file:
        shape, _, dtype = member_header(file)
    return is_table_column(name, shape, dtype, n_images)


def _small_member(packed: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    with packed.open(f"{name}.npy") as file:
        _, _, dtype = member_header(file)
    if dtype.hasobject:
        raise InputError(f"{path}: {name!r} holds Python objects, which are not read: save whole numbers or words")
    with packed.open(f"{name}.npy") as file:
        return npy.read_array(file, allow_pickle=False)


def _source_in_zip(packed: zipfile.ZipFile, path: Path) -> PixelSource:
    name = f"{path}: 'images'"
    info = packed.getinfo("images.npy")
    with packed.open(info) as file:
        shape, fortran, dtype = member_header(file)
        check_dtype(dtype, name)
        axis_order = infer_axis_order(shape, name)
        if info.compress_type == zipfile.ZIP_STORED:
            offset = data_offset(path, info) + file.tell()
            mapped = np.memmap(path, dtype, mode="r", offset=offset, shape=shape, order="F" if fortran else "C")
            return source_from_array(mapped, axis_order)
        if not fortran:
            return source_from_temporary(unpack_member(file, shape, dtype), axis_order)
    with packed.open(info) as file:  # rare; read into memory at once, since each image is scattered over the file
        return source_from_array(np.ascontiguousarray(npy.read_array(file, allow_pickle=False)), axis_order)


def data_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Return from which byte of a zip on the content of a member lies."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_ZIP_LOCAL_HEADER)
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    return int(info.header_offset + _ZIP_LOCAL_HEADER + name_length + extra_length)


def unpack_member(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> TemporaryArray:
    """Unpack the values of an array behind its header; an error says that there are too few or too many."""
    store = TemporaryArray.allocate(shape, dtype)
    into = store.array.reshape(-1).view(np.uint8)
    done = 0
    while done < len(into):
        piece = file.read(min(2**22, len(into) - done))
        if not piece:
            raise EOFError(f"{len(into) - done} bytes of pixels are missing")
        into[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    if file.read(1):  # also makes zipfile compare the checksum
        raise ValueError("more bytes than the header says")
    return store
