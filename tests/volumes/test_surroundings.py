"""Means around voxels: those of a plain Gaussian filter, however the volume is read, and blind to what was not computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from facies.volumes import open_volume
from facies.volumes.geometry import Box
from facies.volumes.stored_results import ResultArray
from facies.volumes.surroundings import CodesWithSurroundings

SHAPE = (12, 150, 140)


def smooth_codes() -> np.ndarray:
    rng = np.random.default_rng(0)
    return gaussian_filter(rng.normal(size=(2, *SHAPE)), (0, 0.7, 6, 6)).astype(np.float32) * 20


def stored(tmp_path, codes: np.ndarray, labels: np.ndarray, size, sigma_nm: float) -> CodesWithSurroundings:
    array = ResultArray(str(tmp_path / "codes.zarr"), SHAPE, SHAPE, "float32", channels=len(codes))
    array.create()
    array.write(Box.whole(SHAPE), codes)
    return CodesWithSurroundings(array, open_volume(labels, voxel_size_nm=size), sigma_nm, size, tmp_path)


@pytest.mark.parametrize("size", [(4.0, 4.0, 4.0), (40.0, 4.0, 4.0)])
def test_they_are_those_of_a_gaussian_filter_in_the_plane_where_slices_are_thick(tmp_path, size) -> None:
    codes, labels = smooth_codes(), np.ones(SHAPE, np.uint8)
    read = stored(tmp_path, codes, labels, size, 40.0)
    assert (read.channels, read.shape) == (4, SHAPE)
    whole = read.read(Box.whole(SHAPE))
    np.testing.assert_array_equal(whole[:2], codes)
    sigma = (0, 10 if size[0] == 4 else 0, 10, 10)
    known = gaussian_filter(np.ones_like(codes), sigma, mode="constant", truncate=3)
    expected = gaussian_filter(codes, sigma, mode="constant", truncate=3) / known
    inner = np.s_[:, :, 15:-15, 15:-15]
    # Not quite: cells of up to half a standard deviation widen the window a little.
    difference = whole[2:][inner] - expected[inner]
    assert np.sqrt(np.square(difference).mean()) < 0.05 * expected.std()


def test_they_do_not_depend_on_what_is_read_at_once(tmp_path) -> None:
    read = stored(tmp_path, smooth_codes(), np.ones(SHAPE, np.uint8), (4.0, 4.0, 4.0), 30.0)
    whole = read.around(Box.whole(SHAPE))
    for box in (Box((0, 0, 0), (5, 33, 70)), Box((3, 61, 17), (4, 62, 18)), Box((7, 100, 129), (12, 150, 140))):
        np.testing.assert_allclose(read.around(box), whole[:, *box.slices], atol=1e-4)


def test_voxels_without_a_code_count_in_no_mean(tmp_path) -> None:
    codes, labels = np.full((1, *SHAPE), 7.0, np.float32), np.ones(SHAPE, np.uint8)
    codes[:, :, :, 70:], labels[:, :, 70:] = -100.0, 0
    around = stored(tmp_path, codes, labels, (4.0, 4.0, 4.0), 40.0).around(Box.whole(SHAPE))
    np.testing.assert_allclose(around[:, :, :, :70], 7.0, atol=1e-4)
    assert around[:, :, :, 136:].min() == around[:, :, :, 136:].max() == 0.0
