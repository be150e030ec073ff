"""Losses of manager and experts: values, gradients, signs, and the corners of the simplex."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.losses import (
    batch_entropy,
    expected_loss,
    group_variance_divergence,
    mixture_likelihood,
    sample_entropy,
    soft_target_divergence,
)
from tests.losses import reference as slow

LOSSES_OF_P = [(sample_entropy, slow.sample_entropy), (batch_entropy, slow.batch_entropy)]


def shares(images=5, experts=4, seed=0, sharpness=1.5):
    generator = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(images, experts, dtype=torch.float64, generator=generator)).softmax(dim=1)


@pytest.mark.parametrize(("loss", "reference"), LOSSES_OF_P)
def test_entropies(loss, reference):
    p = shares()
    assert loss(p).item() == pytest.approx(reference(p.tolist()), rel=1e-12)
    by_steps = slow.slope(lambda x: reference(x.tolist()), p)
    torch.testing.assert_close(slow.gradient(loss, p), by_steps, atol=1e-8, rtol=1e-6)


def test_expected_loss():
    p, d = shares(), torch.rand(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    assert expected_loss(p, d).item() == pytest.approx(slow.expected_loss(p.tolist(), d.tolist()), rel=1e-12)
    torch.testing.assert_close(slow.gradient(lambda x: expected_loss(x, d), p), d / 5)
    torch.testing.assert_close(slow.gradient(lambda x: expected_loss(p, x), d), p / 5)


def test_expected_loss_of_an_expert_that_was_not_asked():
    p = torch.tensor([[1.0, 0.0]])
    assert expected_loss(p, torch.tensor([[2.0, 1e30]])).item() == 2.0


def test_soft_target_divergence():
    targets = shares(seed=1)
    logits = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = soft_target_divergence(targets, logits)
    assert found.item() == pytest.approx(slow.soft_target_divergence(targets.tolist(), logits.tolist()), rel=1e-12)
    by_steps = slow.slope(lambda x: slow.soft_target_divergence(targets.tolist(), x.tolist()), logits)
    got = slow.gradient(lambda x: soft_target_divergence(targets, x), logits)
    torch.testing.assert_close(got, by_steps, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(got, (logits.softmax(dim=1) - targets) / 5)


def test_soft_target_divergence_is_zero_at_its_target_only():
    targets = shares(seed=1)
    assert soft_target_divergence(targets, targets.log() + 3.0).item() == pytest.approx(0.0, abs=1e-12)
    assert soft_target_divergence(targets, targets.log().roll(1, dims=1)).item() > 0.01


def test_soft_target_divergence_of_one_hot_targets_is_cross_entropy():
    logits = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    classes = torch.tensor([0, 1, 2, 2, 1, 0])
    targets = torch.nn.functional.one_hot(classes, 3).double()
    torch.testing.assert_close(
        soft_target_divergence(targets, logits), torch.nn.functional.cross_entropy(logits, classes)
    )


def test_signs_reward_one_expert_an_image_and_many_experts_a_batch():
    eye = torch.eye(4, dtype=torch.float64)
    collapsed = eye[torch.zeros(4, dtype=torch.long)]
    undecided = torch.full((4, 4), 0.25, dtype=torch.float64)
    assert batch_entropy(eye).item() == pytest.approx(-math.log(4))
    assert batch_entropy(collapsed).item() == pytest.approx(0.0, abs=1e-6)
    assert batch_entropy(eye) < batch_entropy(shares(4)) < batch_entropy(collapsed)
    assert sample_entropy(eye).item() == pytest.approx(0.0, abs=1e-6)
    assert sample_entropy(undecided).item() == pytest.approx(math.log(4))
    assert sample_entropy(eye) < sample_entropy(shares(4)) < sample_entropy(undecided)


def test_a_step_down_the_losses_hardens_and_balances():
    logits = torch.tensor([[1.0, 0.9], [1.0, 0.8]], dtype=torch.float64)
    harder = logits - 0.5 * slow.gradient(lambda x: sample_entropy(x.softmax(dim=1)), logits)
    assert (harder.softmax(dim=1)[:, 0] > logits.softmax(dim=1)[:, 0]).all()
    fairer = logits - 0.5 * slow.gradient(lambda x: batch_entropy(x.softmax(dim=1)), logits)
    assert (fairer.softmax(dim=1)[:, 0] < logits.softmax(dim=1)[:, 0]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("loss", "reference"), LOSSES_OF_P)
def test_finite_with_finite_gradient_at_0_and_1(loss, reference, dtype):
    p = torch.eye(3, dtype=dtype)[torch.tensor([0, 0, 1, 0])]
    assert loss(p).item() == pytest.approx(reference(p.tolist()), abs=1e-6)
    assert slow.gradient(loss, p).isfinite().all()
    sure = torch.tensor([[1e4, 0.0, -1e4]] * 4, dtype=dtype)
    assert slow.gradient(lambda x: loss(x.softmax(dim=1)), sure).isfinite().all()


def test_divergence_finite_at_0_and_1():
    targets = torch.eye(3)
    logits = 1e4 * torch.eye(3).roll(1, dims=1)
    assert soft_target_divergence(targets, logits).item() == pytest.approx(1e4)
    assert slow.gradient(lambda x: soft_target_divergence(targets, x), logits).isfinite().all()
    assert soft_target_divergence(targets, 1e4 * torch.eye(3)).item() == 0.0


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 2**31 - 1))
def test_permuting_images_or_experts_changes_nothing(images, experts, seed):
    rng = np.random.default_rng(seed)
    p = torch.from_numpy(rng.dirichlet(np.full(experts, 0.5), images))
    d = torch.from_numpy(rng.random((images, experts)))
    logits = torch.from_numpy(rng.normal(size=(images, experts)))
    rows, columns = torch.from_numpy(rng.permutation(images)), torch.from_numpy(rng.permutation(experts))

    def turned(matrix):
        return matrix[rows][:, columns]

    torch.testing.assert_close(sample_entropy(turned(p)), sample_entropy(p))
    torch.testing.assert_close(batch_entropy(turned(p)), batch_entropy(p))
    torch.testing.assert_close(expected_loss(turned(p), turned(d)), expected_loss(p, d))
    torch.testing.assert_close(soft_target_divergence(turned(p), turned(logits)), soft_target_divergence(p, logits))
    assert -math.log(experts) - 1e-9 <= batch_entropy(p).item() <= 1e-9
    assert -1e-9 <= sample_entropy(p).item() <= math.log(experts) + 1e-6


def test_mixture_likelihood():
    log_p = shares().log()
    errors = 3 * torch.rand(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    expected = [slow.mixture_likelihood(*row) for row in zip(log_p.tolist(), errors.tolist(), strict=True)]
    torch.testing.assert_close(mixture_likelihood(log_p, errors), torch.tensor(expected, dtype=torch.float64))
    of_errors = slow.gradient(lambda x: mixture_likelihood(log_p, x).sum(), errors)
    torch.testing.assert_close(of_errors, (log_p - errors).softmax(dim=1))  # the posterior
    assert mixture_likelihood(log_p, errors + 1e4).isfinite().all()


def test_group_variance_divergence():
    codes = torch.randn(9, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    groups = torch.tensor([0, 0, 0, 2, 2, 2, 2, 3, 0])  # 1 is empty, 3 has one
    found = group_variance_divergence(codes, groups, 4)
    assert found.item() == pytest.approx(slow.group_variance_divergence(codes.tolist(), groups.tolist(), 4), rel=1e-9)
    by_steps = slow.slope(lambda x: slow.group_variance_divergence(x.tolist(), groups.tolist(), 4), codes)
    got = slow.gradient(lambda x: group_variance_divergence(x, groups, 4), codes)
    torch.testing.assert_close(got, by_steps, atol=1e-7, rtol=1e-6)
    alone = group_variance_divergence(codes, torch.arange(9), 9)
    assert alone.item() == 0.0
    same = slow.gradient(lambda x: group_variance_divergence(x, groups, 4), torch.zeros(9, 2, dtype=torch.float64))
    assert same.isfinite().all()
