"""Objects: cut nowhere by blocks, measured in nm, numbered and left out by a lookup table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import measure
from skimage.draw import disk

from facies.errors import InputError
from facies.scale import make_engine
from facies.volumes import Box, open_volume
from facies.volumes.objects import find_objects, open_objects, smooth_labels
from facies.volumes.objects.smoothing import majority
from facies.volumes.stored_results import ResultArray

SIZE = (20.0, 8.0, 4.0)


def find(labels, folder, size=SIZE, block=(8, 8, 8), **options):
    with make_engine("processes") as engine:
        found, report = find_objects(open_volume(labels, voxel_size_nm=size), folder, engine, block=block, **options)
    assert report.is_complete
    return found


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """Three labels that wind through each other, and holes of 0."""
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(20, 26, 30)), 1.5)
    return np.digitize(noise, np.quantile(noise, [0.3, 0.5, 0.8])).astype(np.uint8)


def test_components_are_those_of_the_whole_volume(labels, tmp_path) -> None:
    grey = np.random.default_rng(2).integers(0, 255, labels.shape, np.uint8)
    found = find(labels, tmp_path / "cut", grey=open_volume(grey, name="grey"))
    expected = measure.label(labels, background=0, connectivity=1)
    np.testing.assert_array_equal(found.read(), expected)  # in the order of their first voxels, too
    table = found.table
    regions = measure.regionprops(expected, grey, spacing=SIZE)
    np.testing.assert_array_equal(table["n_voxels"], [each.num_pixels for each in regions])
    np.testing.assert_allclose(table["volume_nm3"], [each.area for each in regions])
    np.testing.assert_allclose(table[[f"centroid_{axis}_nm" for axis in "zyx"]], [each.centroid for each in regions])
    np.testing.assert_allclose(table["mean_grey"], [each.mean_intensity for each in regions])
    boxes = np.array([each.bbox for each in regions])
    np.testing.assert_allclose(table[[f"from_{axis}_nm" for axis in "zyx"]], (boxes[:, :3] - 0.5) * SIZE)
    np.testing.assert_allclose(table[[f"to_{axis}_nm" for axis in "zyx"]], (boxes[:, 3:] - 0.5) * SIZE)
    touching = (boxes[:, :3] == 0).any(axis=1) | (boxes[:, 3:] == labels.shape).any(axis=1)
    np.testing.assert_array_equal(table["touches_border"], touching)
    whole = find(labels, tmp_path / "whole", block=(64, 64, 64)).table
    for column in ("label", "surface_nm2", "feret_nm", "aspect"):
        np.testing.assert_allclose(table[column], whole[column])


def test_parts_of_objects_are_read_and_renumbered_without_writing_voxels(labels, tmp_path) -> None:
    found = find(labels, tmp_path)
    expected = measure.label(labels, background=0, connectivity=1)
    box = Box((3, 5, 7), (19, 17, 30))
    np.testing.assert_array_equal(found.read(box), expected[box.slices])
    voxels = sorted((path, path.read_bytes()) for path in (tmp_path / "pieces").rglob("*") if path.is_file())
    again = open_objects(tmp_path)
    again.renumber({1: 0, 3: 2})
    moved = expected.copy()
    moved[expected == 1], moved[expected == 3] = 0, 2
    np.testing.assert_array_equal(again.read(box), moved[box.slices])
    assert voxels == sorted((path, path.read_bytes()) for path in (tmp_path / "pieces").rglob("*") if path.is_file())
    with pytest.raises(InputError, match="has no object 999"):
        again.renumber({999: 1})


def test_small_objects_are_left_out_and_counted(tmp_path) -> None:
    labels = np.zeros((10, 20, 20), np.uint8)
    labels[2:4, 2:4, 2:4], labels[6, 6:8, 6], labels[8, 12, 5:14] = 1, 1, 2
    found = find(labels, tmp_path, least_nm3=2.5 * np.prod(SIZE))
    assert found.n_small == 1
    assert found.table["n_voxels"].tolist() == [8, 9]
    assert found.read()[6].max() == 0
    assert np.unique(found.read()).tolist() == [0, 1, 2]


def ball(size, radius_nm: float = 200.0) -> np.ndarray:
    half = [int(radius_nm / each) + 3 for each in size]
    z, y, x = (np.arange(-n, n + 1) * each for n, each in zip(half, size, strict=True))
    return (z[:, None, None] ** 2 + y[None, :, None] ** 2 + x**2 <= radius_nm**2).astype(np.uint8)


@pytest.mark.parametrize("size", [(10, 10, 10), (40, 10, 10)])
def test_a_ball_has_its_measures_whatever_its_voxels(tmp_path, size) -> None:
    """empanada-napari's issue 50: measures of each object, in nm."""
    row = find(ball(size), tmp_path, size, (16, 16, 16)).table.iloc[0]
    assert row["volume_nm3"] == pytest.approx(4 / 3 * np.pi * 200**3, rel=0.03)
    assert row["surface_nm2"] == pytest.approx(4 * np.pi * 200**2, rel=0.04)
    assert row["sphericity"] == pytest.approx(1, abs=0.04)
    assert row["equivalent_diameter_nm"] == pytest.approx(400, rel=0.01)
    assert 400 <= row["feret_nm"] <= 400 + 1.8 * max(size)  # the outermost voxels with their own extent
    assert row["aspect"] == pytest.approx(1, abs=0.03)
    assert not row["touches_border"]


def test_a_slice_has_areas_and_perimeters(tmp_path) -> None:
    """micro-SAM's issue 1083."""
    labels = np.zeros((1, 120, 160), np.uint8)
    rows, columns = disk((50, 50), 30)
    labels[0, rows, columns] = 1
    labels[0, 100:110, 60:160] = 2
    table = find(labels, tmp_path, (50, 4, 4), (1, 32, 32)).table
    assert "volume_nm3" not in table
    disc, bar = table.iloc[0], table.iloc[1]
    assert disc["area_nm2"] == pytest.approx(np.pi * 120**2, rel=0.01)
    assert disc["perimeter_nm"] == pytest.approx(2 * np.pi * 120, rel=0.03)
    assert disc["circularity"] == pytest.approx(1, abs=0.05)
    assert (disc["label"], disc["touches_border"]) == (1, False)
    assert bar["feret_nm"] == pytest.approx(np.hypot(400, 40))
    assert bar["aspect"] == pytest.approx(10)
    assert bar["touches_border"]


def test_what_cannot_be_measured(tmp_path) -> None:
    with make_engine("processes") as engine:
        with pytest.raises(InputError, match="size of its voxels is not known"):
            find_objects(open_volume(np.ones((4, 4, 4), np.uint8)), tmp_path, engine)
        with pytest.raises(InputError, match="labels are whole numbers, and these are float64"):
            find_objects(open_volume(np.ones((4, 4, 4)), voxel_size_nm=SIZE), tmp_path, engine)
    assert find(np.zeros((4, 4, 4), np.uint8), tmp_path).table.empty


def test_majority_against_the_obvious(labels, tmp_path) -> None:
    halo = (0, 1, 2)
    padded = np.pad(labels, [(n, n) for n in halo])
    smoothed = majority(padded, halo)
    for z, y, x in np.random.default_rng(0).integers(0, labels.shape, (300, 3)):
        around = padded[z : z + 1, y : y + 3, x : x + 5]
        count = np.bincount(around[around > 0], minlength=4)
        own, got = labels[z, y, x], smoothed[z, y, x]
        if own == 0:
            assert got == 0
        elif count[own] == count.max():
            assert got == own
        else:
            assert count[got] == count.max()
    target = ResultArray(str(tmp_path / "smooth"), labels.shape, (8, 8, 8), "uint8")
    with make_engine("processes") as engine:
        volume = open_volume(labels, voxel_size_nm=SIZE)
        assert smooth_labels(volume, target, 11.0, tmp_path / "blocks", engine).is_complete
    np.testing.assert_array_equal(target.read(), smoothed)
