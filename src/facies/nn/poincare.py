r"""The Poincaré ball of curvature −1: points with a norm below 1, with :math:`\lambda_x = 2 / (1 - \lVert x \rVert^2)`.

Formulas: Ganea, Bécigneul and Hofmann, "Hyperbolic neural networks", NeurIPS 2018; the wrapped normal distribution: Mathieu et al.,
"Continuous hierarchical representations with Poincaré variational auto-encoders", NeurIPS 2019.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

EDGE = 1e-5
"""Points are kept so far from the border, where distances become infinite."""
_LEAST = 1e-15


def conformal_factor(x: Tensor) -> Tensor:
    """λ of points (..., D): (..., 1)."""
    return 2 / (1 - x.square().sum(dim=-1, keepdim=True)).clamp_min(EDGE)


def into_ball(x: Tensor) -> Tensor:
    """Draw points that numbers of 32 bits would put on the border, or beyond, back into the ball."""
    norm = _norm(x)
    return torch.where(norm > 1 - EDGE, x / norm * (1 - EDGE), x)


def mobius_add(x: Tensor, y: Tensor) -> Tensor:
    """Möbius addition: x ⊕ y = ((1 + 2⟨x, y⟩ + ‖y‖²) x + (1 − ‖x‖²) y) / (1 + 2⟨x, y⟩ + ‖x‖²‖y‖²)."""
    product = (x * y).sum(dim=-1, keepdim=True)
    xx, yy = x.square().sum(dim=-1, keepdim=True), y.square().sum(dim=-1, keepdim=True)
    return ((1 + 2 * product + yy) * x + (1 - xx) * y) / (1 + 2 * product + xx * yy).clamp_min(_LEAST)


def exp_map(x: Tensor, v: Tensor) -> Tensor:
    """The point that the geodesic from x with the velocity v reaches: x ⊕ tanh(λₓ‖v‖ / 2) v / ‖v‖."""
    norm = _norm(v)
    return into_ball(mobius_add(x, torch.tanh(conformal_factor(x) * norm / 2) * v / norm))


def log_map(x: Tensor, y: Tensor) -> Tensor:
    """The velocity with which a geodesic from x reaches y: (2 / λₓ) artanh(‖−x ⊕ y‖) (−x ⊕ y) / ‖−x ⊕ y‖."""
    difference = mobius_add(-x, y)
    norm = _norm(difference)
    return 2 / conformal_factor(x) * torch.atanh(norm.clamp_max(1 - EDGE / 2)) * difference / norm


def exp_map_at_origin(v: Tensor) -> Tensor:
    """tanh(‖v‖) v / ‖v‖: λ is 2 at the origin."""
    norm = _norm(v)
    return into_ball(torch.tanh(norm) * v / norm)


def distance(x: Tensor, y: Tensor) -> Tensor:
    """d(x, y) = 2 artanh(‖−x ⊕ y‖), (...)."""
    return 2 * torch.atanh(_norm(mobius_add(-x, y)).squeeze(-1).clamp_max(1 - EDGE / 2))


def gyroplane_distance(x: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    r"""Signed distances of points to gyroplanes, times the length of the normals.

    .. math:: \lVert a \rVert\, \mathrm{arsinh}
       \frac{2 \langle -p \oplus x, a \rangle}{(1 - \lVert -p \oplus x \rVert^2) \lVert a \rVert}

    Parameters
    ----------
    x : Tensor
        (B, D).
    points, normals : Tensor
        (n, D): a point of each plane, in the ball, and its normal there.

    Returns
    -------
    Tensor
        (B, n).
    """
    moved = mobius_add(-points, x[:, None])
    length = _norm(normals).squeeze(-1)
    side = (moved * normals).sum(dim=-1)
    rest = (1 - moved.square().sum(dim=-1)).clamp_min(EDGE)
    return length * torch.asinh(2 * side / (rest * length))


def draw_wrapped_normal(mean: Tensor, deviation: Tensor) -> Tensor:
    """Draw v ~ N(0, σ²), and go from μ along v / λ: the geodesic distance is ‖v‖."""
    return exp_map(mean, deviation * torch.randn_like(mean) / conformal_factor(mean))


def wrapped_normal_log_density(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    r"""Log-density of the wrapped normal distribution in units of hyperbolic volume, (...).

    .. math:: \log N(\lambda_\mu \log_\mu(x); 0, \sigma^2) - (D - 1) \log \frac{\sinh r}{r}, \qquad r = d(\mu, x)
    """
    tangent = conformal_factor(mean) * log_map(mean, x)
    normal = -0.5 * (tangent / deviation).square() - deviation.log() - 0.5 * math.log(2 * math.pi)
    r = _norm(tangent).squeeze(-1)
    # log(sinh r / r) = r + log(1 − e^(−2r)) − log 2r, without overflow
    spread = r + torch.log(-torch.expm1(-2 * r)) - torch.log(2 * r)
    spread = torch.where(r < 1e-3, r.square() / 6, spread)
    return normal.sum(dim=-1) - (x.shape[-1] - 1) * spread


def _norm(x: Tensor) -> Tensor:
    """(..., 1), with a gradient also at 0."""
    return x.square().sum(dim=-1, keepdim=True).clamp_min(_LEAST).sqrt()
