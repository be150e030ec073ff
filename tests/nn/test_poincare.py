"""The Poincaré ball against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from facies.nn.poincare import (
    conformal_factor,
    distance,
    draw_wrapped_normal,
    exp_map,
    exp_map_at_origin,
    gyroplane_distance,
    into_ball,
    log_map,
    mobius_add,
    wrapped_normal_log_density,
)


def points(count: int = 50, size: int = 3, seed: int = 0) -> torch.Tensor:
    """In the ball, in float64."""
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(count, size, generator=generator, dtype=torch.float64)
    return direction / direction.norm(dim=1, keepdim=True) * 0.9 * torch.rand(count, 1, generator=generator).double()


def test_distances_are_those_of_the_closed_form() -> None:
    x, y = points(seed=1), points(seed=2)
    squares = (x - y).square().sum(dim=1)
    rest = (1 - x.square().sum(dim=1)) * (1 - y.square().sum(dim=1))
    torch.testing.assert_close(distance(x, y), torch.acosh(1 + 2 * squares / rest))
    torch.testing.assert_close(distance(torch.zeros_like(x), x), 2 * torch.atanh(x.norm(dim=1)))
    torch.testing.assert_close(distance(x, y), distance(y, x))


def test_the_logarithm_undoes_the_exponential() -> None:
    x, y = points(seed=1), points(seed=2)
    torch.testing.assert_close(exp_map(x, log_map(x, y)), y)
    velocity = log_map(x, y)
    length = conformal_factor(x).squeeze(1) * velocity.norm(dim=1)  # of the velocity, as the ball measures it
    torch.testing.assert_close(length, distance(x, y))
    torch.testing.assert_close(exp_map(torch.zeros_like(y), y), exp_map_at_origin(y))


def test_addition_moves_all_distances_alike() -> None:
    x, y, by = points(seed=1), points(seed=2), points(seed=3)
    torch.testing.assert_close(distance(mobius_add(by, x), mobius_add(by, y)), distance(x, y))
    torch.testing.assert_close(mobius_add(-x, x), torch.zeros_like(x))


def test_a_gyroplane_through_the_middle_is_a_plane() -> None:
    x = points()
    normal = torch.tensor([[0.0, 0.0, 2.5]], dtype=torch.float64)
    found = gyroplane_distance(x, torch.zeros(1, 3, dtype=torch.float64), normal)[:, 0]
    expected = 2.5 * torch.asinh(2 * x[:, 2] / (1 - x.square().sum(dim=1)))
    torch.testing.assert_close(found, expected)
    place = torch.tensor([[0.3, -0.2, 0.1]], dtype=torch.float64)
    on_plane = mobius_add(place, x * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    assert gyroplane_distance(on_plane, place, normal).abs().max() < 1e-9


def test_the_distance_to_a_gyroplane_is_that_to_its_nearest_point() -> None:
    x = torch.tensor([[0.2, 0.5]], dtype=torch.float64)
    place, normal = torch.tensor([[0.1, 0.1]], dtype=torch.float64), torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    along = torch.tensor([[2.0, -1.0]], dtype=torch.float64) / math.sqrt(5)
    line = mobius_add(place, torch.linspace(-0.99, 0.99, 20_001, dtype=torch.float64)[:, None] * along)
    nearest = distance(x, line).min()
    torch.testing.assert_close(gyroplane_distance(x, place, normal)[0, 0], math.sqrt(5) * nearest, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.5, 0.2)])
def test_the_density_integrates_to_one_and_is_that_of_what_is_drawn(place) -> None:
    line = torch.linspace(-0.9995, 0.9995, 1200, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    grid = grid[grid.norm(dim=1) < 0.999]
    mean = torch.tensor([place], dtype=torch.float64)
    deviation = torch.tensor([[0.6, 0.4]], dtype=torch.float64)
    density = wrapped_normal_log_density(grid, mean.expand_as(grid), deviation.expand_as(grid)).exp()
    volume = conformal_factor(grid).squeeze(1) ** 2 * (line[1] - line[0]) ** 2
    assert float((density * volume).sum()) == pytest.approx(1, abs=5e-3)
    torch.manual_seed(0)
    drawn = draw_wrapped_normal(mean.expand(20_000, 2), deviation.expand(20_000, 2))
    far = distance(mean, drawn)
    expected = float((density * volume * distance(mean, grid)).sum())
    assert float(far.mean()) == pytest.approx(expected, rel=0.02)


def test_gradients_are_finite_at_the_middle_and_at_the_border() -> None:
    x = torch.stack([torch.zeros(2), into_ball(torch.tensor([3.0, 0.0]))]).requires_grad_()
    total = distance(x, x.flip(0)).sum() + log_map(x, x).sum() + exp_map(x, 0 * x).sum() + distance(x, x).sum()
    (gradient,) = torch.autograd.grad(total, x)
    assert torch.isfinite(gradient).all()
    assert (into_ball(torch.randn(100, 2) * 50).norm(dim=1) < 1).all()
