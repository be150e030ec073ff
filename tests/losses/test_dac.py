"""Losses of pairs: values, gradients, symmetry, and thresholds epoch by epoch."""

from __future__ import annotations

import pytest
import torch

from facies.losses import (
    adaptive_threshold,
    all_pairs_loss,
    certain_pairs_loss,
    consistency_loss,
    dac_thresholds,
    n_epochs_until_thresholds_meet,
    negative_pairs,
    positive_pairs,
    unit_vectors,
)
from tests.losses import reference as slow


def softmaxes(images=6, groups=4, seed=0, sharpness=2.0):
    generator = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(images, groups, dtype=torch.float64, generator=generator)).softmax(dim=1)


def test_directions_have_length_one_and_the_likeness_is_the_cosine():
    y = softmaxes()
    expected = torch.tensor([slow.direction(row) for row in y.tolist()], dtype=torch.float64)
    torch.testing.assert_close(unit_vectors(y), expected, rtol=0, atol=1e-14)


def test_pairs_of_a_chunk_are_those_of_its_images_one_by_one():
    f = unit_vectors(softmaxes(20))
    alike, unlike = positive_pairs(f, 0.8), negative_pairs(f, 0.5)
    for i in range(20):
        for j in range(20):
            like = slow.likeness(f[i].tolist(), f[j].tolist())
            assert bool(alike[i, j]) == (like > 0.8)
            assert bool(unlike[i, j]) == (like < 0.5)
    assert torch.equal(alike, alike.T)
    assert torch.equal(unlike, unlike.T)
    assert alike.diagonal().all()
    assert not (alike & unlike).any()
    assert 20 < alike.sum() < 400
    part = slice(5, 12)
    assert torch.equal(alike[part, part], positive_pairs(f[part], 0.8))


def test_all_pairs():
    y = softmaxes()
    alike = positive_pairs(unit_vectors(softmaxes(seed=1)), 0.7)
    loss = lambda x: all_pairs_loss(unit_vectors(x), alike)  # noqa: E731
    assert loss(y).item() == pytest.approx(slow.all_pairs(y.tolist(), alike.tolist()), rel=1e-12)
    by_steps = slow.slope(lambda x: slow.all_pairs(x.tolist(), alike.tolist()), y)
    torch.testing.assert_close(slow.gradient(loss, y), by_steps, atol=1e-7, rtol=1e-6)


def test_certain_pairs_leave_out_those_between():
    y, other = softmaxes(), unit_vectors(softmaxes(seed=1))
    alike, unlike = positive_pairs(other, 0.8), negative_pairs(other, 0.4)
    assert (~alike & ~unlike).any()
    loss = lambda x: certain_pairs_loss(unit_vectors(x), alike, unlike)  # noqa: E731
    expected = slow.certain_pairs(y.tolist(), alike.tolist(), unlike.tolist())
    assert loss(y).item() == pytest.approx(expected, rel=1e-12)
    by_steps = slow.slope(lambda x: slow.certain_pairs(x.tolist(), alike.tolist(), unlike.tolist()), y)
    torch.testing.assert_close(slow.gradient(loss, y), by_steps, atol=1e-7, rtol=1e-6)
    assert certain_pairs_loss(unit_vectors(y), torch.zeros_like(alike), torch.zeros_like(alike)) == 0
    both = certain_pairs_loss(unit_vectors(y), alike, ~alike)
    torch.testing.assert_close(both, all_pairs_loss(unit_vectors(y), alike))


def test_consistency_is_with_the_direction_of_the_clean_image():
    y, clean = softmaxes(sharpness=0.5), unit_vectors(softmaxes(seed=1))
    assert consistency_loss(y, clean).item() == pytest.approx(slow.consistency(y.tolist(), clean.tolist()), rel=1e-12)
    by_steps = slow.slope(lambda x: slow.consistency(x.tolist(), clean.tolist()), y)
    torch.testing.assert_close(slow.gradient(lambda x: consistency_loss(x, clean), y), by_steps, atol=1e-7, rtol=1e-6)


def test_losses_stay_finite_where_the_network_is_sure():
    y = torch.eye(3)[[0, 0, 1, 2]]
    alike = positive_pairs(unit_vectors(y), 0.99)
    wrong = ~alike
    for value in (
        all_pairs_loss(unit_vectors(y), wrong),
        certain_pairs_loss(unit_vectors(y), wrong, alike),
        consistency_loss(y, y.flip(0)),
    ):
        assert torch.isfinite(value)
        assert value > 1
    assert all_pairs_loss(unit_vectors(y), alike) < 1e-5


def test_the_one_threshold_falls_by_a_tenth_of_its_way_an_epoch():
    assert [adaptive_threshold(epoch, 10, 0.99, 0.8) for epoch in (0, 1, 9)] == pytest.approx([0.99, 0.971, 0.819])


def test_the_two_thresholds_meet_after_46_epochs():
    assert dac_thresholds(0, 0.009) == pytest.approx((0.95, 0.455))
    assert dac_thresholds(10, 0.009) == pytest.approx((0.95 - 0.099, 0.455 + 0.0099))
    assert n_epochs_until_thresholds_meet(0.009) == 46
    for eta in (0.009, 0.04, 0.3):
        epochs = n_epochs_until_thresholds_meet(eta)
        upper, lower = dac_thresholds(epochs - 1, eta)
        assert upper > lower
        upper, lower = dac_thresholds(epochs, eta)
        assert upper <= lower + 1e-12
