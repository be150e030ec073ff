"""The target of self-training: of all images as they are, renewed every few steps, and resumed with the training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facies.images import RandomAffine, open_images
from facies.losses import student_t_assignment, target_distribution
from facies.methods.preprocessing import Preprocessor
from facies.methods.target_distribution import TargetDistribution
from facies.nn import PixelNormalizer
from facies.training import Batch
from facies.training.checkpoints import load_state, save_state

N = 12
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 2, 2)).astype(np.uint8)


class FirstPixels(nn.Module):
    """The code of an image are its first two pixels, scaled; dropout shows whether the network is evaluated."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.centres = nn.Parameter(torch.tensor([[0.2, 0.2], [0.8, 0.8], [0.2, 0.8]]))
        self.dropout = nn.Dropout(0.5)

    def encode(self, images):
        return self.scale * self.dropout(images.flatten(1)[:, :2])


def callback(interval=3, tolerance=0.0) -> TargetDistribution:
    preprocessor = Preprocessor(PixelNormalizer(0.0, 255.0), RandomAffine(factor=0.1))
    return TargetDistribution(open_images(PIXELS), preprocessor, 1.0, interval, tolerance)


def batch(*rows: int) -> Batch:
    return Batch(torch.zeros(len(rows), 1, 2, 2), torch.tensor(rows))


def assignments(module: FirstPixels) -> torch.Tensor:
    """Of the images themselves: neither of views, nor with dropout."""
    codes = module.scale * torch.from_numpy(PIXELS).float().reshape(N, 4)[:, :2] / 255
    return student_t_assignment(codes, module.centres).detach()


@pytest.fixture
def module() -> FirstPixels:
    return FirstPixels().train()


def test_the_target_is_that_of_all_images_as_they_are(module):
    target = callback()
    target.on_fit_start(module)
    expected = target_distribution(assignments(module))
    torch.testing.assert_close(target.for_batch(batch(5, 0, 11)), expected[[5, 0, 11]])
    assert not target.for_batch(batch(5)).requires_grad
    assert module.training
    assert module.dropout.training


def test_it_is_renewed_every_few_steps(module):
    target = callback(interval=3)
    target.on_fit_start(module)
    first = target.for_batch(batch(*range(N)))
    with torch.no_grad():
        module.scale.mul_(0.3)
    for _ in range(2):
        target.on_step_end(module, batch(0))
        assert torch.equal(target.for_batch(batch(*range(N))), first)
    target.on_step_end(module, batch(0))
    torch.testing.assert_close(target.for_batch(batch(*range(N))), target_distribution(assignments(module)))


@pytest.mark.parametrize(("tolerance", "ends"), [(0.0, False), (0.99, True)])
def test_the_training_ends_once_few_images_change_their_group(module, tolerance, ends):
    target = callback(interval=1, tolerance=tolerance)
    target.on_fit_start(module)
    assert not target.on_epoch_end(module, 1, {})  # there is nothing to compare the first with
    before = assignments(module).argmax(dim=1)
    with torch.no_grad():
        module.scale.mul_(0.4)
    changed = (assignments(module).argmax(dim=1) != before).float().mean()
    assert 0 < changed < 0.99
    target.on_step_end(module, batch(0))
    assert target.on_epoch_end(module, 2, {}) == ends
    target.on_step_end(module, batch(0))  # nothing has moved since
    assert target.on_epoch_end(module, 3, {})


def test_it_goes_on_from_its_state_after_a_kill(module, tmp_path):
    target, resumed = callback(interval=3), callback(interval=3)
    target.on_fit_start(module)
    target.on_step_end(module, batch(0))
    save_state(tmp_path / "state", {"callback": target.state_dict()})
    with torch.no_grad():
        module.scale.mul_(0.3)
    resumed.load_state_dict(load_state(tmp_path / "state")["callback"])
    resumed.on_fit_start(module)  # keeps the target that it was given
    for _ in range(2):
        assert torch.equal(resumed.for_batch(batch(*range(N))), target.for_batch(batch(*range(N))))
        for each in (target, resumed):
            each.on_step_end(module, batch(0))
    torch.testing.assert_close(resumed.for_batch(batch(1)), target_distribution(assignments(module))[[1]])
    for name, tensor in target.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name
