from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facies.grains.extraction.measurements import (
    TOUCHING_THRESHOLD,
    colour_of,
    focus_measure,
    outline_of,
    polygon_area,
    touching_score,
)


def discs(*places: tuple[int, int, int]) -> NDArray[np.uint8]:
    mask = np.zeros((200, 260), np.uint8)
    for x, y, radius in places:
        cv2.circle(mask, (x, y), radius, 1, -1)
    return mask


def test_outline_of_a_disc() -> None:
    y, x = np.mgrid[0:120, 0:140] + 0.5
    mask = ((x - 70) ** 2 + (y - 60) ** 2 <= 40.0**2).astype(np.uint8)
    outline = outline_of(mask, 1000, 500)
    radii = np.hypot(outline[:, 0] - 1070, outline[:, 1] - 560)
    assert outline.dtype == np.float32
    assert np.abs(radii - 40).max() < 0.6
    assert abs(polygon_area(outline)) == pytest.approx(np.pi * 40**2, rel=0.005)
    steps = np.linalg.norm(outline - np.roll(outline, -1, axis=0), axis=1)
    assert steps.sum() == pytest.approx(2 * np.pi * 40, rel=0.02)


def test_outline_of_a_square_spans_its_pixels() -> None:
    outline = outline_of(np.ones((20, 30), np.uint8), 5, 7)
    assert outline.min(axis=0).tolist() == pytest.approx([5, 7], abs=0.02)
    assert outline.max(axis=0).tolist() == pytest.approx([35, 27], abs=0.02)


def test_outline_of_what_is_thinner_than_the_smoothing() -> None:
    assert abs(polygon_area(outline_of(np.ones((1, 30), np.uint8), 0, 0))) > 10


def test_area_against_an_integral() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = np.stack([1e4 + 3 * np.cos(angle), 1e4 + 2 * np.sin(angle)], axis=1)
    assert abs(polygon_area(points)) == pytest.approx(6 * np.pi, rel=1e-3)


def test_focus_falls_with_blur_and_not_with_the_noise_of_the_camera() -> None:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (120, 120)).astype(np.float32), (0, 0), 1.5) + 120
    mask = np.ones((120, 120), np.uint8)
    values = [
        focus_measure(cv2.GaussianBlur(texture, (0, 0), blur) + rng.normal(0, 2, (120, 120)).astype(np.float32), mask)
        for blur in (0.5, 1.0, 2.0, 3.0)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 3 * values[2]
    assert focus_measure(texture, np.zeros_like(mask)) == 0.0


def test_colour() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2] = (200, 100, 100)
    mask = np.zeros((4, 4), np.uint8)
    mask[:2] = 1
    assert colour_of(picture, mask) == pytest.approx((0.0, 127.5, 200.0), abs=0.01)


@pytest.mark.parametrize("second", [(158, 100, 35), (145, 118, 30), (130, 60, 22)])
def test_two_discs_that_touch_are_flagged(second: tuple[int, int, int]) -> None:
    assert touching_score(discs((90, 100, 35), second)) > TOUCHING_THRESHOLD


def test_three_discs_are_flagged_and_convex_or_bent_shapes_are_not() -> None:
    assert touching_score(discs((60, 60, 30), (115, 60, 30), (90, 108, 30))) > TOUCHING_THRESHOLD
    ellipse = cv2.ellipse(np.zeros((200, 260), np.uint8), (130, 100), (110, 40), 20, 0, 360, 1, -1)
    bent = cv2.ellipse(np.zeros((200, 260), np.uint8), (130, 100), (80, 60), 0, 200, 320, 1, 25)
    bean = discs((100, 100, 60))
    cv2.circle(bean, (100, 25), 25, 0, -1)
    for mask in (discs((130, 100, 60)), ellipse, np.ones((40, 90), np.uint8), bent, bean):
        assert touching_score(mask) < TOUCHING_THRESHOLD
    assert 0 <= touching_score(np.ones((1, 3), np.uint8)) < TOUCHING_THRESHOLD
