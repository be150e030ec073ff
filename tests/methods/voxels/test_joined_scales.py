"""Several scales joined: what each says of a voxel stands side by side, wherever blocks begin."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.methods.voxels import VoxelSample, join_scales, load_voxel_method, make_voxel_method
from facies.volumes.synthetic import textured_phantom

GREY, _ = textured_phantom((24, 48, 48), seed=1)
SAMPLE = VoxelSample([GREY], (4, 4, 4))
BANK = {"n_scales": 2, "n_components": 3}


@pytest.fixture(scope="module")
def fitted():
    return join_scales("filter-bank", [256, 48], parameters=BANK).fit(SAMPLE)


def test_each_scale_is_that_of_its_own_method(fitted) -> None:
    assert fitted.scales_nm == [48, 256]
    assert fitted.n_features == 6
    assert [part.grid.factors[0] for part in fitted.parts_] == [1, 8]
    values = np.random.default_rng(0).random([8 + 2 * each for each in fitted.halo], np.float32)
    joined = fitted.embed(values)
    assert joined.shape == (6, 8, 8, 8)
    for number, scale in enumerate(fitted.scales_nm):
        alone = make_voxel_method("filter-bank", "quick", {**BANK, "scale_nm": scale}).fit(SAMPLE)
        more = [a - b for a, b in zip(fitted.halo, alone.halo, strict=True)]
        cut = values[tuple(slice(each, -each if each else None) for each in more)]
        np.testing.assert_allclose(
            joined[3 * number : 3 * number + 3] * fitted.deviations_[number], alone.embed(cut), rtol=1e-5, atol=1e-5
        )


def test_scales_weigh_alike(fitted) -> None:
    from facies.methods.voxels.filter_bank import mirrored

    codes = fitted.embed(mirrored(GREY, [0, 0, 0], list(GREY.shape), fitted.halo)).reshape(2, 3, -1)
    np.testing.assert_allclose(np.sqrt(codes.var(axis=2).mean(axis=1)), 1, rtol=0.2)


def test_it_is_kept_with_all_its_parts(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    again = load_voxel_method(tmp_path)
    values = np.random.default_rng(0).random([8 + 2 * each for each in fitted.halo], np.float32)
    np.testing.assert_array_equal(again.embed(values), fitted.embed(values))
    assert again.notes_ == [
        "at 256 nm: worked on at 32 × 32 × 32 nm (means of 8 × 8 × 8 voxels), and brought back to all voxels"
    ]


def test_losses_of_learnt_scales_stand_side_by_side(tmp_path) -> None:
    small = {"n_steps": 2, "n_blocks": 16, "batch_size": 8, "channels": (2, 2), "hidden": 4, "latent_size": 2}
    method = join_scales("voxel-vae", [56, 112], parameters=small).fit(VoxelSample([GREY], (8, 8, 8)))
    assert set(method.history_[0]) == {
        "step", "reconstruction, 56 nm", "divergence, 56 nm", "reconstruction, 112 nm", "divergence, 112 nm"
    }  # fmt: skip
    method.save(tmp_path)
    values = np.random.default_rng(0).random([2 + 2 * each for each in method.halo], np.float32)
    np.testing.assert_array_equal(load_voxel_method(tmp_path).embed(values), method.embed(values))


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(InputError, match="60,60: give different scales"):
        join_scales("filter-bank", [60, 60]).check()
    with pytest.raises(InputError, match="codes in a ball, as cihs has, are not joined"):
        join_scales("cihs", [60, 120]).check()
    with pytest.raises(InputError, match="n_scales"):
        join_scales("filter-bank", [60, 120], parameters={"n_scales": 99}).check()
