"""The networks of deep adaptive clustering: sizes, where transformers stand, and that they learn."""

from __future__ import annotations

import pytest
import torch

from facies.errors import InputError
from facies.nn import AllConvolutionalNetwork, STDACNetwork, map_sizes, probabilities


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def small(shape=(1, 28, 28), **changes):
    return STDACNetwork(shape, 5, **{"filters": 4, "hidden_size": 16, **changes})


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 17), (4, 32, 20)])
def test_any_size_and_channels(shape):
    images = torch.randn(6, *shape)
    for network in (small(shape), AllConvolutionalNetwork(shape, 5, filters=4)):
        y = network(images)
        assert y.shape == (6, 5)
        torch.testing.assert_close(y.sum(dim=1), torch.ones(6))
        assert network.logits(images).shape == (6, 5)


def test_the_paper_s_sizes():
    network = STDACNetwork((1, 28, 28), 10, transformers=(0, 2, 3))
    assert [tuple(each[0].weight.shape) for each in network.convolutions] == [
        (64, 1, 3, 3),
        (128, 64, 3, 3),
        (256, 128, 3, 3),
    ]
    assert network.head[1].in_features == 12544
    assert network.head[1].out_features == 3096
    assert map_sizes((28, 28))[1:] == [(28, 28), (14, 14), (7, 7)]
    assert list(network.transformers) == ["0", "2", "3"]
    channels = [each.localisation.layers[1].in_channels for each in network.transformers.values()]
    assert channels == [1, 128, 256]


@pytest.mark.parametrize("places", [(), (0,), (1,), (0, 2), (0, 1, 2, 3)])
def test_gradients_reach_every_weight_and_every_localisation_network(places):
    network = small(transformers=places, theta_init="identity")
    y = network(torch.rand(8, 1, 28, 28))
    y[:, 0].sum().backward()
    assert len(network.transformers) == len(places)
    for place in places:
        last = network.transformers[str(place)].localisation.last
        assert last.weight.grad.abs().max() > 0
        assert last.bias.grad.abs().max() > 0
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_transformers_at_the_identity_change_nothing():
    plain = small(transformers=()).eval()
    turned = small(transformers=(0, 1, 2, 3)).eval()
    turned.load_state_dict(plain.state_dict(), strict=False)
    images = torch.rand(4, 1, 28, 28)
    assert not torch.allclose(turned(images), plain(images), atol=1e-4)  # they begin by enlarging
    for transformer in turned.transformers.values():
        transformer.theta = lambda maps: torch.eye(2, 3).expand(len(maps), 2, 3)
    torch.testing.assert_close(turned(images), plain(images), atol=1e-5, rtol=1e-4)


def test_the_first_transformer_says_how_images_are_set():
    network = small()
    theta = network.theta(torch.rand(3, 1, 28, 28))
    torch.testing.assert_close(theta, torch.tensor(1.0).tanh() * torch.eye(2, 3).expand(3, 2, 3))


def test_no_number_votes_against_a_group():
    y = probabilities(torch.tensor([[-5.0, -1.0, 2.0], [-1.0, -2.0, -3.0]]))
    sure = torch.tensor(2.0).exp()
    torch.testing.assert_close(y[0], torch.stack([torch.tensor(1.0), torch.tensor(1.0), sure]) / (sure + 2))
    torch.testing.assert_close(y[1], torch.full((3,), 1 / 3))


def test_the_last_layers_of_dac_begin_as_the_identity():
    network = AllConvolutionalNetwork((1, 12, 12), 6, filters=4)
    for layer in (network.head[0][0], network.head[2][0]):
        torch.testing.assert_close(layer.weight, torch.eye(6))


def test_a_transformer_where_there_is_no_block():
    with pytest.raises(InputError, match=r"^there is no block 4 .* give 0 \(the input\) to 3$"):
        small(transformers=(4,))
    with pytest.raises(InputError, match="4 × 4"):
        small((1, 8, 8), transformers=(3,))


def test_views_with_their_images_give_both_poses():
    network = small(dropout=0.0)
    with torch.no_grad():
        network.transformers["0"].localisation.last.weight.normal_(0, 0.1)
    views, untouched = torch.randn(2, 6, 1, 28, 28)
    y, theta, untouched_theta = network(views, untouched)
    torch.testing.assert_close(y, network(views))
    torch.testing.assert_close(theta, network.theta(views))
    torch.testing.assert_close(untouched_theta, network.theta(untouched))
    assert (theta - untouched_theta).abs().max() > 1e-3
