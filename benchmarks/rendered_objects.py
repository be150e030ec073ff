"""Pictures of turning things, as COIL has them: made of ellipsoids, lit from one side, each seen from all around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OBJECTS, VIEWS, SIDE = 20, 75, 64
PARTS = (3, 8)
LIGHT = np.array([-0.5, -0.6, 0.62])
TILT = np.radians(20.0)


def rendered_objects(seed: int = 0) -> dict[str, NDArray[np.generic]]:
    """1,500 grey images of 64 × 64 pixels of 20 things, in a random order, and which thing each shows."""
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for thing in range(OBJECTS):
        parts = [part_of(rng) for _ in range(rng.integers(*PARTS))]
        for view in range(VIEWS):
            images.append(render(parts, 2 * np.pi * view / VIEWS))
            labels.append(thing)
    order = rng.permutation(len(images))
    return {"images": np.stack(images)[order], "labels": np.array(labels)[order]}


def part_of(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """An ellipsoid: centre, axes (3, 3) with lengths as radii, brightness, and stripes across one direction."""
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return {
        "centre": rng.uniform(-0.45, 0.45, 3),
        "axes": turned * rng.uniform(0.12, 0.55, 3),
        "albedo": rng.uniform(0.25, 1.0, 1),
        "stripes": rng.normal(size=3) * rng.choice([0.0, 9.0]),
    }


def render(parts: list[dict[str, NDArray[np.float64]]], angle: float) -> NDArray[np.uint8]:
    """The things as seen from far away, turned about the upright axis by an angle, from a little above."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    tilt = np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]])
    pose = tilt @ turn
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1
    depth, image = np.full((SIDE, SIDE), -np.inf), np.zeros((SIDE, SIDE))
    for part in parts:
        axes, centre = pose @ part["axes"], pose @ part["centre"]
        inverse = np.linalg.inv(axes)
        # A point is on the ellipsoid where |inverse (p − centre)| = 1: a quadratic in its depth.
        start = np.stack([x - centre[0], y - centre[1], np.full_like(x, -centre[2])], axis=-1) @ inverse.T
        along = inverse[:, 2]
        a, b, c = along @ along, start @ along, (start**2).sum(axis=-1) - 1
        inside = b**2 - a * c
        z = np.where(inside > 0, (-b + np.sqrt(np.maximum(inside, 0))) / a, -np.inf)
        seen = z > depth
        on_unit_sphere = start + np.where(seen, z, 0)[..., None] * along
        normal = on_unit_sphere @ inverse
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
        light = np.clip(normal @ (LIGHT / np.linalg.norm(LIGHT)), 0, None)
        pattern = 1 + 0.35 * np.sin(on_unit_sphere @ part["stripes"])
        image = np.where(seen, part["albedo"] * pattern * (0.2 + 0.8 * light), image)
        depth = np.where(seen, z, depth)
    return np.round(255 * np.clip(image / 1.35, 0, 1)).astype(np.uint8)
