"""How well the pose estimated for an image agrees with that of a view of it."""

from __future__ import annotations

import torch
from torch import Tensor


def pose_loss(theta: Tensor, view_theta: Tensor, maps: Tensor) -> Tensor:
    """1/B Σ ‖θ(x)⁻¹ · A · θ(v) − 1‖²: a view and its image come out the same when both are set upright.

    The view reads the image at A, and what is made of the view reads the view at θ(v); so A · θ(v) reads the image, and should
    do as θ(x) does. What is left of the one after the other was undone is measured in the frame of the upright image, so that
    enlarging it gains nothing, and flattening it costs without bound.

    Parameters
    ----------
    theta, view_theta
        (B, 2, 3) maps from places of the upright image to places of the image x, and of its view v.
    maps
        (B, 2, 3) A, from places of the view to places of the image.
    """
    left = torch.linalg.solve(_square(theta), _square(maps) @ _square(view_theta))
    return (left - torch.eye(3, device=left.device)).square().sum(dim=(1, 2)).mean()


def _square(maps: Tensor) -> Tensor:
    """Affine maps (B, 2, 3) as matrices (B, 3, 3)."""
    last = maps.new_tensor([0.0, 0.0, 1.0]).expand(len(maps), 1, 3)
    return torch.cat([maps, last], dim=1)
