"""The fully connected autoencoder: its layers, pixels that are left out in training, and codes that are drawn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.nn import MLPAutoencoder


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def small(shape=(1, 8, 8), **options):
    return MLPAutoencoder(shape, 5, (16, 12), **options)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 7), (4, 1, 1)])
@pytest.mark.parametrize("deterministic", [True, False])
def test_shapes(shape, deterministic):
    network, images = small(shape, deterministic=deterministic), torch.rand(4, *shape)
    out = network(images)
    assert out.reconstruction.shape == images.shape
    assert out.mean.shape == out.log_variance.shape == out.code.shape == (4, 5)
    assert network.decode(out.mean).shape == images.shape
    assert [each.shape for each in network.encode(images)] == [(4, 5), (4, 5)]


def test_the_papers_layers():
    network = MLPAutoencoder((1, 28, 28), 10)
    sizes = [
        [(layer.in_features, layer.out_features) for layer in part if isinstance(layer, nn.Linear)]
        for part in (network.encoder, network.decoder)
    ]
    assert sizes[0] == [(784, 500), (500, 500), (500, 2000), (2000, 10)]
    assert sizes[1] == [(10, 2000), (2000, 500), (500, 500), (500, 784)]
    for part in (network.encoder, network.decoder):  # code and reconstruction are linear
        assert [type(layer) for layer in part] == [nn.Linear, nn.ReLU] * 3 + [nn.Linear]


def test_the_network_is_its_layers_one_after_another():
    network, images = small().eval(), torch.rand(3, 1, 8, 8)
    x = images.reshape(3, 64)
    for part in (network.encoder, network.decoder):
        for layer in part:
            x = x @ layer.weight.T + layer.bias if isinstance(layer, nn.Linear) else x.clamp(min=0)
    torch.testing.assert_close(network(images).reconstruction, x.reshape(3, 1, 8, 8))


def test_pixels_are_left_out_in_training_alone():
    network, images = small(dropout=0.5), torch.rand(200, 1, 8, 8) + 0.1
    given = []
    network.encoder.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    network(images)
    assert (given[0] == 0).float().mean() == pytest.approx(0.5, abs=0.02)
    left = given[0] != 0
    torch.testing.assert_close(given[0][left], 2 * images.flatten(1)[left])
    network.eval()(images)
    assert torch.equal(given[1], images.flatten(1))
    assert torch.equal(network(images).mean, network(images).mean)


def test_without_dropout_a_plain_one_draws_nothing():
    network, images = small(), torch.rand(3, 1, 8, 8)
    assert network.training
    first, second = network(images), network(images)
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(first.code, first.mean)
    assert torch.equal(first.log_variance, torch.zeros(3, 5))


def test_a_variational_one_draws_its_code_in_training_alone():
    network, images = small(deterministic=False), torch.rand(1, 1, 8, 8)
    many = network(images.expand(4000, -1, -1, -1))
    torch.testing.assert_close(many.code.mean(dim=0), many.mean[0], atol=0.08, rtol=0)
    torch.testing.assert_close(many.code.var(dim=0), many.log_variance[0].exp(), atol=0.0, rtol=0.12)
    network.eval()
    assert torch.equal(network(images).code, network(images).mean)


def test_log_variance_is_bounded():
    network = small(deterministic=False)
    with torch.no_grad():
        network.encoder[-1].weight.mul_(1e6)
    assert network.encode(torch.rand(4, 1, 8, 8))[1].abs().max() == 15.0
