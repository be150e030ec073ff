"""Autoencoders by name, and the losses of the five kinds against their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.losses import inverse_multiquadratic_mmd
from facies.methods.autoencoder import KINDS, AutoencoderObjective, automatic_epochs, baseline_epochs, build_autoencoder
from facies.methods.preprocessing import Preprocessor
from facies.nn import PixelNormalizer
from facies.training import Batch

SHAPE = (1, 8, 8)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(
    ("images", "epochs"), [(1, 150), (300, 150), (1000, 120), (10_000, 26), (70_000, 8), (10**6, 8)]
)
def test_automatic_epochs(images, epochs):
    assert automatic_epochs(images) == epochs


@pytest.mark.parametrize(("side", "epochs"), [(8, 92), (31, 92), (32, 46), (64, 23), (128, 12), (1024, 8)])
def test_larger_images_have_fewer_epochs_of_a_baseline(side, epochs):
    assert baseline_epochs(1500, side) == epochs


@pytest.mark.parametrize(("images", "epochs"), [(50, 500), (104, 500), (300, 268), (1000, 120), (70_000, 8)])
def test_few_images_have_more_epochs_of_a_baseline_since_each_is_a_single_update(images, epochs):
    assert baseline_epochs(images, 28) == epochs


def test_automatic_epochs_never_grow_with_the_images():
    counts = [automatic_epochs(n) for n in range(10, 200_000, 997)]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_autoencoder_objective(kind, likelihood):
    network = build_autoencoder(SHAPE, 3, 4, kind)
    objective = AutoencoderObjective(
        Preprocessor(PixelNormalizer(likelihood=likelihood)), kind, weight=2.5, warm_up=0.3, l1=0.01
    )
    given = Batch(torch.rand(6, *SHAPE), torch.arange(6), 0.15)
    torch.manual_seed(4)
    terms = objective(network, given)
    torch.manual_seed(4)
    out = network(given.images)
    drawn, images = out.reconstruction, given.images
    if likelihood == "bernoulli":
        p = drawn.double().sigmoid()
        distance = -(images * p.log() + (1 - images) * (1 - p).log()).mean()
    else:
        distance = ((drawn - images) ** 2).mean()
    expected = distance + 0.01 * out.mean.abs().mean()
    if "vae" in kind:
        variance = out.log_variance.exp()
        kl = 0.5 * (out.mean**2 + variance - variance.log() - 1).sum(dim=-1).mean() / 64
        assert terms["kl"].item() == pytest.approx(kl.item(), rel=1e-4)
        expected = expected + 0.5 * 2.5 * kl  # half of the way up
    if "wae" in kind:
        codes = out.code
        expected = expected + 0.5 * 2.5 * inverse_multiquadratic_mmd(codes, torch.randn_like(codes))
        assert "mmd" in terms
    assert terms["reconstruction"].item() == pytest.approx(distance.item(), rel=1e-4)
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert set(terms) - {"loss", "reconstruction"} == ({"kl"} if "vae" in kind else {"mmd"} if "wae" in kind else set())


def test_an_autoencoder_is_as_wide_as_the_images_unless_it_is_said():
    first = lambda network: next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))  # noqa: E731
    assert first(build_autoencoder((1, 12, 20), 3)).out_channels == 20
    assert first(build_autoencoder((1, 12, 20), 3, 4)).out_channels == 4
    layers = build_autoencoder((3, 2, 16, 16), 3, 4)  # focal layers are channels
    assert first(layers).in_channels == 6
    assert layers(torch.rand(2, 6, 16, 16)).reconstruction.shape == (2, 6, 16, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_plain_and_deterministic_ones_draw_nothing(kind):
    assert build_autoencoder(SHAPE, 3, 4, kind).deterministic == (kind in ("ae", "wae-deterministic"))
