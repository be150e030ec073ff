"""The maximum mean discrepancy, pair by pair."""

from __future__ import annotations

import pytest
import torch

from facies.losses import inverse_multiquadratic_mmd
from tests.losses import reference as slow


def normal(n=6, width=3, seed=0, shift=0.0):
    return shift + torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "width"), [(2, 1), (3, 4), (7, 3)])
def test_value_and_gradient_by_three_loops(n, width):
    codes, prior = normal(n, width, 1, 0.4), normal(n, width, 2)
    found = inverse_multiquadratic_mmd(codes, prior)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(slow.inverse_multiquadratic_mmd(codes.tolist(), prior.tolist()), rel=1e-12)
    by_steps = slow.slope(lambda x: slow.inverse_multiquadratic_mmd(x.tolist(), prior.tolist()), codes)
    got = slow.gradient(lambda x: inverse_multiquadratic_mmd(x, prior), codes)
    torch.testing.assert_close(got, by_steps, atol=1e-8, rtol=1e-6)


def test_order_of_the_codes_changes_nothing():
    codes, prior = normal(8, 3, 1, 0.4), normal(8, 3, 2)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(
        inverse_multiquadratic_mmd(codes[order], prior), inverse_multiquadratic_mmd(codes, prior)
    )
    torch.testing.assert_close(inverse_multiquadratic_mmd(codes, prior), inverse_multiquadratic_mmd(prior, codes))


def test_grows_with_the_distance_from_the_prior_and_is_unbiased():
    prior = normal(200, 4, 0)
    near, far, farther = (
        inverse_multiquadratic_mmd(normal(200, 4, 1, shift), prior).item() for shift in (0.0, 1.0, 2.0)
    )
    assert abs(near) < 0.02
    assert near < far < farther
    means = [inverse_multiquadratic_mmd(normal(10, 4, seed), normal(10, 4, 1000 + seed)).item() for seed in range(300)]
    assert sum(means) / 300 == pytest.approx(0.0, abs=0.01)
    assert min(means) < 0


def test_equal_codes_have_a_finite_gradient():
    codes = torch.zeros(4, 2)
    assert slow.gradient(lambda x: inverse_multiquadratic_mmd(x, normal(4, 2).float()), codes).isfinite().all()
