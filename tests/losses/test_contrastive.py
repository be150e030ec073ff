"""Losses of two views against slow references in float64: values, gradients, and what they leave without a gradient."""

from __future__ import annotations

import math

import pytest
import torch

from facies.losses import cosine_regression, info_nce, nt_xent
from tests.losses import reference as slow


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def slow_nt_xent(first, second, temperature):
    views, n, total = [*first, *second], len(first), 0.0
    for i in range(2 * n):
        other = (i + n) % (2 * n)
        below = sum(math.exp(cosine(views[i], views[k]) / temperature) for k in range(2 * n) if k != i)
        total -= math.log(math.exp(cosine(views[i], views[other]) / temperature) / below)
    return total / (2 * n)


def slow_info_nce(queries, keys, temperature):
    total = 0.0
    for i, query in enumerate(queries):
        below = sum(math.exp(cosine(query, key) / temperature) for key in keys)
        total -= math.log(math.exp(cosine(query, keys[i]) / temperature) / below)
    return 2 * temperature * total / len(queries)


def slow_cosine_regression(predictions, targets):
    return sum(2 - 2 * cosine(p, z) for p, z in zip(predictions, targets, strict=True)) / len(predictions)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize(("loss", "reference"), [(nt_xent, slow_nt_xent), (info_nce, slow_info_nce)])
def test_value_and_gradient(loss, reference, temperature):
    one, other = normal(5, 3), normal(5, 3, seed=1)
    # The losses compute in float32, as autocast would not: the reference is met to its precision.
    value = float(loss(one, other, temperature))
    assert value == pytest.approx(reference(one.tolist(), other.tolist(), temperature), rel=1e-5)
    gradient = slow.gradient(lambda x: loss(x, other, temperature), one)
    slope = slow.slope(lambda x: reference(x.tolist(), other.tolist(), temperature), one)
    torch.testing.assert_close(gradient, slope, atol=2e-5, rtol=1e-4)


def test_cosine_regression():
    one, other = normal(5, 3), normal(5, 3, seed=1)
    assert float(cosine_regression(one, other)) == pytest.approx(slow_cosine_regression(one.tolist(), other.tolist()))
    assert float(cosine_regression(one, 7 * one)) == pytest.approx(0, abs=1e-6)
    assert float(cosine_regression(one, -one)) == pytest.approx(4)
    gradient = slow.gradient(lambda x: cosine_regression(x, other), one)
    slope = slow.slope(lambda x: slow_cosine_regression(x.tolist(), other.tolist()), one)
    torch.testing.assert_close(gradient, slope, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("loss", [info_nce, cosine_regression])
def test_no_gradient_goes_to_the_teacher(loss):
    one, other = normal(4, 3).requires_grad_(), normal(4, 3, seed=1).requires_grad_()
    loss(one, other).backward()
    assert one.grad is not None
    assert other.grad is None


def test_a_pair_found_among_others_costs_less_than_a_pair_mixed_up():
    views = torch.eye(6)
    assert nt_xent(views, views) < nt_xent(views, views.roll(1, dims=0))
    assert info_nce(views, views) < info_nce(views, views.roll(1, dims=0))
