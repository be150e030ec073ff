"""The loss of poses: what is left of a view's pose after that of its image was undone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facies.losses import pose_loss


def drawn(n=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(3, n, 2, 3, dtype=torch.float64, generator=generator) - 0.5
    return torch.eye(2, 3, dtype=torch.float64) + 0.6 * noise


def square(rows):
    return np.vstack([np.array(rows), [0.0, 0.0, 1.0]])


def turn(degrees, scale=1.0):
    angle = math.radians(degrees)
    rows = [
        [scale * math.cos(angle), -scale * math.sin(angle), 0.0],
        [scale * math.sin(angle), scale * math.cos(angle), 0.0],
    ]
    return torch.tensor([rows], dtype=torch.float64)


def test_by_hand():
    theta, view_theta, maps = drawn()
    expected = 0.0
    for own, view, made in zip(theta.tolist(), view_theta.tolist(), maps.tolist(), strict=True):
        left = np.linalg.inv(square(own)) @ square(made) @ square(view) - np.eye(3)
        expected += (left**2).sum() / 5
    assert pose_loss(theta, view_theta, maps).item() == pytest.approx(expected, rel=1e-10)


def test_nothing_is_left_where_the_view_s_pose_makes_up_for_the_map():
    assert pose_loss(turn(30), turn(10), turn(20)).item() == pytest.approx(0, abs=1e-25)
    assert pose_loss(turn(30), turn(30), turn(20)).item() == pytest.approx(4 - 4 * math.cos(math.radians(20)), rel=1e-9)


def test_enlarging_gains_nothing():
    losses = [pose_loss(turn(0, scale), turn(0, scale), turn(15)).item() for scale in (1.0, 0.1, 0.001)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)


def test_gradients_of_both_poses():
    theta, view_theta, maps = (each.requires_grad_() for each in drawn())
    assert torch.autograd.gradcheck(pose_loss, (theta, view_theta, maps.detach()))
