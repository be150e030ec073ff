"""Mixtures of Gaussians in the code: VaDE's divergence, and DAGMM's moments and energy."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from facies.losses import kl_to_gaussian_mixture, mixture_energy, mixture_log_densities, mixture_moments
from tests.losses import reference as slow


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


LOG_WEIGHTS, MEANS, LOG_VARIANCES = normal(4, seed=1).log_softmax(dim=0), normal(4, 3, seed=2), normal(4, 3, seed=3)
MIXTURE = (LOG_WEIGHTS, MEANS, LOG_VARIANCES)


def test_log_densities():
    codes = normal(5, 3)
    found = mixture_log_densities(codes, *MIXTURE)
    expected = [
        [
            LOG_WEIGHTS[k].item() + slow.log_normal(code.tolist(), MEANS[k].tolist(), LOG_VARIANCES[k].tolist())
            for k in range(4)
        ]
        for code in codes
    ]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_divergence_from_the_mixture_by_value_and_gradient():
    gamma, log_variance = normal(5, 4, seed=5).softmax(dim=1), normal(5, 3, seed=4)

    def by_hand(mean, log_variance, gamma, mixture=MIXTURE):
        rows = zip(mean.tolist(), log_variance.tolist(), gamma.tolist(), strict=True)
        return sum(slow.kl_to_gaussian_mixture(*row, *(part.tolist() for part in mixture)) for row in rows)

    mean = normal(5, 3, seed=6)
    found = kl_to_gaussian_mixture(mean, log_variance, gamma, *MIXTURE)
    assert found.shape == (5,)
    assert found.sum().item() == pytest.approx(by_hand(mean, log_variance, gamma), rel=1e-12)
    for place, at in enumerate((mean, log_variance, gamma)):
        given = [mean, log_variance, gamma]

        def ours(x, place=place, given=given):
            return kl_to_gaussian_mixture(*given[:place], x, *given[place + 1 :], *MIXTURE).sum()

        def theirs(x, place=place, given=given):
            return by_hand(*given[:place], x, *given[place + 1 :])

        torch.testing.assert_close(slow.gradient(ours, at), slow.slope(theirs, at), atol=1e-7, rtol=1e-6)
    for place, at in enumerate(MIXTURE):

        def ours(x, place=place):
            mixture = [*MIXTURE[:place], x, *MIXTURE[place + 1 :]]
            return kl_to_gaussian_mixture(mean, log_variance, gamma, *mixture).sum()

        def theirs(x, place=place):
            return by_hand(mean, log_variance, gamma, [*MIXTURE[:place], x, *MIXTURE[place + 1 :]])

        torch.testing.assert_close(slow.gradient(ours, at), slow.slope(theirs, at), atol=1e-7, rtol=1e-6)


def test_divergence_is_zero_where_code_and_only_gaussian_are_one():
    mean, log_variance = normal(1, 3), normal(1, 3, seed=1)
    zero = kl_to_gaussian_mixture(mean, log_variance, torch.ones(1, 1).double(), torch.zeros(1), mean, log_variance)
    assert zero.item() == pytest.approx(0.0, abs=1e-12)


def test_moments():
    z, gamma = normal(30, 3), normal(30, 2, seed=1).softmax(dim=1)
    shares, means, covariances = mixture_moments(z, gamma, ridge=0.01)
    torch.testing.assert_close(shares, gamma.mean(dim=0))
    for k in range(2):
        torch.testing.assert_close(means[k], (gamma[:, k, None] * z).sum(dim=0) / gamma[:, k].sum())
        expected = torch.cov(z.T, correction=0, aweights=gamma[:, k]) + 0.01 * torch.eye(3, dtype=torch.float64)
        torch.testing.assert_close(covariances[k], expected)


def test_energy_is_that_of_torchs_own_mixture_by_value_and_gradient():
    z, gamma = normal(12, 3), normal(12, 2, seed=1).softmax(dim=1)
    shares, means, covariances = mixture_moments(z, gamma)
    mixture = MixtureSameFamily(Categorical(shares), MultivariateNormal(means, covariances))
    torch.testing.assert_close(mixture_energy(z, shares, means, covariances), -mixture.log_prob(z))
    ours = slow.gradient(lambda x: mixture_energy(z, *mixture_moments(z, x.softmax(dim=1))).sum(), gamma)

    def theirs(x):
        shares, means, covariances = mixture_moments(z, x.softmax(dim=1))
        mixture = MixtureSameFamily(Categorical(shares), MultivariateNormal(means, covariances))
        return -mixture.log_prob(z).sum().item()

    torch.testing.assert_close(ours, slow.slope(theirs, gamma), atol=1e-7, rtol=1e-5)


def test_all_is_finite_where_a_gaussian_is_a_point_or_has_no_image():
    z, gamma = torch.zeros(4, 3), torch.tensor([[1.0, 0.0]] * 4)
    energy = mixture_energy(z, *mixture_moments(z, gamma))
    assert energy.isfinite().all()
    assert energy[0].item() == pytest.approx(1.5 * math.log(2 * math.pi * 1e-3), rel=1e-4)


def test_the_gradient_is_finite_where_a_group_has_no_share_of_an_image():
    codes = 100 * torch.eye(3)
    mixture = (torch.zeros(3), codes.clone(), torch.zeros(3, 3))

    def divergence(mean):
        gamma = mixture_log_densities(mean, *mixture).softmax(dim=1)
        assert (gamma == 0).any()
        return kl_to_gaussian_mixture(mean, torch.zeros(3, 3), gamma, *mixture).sum()

    assert slow.gradient(divergence, codes).isfinite().all()
