"""Reconstruction losses against their definitions, pixel by pixel."""

from __future__ import annotations

import math

import pytest
import torch

from facies.losses import bernoulli_reconstruction, gaussian_reconstruction, reconstruction
from tests.losses import reference as slow

SHAPE = (2, 3, 2, 4, 3)  # images, experts, channels, rows, columns


@pytest.fixture
def drawn():
    return 2 * torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def images():
    return torch.rand(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("loss", "reference"), [(bernoulli_reconstruction, slow.bernoulli), (gaussian_reconstruction, slow.gaussian)]
)
def test_value_and_gradient_of_every_image(loss, reference, drawn, images):
    found = loss(drawn, images)
    assert found.shape == (2, 3)
    for i in range(2):
        for k in range(3):
            expected = images[i, k].flatten().tolist()
            assert found[i, k].item() == pytest.approx(reference(drawn[i, k].flatten().tolist(), expected), rel=1e-12)
            own = slow.slope(lambda x, expected=expected: reference(x.flatten().tolist(), expected), drawn[i, k])
            torch.testing.assert_close(
                slow.gradient(lambda x, i=i, k=k: loss(x, images[i, k]), drawn[i, k]), own, atol=1e-8, rtol=1e-6
            )


def test_gradients_by_their_formulas(drawn, images):
    pixels = 2 * 4 * 3
    torch.testing.assert_close(
        slow.gradient(lambda x: bernoulli_reconstruction(x, images).sum(), drawn), (drawn.sigmoid() - images) / pixels
    )
    torch.testing.assert_close(
        slow.gradient(lambda x: gaussian_reconstruction(x, images).sum(), drawn), 2 * (drawn - images) / pixels
    )


@pytest.mark.parametrize("pixel", [0.0, 1.0])
@pytest.mark.parametrize("logit", [-1e4, -50.0, 50.0, 1e4])
def test_bernoulli_is_finite_where_the_probability_is_0_or_1(pixel, logit):
    image = torch.full((1, 1, 2, 2), pixel)
    logits = torch.full((1, 1, 2, 2), logit)
    loss = bernoulli_reconstruction(logits, image)
    right = (logit > 0) == (pixel == 1)
    assert loss.item() == pytest.approx(0.0 if right else abs(logit), abs=1e-6)
    assert slow.gradient(lambda x: bernoulli_reconstruction(x, image).sum(), logits).isfinite().all()


def test_bernoulli_is_smallest_at_the_image_itself():
    image = torch.full((1, 4, 4), 0.3, dtype=torch.float64)
    best = math.log(0.3 / 0.7)
    losses = [
        bernoulli_reconstruction(torch.full_like(image, best + offset), image).item() for offset in (-0.5, 0.0, 0.5)
    ]
    assert losses[1] == min(losses)
    assert losses[1] == pytest.approx(-0.3 * math.log(0.3) - 0.7 * math.log(0.7))


def test_the_likelihood_names_the_loss(drawn, images):
    torch.testing.assert_close(reconstruction(drawn, images, "bernoulli"), bernoulli_reconstruction(drawn, images))
    torch.testing.assert_close(reconstruction(drawn, images, "gaussian"), gaussian_reconstruction(drawn, images))
    assert not torch.allclose(reconstruction(drawn, images, "bernoulli"), reconstruction(drawn, images, "gaussian"))
