"""What is minimised, written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facies.images import RandomAffine
from facies.losses import pose_loss
from facies.methods.dac.losses import DACObjective, STDACObjective, share_of_pairs
from facies.methods.dac.restarts import collapse_share
from facies.methods.preprocessing import Preprocessor
from facies.nn import PixelNormalizer
from facies.training import Batch
from tests.losses import reference as slow

UNMOVED = RandomAffine(0.0, 0.0, 0.0)
PREPROCESSOR = Preprocessor(PixelNormalizer(0.0, 255.0, 0.3, 1.0, "gaussian"), size=(8, 8), whole_numbers=True)


class FirstPixels(nn.Module):
    """Softmax of the first three pixels of an image; it remembers the images that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.given = []

    def forward(self, images):
        self.given.append(images)
        return (self.scale * 8 * images[:, 0, 0, :3]).softmax(dim=1)


@pytest.fixture
def large_batch():
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (9, 1, 8, 8)).astype(np.float32))
    return Batch(pixels, torch.arange(9), epoch=2)


def softmaxes(pixels, scale=1.0):
    return (scale * 8 * (pixels.double() / 255 - 0.3)[:, 0, 0, :3]).softmax(dim=1)


def test_one_threshold_by_hand(large_batch):
    module, objective = (
        FirstPixels(),
        STDACObjective(PREPROCESSOR, RandomAffine(0.0, 0.0, 0.0, factor=0.5), 9, 10, 0.9, 0.4, 10.0),
    )
    objective.begin_large_batch(module, large_batch)
    clean = softmaxes(large_batch.images)
    unit_vectors = [slow.direction(row) for row in clean.tolist()]
    alike = [[slow.likeness(a, b) > 0.8 for b in unit_vectors] for a in unit_vectors]  # 0.9 − 2·0.05
    np.testing.assert_array_equal(objective.alike.numpy(), alike)
    batch = next(batch for batch in large_batch.parts([3, 4, 2], [0, 0, 0]) if batch.first == 3)
    terms = objective(module, batch)
    views = softmaxes(large_batch.images, 0.5)[3:7].tolist()
    pairs = slow.all_pairs(views, [row[3:7] for row in alike[3:7]])
    consistency = slow.consistency(views, unit_vectors[3:7])
    assert terms["pairs"].item() == pytest.approx(pairs, rel=1e-5)
    assert terms["consistency"].item() == pytest.approx(consistency, rel=1e-5)
    assert terms["loss"].item() == pytest.approx(pairs + 10 * consistency, rel=1e-5)
    assert terms["positives"].item() == pytest.approx((np.sum(alike) - 9) / 72)
    assert 9 < np.sum(alike) < 81
    terms["loss"].backward()
    assert module.scale.grad.abs() > 0
    assert not objective.clean.requires_grad


class Poses(FirstPixels):
    """Also a pose, which is the first row of an image."""

    def forward(self, images, as_they_are=None):
        if as_they_are is None:
            return super().forward(images)
        return super().forward(images), *(self.scale * pose_of(each) for each in (images, as_they_are))


def pose_of(images):
    return torch.eye(2, 3) + 0.2 * images[:, 0, 0, :6].reshape(-1, 2, 3)


def test_poses_of_views_and_images_must_agree(large_batch):
    augment = RandomAffine(30.0, 0.1, 0.1, factor=0.5)
    plain = STDACObjective(PREPROCESSOR, augment, 9, 10, 0.9, 0.4, 10.0)
    posed = STDACObjective(PREPROCESSOR, augment, 9, 10, 0.9, 0.4, 10.0, pose=True)
    module, both = Poses(), []
    for objective in (plain, posed):
        objective.begin_large_batch(module, large_batch)
        torch.manual_seed(3)
        both.append(objective(module, large_batch))
    without, terms = both
    torch.manual_seed(3)
    maps = augment.draw(9, (8, 8), torch.device("cpu"))
    expected = pose_loss(
        pose_of(PREPROCESSOR.transform(large_batch.images)),
        pose_of(augment(PREPROCESSOR.transform(large_batch.images), maps=maps)),
        maps,
    )
    assert terms["pose"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms["pairs"].item() == pytest.approx(without["pairs"].item(), rel=1e-5)
    assert terms["loss"].item() == pytest.approx(without["loss"].item() + 10 * expected.item(), rel=1e-5)
    assert "pose" not in without


def test_two_thresholds_by_hand(large_batch):
    module, objective = FirstPixels(), DACObjective(PREPROCESSOR, UNMOVED, 9, 0.05, 0.95, 0.455)
    objective.begin_large_batch(module, large_batch)
    y = softmaxes(large_batch.images)
    unit_vectors = [slow.direction(row) for row in y.tolist()]
    like = np.array([[slow.likeness(a, b) for b in unit_vectors] for a in unit_vectors])
    alike, unlike = like > 0.95 - 0.11, like < 0.455 + 0.011
    assert (~alike & ~unlike).any()
    terms = objective(module, next(large_batch.parts([9], [0])))
    assert terms["loss"].item() == pytest.approx(slow.certain_pairs(y.tolist(), alike, unlike), rel=1e-4)
    assert terms["positives"].item() == pytest.approx((alike.sum() - 9) / 72)
    assert terms["negatives"].item() == pytest.approx(unlike.sum() / 72)


def test_a_large_batch_is_compared_as_it_is_in_parts_of_one_size():
    pixels = torch.arange(300.0).reshape(300, 1, 1, 1).expand(300, 1, 8, 8)
    module, objective = FirstPixels(), STDACObjective(PREPROCESSOR, RandomAffine(factor=0.5), 300, 1, 0.9, 0.8, 1.0)
    objective.begin_large_batch(module, Batch(pixels, torch.arange(300)))
    assert [len(part) for part in module.given] == [150, 150]
    torch.testing.assert_close(torch.cat(module.given), PREPROCESSOR.transform(pixels))
    assert objective.alike.shape == (300, 300)


def test_share_of_pairs_of_different_images():
    groups = torch.tensor([0, 0, 1, 2])
    assert share_of_pairs(groups[:, None] == groups) == pytest.approx(2 / 12)
    assert share_of_pairs(torch.ones(5, 5, dtype=torch.bool)) == 1
    assert [collapse_share(k) for k in (2, 10)] == [0.75, 0.55]
