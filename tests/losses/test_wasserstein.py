"""The maximum mean discrepancy, pair by pair."""

from __future__ import annotations

import pytest
import torch

from facies.losses import inverse_multiquadratic_mmd, weighted_mmd
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


def weighted_by_loops(codes, prior, weights, size):
    """MMD² of one set in its own dimensions, term by term."""
    total = sum(weights)
    w = [weight / total for weight in weights]
    n = len(codes)

    def k(x, y):
        squared = sum((a - b) ** 2 for a, b in zip(x[:size], y[:size], strict=True))
        return sum(2 * size * s / (2 * size * s + squared) for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))

    pairs = [(i, j) for i in range(n) for j in range(n)]
    own = sum(w[i] * w[j] * k(codes[i], codes[j]) for i, j in pairs if i != j) / (1 - sum(each**2 for each in w))
    drawn = sum(k(prior[i], prior[j]) for i, j in pairs if i != j) / (n * (n - 1))
    return own + drawn - 2 / n * sum(w[i] * k(codes[i], prior[j]) for i, j in pairs)


def test_weighted_sets_of_unequal_size_by_loops():
    sizes = [3, 1]
    codes, prior = (torch.stack([normal(5, 3, seed), normal(5, 3, seed + 1)]) for seed in (1, 5))
    codes[1, :, 1:] = prior[1, :, 1:] = 0
    weights = torch.tensor([[1.0, 0.5, 0.2, 0.0, 0.9], [0.3, 0.3, 0.0, 0.0, 2.0]], dtype=torch.float64)
    found = weighted_mmd(codes, prior, weights, torch.tensor(sizes))
    for k, size in enumerate(sizes):
        slowly = weighted_by_loops(codes[k].tolist(), prior[k].tolist(), weights[k].tolist(), size)
        assert found[k].item() == pytest.approx(slowly, rel=1e-12)
    by_steps = slow.slope(
        lambda x: weighted_by_loops(x.tolist(), prior[0].tolist(), weights[0].tolist(), sizes[0]), codes[0]
    )
    got = slow.gradient(
        lambda x: weighted_mmd(torch.stack([x, codes[1]]), prior, weights, torch.tensor(sizes))[0], codes[0]
    )
    torch.testing.assert_close(got, by_steps, atol=1e-8, rtol=1e-6)


def test_equal_weights_give_the_plain_discrepancy():
    codes, prior = normal(6, 3, 1, 0.4), normal(6, 3, 2)
    found = weighted_mmd(codes[None], prior[None], torch.full((1, 6), 0.25, dtype=torch.float64), torch.tensor([3]))
    torch.testing.assert_close(found[0], inverse_multiquadratic_mmd(codes, prior))


def test_a_set_of_fewer_than_two_codes_has_none_and_a_finite_gradient():
    codes, prior = torch.stack([normal(4, 2, 1)] * 2), torch.stack([normal(4, 2, 2)] * 2)
    weights = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert weighted_mmd(codes, prior, weights, torch.tensor([2, 2])).tolist() == [0.0, 0.0]
    gradient = slow.gradient(lambda x: weighted_mmd(x, prior, weights, torch.tensor([2, 2])).sum(), codes)
    assert gradient.abs().max() == 0
