"""The multi-similarity loss against loops over pairs, value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from facies.losses import multi_similarity


def by_pairs(codes: Tensor, alpha: float, beta: float, margin: float, ignored: Tensor | None) -> Tensor:
    n_views, n_samples, _ = codes.shape
    losses = []
    for j in range(n_views):
        for i in range(n_samples):
            positive, negative = codes.new_ones(()), codes.new_ones(())
            for k in range(n_views):
                for other in range(n_samples):
                    if (k, other) == (j, i):
                        continue
                    distance = (codes[j, i] - codes[k, other]).norm()
                    if other == i:
                        positive = positive + torch.exp(alpha * (distance - margin))
                    elif ignored is None or not ignored[j * n_samples + i, k * n_samples + other]:
                        negative = negative + torch.exp(-beta * (distance - margin))
            losses.append(positive.log() / alpha + negative.log() / beta)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("with_ignored", [False, True])
def test_value_and_gradient_are_those_of_loops(with_ignored) -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(3, 4, 2, dtype=torch.float64, generator=generator).requires_grad_()
    ignored = torch.rand(12, 12, generator=generator) < 0.3 if with_ignored else None
    found = multi_similarity(codes, alpha=1.5, beta=0.7, margin=0.8, ignored=ignored)
    expected = by_pairs(codes, 1.5, 0.7, 0.8, ignored)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(each, codes)[0] for each in (found, expected)))


def test_positives_draw_and_negatives_push() -> None:
    codes = torch.tensor([[[0.0], [5.0]], [[1.0], [5.5]]])
    loss = multi_similarity(codes)
    nearer, farther = codes.clone(), codes.clone()
    nearer[1, 0] = 0.5
    farther[:, 1] += 1
    assert multi_similarity(nearer) < loss
    assert multi_similarity(farther) < loss


def test_equal_codes_have_a_gradient() -> None:
    codes = torch.zeros(2, 2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(multi_similarity(codes), codes)
    assert torch.isfinite(gradient).all()
