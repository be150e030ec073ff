"""CIHS: its patches lie inside of each other, its loss is that of the ball, and it is saved and applied like any other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.methods.cihs import CIHS
from facies.methods.cihs.objective import Hierarchy, HierarchyObjective
from facies.methods.voxels import VoxelSample, load_voxel_method, make_voxel_method
from facies.methods.voxels.patch_sampler import PatchGrid, PatchSampler
from facies.nn.poincare import distance
from facies.training import Batch
from facies.volumes.synthetic import textured_phantom

GREY, _ = textured_phantom((30, 40, 40), seed=1)
SAMPLE = VoxelSample([GREY], (80, 8, 8))


def tiny(**more) -> CIHS:
    return CIHS(scale_nm=72, channels=(4, 4), hidden=8, n_steps=6, batch_size=8, **more)


@pytest.mark.parametrize("size", [(16, 16, 16), (120, 16, 16)])
def test_the_smaller_patch_lies_inside(size) -> None:
    """A ramp along each axis shows where each point was read."""
    grid = PatchGrid(tuple(map(float, size)), slices=size[0] > 64)
    read = []
    for axis in range(3):
        ramp = np.broadcast_to(np.arange(60).reshape([-1 if a == axis else 1 for a in range(3)]) * 4, (60, 60, 60))
        hierarchy = Hierarchy(CIHS(noise=0), 64.0, PatchSampler([ramp.astype(np.uint8)], grid))
        torch.manual_seed(0)
        read.append(hierarchy.read(40, torch.device("cpu")).flatten(3).flatten(2))
    extent = [each.amax(dim=2) - each.amin(dim=2) for each in read]
    for axis in (1, 2):
        parent, child = (extent[axis] * 255 / 4 * size[axis])[:2]
        torch.testing.assert_close(child, parent / 2, atol=0.5, rtol=0)
        assert 2 * 0.5 * 64 - 0.5 <= parent.min() <= parent.max() <= 2 * 1.5 * 64 + 0.5


def test_the_loss_draws_a_patch_to_what_is_inside_of_it() -> None:
    patches = torch.randn(2, 5, 1, 16, 16, 16)

    class Fixed:
        def draw(self, count, device):
            return patches

    def loss(children):
        mean = torch.cat([torch.linspace(-0.8, 0.8, 5)[:, None] * torch.tensor([1.0, 0.2]), children])
        spread = torch.ones_like(patches.flatten(0, 1))
        terms = HierarchyObjective(CIHS(), Fixed())(
            lambda each: (mean, torch.full_like(mean, 0.5), mean, 0 * each, spread),
            Batch(torch.zeros(5, 1), torch.arange(5)),
        )
        return {name: float(value) for name, value in terms.items()}

    parents = torch.linspace(-0.8, 0.8, 5)[:, None] * torch.tensor([1.0, 0.2])
    near, far = loss(parents), loss(parents.flip(0))
    assert near["triplet"] < 0.3 < far["triplet"]
    assert near["loss"] == pytest.approx(near["reconstruction"] + 1e-3 * near["divergence"] + near["triplet"], rel=1e-5)
    assert near["reconstruction"] == pytest.approx(float(0.5 * patches.square().mean() + 0.9189), rel=1e-3)


def test_codes_lie_in_the_ball_and_are_kept(tmp_path) -> None:
    fitted = tiny().fit(SAMPLE)
    again = tiny().fit(SAMPLE)
    values = np.random.default_rng(0).random([3 + 2 * each for each in fitted.halo], np.float32)
    codes = fitted.embed(values)
    assert codes.shape == (2, 3, 3, 3)
    assert np.linalg.norm(codes, axis=0).max() < 1
    np.testing.assert_array_equal(again.embed(values), codes)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_voxel_method(tmp_path).embed(values), codes)
    assert [row["step"] for row in fitted.history_] == [1, 2, 3, 4, 5, 6]


def test_it_learns_that_parts_are_near() -> None:
    def ratio(method):
        torch.manual_seed(1)
        hierarchy = Hierarchy(method, 32.0, PatchSampler([GREY], PatchGrid((80.0, 8.0, 8.0), slices=True)))
        parents, children = (method.network_.encode(each)[0] for each in hierarchy.draw(100, torch.device("cpu")))
        return float((distance(parents, children).mean() / distance(parents, children.roll(1, 0)).mean()).detach())

    learnt = CIHS(
        scale_nm=72, channels=(8, 8), hidden=16, n_steps=60, batch_size=48, learning_rate=5e-3, triplet_weight=5
    )
    assert ratio(learnt.fit(SAMPLE)) < 0.9


def test_the_preset_of_the_paper_sees_ten_million_patches() -> None:
    method = make_voxel_method("cihs", "paper")
    assert method.n_steps * method.batch_size == 10_000_000
    method.check()


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InputError, match="one to four"):
        tiny().set_params(channels=(2,) * 5).check()
    with pytest.raises(InputError, match="exceeds"):
        make_voxel_method("cihs", "quick", {"smallest": 2.0}).check()
    with pytest.raises(InputError, match="'gpu' is not known"):
        make_voxel_method("cihs", "quick", {"device": "gpu"}).check()
