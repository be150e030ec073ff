"""What is minimised, written out by hand; what a watch sees; and which images are shown how."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facies.images import RandomAffine, open_images
from facies.losses import pose_loss
from facies.methods.dac.losses import (
    DACObjective,
    PairMonitor,
    Shown,
    STDACObjective,
    collapse_share,
    set_upright,
    share_of_pairs,
    statistics_batches,
)
from facies.nn import PixelNormalizer, STDACNetwork, use_batch_statistics
from facies.training import Batch
from tests.losses import reference as slow

STILL = RandomAffine(0.0, 0.0, 0.0)
SHOWN = Shown(PixelNormalizer(0.0, 255.0, 0.3, 1.0, "gaussian"), (1, 8, 8), True)


class Says(nn.Module):
    """Says of an image what its first pixels are, as they are shown: softmax of K of them, and it counts what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.shown = []

    def forward(self, images):
        self.shown.append(images)
        return (self.scale * 8 * images[:, 0, 0, :3]).softmax(dim=1)


@pytest.fixture
def chunk():
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (9, 1, 8, 8)).astype(np.float32))
    return Batch(pixels, torch.arange(9), epoch=2)


def softmaxes(pixels, scale=1.0):
    return (scale * 8 * (pixels.double() / 255 - 0.3)[:, 0, 0, :3]).softmax(dim=1)


def test_the_network_sees_pixels_scaled_and_less_their_mean(chunk):
    torch.testing.assert_close(SHOWN(chunk.images), chunk.images / 255 - 0.3)
    small = Shown(SHOWN.intensity, (2, 4, 4), True)
    stack = torch.stack([chunk.images, chunk.images.flip(-1)], dim=1)
    blocks = stack.reshape(9, 2, 4, 2, 4, 2).mean(dim=(3, 5)).round()
    torch.testing.assert_close(small(stack), blocks / 255 - 0.3)


def test_one_threshold_by_hand(chunk):
    module, objective = Says(), STDACObjective(SHOWN, RandomAffine(0.0, 0.0, 0.0, factor=0.5), 10, 0.9, 0.4, 10.0)
    objective.begin_large_batch(module, chunk)
    clean = softmaxes(chunk.images)
    unit_vectors = [slow.direction(row) for row in clean.tolist()]
    alike = [[slow.likeness(a, b) > 0.8 for b in unit_vectors] for a in unit_vectors]  # 0.9 − 2·0.05
    np.testing.assert_array_equal(objective.alike.numpy(), alike)
    batch = next(batch for batch in chunk.parts([3, 4, 2], [0, 0, 0]) if batch.first == 3)
    terms = objective(module, batch)
    shown = softmaxes(chunk.images, 0.5)[3:7].tolist()
    pairs = slow.all_pairs(shown, [row[3:7] for row in alike[3:7]])
    consistency = slow.consistency(shown, unit_vectors[3:7])
    assert terms["pairs"].item() == pytest.approx(pairs, rel=1e-5)
    assert terms["consistency"].item() == pytest.approx(consistency, rel=1e-5)
    assert terms["loss"].item() == pytest.approx(pairs + 10 * consistency, rel=1e-5)
    assert terms["positives"].item() == pytest.approx((np.sum(alike) - 9) / 72)
    assert 9 < np.sum(alike) < 81
    terms["loss"].backward()
    assert module.scale.grad.abs() > 0
    assert not objective.clean.requires_grad


class Poses(Says):
    """Says of the pose of an image what its first row is."""

    def forward(self, images, untouched=None):
        if untouched is None:
            return super().forward(images)
        return super().forward(images), *(self.scale * pose_of(each) for each in (images, untouched))


def pose_of(images):
    return torch.eye(2, 3) + 0.2 * images[:, 0, 0, :6].reshape(-1, 2, 3)


def test_poses_of_views_and_images_must_agree(chunk):
    augment = RandomAffine(30.0, 0.1, 0.1, factor=0.5)
    plain = STDACObjective(SHOWN, augment, 10, 0.9, 0.4, 10.0)
    posed = STDACObjective(SHOWN, augment, 10, 0.9, 0.4, 10.0, pose=True)
    module, found = Poses(), []
    for objective in (plain, posed):
        objective.begin_large_batch(module, chunk)
        torch.manual_seed(3)
        found.append(objective(module, chunk))
    without, terms = found
    torch.manual_seed(3)
    maps = augment.draw(9, (8, 8), torch.device("cpu"))
    wanted = pose_loss(pose_of(SHOWN(chunk.images)), pose_of(augment(SHOWN(chunk.images), maps=maps)), maps)
    assert terms["pose"].item() == pytest.approx(wanted.item(), rel=1e-5)
    assert terms["pairs"].item() == pytest.approx(without["pairs"].item(), rel=1e-5)
    assert terms["loss"].item() == pytest.approx(without["loss"].item() + 10 * wanted.item(), rel=1e-5)
    assert "pose" not in without


def test_two_thresholds_by_hand(chunk):
    module, objective = Says(), DACObjective(SHOWN, STILL, 0.05, 0.95, 0.455)
    objective.begin_large_batch(module, chunk)
    y = softmaxes(chunk.images)
    unit_vectors = [slow.direction(row) for row in y.tolist()]
    like = np.array([[slow.likeness(a, b) for b in unit_vectors] for a in unit_vectors])
    alike, unlike = like > 0.95 - 0.11, like < 0.455 + 0.011
    assert (~alike & ~unlike).any()
    terms = objective(module, next(chunk.parts([9], [0])))
    assert terms["loss"].item() == pytest.approx(slow.certain_pairs(y.tolist(), alike, unlike), rel=1e-4)
    assert terms["positives"].item() == pytest.approx((alike.sum() - 9) / 72)
    assert terms["negatives"].item() == pytest.approx(unlike.sum() / 72)


def test_a_chunk_is_looked_at_untouched_in_pieces_of_one_size():
    pixels = torch.arange(300.0).reshape(300, 1, 1, 1).expand(300, 1, 8, 8)
    module, objective = Says(), STDACObjective(SHOWN, RandomAffine(factor=0.5), 1, 0.9, 0.8, 1.0)
    objective.begin_large_batch(module, Batch(pixels, torch.arange(300)))
    assert [len(shown) for shown in module.shown] == [150, 150]
    torch.testing.assert_close(torch.cat(module.shown), SHOWN(pixels))
    assert objective.alike.shape == (300, 300)


def test_share_of_pairs_of_different_images():
    groups = torch.tensor([0, 0, 1, 2])
    assert share_of_pairs(groups[:, None] == groups) == pytest.approx(2 / 12)
    assert share_of_pairs(torch.ones(5, 5, dtype=torch.bool)) == 1
    assert [collapse_share(k) for k in (2, 10)] == [0.75, 0.55]


def test_batches_for_statistics_hold_each_image_once_and_are_never_small():
    order = np.random.default_rng(0).permutation(513)
    batches = statistics_batches(513, order)
    assert [len(batch) for batch in batches] == [171, 171, 171]
    np.testing.assert_array_equal(np.concatenate(batches), order)


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield STDACNetwork((1, 8, 8), 3, filters=4, hidden_size=8, transformers=(0,))


def test_a_watch_sees_groups_and_examples_and_ends_a_collapsed_training(network, chunk):
    images = open_images(chunk.images.numpy().astype(np.uint8))
    watch = PairMonitor(images, SHOWN, np.random.default_rng(0).permutation(9), 0.55, chunk.images[:4])
    seen = {}
    assert not watch(network, 1, {"positives": 0.2}, seen)
    first = set_upright(network, SHOWN, chunk.images[:4])
    with torch.no_grad(), use_batch_statistics(network):
        wanted = network(SHOWN(chunk.images)).argmax(dim=1)
    assert torch.equal(seen["labels 1"].long(), wanted)
    torch.testing.assert_close(seen["examples first"], first)
    with torch.no_grad():
        network.transformers["0"].localisation.last.bias += 0.3
    assert watch(network, 2, {"positives": 0.9}, seen)
    assert sorted(seen) == ["examples first", "examples last", "labels 1", "labels 2"]
    torch.testing.assert_close(seen["examples first"], first)
    torch.testing.assert_close(seen["examples last"], set_upright(network, SHOWN, chunk.images[:4]))
    assert not torch.allclose(seen["examples last"], first)
    assert network.training


def test_images_are_set_upright_at_their_own_size_all_channels_alike(network, chunk):
    large = torch.rand(5, 2, 3, 16, 16)
    small = Shown(SHOWN.intensity, (1, 8, 8), False)
    network.theta = lambda images: torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]).expand(len(images), 2, 3)
    turned = set_upright(network, small, large)
    assert turned.shape == large.shape
    torch.testing.assert_close(turned, torch.rot90(large, -1, dims=(-2, -1)), atol=1e-5, rtol=0)
