from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr

from facies.images.axes import AxisOrder
from facies.images.sources import (
    ArraySource,
    MappedSource,
    PixelSource,
    SubsetSource,
    ZarrSource,
    source_from_array,
    source_from_temporary,
)
from facies.images.temporary_store import TemporaryArray

PIXELS = np.random.default_rng(0).integers(0, 999, (9, 6, 5, 3)).astype(np.uint16)
ARRANGED = np.moveaxis(PIXELS, -1, 1)


def _array(_: Path) -> PixelSource:
    return ArraySource(PIXELS, AxisOrder.LAST)


def _mapped(folder: Path) -> PixelSource:
    np.save(folder / "a.npy", PIXELS)
    return source_from_array(np.load(folder / "a.npy", mmap_mode="r"), AxisOrder.LAST)


def _temporary(_: Path) -> PixelSource:
    store = TemporaryArray.allocate(PIXELS.shape, PIXELS.dtype, in_memory_below=0)
    store.array[:] = PIXELS
    return source_from_temporary(store, AxisOrder.LAST)


def _zarr(folder: Path) -> PixelSource:
    zarr.create_array(str(folder / "a.zarr"), data=PIXELS, chunks=(2, 6, 5, 3))
    return ZarrSource(folder / "a.zarr", None, PIXELS.shape, PIXELS.dtype, AxisOrder.LAST)


def _subset(_: Path) -> PixelSource:
    doubled = np.concatenate([PIXELS + 1, PIXELS])
    return SubsetSource(ArraySource(doubled, AxisOrder.LAST), np.arange(9, 18))


@pytest.mark.parametrize("make", [_array, _mapped, _temporary, _zarr, _subset])
@pytest.mark.parametrize("rows", [[0], [3, 4, 5], [8, 0, 4], [2, 2, 1], [], list(range(9)), [5, 4, 3]])
def test_every_source_reads_in_the_order_asked(make, rows: list[int], tmp_path: Path) -> None:
    source = make(tmp_path)
    assert source.shape == (9, 3, 6, 5)
    assert source.dtype == np.uint16
    indices = np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(source.read(indices), ARRANGED[indices])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(indices), ARRANGED[indices])


@pytest.mark.parametrize("make", [_mapped, _temporary, _zarr])
def test_what_is_in_a_file_is_pickled_as_its_path(make, tmp_path: Path) -> None:
    source = make(tmp_path)
    source.read(np.arange(2))
    assert len(pickle.dumps(source)) < PIXELS.nbytes


def test_parts_of_memory_maps_are_found_in_the_file(tmp_path: Path) -> None:
    big = np.random.default_rng(0).integers(0, 255, (40, 30, 20)).astype(np.uint8)
    np.save(tmp_path / "a.npy", big)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    part = source_from_array(mapped[17:33], AxisOrder.GREY)
    assert isinstance(part, MappedSource)
    np.testing.assert_array_equal(part.read(np.arange(16))[:, 0], big[17:33])
    strided = source_from_array(mapped[::2], AxisOrder.GREY)
    np.testing.assert_array_equal(strided.read(np.arange(20))[:, 0], big[::2])


def test_fortran_order_is_kept(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(PIXELS))
    source = source_from_array(np.load(tmp_path / "a.npy", mmap_mode="r"), AxisOrder.LAST)
    assert isinstance(source, MappedSource)
    np.testing.assert_array_equal(source.read(np.array([4, 2])), ARRANGED[[4, 2]])
