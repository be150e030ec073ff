"""The KL term and its warm-up."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from facies.losses import kl_to_standard_normal, linear_warm_up
from tests.losses import reference as slow


def codes(seed=0, shape=(3, 2, 5)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, *shape, dtype=torch.float64, generator=generator)


def test_value_by_loops_and_by_torch_distributions():
    mean, log_variance = codes()
    found = kl_to_standard_normal(mean, log_variance)
    by_torch = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=-1)
    torch.testing.assert_close(found, by_torch)
    for i in range(3):
        for k in range(2):
            assert found[i, k].item() == pytest.approx(
                slow.kl_to_standard_normal(mean[i, k].tolist(), log_variance[i, k].tolist())
            )


def test_gradients():
    mean, log_variance = codes(shape=(4,))
    torch.testing.assert_close(slow.gradient(lambda m: kl_to_standard_normal(m, log_variance), mean), mean)
    torch.testing.assert_close(
        slow.gradient(lambda v: kl_to_standard_normal(mean, v), log_variance), 0.5 * (log_variance.exp() - 1)
    )
    by_steps = slow.slope(lambda v: slow.kl_to_standard_normal(mean.tolist(), v.tolist()), log_variance)
    torch.testing.assert_close(
        slow.gradient(lambda v: kl_to_standard_normal(mean, v), log_variance), by_steps, atol=1e-8, rtol=1e-6
    )


def test_zero_only_at_the_prior():
    zeros = torch.zeros(6, dtype=torch.float64)
    assert kl_to_standard_normal(zeros, zeros).item() == 0.0
    mean, log_variance = codes(3)
    assert (kl_to_standard_normal(mean, log_variance) > 0).all()


@given(st.floats(-1, 2), st.floats(0.01, 1))
def test_warm_up_climbs_from_0_to_1_and_stays(progress, share):
    progress = max(progress, 0.0)
    expected = 1.0 if progress >= share else progress / share
    assert linear_warm_up(progress, share) == pytest.approx(expected)


def test_no_warm_up():
    assert linear_warm_up(0.0, 0.0) == 1.0
    assert linear_warm_up(0.0, 0.3) == 0.0
    assert linear_warm_up(0.15, 0.3) == pytest.approx(0.5)
