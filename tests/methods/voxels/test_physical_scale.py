"""Lengths in nm: what is seen does not depend on the size of the voxels, and results come back to their places."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from facies.methods.voxels.filter_bank import bank_halo, bank_responses, mirrored
from facies.methods.voxels.gaussian_scale import eigenvalues_3d, smooth
from facies.methods.voxels.physical_scale import WorkingGrid, random_tiles

RNG = np.random.default_rng(0)


def test_fine_voxels_are_averaged_and_thick_slices_seen() -> None:
    assert WorkingGrid.of((45, 4.6, 4.6), 9.4).factors == (1, 2, 2)
    assert WorkingGrid.of((16, 16, 16), 9.4).factors == (1, 1, 1)
    assert WorkingGrid.of((45, 4.6, 4.6), 9.4).is_slices
    assert not WorkingGrid.of((30, 8, 8), 8).is_slices
    assert len(WorkingGrid.of((45, 4.6, 4.6), 9.4).notes) == 2


@pytest.mark.parametrize("shape", [(4, 6, 8), (3, 5, 7)])
def test_restored_features_lie_where_they_came_from(shape) -> None:
    """A linear ramp survives averaging and interpolation."""
    grid = WorkingGrid((10, 5, 5), (1, 2, 2))
    halo = grid.stored_halo((0, 0, 0))
    axes = [np.arange(-more, size + more) for more, size in zip(halo, shape, strict=True)]
    ramp = np.add.outer(np.add.outer(3.0 * axes[0], 0.5 * axes[1]), 0.25 * axes[2]).astype(np.float32)
    restored = grid.restore(grid.reduce(ramp)[None], shape)[0]
    inner = tuple(slice(more, more + size) for more, size in zip(halo, shape, strict=True))
    last = tuple(slice(0, size // 2 * 2) for size in shape[1:])
    np.testing.assert_allclose(restored[:, *last], ramp[inner][:, *last], atol=1e-5)


def test_eigenvalues_are_those_of_the_matrices() -> None:
    matrices = RNG.normal(size=(50, 3, 3))
    matrices += matrices.transpose(0, 2, 1)
    entries = [matrices[:, a, b].astype(np.float32) for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(np.stack(eigenvalues_3d(entries), -1), np.linalg.eigvalsh(matrices)[:, ::-1], atol=1e-4)


def test_responses_do_not_change_when_the_volume_is_turned() -> None:
    values = ndimage.gaussian_filter(RNG.normal(size=(24, 24, 24)), 1).astype(np.float32)
    for slices, turned, back in (
        (False, values.transpose(2, 0, 1)[::-1], lambda each: each[::-1].transpose(1, 2, 0)),
        (True, np.rot90(values, axes=(1, 2)), lambda each: np.rot90(each, -1, axes=(1, 2))),
    ):
        sigmas = [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)]
        straight = list(bank_responses(values, sigmas, slices=slices))
        assert len(straight) == (14 if slices else 18)
        for one, other in zip(
            straight, bank_responses(np.ascontiguousarray(turned), sigmas, slices=slices), strict=True
        ):
            np.testing.assert_allclose(back(other), one, atol=2e-4)


def test_responses_depend_on_nothing_beyond_the_halo() -> None:
    values = RNG.normal(size=(30, 40, 40)).astype(np.float32)
    sigmas = [(0.5, 1.0, 1.0), (1.0, 2.0, 2.0)]
    halo = bank_halo(sigmas, slices=False)
    whole = list(bank_responses(values, sigmas, slices=False))
    box = tuple(slice(more, more + 3) for more in halo)
    cut = tuple(slice(0, 2 * more + 3) for more in halo)
    for one, other in zip(bank_responses(values[cut], sigmas, slices=False), whole, strict=True):
        np.testing.assert_allclose(one[box], other[box], atol=1e-5)


def test_derivatives_are_in_units_of_the_width() -> None:
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), (1, 40, 40)).copy()
    assert smooth(ramp, (0, 2, 2), (0, 0, 1))[0, 20, 20] == pytest.approx(2, rel=0.02)
    assert smooth(ramp, (0, 0, 0))[0, 20, 20] == 20


def test_a_box_is_mirrored_as_numpy_does() -> None:
    box = RNG.integers(0, 255, (3, 5, 6), np.uint8)
    expected = np.pad(box.astype(np.float32) / 255, ((4, 4), (2, 2), (7, 7)), mode="reflect")
    np.testing.assert_allclose(mirrored(box, [0, 0, 0], [3, 5, 6], (4, 2, 7)), expected, atol=1e-6)


@pytest.mark.parametrize("finest", [3.0, 13.0, 16.0, 23.0, 29.0, 40.0, 61.0])
def test_blocks_begin_with_a_whole_working_voxel(finest) -> None:
    """Blocks have sides of 64 voxels times a whole number: with means of 3 or 5 the result would depend on where they begin."""
    factors = WorkingGrid.of((45, 4.6, 4.6), finest).factors
    assert all(64 % factor == 0 for factor in factors)
    assert all(
        factor * size <= 1.05 * finest or factor == 1 for factor, size in zip(factors, (45, 4.6, 4.6), strict=True)
    )


def test_tiles_are_drawn_once_each_and_together_cover_the_volume() -> None:
    shape, side, even = (9, 50, 33), (2, 16, 16), (1, 4, 2)
    every = random_tiles(shape, side, 1000, np.random.default_rng(0), even)
    assert len(set(every)) == len(every) == 5 * 4 * 3
    seen = np.zeros(shape, bool)
    for start in every:
        assert all(
            first % step == 0 and first + size <= most
            for first, step, size, most in zip(start, even, side, shape, strict=True)
        )
        seen[tuple(slice(first, first + size) for first, size in zip(start, side, strict=True))] = True
    # What is left over is less than `even` at the ends.
    assert seen[:, :48, :32].all()
    few = random_tiles(shape, side, 7, np.random.default_rng(0), even)
    assert len(few) == len(set(few)) == 7
    assert set(few) <= set(every)
    assert random_tiles((1, 5, 5), (1, 5, 5), 3, np.random.default_rng(0)) == [(0, 0, 0)]


@pytest.mark.parametrize("slices", [False, True])
def test_responses_without_a_halo_are_those_of_the_whole_block(slices) -> None:
    """What nobody asks for is not computed, and nothing else changes: the same numbers to the last bit."""
    sigmas = [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)]
    halo = (0, 12, 12) if slices else (12, 12, 12)
    values = RNG.random((30, 34, 36), np.float32)
    inner = tuple(slice(more, size - more) for more, size in zip(halo, values.shape, strict=True))
    whole = bank_responses(values, sigmas, slices=slices)
    for one, other in zip(bank_responses(values, sigmas, slices=slices, halo=halo), whole, strict=True):
        np.testing.assert_array_equal(one, other[inner])
