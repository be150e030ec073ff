"""The scale of the pixels, the likelihood, and the losses that the stages minimise, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import RandomAffine, open_images
from facies.losses import inverse_multiquadratic_mmd
from facies.methods.autoencoder import (
    KINDS,
    AutoencoderObjective,
    Views,
    as_channels,
    automatic_epochs,
    build_autoencoder,
    channels_shape,
    learn_normalizer,
)
from facies.methods.moe_vae.losses import ManagerObjective, MixtureObjective
from facies.nn import ConvEncoder, MixtureOfExperts, PixelNormalizer
from facies.training import Batch

SHAPE = (1, 8, 8)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def batch(count=6, progress=0.15):
    return Batch(torch.rand(count, *SHAPE), torch.arange(count), progress)


@pytest.mark.parametrize(
    ("images", "epochs"), [(1, 150), (300, 150), (1000, 120), (10_000, 26), (70_000, 8), (10**6, 8)]
)
def test_automatic_epochs(images, epochs):
    assert automatic_epochs(images) == epochs


def test_automatic_epochs_never_grow_with_the_images():
    counts = [automatic_epochs(n) for n in range(10, 200_000, 997)]
    assert counts == sorted(counts, reverse=True)


def test_likelihood_follows_the_histogram():
    rng = np.random.default_rng(0)
    strokes = np.where(rng.random((40, 8, 8)) < 0.3, 255, 0).astype(np.uint8)
    greys = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
    assert learn_normalizer(open_images(strokes)).likelihood == "bernoulli"
    assert learn_normalizer(open_images(greys)).likelihood == "gaussian"
    assert learn_normalizer(open_images(greys), "bernoulli").likelihood == "bernoulli"
    assert learn_normalizer(open_images(strokes), "gaussian").likelihood == "gaussian"


@pytest.mark.parametrize(("share", "likelihood"), [(0.79, "gaussian"), (0.81, "bernoulli")])
def test_the_line_is_drawn_at_four_fifths(share, likelihood):
    pixels = np.full((100, 10, 10), 128, dtype=np.uint8)
    flat = pixels.reshape(-1)
    flat[: int(share * flat.size)] = 255
    flat[:10] = 0
    assert learn_normalizer(open_images(pixels)).likelihood == likelihood


def test_scale_is_that_of_the_pixels():
    pixels = np.random.default_rng(0).normal(50, 20, (30, 8, 8)).astype(np.float32)
    intensity = learn_normalizer(open_images(pixels))
    scaled = (pixels - pixels.min()) / np.ptp(pixels)
    assert float(intensity.low) == pytest.approx(pixels.min())
    assert float(intensity.span) == pytest.approx(np.ptp(pixels))
    assert float(intensity.mean) == pytest.approx(scaled.mean(), rel=1e-5)
    assert float(intensity.std) == pytest.approx(scaled.std(), rel=1e-4)


def test_focal_layers_become_channels():
    stacks = torch.rand(2, 3, 4, 5, 6)
    planes = as_channels(stacks)
    assert planes.shape == (2, 12, 5, 6)
    assert torch.equal(planes[1, 2 * 4 + 3], stacks[1, 2, 3])
    assert torch.equal(as_channels(planes), planes)
    assert channels_shape((3, 4, 5, 6)) == (12, 5, 6)
    assert channels_shape((4, 5, 6)) == (4, 5, 6)


def test_views():
    intensity, pixels = PixelNormalizer(0.0, 2.0), torch.rand(4, *SHAPE)
    shown, wanted = Views(intensity)(pixels)
    assert torch.equal(shown, wanted)
    assert torch.equal(shown, pixels / 2)
    turned, same = Views(intensity, RandomAffine())(pixels)
    assert torch.equal(turned, same)
    assert not torch.equal(turned, pixels / 2)
    turned, original = Views(intensity, RandomAffine(), "image")(pixels)
    assert torch.equal(original, pixels / 2)
    assert not torch.equal(turned, original)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_autoencoder_objective(kind, likelihood):
    network = build_autoencoder(SHAPE, 3, 4, kind, normalisation="group")
    objective = AutoencoderObjective(
        Views(PixelNormalizer(likelihood=likelihood)), kind, weight=2.5, warm_up=0.3, l1=0.01
    )
    given = batch()
    torch.manual_seed(4)
    terms = objective(network, given)
    torch.manual_seed(4)
    out = network(given.images[:, None])
    drawn, images = out.reconstruction[:, 0], given.images
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
        codes = out.code[:, 0]
        expected = expected + 0.5 * 2.5 * inverse_multiquadratic_mmd(codes, torch.randn_like(codes))
        assert "mmd" in terms
    assert terms["reconstruction"].item() == pytest.approx(distance.item(), rel=1e-4)
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert set(terms) - {"loss", "reconstruction"} == ({"kl"} if "vae" in kind else {"mmd"} if "wae" in kind else set())


def test_manager_objective():
    manager = ConvEncoder(SHAPE, 3, 4, normalisation="group")
    targets = np.random.default_rng(0).dirichlet(np.ones(3), 20).astype(np.float32)
    given = Batch(torch.rand(4, *SHAPE), torch.tensor([3, 17, 0, 8]))
    terms = ManagerObjective(Views(PixelNormalizer()), targets)(manager, given)
    logits = manager(given.images[:, None])[:, 0]
    wanted = torch.from_numpy(targets[[3, 17, 0, 8]])
    divergence = torch.nn.functional.kl_div(logits.log_softmax(dim=1), wanted, reduction="batchmean")
    assert terms["loss"].item() == pytest.approx(divergence.item(), rel=1e-4)
    agreement = (logits.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()
    assert terms["agreement"].item() == pytest.approx(agreement.item())


@pytest.mark.parametrize("threshold", [None, 0.0, 0.2])
def test_mixture_objective(threshold):
    experts = build_autoencoder(SHAPE, 2, 4, "ae", 3, "group")
    network = MixtureOfExperts(ConvEncoder(SHAPE, 3, 4, normalisation="group"), experts, threshold)
    given = batch(5)
    terms = MixtureObjective(Views(PixelNormalizer(likelihood="gaussian")), 7.0, 2.0, 1.5, 0.3)(network, given)
    with torch.no_grad():
        p = network.manager(given.images[:, None])[:, 0].softmax(dim=1)
        out = experts(given.images[:, None].expand(-1, 3, -1, -1, -1))
    expected = 0.0
    for i in range(5):
        for k in range(3):
            asked = threshold is None or p[i, k] > threshold or k == p[i].argmax()
            distance = ((out.reconstruction[i, k] - given.images[i]) ** 2).mean()
            mean, log_variance = out.mean[i, k], out.log_variance[i, k]
            kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum() / 64
            expected += float(asked * p[i, k] * (distance + 0.5 * 1.5 * kl)) / 5
    unsure = float(-(p * p.log()).sum(dim=1).mean())
    uneven = float((p.mean(dim=0) * p.mean(dim=0).log()).sum())
    assert terms["expert loss"].item() == pytest.approx(expected, rel=1e-4)
    assert terms["sample entropy"].item() == pytest.approx(unsure, rel=1e-4)
    assert terms["batch entropy"].item() == pytest.approx(uneven, rel=1e-4)
    assert terms["loss"].item() == pytest.approx(expected + 7 * unsure + 2 * uneven, rel=1e-4)
