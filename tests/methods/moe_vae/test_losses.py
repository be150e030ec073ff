"""Losses of the manager alone and of the mixture, image by image and expert by expert."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.losses import weighted_mmd
from facies.methods.moe_vae.losses import ManagerObjective, MixtureObjective
from facies.methods.moe_vae.network import MixtureOfExperts, ParallelAutoencoder
from facies.methods.preprocessing import Preprocessor
from facies.nn import ConvEncoder, PixelNormalizer
from facies.nn.conv_autoencoder import ConvLayout
from facies.training import Batch

SHAPE = (1, 8, 8)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_manager_objective():
    manager = ConvEncoder(SHAPE, 3, 4)
    targets = np.random.default_rng(0).dirichlet(np.ones(3), 20).astype(np.float32)
    given = Batch(torch.rand(4, *SHAPE), torch.tensor([3, 17, 0, 8]))
    terms = ManagerObjective(Preprocessor(PixelNormalizer()), targets)(manager, given)
    logits = manager(given.images)
    expected = torch.from_numpy(targets[[3, 17, 0, 8]])
    divergence = torch.nn.functional.kl_div(logits.log_softmax(dim=1), expected, reduction="batchmean")
    assert terms["loss"].item() == pytest.approx(divergence.item(), rel=1e-4)
    agreement = (logits.argmax(dim=1) == expected.argmax(dim=1)).float().mean()
    assert terms["agreement"].item() == pytest.approx(agreement.item())


@pytest.mark.parametrize("threshold", [None, 0.0, 0.2])
def test_mixture_objective(threshold):
    experts = ParallelAutoencoder(ConvLayout(SHAPE, 4, normalization="group", n_networks=3), 2)
    network = MixtureOfExperts(ConvEncoder(SHAPE, 3, 4), experts, threshold).eval()
    given = Batch(torch.rand(5, *SHAPE), torch.arange(5), 0.15)
    terms = MixtureObjective(Preprocessor(PixelNormalizer(likelihood="gaussian")), 7.0, 2.0, 1.5, 0.3)(network, given)
    with torch.no_grad():
        p = network.manager(given.images).softmax(dim=1)
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


@pytest.mark.parametrize("hard", [False, True])
def test_wasserstein_experts_have_a_discrepancy_each_and_no_kl(hard, monkeypatch):
    layout = ConvLayout(SHAPE, 4, normalization="group", n_networks=3)
    experts = ParallelAutoencoder(layout, 2, [2, 1, 2], deterministic=True)
    network = MixtureOfExperts(ConvEncoder(SHAPE, 3, 4), experts, 0.0, hard=hard).eval()
    given = Batch(torch.rand(6, *SHAPE), torch.arange(6), 1.0)
    normalizer = PixelNormalizer(likelihood="gaussian")
    plain = MixtureObjective(Preprocessor(normalizer), 0.0, 0.0, 0.0, 0.3, "wae-deterministic")(network, given)["loss"]
    out = network(normalizer(given.images))
    prior = experts.within_sizes(torch.randn(out.experts.code.shape, generator=torch.Generator().manual_seed(3)))
    monkeypatch.setattr(
        torch, "randn_like", lambda code: torch.randn(code.shape, generator=torch.Generator().manual_seed(3))
    )
    terms = MixtureObjective(Preprocessor(normalizer), 0.0, 0.0, 2.0, 0.3, "wae-deterministic")(network, given)
    expected = plain.detach()
    for k, size in enumerate(experts.own_sizes):
        weights = out.weights[:, k : k + 1].t()
        codes, drawn = (each[:, k, :size][None] for each in (out.experts.code, prior))
        expected = expected + 2.0 * weights.sum() / 6 * weighted_mmd(codes, drawn, weights, torch.tensor([size]))[0]
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert abs(expected.item() - plain.item()) > 1e-3
