"""Batch normalisation by the batch, and by all images."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.nn import recompute_batch_norm_statistics, use_batch_statistics


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(48, 4), nn.BatchNorm1d(4)
        )  # fmt: skip


@pytest.fixture
def images():
    return 2 + 3 * torch.randn(40, 2, 6, 6, generator=torch.Generator().manual_seed(1))


def test_within_the_batch_counts_nothing_is_dropped_and_nothing_remembered(network, images):
    network[3].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with use_batch_statistics(network):
        out = network(images)
        torch.testing.assert_close(network(images), out)
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert network.training
    assert not network[3].training
    network(images)
    assert network[1].num_batches_tracked == 1


def test_gathered_statistics_are_those_of_all_images(network, images):
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(10 * images)  # moving averages of something else
    recompute_batch_norm_statistics(network, lambda: iter(images.split(40)))
    assert not network.training
    maps = network[0](images)
    torch.testing.assert_close(network[1].running_mean, maps.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(network[1].running_var, maps.var(dim=(0, 2, 3), correction=0))
    with use_batch_statistics(network):
        by_batch = network(images)
    torch.testing.assert_close(network(images), by_batch, atol=1e-4, rtol=1e-4)


def test_gathered_from_batches_of_any_size(network, images):
    network[6] = nn.Identity()  # one normalisation, so that its input does not depend on the batches
    recompute_batch_norm_statistics(network, lambda: iter(images.split([7, 30, 3])))
    maps = network[0](images)
    torch.testing.assert_close(network[1].running_mean, maps.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(network[1].running_var, maps.var(dim=(0, 2, 3), correction=0))


def test_one_image_is_what_it_is_among_others(network, images):
    recompute_batch_norm_statistics(network, lambda: iter(images.split(20)))
    torch.testing.assert_close(network(images[3:4]), network(images)[3:4])
