"""The plain convolutional autoencoder: images of any size come back in their shape, layer by layer."""

from __future__ import annotations

import pytest
import torch

from facies.nn import ParallelMLP, StridedAutoencoder


@pytest.mark.parametrize(("kernels", "filters"), [((5, 5, 3), (4, 8, 16)), ((4, 5), (6, 6))])
@pytest.mark.parametrize("size", [(28, 28), (8, 8), (5, 9), (2, 3), (1, 1), (33, 16)])
def test_every_layer_of_the_decoder_gives_what_the_encoder_was_given(kernels, filters, size):
    images = torch.rand(2, 3, *size)
    network = StridedAutoencoder((3, *size), 4, filters, kernels)
    shapes, there = [images.shape], images
    for layer in network.encoder:
        there = layer(there)
        shapes.append(there.shape)
    assert shapes.pop() == (2, 4)
    assert torch.equal(network.encode(images)[0], there)
    for layer in network.decoder:
        there = layer(there)
        assert there.shape == shapes.pop()
    assert torch.equal(network(images).reconstruction, there)


def test_perceptrons_side_by_side_are_as_each_alone():
    torch.manual_seed(0)
    networks = ParallelMLP(3, [5, 4, 2], torch.nn.Tanh)
    rows = torch.rand(6, 5)
    together = networks(rows)
    assert together.shape == (3, 6, 2)
    first, last = networks[0], networks[2]
    for k in range(3):
        alone = torch.tanh(rows @ first.weight[k] + first.bias[k]) @ last.weight[k] + last.bias[k]
        torch.testing.assert_close(together[k], alone)
    numbers = torch.tensor([2, 0, 0, 2, 2, 0])
    own = networks.own(rows, numbers)
    torch.testing.assert_close(own, together[numbers, torch.arange(6)])
    own.sum().backward()
    assert first.weight.grad[1].abs().sum() == 0 < first.weight.grad[0].abs().sum()
