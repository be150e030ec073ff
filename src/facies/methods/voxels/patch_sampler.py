"""Patches of a physical size: drawn at random from volumes held as uint8, a whole batch at once; and those of all voxels of a block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.methods.voxels.base import VoxelSample
from facies.methods.voxels.physical_scale import Shape, Triple, WorkingGrid

SIDE = 16
"""Points along each side of a patch."""
FLOOR = 1 / SIDE**1.5
"""Least standard deviation by which a patch is divided, of a grey range of 1: a flat one is not blown up to noise."""


@dataclass(frozen=True)
class PatchGrid:
    """Where the grey values of a patch are read: 16 points a side; where slices are thick 16 × 16 in a slice and the ones beside it.

    Attributes
    ----------
    voxel_size_nm : tuple of float
        Of what is read, along z, y and x.
    slices : bool
        Whether slices are thick.
    """

    voxel_size_nm: Triple
    slices: bool

    @classmethod
    def of(cls, grid: WorkingGrid) -> PatchGrid:
        """The patches on the working voxels of a method."""
        return cls(grid.working_size_nm, grid.is_slices)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sides of a patch that networks see."""
        return (SIDE, SIDE) if self.slices else (SIDE, SIDE, SIDE)

    @property
    def n_values(self) -> int:
        """Values at each point: of a thick slice itself and the two beside it."""
        return 3 if self.slices else 1

    def points(self, device: torch.device) -> Tensor:
        """The points in units of the radius, (n, 3) along z, y and x; along z of thick slices in units of a slice."""
        line = torch.linspace(-1, 1, SIDE, device=device)
        depth = torch.tensor([-1.0, 0.0, 1.0], device=device) if self.slices else line
        return torch.stack(torch.meshgrid(depth, line, line, indexing="ij"), dim=-1).reshape(-1, 3)

    def inner(self, device: torch.device) -> Tensor:
        """Which coordinates of which points may be moved, (n, 3): not those of the outermost points, nor from slice to slice."""
        free = self.points(device).abs() < 1 - 1e-6
        own = free[:, 1] & free[:, 2] & (True if self.slices else free[:, 0])
        axes = torch.tensor([not self.slices, True, True], device=device)
        return own[:, None] & axes

    def halo(self, radius_nm: float) -> Shape:
        """How many voxels a patch of a radius reaches along z, y and x."""
        z, y, x = (math.ceil(radius_nm / size - 1e-9) for size in self.voxel_size_nm)
        return (1 if self.slices else z), y, x

    def reach(self, radius_nm: float) -> Shape:
        """How many voxels it reaches at most, however it is turned."""
        z, y, x = (math.ceil(radius_nm * math.sqrt(3) / size) for size in self.voxel_size_nm)
        return (1 if self.slices else z), y, x

    def weights(self, radius_nm: float) -> list[Tensor]:
        """What reads a patch that is not turned out of the voxels around its centre: for each axis (points, voxels of the halo)."""
        found = []
        for axis, more in enumerate(self.halo(radius_nm)):
            if self.slices and axis == 0:
                found.append(torch.eye(3))
                continue
            place = torch.linspace(-1, 1, SIDE, dtype=torch.float64) * radius_nm / self.voxel_size_nm[axis] + more
            away = (place[:, None] - torch.arange(2 * more + 1)).abs()
            found.append((1 - away).clamp_min(0).float())
        return found


class PatchSampler:
    """Volumes on the compute device as uint8, and patches of them, trilinearly read.

    Parameters
    ----------
    boxes : sequence of ndarray
        (z, y, x) uint8, working voxels.
    grid : PatchGrid
        The points of a patch.
    """

    def __init__(self, boxes: Sequence[NDArray[np.uint8]], grid: PatchGrid) -> None:
        self.grid = grid
        self.grey = torch.from_numpy(np.concatenate([np.ascontiguousarray(box).ravel() for box in boxes]))
        self.shapes = torch.tensor([box.shape for box in boxes])
        self.firsts = torch.tensor([0, *np.cumsum([box.size for box in boxes])[:-1].tolist()])

    @classmethod
    def of(cls, sample: VoxelSample, grid: WorkingGrid) -> PatchSampler:
        """Take the working voxels of a sample."""
        boxes = sample.boxes if max(grid.factors) == 1 else [_reduced(box, grid) for box in sample.boxes]
        return cls(boxes, PatchGrid.of(grid))

    def to(self, device: torch.device) -> PatchSampler:
        """Move the voxels to a device; nothing is copied that is there already."""
        self.grey, self.shapes, self.firsts = (each.to(device) for each in (self.grey, self.shapes, self.firsts))
        return self

    def centres(self, count: int, margin: Shape) -> tuple[Tensor, Tensor]:
        """Draw voxels, uniformly over all boxes: the number of the box, (count,), and z, y and x, (count, 3).

        They are so far from the border of the box as `margin` says, but along an axis that is too short for it anywhere.
        """
        device = self.grey.device
        box = torch.multinomial(self.shapes.double().prod(dim=1), count, replacement=True)
        low, high = self.limits(box, margin)
        places = low + (torch.rand(count, 3, device=device, dtype=torch.float64) * (high - low + 1)).long()
        return box, torch.minimum(places, high)

    def limits(self, box: Tensor, margin: Shape) -> tuple[Tensor, Tensor]:
        """The first and the last voxel of boxes that keeps the margin, both (count, 3)."""
        last = self.shapes[box] - 1
        low = torch.tensor(margin, device=last.device).expand_as(last)
        short = last - low < low
        return torch.where(short, torch.zeros_like(low), low), torch.where(short, last, last - low)

    def read(
        self, box: Tensor, centres: Tensor, axes: Tensor, radius_nm: Tensor, moved: Tensor | None = None
    ) -> Tensor:
        """Read patches.

        Parameters
        ----------
        box : Tensor
            (B,), of which box each is.
        centres : Tensor
            (B, 3), voxels along z, y and x; whole or not.
        axes : Tensor
            (B, 3, 3), in whose rows the directions of the three sides are.
        radius_nm : Tensor
            (B,), from the centre to the end of a side.
        moved : Tensor, optional
            (B, n, 3), by how much each point is moved, in units of the radius.

        Returns
        -------
        Tensor
            (B, n_values, …) float32 in 0 … 1. What lies beyond a box is mirrored.
        """
        device = self.grey.device
        points = self.grid.points(device) if moved is None else self.grid.points(device) + moved
        size = torch.tensor(self.grid.voxel_size_nm, device=device)
        sides = radius_nm[:, None].expand(-1, 3)
        if self.grid.slices:
            sides = torch.cat([size[:1].expand(len(sides), 1), sides[:, 1:]], dim=1)
        places = centres[:, None] + (points * sides[:, None]) @ axes / size
        return self._interpolated(box, places).reshape(len(box), self.grid.n_values, *self.grid.shape)

    def _interpolated(self, box: Tensor, places: Tensor) -> Tensor:
        """Grey values at places (B, n, 3), (B, n)."""
        last = (self.shapes[box] - 1)[:, None].to(places.dtype)
        period = (2 * last).clamp_min(1)
        inside = places.abs() % period
        inside = torch.minimum(torch.where(inside > last, period - inside, inside), last)
        low = inside.floor()
        share = inside - low
        near = low.long()
        far = torch.minimum(near + 1, last.long())
        _, height, width = (each[:, None] for each in self.shapes[box].unbind(dim=1))
        first = self.firsts[box][:, None]
        rows = [first + each[..., 0] * (height * width) for each in (near, far)]
        lines = [each[..., 1] * width for each in (near, far)]
        grey = torch.zeros(places.shape[:2], device=places.device)
        for z, y, x in np.ndindex(2, 2, 2):
            weight = torch.ones_like(grey)
            for axis, side in enumerate((z, y, x)):
                weight = weight * (share[..., axis] if side else 1 - share[..., axis])
            grey += weight * self.grey[rows[z] + lines[y] + (far if x else near)[..., 2]]
        return grey / 255


def standardised(patches: Tensor) -> Tensor:
    """Give each patch (B, …) the mean 0 and the standard deviation 1; a flat one is divided by `FLOOR`."""
    flat = patches.flatten(1)
    mean, deviation = flat.mean(dim=1, keepdim=True), flat.std(dim=1, correction=0, keepdim=True)
    return ((flat - mean) / deviation.clamp_min(FLOOR)).reshape(patches.shape)


def patches_of_all(values: Tensor, grid: PatchGrid, radius_nm: float, at_once: int) -> Iterator[Tensor]:
    """Yield the patches of all voxels of a block, in their order, not turned and as they are.

    Parameters
    ----------
    values : Tensor
        (z, y, x) float32, with the halo of the radius on each side.
    at_once : int
        Patches of a batch, at most.

    Yields
    ------
    Tensor
        (B, n_values, …).
    """
    sides = [2 * more + 1 for more in grid.halo(radius_nm)]
    around = values.unfold(0, sides[0], 1).unfold(1, sides[1], 1).unfold(2, sides[2], 1)
    weights = [each.to(values.device) for each in grid.weights(radius_nm)]
    for plane in around:
        for first in range(0, plane.shape[0] * plane.shape[1], at_once):
            number = torch.arange(first, min(first + at_once, plane.shape[0] * plane.shape[1]))
            part = plane[number // plane.shape[1], number % plane.shape[1]]
            patch = torch.einsum("bzyx,kx->bzyk", part, weights[2])
            patch = torch.einsum("bzyk,jy->bzjk", patch, weights[1])
            patch = torch.einsum("bzjk,iz->bijk", patch, weights[0])
            yield patch.reshape(len(part), grid.n_values, *grid.shape)


def quarter_turns(count: int, device: torch.device) -> Tensor:
    """Draw axes along those of the volume: z either way, y and x turned by a quarter or not, and either way; (count, 3, 3)."""
    signs = torch.randint(0, 2, (count, 3, 1), device=device) * 2.0 - 1
    swapped = torch.rand(count, device=device) < 0.5
    straight = torch.eye(3, device=device).expand(count, 3, 3)
    return torch.where(swapped[:, None, None], straight[:, [0, 2, 1]], straight) * signs


def free_turns(count: int, device: torch.device, *, slices: bool) -> Tensor:
    """Draw axes in any direction, all alike likely; of thick slices in the plane alone; (count, 3, 3)."""
    if slices:
        angle = 2 * math.pi * torch.rand(count, device=device)
        axes = torch.zeros(count, 3, 3, device=device)
        axes[:, 0, 0] = torch.randint(0, 2, (count,), device=device) * 2.0 - 1
        axes[:, 1, 1] = axes[:, 2, 2] = angle.cos()
        axes[:, 1, 2], axes[:, 2, 1] = angle.sin(), -angle.sin()
        return axes
    orthonormal, upper = torch.linalg.qr(torch.randn(count, 3, 3, device=device))
    return orthonormal * upper.diagonal(dim1=1, dim2=2).sign()[:, None]


def in_ball(count: int, device: torch.device) -> Tensor:
    """Draw points of the unit ball, uniformly: (count, 3)."""
    direction = torch.randn(count, 3, device=device)
    return direction / direction.norm(dim=1, keepdim=True) * torch.rand(count, 1, device=device) ** (1 / 3)


def _reduced(box: NDArray[np.uint8], grid: WorkingGrid) -> NDArray[np.uint8]:
    """Means of voxels as uint8, slab by slab: a box may be large."""
    depth = max(1, 2**24 // max(1, box.shape[1] * box.shape[2]) // grid.factors[0]) * grid.factors[0]
    parts = [np.rint(grid.reduce(box[z : z + depth].astype(np.float32))) for z in range(0, len(box), depth)]
    return np.concatenate(parts).astype(np.uint8)
