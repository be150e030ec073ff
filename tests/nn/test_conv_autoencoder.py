"""Shapes, padding and cropping, and codes that are drawn in training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.nn import ConvAutoencoder, ConvDecoder, ConvEncoder, block_count
from facies.nn.conv_autoencoder import Linear


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(("side", "blocks"), [(4, 1), (8, 2), (16, 3), (28, 4), (32, 4), (64, 5), (75, 5), (128, 6)])
def test_block_count(side, blocks):
    assert block_count(side, side) == blocks
    assert block_count(side, side // 2) == blocks
    assert block_count(side // 2, side) == blocks


def test_the_smallest_images_have_one_block():
    assert block_count(1, 1) == block_count(2, 3) == 1


@pytest.mark.parametrize(
    "shape",
    [(1, 8, 8), (1, 16, 16), (1, 28, 28), (3, 32, 32), (2, 13, 22), (1, 22, 13), (5, 7, 9), (1, 64, 20), (1, 1, 3)],
)
def test_shapes(shape):
    network = ConvAutoencoder(shape, 5, 4)
    images = torch.randn(4, *shape)
    out = network(images)
    assert out.reconstruction.shape == images.shape
    assert out.mean.shape == out.log_variance.shape == out.code.shape == (4, 5)
    assert network.decode(out.mean).shape == images.shape
    assert [each.shape for each in network.encode(images)] == [(4, 5), (4, 5)]


@pytest.mark.parametrize("side", [16, 32, 64])
def test_two_by_two_pixels_are_left(side):
    encoder = ConvEncoder((1, side, side), 3, 2)
    assert encoder.layout.padding == (0, 0, 0, 0)
    assert encoder.blocks(torch.randn(2, 1, side, side)).shape[2:] == (2, 2)


def test_widths_double_up_to_512():
    encoder = ConvEncoder((1, 64, 64), 3, 64)
    assert [layer.out_channels for layer in encoder.blocks if isinstance(layer, nn.Conv2d)] == [
        64,
        64,
        128,
        128,
        256,
        256,
        512,
        512,
    ]


def test_general_blocks_have_two_convolutions_and_each_block_halves_once():
    convolutions = [layer for layer in ConvEncoder((1, 32, 32), 3, 8).blocks if isinstance(layer, nn.Conv2d)]
    assert [(c.out_channels, c.stride[0]) for c in convolutions] == [(8, 1), (8, 2), (16, 1), (16, 2), (32, 2), (64, 2)]
    drawn = [
        layer
        for layer in ConvDecoder((1, 30, 30), 3, 8).blocks
        if isinstance(layer, nn.Conv2d | nn.UpsamplingNearest2d)
    ]
    assert sum(isinstance(layer, nn.UpsamplingNearest2d) for layer in drawn) == 4


@pytest.mark.parametrize(
    ("height", "width", "padding"), [(13, 22, (1, 1, 1, 2)), (28, 28, (2, 2, 2, 2)), (16, 16, (0, 0, 0, 0))]
)
def test_padding_and_cropping_are_each_others_inverse(height, width, padding):
    shape = (1, height, width)
    encoder, decoder = ConvEncoder(shape, 4, 1), ConvDecoder(shape, 4, 1)
    assert encoder.layout.padding == decoder.layout.padding == padding
    left, right, top, bottom = padding
    halvings = 2 ** block_count(height, width)
    assert (width + left + right) % halvings == 0
    assert (height + top + bottom) % halvings == 0

    given = []
    encoder.blocks.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    images = torch.randn(2, 1, height, width)
    encoder(images)
    padded = given[0]
    torch.testing.assert_close(padded[:, :, top : top + height, left : left + width], images)
    assert padded.abs().sum() == pytest.approx(images.abs().sum().item(), rel=1e-5)

    class Whole(nn.Module):
        def forward(self, x):
            return padded

    decoder.blocks = Whole()
    torch.testing.assert_close(decoder(torch.zeros(2, 4)), images)


def test_linear_is_an_affine_map():
    layer, x = Linear(3, 2), torch.randn(5, 3)
    torch.testing.assert_close(layer(x), x @ layer.weight + layer.bias)
    assert max(parameter.abs().max() for parameter in layer.parameters()) <= 3**-0.5


@pytest.mark.parametrize("deterministic", [True, False])
def test_in_evaluation_an_image_is_what_it_is_among_others(deterministic):
    network = ConvAutoencoder((1, 16, 16), 4, 6, deterministic=deterministic)
    images = torch.randn(6, 1, 16, 16)
    assert not torch.allclose(network.encode(images)[0][:1], network.encode(images[:1])[0], atol=1e-3)  # by the batch
    network.eval()
    torch.testing.assert_close(network(images).reconstruction[:1], network(images[:1]).reconstruction)


def test_noise_in_training_alone_and_only_if_variational():
    images = torch.rand(3, 1, 16, 16)
    noisy = ConvAutoencoder((1, 16, 16), 4, 6)
    assert not torch.equal(noisy(images).code, noisy(images).code)
    assert not torch.equal(noisy(images).code, noisy(images).mean)
    noisy.eval()
    assert torch.equal(noisy(images).code, noisy(images).mean)
    plain = ConvAutoencoder((1, 16, 16), 4, 6, deterministic=True)
    assert torch.equal(plain(images).code, plain(images).mean)
    assert torch.equal(plain(images).reconstruction, plain(images).reconstruction)


def test_the_draw_has_the_mean_and_the_variance_of_the_code():
    network = ConvAutoencoder((1, 8, 8), 2, 4)
    images = torch.rand(1, 1, 8, 8)
    out = network(images.expand(4000, -1, -1, -1))
    torch.testing.assert_close(out.code.mean(dim=0), out.mean[0], atol=0.08, rtol=0)
    torch.testing.assert_close(out.code.var(dim=0), out.log_variance[0].exp(), atol=0.0, rtol=0.12)


def test_log_variance_is_bounded():
    network = ConvAutoencoder((1, 8, 8), 2, 4)
    with torch.no_grad():
        network.encoder.head.weight.mul_(1e6)
    log_variance = network.encode(torch.rand(4, 1, 8, 8))[1]
    assert log_variance.abs().max() == 15.0


def test_channels_last_changes_nothing():
    network = ConvAutoencoder((3, 16, 16), 4, 6, deterministic=True)
    images = torch.rand(2, 3, 16, 16)
    before = network(images).reconstruction
    after = network.to(memory_format=torch.channels_last)(images).reconstruction
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
