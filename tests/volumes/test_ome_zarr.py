"""Pyramids: shrunk along the fine axes, labels by the most frequent, sizes and places as the volume has them."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from facies.scale import make_engine
from facies.volumes import Geometry, open_volume
from facies.volumes.blocks import BlockGrid
from facies.volumes.ome_zarr import (
    fill_levels,
    level_arrays,
    mean_of_blocks,
    mode_of_blocks,
    pyramid_levels,
    write_labels_group,
    write_metadata,
)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8, 8, 8), [(1, 1, 1), (2, 2, 2), (4, 4, 4)]),
        ((40, 4, 4), [(1, 1, 1), (1, 2, 2), (1, 4, 4)]),
        ((10, 4, 4), [(1, 1, 1), (1, 2, 2), (2, 4, 4)]),
        (None, [(1, 1, 1), (2, 2, 2), (4, 4, 4)]),
    ],
)
def test_an_axis_is_halved_while_its_voxels_are_fine(size, expected) -> None:
    """bioformats2raw's issue 208."""
    assert [level.factors for level in pyramid_levels((256, 256, 256), size)][:3] == expected


def test_a_plane_is_halved_in_the_plane() -> None:
    assert [level.shape for level in pyramid_levels((1, 100, 300), (4, 4, 4))] == [
        (1, 100, 300), (1, 50, 150), (1, 25, 75), (1, 13, 38)
    ]  # fmt: skip


def test_modes_and_means_against_the_obvious() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, (5, 6, 7)).astype(np.uint8)
    step = (2, 2, 2)
    modes, means = mode_of_blocks(labels, step), mean_of_blocks(labels, step)
    assert modes.dtype == means.dtype == np.uint8
    for z, y, x in np.ndindex(*modes.shape):
        index = np.ix_(*(np.minimum([2 * i, 2 * i + 1], n - 1) for i, n in zip((z, y, x), labels.shape, strict=True)))
        part = labels[index].ravel()
        count = np.bincount(part, minlength=4)
        best = count.max()
        assert modes[z, y, x] == (min((k for k in (1, 2, 3) if count[k] == best), default=0))
        assert means[z, y, x] == np.rint(part.mean())


@pytest.mark.parametrize("axes", ["zyx", "xyz"])
def test_what_is_written_is_read_with_the_same_size_and_place(tmp_path, axes) -> None:
    """APOC's issue 37, napari's issue 5512: (40, 8, 4) nm, offset and order of the axes go through."""
    geometry = Geometry((6, 90, 130), (40.0, 8.0, 4.0), (400.0, 80.0, 12.0), axes)
    labels = np.random.default_rng(0).integers(0, 5, geometry.shape).astype(np.uint8)
    levels = pyramid_levels(geometry.shape, geometry.voxel_size_nm)
    path = tmp_path / "labels.zarr" / "k4"
    arrays = level_arrays(path, geometry, "uint8", levels)
    write_labels_group(path.parent, ["k4"])
    write_metadata(path, "k4", geometry, levels, "labels")
    arrays[0].create()
    grid = BlockGrid(geometry.shape, arrays[0].block)
    for number in range(len(grid)):
        arrays[0].write(grid.box(number), labels[grid.box(number).slices])
    with make_engine("processes") as engine:
        assert fill_levels(arrays, levels, "labels", tmp_path / "work", engine, source_key="a").is_complete
    again = open_volume(path)
    assert again.geometry == geometry
    np.testing.assert_array_equal(again.read(), labels)
    coarse = open_volume(path, level=1)
    assert coarse.voxel_size_nm == (40.0, 8.0, 8.0)
    assert coarse.geometry.offset_nm == (400.0, 80.0, 14.0)
    np.testing.assert_array_equal(coarse.read(), mode_of_blocks(labels, (1, 1, 2)))
    stored = zarr.open_group(str(path), mode="r")
    assert stored["0"].shape == tuple(geometry.shape["zyx".index(axis)] for axis in axes)
    assert "image-label" in stored.attrs["ome"]
    assert zarr.open_group(str(path.parent), mode="r").attrs["ome"]["labels"] == ["k4"]
