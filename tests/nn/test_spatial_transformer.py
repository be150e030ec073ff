"""Where pixels are read, where the transformer begins, and that it can learn to set images upright."""

from __future__ import annotations

import math

import pytest
import torch

from facies.errors import InputError
from facies.nn import SpatialTransformer, resample


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def read_at(image, theta):
    """Bilinear reading, pixel by pixel, with the border outside of the image."""
    height, width = image.shape[1:]
    new = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            place = torch.tensor([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1, 1.0], dtype=image.dtype)
            x, y = (theta @ place).tolist()
            x = min(max(((x + 1) * width - 1) / 2, 0), width - 1)
            y = min(max(((y + 1) * height - 1) / 2, 0), height - 1)
            left, top = math.floor(x), math.floor(y)
            for i, share_y in ((top, 1 - (y - top)), (top + 1, y - top)):
                for j, share_x in ((left, 1 - (x - left)), (left + 1, x - left)):
                    new[:, row, column] += share_y * share_x * image[:, min(i, height - 1), min(j, width - 1)]
    return new


def test_resampling_equals_reading_pixel_by_pixel():
    images = torch.rand(3, 2, 9, 6, dtype=torch.float64)
    theta = torch.tensor([1.0, 0, 0, 0, 1, 0], dtype=torch.float64) + 0.4 * torch.randn(3, 6, dtype=torch.float64)
    theta = theta.reshape(3, 2, 3)
    expected = torch.stack([read_at(image, one) for image, one in zip(images, theta, strict=True)])
    torch.testing.assert_close(resample(images, theta), expected, rtol=0, atol=1e-12)


def test_the_identity_changes_nothing():
    images = torch.rand(4, 3, 11, 8)
    identity = torch.eye(2, 3).expand(4, 2, 3)
    torch.testing.assert_close(resample(images, identity), images, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("theta_init", "scale"), [("tanh_identity", math.tanh(1)), ("identity", 0.999)])
def test_where_theta_begins(theta_init, scale):
    images = torch.rand(5, 2, 28, 20)
    theta = SpatialTransformer(2, (28, 20), theta_init).theta(images)
    torch.testing.assert_close(theta, scale * torch.eye(2, 3).expand(5, 2, 3), rtol=0, atol=1e-6)


def test_the_identity_start_leaves_images_nearly_as_they_are():
    images = torch.rand(5, 1, 28, 28)
    new = SpatialTransformer(1, (28, 28), "identity")(images)
    assert (new - images).abs().max() < 2 * 0.001 * 14  # no place moves farther, in pixels
    assert (SpatialTransformer(1, (28, 28))(images) - images).abs().max() > 0.3


@pytest.mark.parametrize(("channels", "size"), [(1, (4, 4)), (3, (7, 7)), (2, (13, 30)), (128, (14, 14))])
@pytest.mark.parametrize("theta_init", ["tanh_identity", "identity"])
def test_shape_is_kept_and_gradients_reach_every_weight(channels, size, theta_init):
    transformer = SpatialTransformer(channels, size, theta_init)
    with torch.no_grad():
        transformer.localisation.last.weight.normal_(
            std=0.01
        )  # at 0 it lets no gradient through to what lies before it
    images = torch.rand(6, channels, *size)
    new = transformer(images)
    assert new.shape == images.shape
    (new * torch.rand_like(new)).sum().backward()
    for name, weight in transformer.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_gradients_reach_the_localisation_network_at_the_start():
    transformer = SpatialTransformer(1, (16, 16))
    (transformer(torch.rand(6, 1, 16, 16)) * torch.rand(6, 1, 16, 16)).sum().backward()
    assert transformer.localisation.last.weight.grad.abs().sum() > 0
    assert transformer.localisation.last.bias.grad.abs().sum() > 0


def bars(angles, side=16):
    """White bars through the middle at these angles."""
    places = (torch.arange(side) + 0.5) * 2 / side - 1
    y, x = torch.meshgrid(places, places, indexing="ij")
    across = x * angles.sin()[:, None, None] - y * angles.cos()[:, None, None]
    return (1 - 4 * across.abs()).clamp(min=0)[:, None]


def test_it_learns_to_set_bars_upright():
    transformer = SpatialTransformer(1, (16, 16))
    expected = bars(torch.zeros(1))
    optimizer = torch.optim.Adam(transformer.parameters(), 2e-3)
    for _ in range(150):
        images = bars((torch.rand(64) - 0.5) * 1.4)
        loss = (transformer(images) - expected).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images = bars(torch.linspace(-0.6, 0.6, 25))
    with torch.no_grad():
        new = transformer(images)
    assert new.var(dim=0).mean() < 0.2 * images.var(dim=0).mean()


@pytest.mark.parametrize("size", [(3, 28), (28, 3)])
def test_maps_that_are_too_small_are_refused(size):
    with pytest.raises(InputError, match=r"4 × 4 pixels or more, and was given"):
        SpatialTransformer(1, size)


def test_places_are_exact_where_the_rest_is_computed_in_half_precision():
    images = torch.rand(3, 1, 64, 64)
    transformer = SpatialTransformer(1, (64, 64), "identity")
    torch.nn.init.normal_(transformer.localisation.last.weight, std=0.3)
    with torch.no_grad():
        expected = transformer(images)
        with torch.autocast("cpu", torch.bfloat16):
            found = transformer(images)
            coarse = transformer(images.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
    assert coarse.dtype == torch.bfloat16
    assert (coarse.float() - expected).abs().mean() < 0.02
