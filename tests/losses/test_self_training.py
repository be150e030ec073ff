"""Student-t assignments, their sharpened target, and the divergence between them: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.losses import (
    assignment_divergence,
    balanced_distribution,
    student_t_assignment,
    target_distribution,
)
from tests.losses import reference as slow


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def shares(images=6, groups=4, seed=0):
    return (1.5 * normal(images, groups, seed=seed)).softmax(dim=1)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 5.0])
def test_assignments(alpha):
    codes, centres, weights = normal(5, 3), normal(4, 3, seed=1), normal(5, 4, seed=2)
    q = student_t_assignment(codes, centres, alpha)
    expected = torch.tensor(slow.student_t_assignment(codes.tolist(), centres.tolist(), alpha), dtype=torch.float64)
    torch.testing.assert_close(q, expected, rtol=0, atol=1e-13)

    def weighted(codes, centres):
        rows = slow.student_t_assignment(codes.tolist(), centres.tolist(), alpha)
        return float((torch.tensor(rows, dtype=torch.float64) * weights).sum())

    of_codes = slow.gradient(lambda x: (student_t_assignment(x, centres, alpha) * weights).sum(), codes)
    torch.testing.assert_close(of_codes, slow.slope(lambda x: weighted(x, centres), codes), atol=1e-8, rtol=1e-6)
    of_centres = slow.gradient(lambda x: (student_t_assignment(codes, x, alpha) * weights).sum(), centres)
    torch.testing.assert_close(of_centres, slow.slope(lambda x: weighted(codes, x), centres), atol=1e-8, rtol=1e-6)


def test_smaller_alpha_has_heavier_tails():
    codes, centres = torch.zeros(1, 2), torch.tensor([[1.0, 0.0], [5.0, 0.0]])
    far = [student_t_assignment(codes, centres, alpha)[0, 1].item() for alpha in (0.3, 1.0, 3.0)]
    assert far == sorted(far, reverse=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_assignments_stay_finite_at_a_centre_and_far_from_all(dtype):
    centres = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=dtype)
    codes = torch.tensor([[0.0, 0.0], [1e8, 1e8]], dtype=dtype)
    for alpha in (1.0, 50.0):
        q = student_t_assignment(codes, centres, alpha)
        assert q.isfinite().all()
        torch.testing.assert_close(q.sum(dim=1), torch.ones(2, dtype=dtype))
        assert q[0, 0] > q[0, 1]
        slope = slow.gradient(lambda x, alpha=alpha: student_t_assignment(x, centres, alpha)[:, 0].sum(), codes)
        assert slope.isfinite().all()


def test_target():
    q = shares().requires_grad_()
    p = target_distribution(q)
    expected = torch.tensor(slow.target_distribution(q.tolist()), dtype=torch.float64)
    torch.testing.assert_close(p, expected, rtol=0, atol=1e-14)
    assert not p.requires_grad


@pytest.mark.parametrize("sharpen", [target_distribution, balanced_distribution])
def test_a_cluster_without_images_gets_none(sharpen):
    q = sharpen(torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]))
    assert torch.isfinite(q).all()
    assert q[:, 2].sum() == 0


def test_balanced_target():
    p = shares().requires_grad_()
    q = balanced_distribution(p)
    expected = torch.tensor(slow.balanced_distribution(p.tolist()), dtype=torch.float64)
    torch.testing.assert_close(q, expected, rtol=0, atol=1e-14)
    assert not q.requires_grad
    unequal = balanced_distribution(torch.tensor([[0.5, 0.5], [0.9, 0.1]]))
    assert unequal[0, 1] > 0.5  # the smaller group draws more


def test_the_target_is_surer_and_large_groups_draw_less():
    q = torch.tensor([[0.7, 0.3], [0.3, 0.7]])
    p = target_distribution(q)
    torch.testing.assert_close(p, torch.tensor([[0.49, 0.09], [0.09, 0.49]]) / 0.58)
    # Where all images say the same, dividing by the groups' sizes leaves what they say as it is.
    alike = torch.tensor([[0.6, 0.4]] * 3)
    torch.testing.assert_close(target_distribution(alike), alike)


def test_divergence():
    p, q = shares(seed=1), shares(seed=2)
    assert assignment_divergence(p, q).item() == pytest.approx(
        slow.assignment_divergence(p.tolist(), q.tolist()), rel=1e-12
    )
    by_steps = slow.slope(lambda x: slow.assignment_divergence(p.tolist(), x.tolist()), q)
    torch.testing.assert_close(slow.gradient(lambda x: assignment_divergence(p, x), q), by_steps, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(by_steps, -p / q / 6, atol=1e-8, rtol=1e-6)
    by_torch = torch.nn.functional.kl_div(q.log(), p, reduction="batchmean")
    torch.testing.assert_close(assignment_divergence(p, q), by_torch)


def test_divergence_is_zero_at_its_target_only_and_finite_at_0_and_1():
    p = shares()
    assert assignment_divergence(p, p).item() == pytest.approx(0.0, abs=1e-12)
    assert assignment_divergence(p, p.roll(1, dims=1)).item() > 0.01
    sure = torch.eye(3)
    assert assignment_divergence(sure, sure).item() == 0.0
    assert assignment_divergence(sure, sure.roll(1, dims=1)).isfinite()
    assert slow.gradient(lambda x: assignment_divergence(sure, x), sure.roll(1, dims=1)).isfinite().all()


def test_the_gradient_by_the_formulas_of_the_paper():
    """Equations 4 and 5, whose sums over the images are means here."""
    codes, centres, alpha = normal(6, 3), normal(4, 3, seed=1), 1.0
    p = shares()
    apart = codes[:, None] - centres[None]
    q = student_t_assignment(codes, centres, alpha)
    pull = (alpha + 1) / alpha * ((p - q) / (1 + apart.square().sum(dim=2) / alpha))[:, :, None] * apart / len(codes)
    loss = lambda z, mu: assignment_divergence(p, student_t_assignment(z, mu, alpha))  # noqa: E731
    torch.testing.assert_close(slow.gradient(lambda z: loss(z, centres), codes), pull.sum(dim=1))
    torch.testing.assert_close(slow.gradient(lambda mu: loss(codes, mu), centres), -pull.sum(dim=0))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 2**31 - 1))
def test_permuting_images_or_groups_permutes_the_answers(images, groups, seed):
    rng = np.random.default_rng(seed)
    codes, centres = torch.from_numpy(rng.normal(size=(images, 3))), torch.from_numpy(rng.normal(size=(groups, 3)))
    rows, columns = torch.from_numpy(rng.permutation(images)), torch.from_numpy(rng.permutation(groups))
    q = student_t_assignment(codes, centres)
    p = target_distribution(q)
    permuted = student_t_assignment(codes[rows], centres[columns])
    torch.testing.assert_close(permuted, q[rows][:, columns])
    torch.testing.assert_close(target_distribution(permuted), p[rows][:, columns])
    torch.testing.assert_close(assignment_divergence(p[rows][:, columns], permuted), assignment_divergence(p, q))
    for shares in (q, p):
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(images, dtype=torch.float64))
    assert assignment_divergence(p, q) >= -1e-12
