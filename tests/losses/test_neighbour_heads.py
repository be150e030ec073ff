"""Losses of heads on pairs of neighbours, against slow references, head by head."""

from __future__ import annotations

import math

import pytest
import torch

from facies.losses import mean_entropy, neighbour_consistency, pair_weights, pointwise_mutual_information
from tests.losses import reference as slow

H, B, K = 2, 5, 3


def shares(*shape, seed=0):
    drawn = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (1.5 * drawn).softmax(dim=-1)


def slow_consistency(own, neighbours):
    dots = [sum(a * b for a, b in zip(p, q, strict=True)) for p, q in zip(own, neighbours, strict=True)]
    return -sum(map(math.log, dots)) / len(dots)


def slow_mean_entropy(p):
    means = [sum(row[k] for row in p) / len(p) for k in range(len(p[0]))]
    return -sum(mean * math.log(mean) for mean in means)


def slow_pmi(student, teacher, marginal, beta):
    return [
        math.log(sum((p[k] * q[k]) ** beta / marginal[k] for k in range(len(p))))
        for p, q in zip(student, teacher, strict=True)
    ]


def test_consistency_and_entropy_of_each_head():
    own, neighbours = shares(H, B, K), shares(H, B, K, seed=1)
    for head in range(H):
        one, other = own[head].tolist(), neighbours[head].tolist()
        assert float(neighbour_consistency(own, neighbours)[head]) == pytest.approx(slow_consistency(one, other))
        assert float(mean_entropy(own)[head]) == pytest.approx(slow_mean_entropy(one))
    gradient = slow.gradient(lambda x: (neighbour_consistency(x, neighbours) - mean_entropy(x)).sum(), own)
    slope = slow.slope(
        lambda x: sum(
            slow_consistency(p, q) - slow_mean_entropy(p) for p, q in zip(x.tolist(), neighbours.tolist(), strict=True)
        ),
        own,
    )
    torch.testing.assert_close(gradient, slope, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("beta", [0.6, 1.0])
def test_pointwise_mutual_information(beta):
    student, teacher, marginal = shares(H, B, K), shares(H, B, K, seed=1), shares(H, K, seed=2)
    found = pointwise_mutual_information(student, teacher, marginal, beta)
    assert found.shape == (H, B)
    for head in range(H):
        expected = slow_pmi(student[head].tolist(), teacher[head].tolist(), marginal[head].tolist(), beta)
        assert found[head].tolist() == pytest.approx(expected)

    def total(x):
        rows = zip(x.tolist(), teacher.tolist(), marginal.tolist(), strict=True)
        return sum(sum(slow_pmi(p, q, m, beta)) for p, q, m in rows)

    gradient = slow.gradient(lambda x: pointwise_mutual_information(x, teacher, marginal, beta).sum(), student)
    torch.testing.assert_close(gradient, slow.slope(total, student), atol=1e-7, rtol=1e-6)


def test_no_gradient_goes_to_teacher_and_weights():
    student, teacher = shares(H, B, K).requires_grad_(), shares(H, B, K, seed=1).requires_grad_()
    pointwise_mutual_information(student, teacher, shares(H, K)).sum().backward()
    assert teacher.grad is None
    assert not pair_weights(teacher, student).requires_grad


def test_weights_are_the_mean_over_heads():
    own, neighbours = shares(H, B, K), shares(H, B, K, seed=1)
    expected = [
        sum(float(own[h, b, k] * neighbours[h, b, k]) for h in range(H) for k in range(K)) / H for b in range(B)
    ]
    assert pair_weights(own, neighbours).tolist() == pytest.approx(expected)


def test_certain_and_impossible_pairs_stay_finite():
    sure = torch.eye(3).repeat(2, 1, 1)
    other = sure.roll(1, dims=1)
    assert neighbour_consistency(sure, sure).tolist() == pytest.approx([0, 0], abs=1e-6)
    for value in (neighbour_consistency(sure, other), pointwise_mutual_information(sure, other, sure.mean(dim=1))):
        assert value.isfinite().all()
