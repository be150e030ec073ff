"""Shapes, padding and cropping, and a stack of networks against the networks one by one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.nn import ConvAutoencoder, ConvEncoder, block_count
from facies.nn.conv_autoencoder import ConvDecoder, ParallelLinear
from tests.nn.slices import copy_slice, slice_of_gradient


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
@pytest.mark.parametrize("stack", [1, 3])
def test_shapes(shape, stack):
    network = ConvAutoencoder(shape, 5, 4, stack=stack, normalisation="group")
    out = network(torch.randn(2, stack, *shape))
    assert out.reconstruction.shape == (2, stack, *shape)
    assert out.mean.shape == out.log_variance.shape == out.code.shape == (2, stack, 5)


@pytest.mark.parametrize("side", [16, 32, 64])
def test_two_by_two_pixels_are_left(side):
    encoder = ConvEncoder((1, side, side), 3, 2)
    assert encoder.padding == (0, 0, 0, 0)
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
        for layer in ConvDecoder((1, 32, 32), 3, 8).blocks
        if isinstance(layer, nn.Conv2d | nn.UpsamplingNearest2d)
    ]
    assert sum(isinstance(layer, nn.UpsamplingNearest2d) for layer in drawn) == 4


@pytest.mark.parametrize(
    ("height", "width", "padding"), [(13, 22, (1, 1, 1, 2)), (28, 28, (2, 2, 2, 2)), (16, 16, (0, 0, 0, 0))]
)
def test_padding_and_cropping_are_each_others_inverse(height, width, padding):
    shape = (1, height, width)
    encoder, decoder = ConvEncoder(shape, 4, 1), ConvDecoder(shape, 4, 1)
    assert encoder.padding == decoder.padding == padding
    left, right, top, bottom = padding
    halvings = 2 ** block_count(height, width)
    assert (width + left + right) % halvings == 0
    assert (height + top + bottom) % halvings == 0

    seen = []
    encoder.blocks.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    images = torch.randn(2, 1, 1, height, width)
    encoder(images)
    padded = seen[0]
    torch.testing.assert_close(padded[:, :, top : top + height, left : left + width], images[:, 0])
    assert padded.abs().sum() == pytest.approx(images.abs().sum().item(), rel=1e-5)

    class Whole(nn.Module):
        def forward(self, x):
            return padded

    decoder.blocks = Whole()
    torch.testing.assert_close(decoder(torch.zeros(2, 1, 4)), images)


@pytest.mark.parametrize("normalisation", ["batch", "group"])
@pytest.mark.parametrize("shape", [(2, 16, 16), (1, 13, 22)])
def test_a_stack_equals_its_networks_one_by_one(normalisation, shape):
    stack = 3
    stacked = ConvAutoencoder(shape, 4, 6, stack=stack, normalisation=normalisation, deterministic=True).double()
    for parameter in stacked.parameters():  # weights that all differ, those of the normalisations too
        nn.init.normal_(parameter, std=0.3)
    images = torch.randn(5, stack, *shape, dtype=torch.float64)
    weights = torch.randn_like(images)
    out = stacked(images)
    ((out.reconstruction * weights).sum() + out.log_variance.square().sum()).backward()
    singles = []
    for k in range(stack):
        single = ConvAutoencoder(shape, 4, 6, normalisation=normalisation, deterministic=True).double()
        copy_slice(stacked, single, k)
        if normalisation == "batch":  # the stack has seen a batch already: begin at the beginning
            for layer in single.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.reset_running_stats()
        own = single(images[:, k : k + 1])
        for found, wanted in zip(out, own, strict=True):
            torch.testing.assert_close(found[:, k : k + 1], wanted)
        ((own.reconstruction * weights[:, k : k + 1]).sum() + own.log_variance.square().sum()).backward()
        for parameter, mine in zip(stacked.parameters(), single.parameters(), strict=True):
            torch.testing.assert_close(slice_of_gradient(parameter, mine, k), mine.grad)
        singles.append(single)
    for network in (stacked, *singles):
        network.eval()
    for k, single in enumerate(singles):
        wanted = single(images[:, k : k + 1]).reconstruction
        torch.testing.assert_close(stacked(images).reconstruction[:, k : k + 1], wanted)


def test_group_normalisation_looks_at_one_image_alone():
    network = ConvAutoencoder((1, 16, 16), 4, 6, normalisation="group", deterministic=True)
    images = torch.randn(6, 1, 1, 16, 16)
    torch.testing.assert_close(
        network(images).reconstruction[:1], network(images[:1]).reconstruction, atol=1e-5, rtol=1e-4
    )
    batch = ConvAutoencoder((1, 16, 16), 4, 6, deterministic=True)
    assert not torch.allclose(batch(images).reconstruction[:1], batch(images[:1]).reconstruction, atol=1e-3)


def test_stacked_linear_is_an_affine_map_each():
    layer = ParallelLinear(3, 2, 4)
    x = torch.randn(5, 4, 3)
    for k in range(4):
        torch.testing.assert_close(layer(x)[:, k], x[:, k] @ layer.weight[k] + layer.bias[k])


def test_noise_in_training_alone_and_only_if_variational():
    images = torch.rand(3, 1, 1, 16, 16)
    noisy = ConvAutoencoder((1, 16, 16), 4, 6, normalisation="group")
    assert not torch.equal(noisy(images).code, noisy(images).code)
    assert not torch.equal(noisy(images).code, noisy(images).mean)
    noisy.eval()
    assert torch.equal(noisy(images).code, noisy(images).mean)
    plain = ConvAutoencoder((1, 16, 16), 4, 6, normalisation="group", deterministic=True)
    assert torch.equal(plain(images).code, plain(images).mean)
    assert torch.equal(plain(images).reconstruction, plain(images).reconstruction)


def test_the_draw_has_the_mean_and_the_variance_of_the_code():
    network = ConvAutoencoder((1, 8, 8), 2, 4, normalisation="group")
    images = torch.rand(1, 1, 1, 8, 8)
    out = network(images.expand(4000, -1, -1, -1, -1))
    torch.testing.assert_close(out.code.mean(dim=0), out.mean[0], atol=0.08, rtol=0)
    torch.testing.assert_close(out.code.var(dim=0), out.log_variance[0].exp(), atol=0.0, rtol=0.12)


def test_log_variance_is_bounded():
    network = ConvAutoencoder((1, 8, 8), 2, 4)
    with torch.no_grad():
        network.encoder.head.weight.mul_(1e6)
    log_variance = network.encode(torch.rand(4, 1, 1, 8, 8))[1]
    assert log_variance.abs().max() == 15.0


def test_channels_last_changes_nothing():
    network = ConvAutoencoder((3, 16, 16), 4, 6, normalisation="group", deterministic=True)
    images = torch.rand(2, 1, 3, 16, 16)
    before = network(images).reconstruction
    after = network.to(memory_format=torch.channels_last)(images).reconstruction
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
