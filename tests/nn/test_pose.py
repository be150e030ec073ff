"""Poses: where they begin, their bounds, and that what was set upright can be laid back."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.errors import InputError
from facies.images import RandomAffine
from facies.nn import resample
from facies.nn.pose import PoseAutoencoder, PoseTransformer, compose_affine, invert_affine, pooled_size, pooling


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def maps(n=20, dtype=torch.float64):
    return (torch.eye(2, 3) + 0.3 * torch.randn(n, 2, 3)).to(dtype)


def applied(theta, places):
    return theta[:, :, :2] @ places + theta[:, :, 2:]


def smooth(n=4, channels=2, size=(40, 32)):
    """Images without detail or border, which survive being read twice."""
    noise = F.interpolate(torch.rand(n, channels, 6, 6), size=(size[0] // 2, size[1] // 2), mode="bicubic")
    return F.pad(noise.clamp(0, 1), (size[1] // 4,) * 2 + (size[0] // 4,) * 2)


def test_inverse_and_composition():
    places = torch.rand(20, 2, 7, dtype=torch.float64)
    first, second = maps(), maps()
    torch.testing.assert_close(applied(invert_affine(first), applied(first, places)), places)
    torch.testing.assert_close(applied(compose_affine(second, first), places), applied(second, applied(first, places)))


def test_two_resamplings_are_one_by_the_composed_map():
    images, drawn = smooth(8), RandomAffine(20, 0.05, 0.05)
    one, other = drawn.draw(8, (40, 32), images.device), drawn.draw(8, (40, 32), images.device)
    twice = resample(resample(images, one), other)
    at_once = resample(images, compose_affine(one, other))
    assert (twice - at_once).abs().mean() < 0.05 * images.std()


def constant(transformer, numbers):
    """Let the network give the same numbers for every image."""
    transformer.requires_grad_(False)
    with torch.no_grad():
        transformer.localisation.last.weight.zero_()
        transformer.localisation.last.bias.copy_(torch.tensor(numbers))
    return transformer


def test_it_begins_with_images_as_they_are():
    images = torch.rand(5, 3, 20, 28)
    transformer = PoseTransformer(3, (20, 28))
    assert torch.equal(transformer.theta(images), torch.eye(2, 3).expand(5, 2, 3))
    torch.testing.assert_close(transformer(images), images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rotation", [30.0, 60.0, 180.0])
def test_no_number_leads_beyond_the_bounds(rotation):
    theta = constant(PoseTransformer(1, (24, 24), rotation), [99.0, 99.0, -99.0, 99.0]).theta(torch.rand(2, 1, 24, 24))[
        0
    ]
    turn = math.radians(rotation)
    expected = 1.25 * torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    torch.testing.assert_close(theta[:, :2], expected)
    torch.testing.assert_close(theta[:, 2], torch.tensor([-0.4, 0.4]))
    assert torch.linalg.det(theta[:, :2]) == pytest.approx(1.25**2)


def test_a_turn_keeps_angles_in_images_that_are_not_square():
    height, width = 24, 48
    theta = constant(PoseTransformer(1, (height, width), 45.0), [99.0, 0.0, 0.0, 0.0]).theta(
        torch.rand(1, 1, height, width)
    )
    to_pixels = torch.diag(torch.tensor([width / 2, height / 2]))
    turn = to_pixels @ theta[0, :, :2] @ torch.linalg.inv(to_pixels)
    torch.testing.assert_close(turn @ turn.T, torch.eye(2))
    assert turn[1, 0] == pytest.approx(math.sin(math.pi / 4))


def test_what_was_set_upright_is_laid_back():
    images = smooth()
    transformer = constant(PoseTransformer(2, (40, 32)), [0.4, 0.3, 0.2, -0.1])
    upright = transformer(images)
    back = resample(upright, invert_affine(transformer.theta(images)))
    assert (upright - images).abs().mean() > 0.3 * images.std()
    assert (back - images).abs().mean() < 0.1 * images.std()


@pytest.mark.parametrize(
    ("size", "factor", "pooled"),
    [((28, 28), 1, (28, 28)), ((63, 40), 1, (63, 40)), ((64, 64), 2, (32, 32)), ((300, 130), 9, (33, 14)),
     ((200, 9), 2, (100, 4)), ((4, 4), 1, (4, 4))],
)  # fmt: skip
def test_large_images_are_pooled(size, factor, pooled):
    assert pooling(size) == factor
    assert pooled_size(size) == pooled
    images = torch.rand(2, 1, *size)
    transformer = PoseTransformer(1, size)
    assert transformer(images).shape == images.shape
    assert PoseAutoencoder(transformer, 1, size)(images, images).reconstruction.shape == (2, 1, *pooled)


def test_the_autoencoder_draws_images_as_they_lie():
    """Whatever the encoder saw, what is drawn is laid in the pose of the image."""
    images = torch.rand(3, 1, 16, 16)
    transformer = constant(PoseTransformer(1, (16, 16)), [1.0, 0.0, 0.3, 0.0])
    network = PoseAutoencoder(transformer, 1, (16, 16)).eval()
    out = network(images, images)
    upright = network.decoder(out.mean).reshape(3, 1, 16, 16)
    torch.testing.assert_close(out.reconstruction, resample(upright, invert_affine(out.theta)))
    torch.testing.assert_close(out.images, images)
    encoded = network.encoder(transformer(images).flatten(1)).chunk(2, dim=1)[0]
    torch.testing.assert_close(out.mean, encoded)


def test_too_small_images_are_refused():
    with pytest.raises(InputError, match="was given 3 × 9"):
        PoseTransformer(1, (3, 9))
