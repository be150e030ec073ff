"""The network of the paper: its views, its loss, and that it is saved, resumed and applied like any other."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.losses import multi_similarity
from facies.methods.voxel_vae import VoxelVAE
from facies.methods.voxel_vae.paper import PaperNetwork, PaperObjective, PaperSettings, PaperViews
from facies.methods.voxels import VoxelSample, load_voxel_method, make_voxel_method
from facies.methods.voxels.patch_sampler import PatchGrid, PatchSampler, standardised
from facies.methods.voxels.physical_scale import WorkingGrid
from facies.nn.patch_vae import PatchVAE
from facies.training import Batch, StageCheckpoints
from facies.training.loop import TrainingLoop
from facies.volumes.synthetic import textured_phantom

GREY, _ = textured_phantom((40, 40, 40), seed=1)
TINY = {
    "network": "paper", "scale_nm": 72.0, "paper.channels": (4, 4), "paper.hidden": 8, "paper.latent_size": 6,
    "paper.semantic_size": 3, "paper.n_steps": 4, "paper.batch_size": 8, "paper.learning_rate": 1e-3, "paper.shift_nm": 16.0,
}  # fmt: skip


def tiny(**more):
    return make_voxel_method("voxel-vae", "quick", TINY | more)


@pytest.fixture(scope="module")
def fitted() -> VoxelVAE:
    return tiny().fit(VoxelSample([GREY], (8, 8, 8)))


def test_the_network_is_that_of_the_paper() -> None:
    settings = make_voxel_method("voxel-vae", "paper").paper
    network = PatchVAE((16, 16, 16), 1, settings.channels, hidden=settings.hidden, latent_size=settings.latent_size)
    count = {name: sum(each.numel() for each in part.parameters()) for name, part in network.named_children()}
    assert count["encoder"] - 256 * 4097 == 27 * (128 + 128 * 256 + 256 * 512) + 128 + 256 + 512
    assert sum(count.values()) == pytest.approx(11.0e6, rel=0.01)
    patches = torch.randn(2, 1, 16, 16, 16)
    with torch.no_grad():
        code, variance, mean, spread = network(patches)
    assert code.shape == variance.shape == (2, 64)
    assert mean.shape == spread.shape == patches.shape
    assert (settings.n_steps, settings.batch_size, settings.n_positives) == (46_875, 128, 4)


def test_the_preset_sees_the_nine_voxels_of_the_paper() -> None:
    method = make_voxel_method("voxel-vae", "paper")
    method.voxel_size_nm_ = (16.0, 16.0, 16.0)
    assert method.halo == (4, 4, 4)
    assert method.grid.factors == (1, 1, 1)
    assert (method.n_features, method.n_other_features, method.cluster_kind) == (8, 56, "kmeans")


@pytest.mark.parametrize("size", [(16, 16, 16), (32, 16, 16), (120, 16, 16)])
def test_views_are_of_the_size_and_place_that_was_asked_for(size) -> None:
    """A ramp along each axis shows where each point of a patch was read."""
    shape = (60, 60, 60)
    settings = PaperSettings(n_positives=3, shift_nm=32, contrast=0, brightness=0, noise=0, elastic=0)
    grid = PatchGrid(tuple(map(float, size)), slices=size[0] > 64)
    read = []
    for axis in range(3):
        ramp = np.broadcast_to(np.arange(60).reshape([-1 if a == axis else 1 for a in range(3)]) * 4, shape)
        sampler = PatchSampler([ramp.astype(np.uint8)], grid)
        views = PaperViews(settings, 64.0, sampler)
        torch.manual_seed(0)
        read.append(views.read(50, torch.device("cpu")).flatten(3).flatten(2) * 255 / 4 * size[axis])
    places = torch.stack(read, dim=-1)  # (views, anchors, points, 3) in nm
    centres = places.mean(dim=2)
    moved = (centres[1:] - centres[0]).norm(dim=-1)
    rounded = math.hypot(*(each / 2 for each in size))
    assert 0 < moved.max() <= 32 + rounded
    in_plane = places if not grid.slices else places[:, :, 256:512]
    reach = (in_plane - centres[:, :, None]).norm(dim=-1).amax(dim=-1) / math.sqrt(2 if grid.slices else 3)
    assert reach.min() >= 0.5 * 64 - 0.5
    assert reach.max() <= 1.5 * 64 + 0.5
    assert reach.std() > 10  # each view has its own size
    if grid.slices:
        own = places.reshape(4, 50, 3, 256, 3)[..., 0]
        assert torch.allclose((own[:, :, 2] - own[:, :, 0]).abs(), torch.tensor(2.0 * size[0]), atol=0.1)


def test_patches_are_augmented_in_the_order_of_the_paper() -> None:
    settings = PaperSettings(noise=0)
    views = PaperViews(settings, 64.0, PatchSampler([GREY], PatchGrid((16.0,) * 3, slices=False)))
    torch.manual_seed(0)
    flat = views.draw(40, torch.device("cpu")).flatten(2)
    deviation, mean = flat.std(dim=2, correction=0), flat.mean(dim=2)
    assert 0.499 <= deviation.min() < 0.6  # 2 to a power of −1 … 1, after standardisation
    assert 1.8 < deviation.max() <= 2.001
    assert mean.abs().max() <= 0.2501
    torch.manual_seed(0)
    noisy = PaperViews(PaperSettings(), 64.0, views.sampler).draw(40, torch.device("cpu")).flatten(2)
    assert (noisy - flat).std() == pytest.approx(0.1, rel=0.01)


def test_only_inner_points_are_moved() -> None:
    grid = PatchGrid((16.0,) * 3, slices=False)
    inner = grid.inner(torch.device("cpu")).reshape(16, 16, 16, 3)
    assert inner[1:-1, 1:-1, 1:-1].all()
    assert int(inner.sum()) == 3 * 14**3
    flat = PatchGrid((90.0, 16.0, 16.0), slices=True).inner(torch.device("cpu")).reshape(3, 16, 16, 3)
    assert int(flat.sum()) == 2 * 3 * 14**2


def test_a_patch_of_whole_voxels_is_the_block_itself() -> None:
    sampler = PatchSampler([GREY], PatchGrid((8.0,) * 3, slices=False))
    centre, radius = torch.full((1, 3), 20.5, dtype=torch.float64).float(), torch.tensor([7.5 * 8])
    patch = sampler.read(torch.zeros(1, dtype=torch.long), centre, torch.eye(3)[None], radius)
    np.testing.assert_allclose(patch[0, 0] * 255, GREY[13:29, 13:29, 13:29], atol=1e-3)
    turn = torch.tensor([[[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]])
    turned = sampler.read(torch.zeros(1, dtype=torch.long), centre, turn, radius)
    np.testing.assert_allclose(turned[0, 0], torch.rot90(patch[0, 0], 1, (1, 0)), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8, 8), (24, 8, 8), (80, 8, 8)])
def test_the_embedding_of_a_block_is_that_of_the_patches_around_its_voxels(size) -> None:
    grid = WorkingGrid.of(size, 8)
    network = PaperNetwork(PaperSettings(channels=(4, 4), hidden=8, latent_size=4, semantic_size=2), 90.0, grid)
    z, y, x = network.working_halo
    part = np.ascontiguousarray(GREY[: 4 + 2 * z, : 6 + 2 * y, : 5 + 2 * x])
    codes = network.embed(part.astype(np.float32) / 255, torch.device("cpu"))
    assert codes.shape == (2, 4, 6, 5)
    place = torch.tensor([[z, y, x], [z + 1, y + 5, x + 3], [z + 3, y + 5, x + 4]])
    sampler = PatchSampler([part], network.patches)
    axes = torch.eye(3).expand(3, 3, 3)
    patches = sampler.read(torch.zeros(3, dtype=torch.long), place, axes, torch.full((3,), network.radius_nm))
    expected = network.codes(standardised(patches)[None])[0, :, :2]
    got = codes[:, place[:, 0] - z, place[:, 1] - y, place[:, 2] - x].T
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_the_loss_is_the_sum_over_views_and_a_thousand_times_the_similarity() -> None:
    settings = PaperSettings(channels=(4,), hidden=8, latent_size=5, semantic_size=2, n_positives=2)
    patches = torch.randn(3, 6, 1, 16, 16, 16)

    class Fixed:
        def draw(self, count, device):
            return patches[:, :count]

    torch.manual_seed(0)
    code, variance = torch.randn(18, 5), torch.rand(18, 5) + 0.1
    mean, spread = torch.randn(18, 1, 16, 16, 16), torch.rand(18, 1, 16, 16, 16)
    batch = Batch(torch.zeros(6, 1), torch.arange(6))
    terms = PaperObjective(settings, Fixed())(lambda _: (code, variance, mean, spread), batch)
    expected = 0.0
    for number in range(18):
        s = spread[number].clamp_min(0.05)
        nll = (0.5 * ((patches.flatten(0, 1)[number] - mean[number]) / s) ** 2 + s.log()).mean() + 0.5 * math.log(
            2 * math.pi
        )
        kl = 0.5 * (code[number] ** 2 + variance[number] - 1 - variance[number].log()).sum()
        expected += (nll + 0.001 * kl) / 6
    similarity = multi_similarity(code[:, :2].reshape(3, 6, 2))
    assert terms["loss"].item() == pytest.approx((expected + 1000 * similarity).item(), rel=1e-5)
    squared = PaperObjective(PaperSettings(**{**settings.get_params(), "likelihood": "mse"}), Fixed())
    assert squared(lambda _: (code, variance, mean, spread), batch)["anchors"].item() == pytest.approx(
        float((patches[0] - mean[:6]).square().mean() + 0.001 * 0.5
              * (code[:6] ** 2 + variance[:6] - 1 - variance[:6].log()).sum(1).mean()), rel=1e-5)  # fmt: skip


def test_a_saved_one_gives_equal_codes_and_has_its_losses(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    again = load_voxel_method(tmp_path)
    values = np.random.default_rng(0).random([4 + 2 * each for each in fitted.halo], np.float32)
    np.testing.assert_array_equal(again.embed(values), fitted.embed(values))
    assert fitted.embed(values).shape == (3, 4, 4, 4)
    assert fitted.embed_with_others(values).shape == (6, 4, 4, 4)
    np.testing.assert_array_equal(fitted.embed_with_others(values)[:3], fitted.embed(values))
    assert [row["step"] for row in again.history_] == [1, 2, 3, 4]
    assert {"loss", "anchors", "positives", "multi-similarity"} < set(again.history_[0])


def test_equal_seeds_give_equal_fits_and_a_killed_one_goes_on_the_same(fitted, tmp_path, monkeypatch) -> None:
    sample = VoxelSample([GREY], (8, 8, 8))
    state = fitted.state()
    for name, values in tiny().fit(sample).state().items():
        np.testing.assert_array_equal(values, state[name])
    whole = TrainingLoop._end_epoch

    def killed(self, fabric, module, state, steps):
        if state.epoch == 2:
            raise KeyboardInterrupt
        whole(self, fabric, module, state, steps)

    monkeypatch.setattr(TrainingLoop, "_end_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        tiny().fit(sample, checkpoints=tmp_path / "state")
    assert StageCheckpoints(tmp_path / "state").training_file(1, "training", 1).exists()
    monkeypatch.undo()
    resumed = tiny().fit(sample, checkpoints=tmp_path / "state")
    for name, values in resumed.state().items():
        np.testing.assert_array_equal(values, state[name])
    assert len(resumed.history_) == 4


def test_views_of_one_place_come_together() -> None:
    """In thick slices, where patches are small."""
    sample = VoxelSample([GREY], (80, 8, 8))
    more = {"paper.semantic_size": 6, "paper.latent_size": 12, "paper.channels": (8, 8), "paper.batch_size": 24}

    def ratio(method):
        torch.manual_seed(5)
        views = method.network_.views(sample).draw(100, torch.device("cpu"))
        codes = method.network_.codes(views)[..., :6]
        near, far = (codes[1:] - codes[0]).norm(dim=-1).mean(), (codes[0] - codes[0].roll(1, 0)).norm(dim=-1).mean()
        return float(near / far)

    learnt = tiny(**more, **{"paper.n_steps": 80, "paper.learning_rate": 3e-3}).fit(sample)
    before = tiny(**more, **{"paper.n_steps": 1, "paper.learning_rate": 1e-9}).fit(sample)
    assert ratio(learnt) < 0.7 * ratio(before)


def test_what_draws_patches_can_be_given_to_other_processes() -> None:
    """Each of several devices has its own; `test_dense` trains on two."""
    network = PaperNetwork(tiny().paper, 72.0, WorkingGrid.of((8, 8, 8), 8))
    objective = PaperObjective(network.settings, network.views(VoxelSample([GREY], (8, 8, 8))))
    batch = Batch(torch.zeros(4, 1), torch.arange(4))
    losses = []
    for each in (objective, pickle.loads(pickle.dumps(objective))):
        torch.manual_seed(3)
        losses.append(each(network.network, batch)["loss"].item())
    assert losses[0] == losses[1]


def test_parameters_of_the_other_network_are_refused() -> None:
    with pytest.raises(InputError, match="n_steps is of network='dense', and does nothing with 'paper'"):
        tiny(n_steps=7).check()
    with pytest.raises(InputError, match=r"paper.n_steps is of network='paper', and does nothing with 'dense'"):
        make_voxel_method("voxel-vae", "quick", {"paper.n_steps": 7}).check()
    with pytest.raises(InputError, match="one to four"):
        tiny(**{"paper.channels": (2,) * 5}).check()
    with pytest.raises(InputError, match="may not exceed"):
        tiny(**{"paper.semantic_size": 7}).check()
