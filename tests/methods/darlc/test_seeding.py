"""What a fit of darlc begins with: smoothing, components, discriminants, and codes that no loss can shrink."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from facies.cluster import StudentTMixture
from facies.images import open_images
from facies.methods.darlc.losses import laplacian_loss
from facies.methods.darlc.method import DARLC
from facies.methods.darlc.network import MeasuredScale, discriminants
from facies.methods.darlc.objectives import begin_mixture, without_scale
from facies.methods.darlc.seeding import Rows, Smoothed, best_smoothing, principal_images, seeded_groups
from facies.metrics import ari

SIDE = 20
CPU = torch.device("cpu")


def measured() -> torch.Tensor:
    inside = torch.ones(SIDE, SIDE, dtype=torch.bool)
    inside[15:, 15:] = False
    return inside


def rows_of(pixels: np.ndarray, sigma: float) -> Rows:
    mask = measured()
    return Rows(open_images(pixels), MeasuredScale(mask), Smoothed(mask, sigma), CPU)


def noisy(sigma: float, n_images: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of four patterns as smooth as a Gaussian of sigma makes noise, and as much noise again."""
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(4, SIDE, SIDE))
    if sigma:
        patterns = gaussian_filter(patterns, (0, sigma, sigma))
    patterns /= patterns.std(axis=(1, 2), keepdims=True)
    kinds = np.arange(n_images) % 4
    return (patterns[kinds] + 2 * rng.normal(size=(n_images, SIDE, SIDE)))[:, None].astype(np.float32), kinds


def test_smoothing_is_what_the_images_bear():
    mask = measured()
    found = [best_smoothing(open_images(noisy(sigma)[0]), MeasuredScale(mask), mask, 0, CPU) for sigma in (0, 2.5)]
    assert found[0] <= 0.5
    assert found[1] >= 1


@pytest.mark.parametrize("sigma", [0.0, 1.5])
def test_vectors_begin_as_principal_components_of_the_smoothed_images(sigma):
    pixels, _ = noisy(1.5)
    rows = rows_of(pixels, sigma)
    _, values = rows.some(1000)
    method = DARLC(n_clusters=4, width=16, depth=1, latent_size=6)
    network = method.build(1, measured().numpy(), 4)
    network.begin(principal_images(values, rows.smoothing, 1, 16, 0), sigma)
    vectors = network.vectors(network.scale(torch.from_numpy(pixels))).detach().numpy()
    unit = values - values.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    left, strength, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    codes = left[:, :4] * strength[:4] / (strength[0] / len(values) ** 0.5)
    for axis in range(4):
        assert abs(np.corrcoef(codes[:, axis], vectors[:, axis])[0, 1]) > 0.98
    assert vectors[:, 0].std() == pytest.approx(1, abs=0.1)


def test_first_groups_of_more_images_than_a_tree_takes(monkeypatch):
    pixels, kinds = noisy(2.5)
    rows = rows_of(pixels, 2.0)
    assert ari(kinds, seeded_groups(rows, 4, 6)) > 0.95
    monkeypatch.setattr("facies.methods.darlc.seeding.MOST_IN_TREE", 50)
    assert ari(kinds, seeded_groups(rows, 4, 6)) > 0.9


def test_along_discriminants_the_variance_within_groups_is_one():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [60, 60, 8])
    centres = np.array([[0, 0, 0, 0], [3, 0, 0, 0], [0, 4, 0, 0]])
    rows = (centres[groups] + rng.normal(size=(128, 4)) * [1, 1, 1, 6]).astype(np.float32)
    axes = discriminants(torch.from_numpy(rows), torch.from_numpy(groups), 3)
    codes = (rows - rows.mean(axis=0)) @ axes.numpy()
    within = np.concatenate([codes[groups == k] - codes[groups == k].mean(axis=0) for k in range(3)])
    assert within[:, :2].std(axis=0) == pytest.approx(np.ones(2), rel=0.35)  # a tenth of the mean variance is added
    apart = np.linalg.norm(codes[groups == 2][:, :2].mean(axis=0) - codes[groups == 0][:, :2].mean(axis=0))
    assert apart > 2
    assert (((codes - codes.mean(axis=0)) ** 3).sum(axis=0) >= 0).all()  # skewed to the right


def test_the_mixture_begins_as_the_groups_and_a_small_one_with_the_variance_within_all():
    rng = np.random.default_rng(0)
    seeds = np.repeat([0, 1, 2], [100, 100, 3])
    codes = rng.normal(size=(203, 2)) + 9 * np.eye(3)[seeds][:, :2]
    codes[200:] = 40 + 1e-3 * rng.normal(size=(3, 2))
    mixture = StudentTMixture(3, covariance_type="diag")
    begin_mixture(mixture, codes, seeds)
    np.testing.assert_allclose(mixture.means_[2], codes[200:].mean(axis=0))
    assert (mixture.scales_[2] > 0.4).all()
    np.testing.assert_array_equal(mixture.set_params(warm_start=True, max_iter=1, tol=0).fit(codes).labels_, seeds)


def test_no_loss_of_an_epoch_shrinks_the_codes():
    codes = torch.randn(30, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    edges = torch.stack([torch.arange(29), torch.arange(1, 30)])
    loss = laplacian_loss(without_scale(codes), edges, torch.full((29,), 0.5))
    torch.testing.assert_close(loss, laplacian_loss(codes, edges, torch.full((29,), 0.5)))
    (gradient,) = torch.autograd.grad(loss, codes)
    centred = codes.detach() - codes.detach().mean(dim=0)
    torch.testing.assert_close((gradient * centred).sum(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(gradient.sum(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
