"""Groups that are subspaces of the code: shares of codes in them, and what keeps their bases apart."""

from __future__ import annotations

import pytest
import torch

from facies.losses import basis_length_penalty, basis_overlap_penalty, subspace_assignment
from tests.losses import reference as slow


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


CODES, BASES, WEIGHTS = normal(5, 6), normal(3, 6, 2, seed=1), normal(5, 3, seed=2)


@pytest.mark.parametrize("smoothing", [0.5, 5.0])
def test_shares_by_value_and_gradient(smoothing):
    found = subspace_assignment(CODES, BASES, smoothing)
    expected = torch.tensor(slow.subspace_assignment(CODES.tolist(), BASES.tolist(), smoothing), dtype=torch.float64)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(5, dtype=torch.float64))

    def weighted(codes, bases):
        rows = slow.subspace_assignment(codes.tolist(), bases.tolist(), smoothing)
        return float((torch.tensor(rows, dtype=torch.float64) * WEIGHTS).sum())

    of_codes = slow.gradient(lambda x: (subspace_assignment(x, BASES, smoothing) * WEIGHTS).sum(), CODES)
    torch.testing.assert_close(of_codes, slow.slope(lambda x: weighted(x, BASES), CODES), atol=1e-8, rtol=1e-6)
    of_bases = slow.gradient(lambda x: (subspace_assignment(CODES, x, smoothing) * WEIGHTS).sum(), BASES)
    torch.testing.assert_close(of_bases, slow.slope(lambda x: weighted(CODES, x), BASES), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize(("loss", "which"), [(basis_length_penalty, 0), (basis_overlap_penalty, 1)])
def test_what_keeps_bases_apart_by_value_and_gradient(loss, which):
    assert loss(BASES).item() == pytest.approx(slow.bases_apart(BASES.tolist())[which], rel=1e-12)
    by_steps = slow.slope(lambda x: slow.bases_apart(x.tolist())[which], BASES)
    torch.testing.assert_close(slow.gradient(loss, BASES), by_steps, atol=1e-7, rtol=1e-6)


def test_both_are_zero_for_orthonormal_bases():
    axes = torch.eye(6, dtype=torch.float64).reshape(6, 3, 2).transpose(0, 1)
    assert basis_length_penalty(axes).item() == basis_overlap_penalty(axes).item() == 0.0
