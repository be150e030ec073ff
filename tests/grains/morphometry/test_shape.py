"""Sizes and shapes of outlines, against formulas and against scikit-image on rendered masks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.measure import find_contours, regionprops

from facies.errors import InputError
from facies.grains.extraction.measurements import outline_of
from facies.grains.morphometry import shape_measures, shape_table
from facies.grains.morphometry.shape import LENGTHS, RATIOS

SIZES = ("area", "convex_area", *LENGTHS)


def rectangle(width, height, angle=0.0):
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    return corners @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])


def ellipse(major, minor, n=2000):
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([major / 2 * np.cos(t), minor / 2 * np.sin(t)], axis=1)


def mask(kind, radius, angle, shift):
    """Render a disc, a 2:1 rectangle or a 2:1 ellipse whose lesser half axis is `radius`."""
    n = int(5 * radius)
    y, x = np.mgrid[:n, :n] + 0.5 - n / 2
    x, y = x - shift[0], y - shift[1]
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    if kind == "disc":
        return u**2 + v**2 <= radius**2
    if kind == "ellipse":
        return (u / 2) ** 2 + v**2 <= radius**2
    return (np.abs(u) <= 2 * radius) & (np.abs(v) <= radius)


def outline(of, sigma=1.0):
    """Contour at level 0.5 of the slightly smoothed mask, as `facies extract` writes it."""
    contour = max(find_contours(gaussian_filter(of.astype(float), sigma), 0.5), key=len)
    return contour[:-1, ::-1] + 0.5


def test_a_rectangle_is_measured_exactly():
    m = shape_measures(rectangle(80, 40, 0.7))
    assert m["area"] == pytest.approx(3200)
    assert m["perimeter"] == pytest.approx(240)
    assert (m["feret_max"], m["feret_min"]) == pytest.approx((np.hypot(80, 40), 40))
    assert (m["ellipse_major"], m["ellipse_minor"]) == pytest.approx((4 * 80 / 12**0.5, 4 * 40 / 12**0.5))
    assert m["inscribed_diameter"] == pytest.approx(40, rel=2e-3)
    assert m["circumscribed_diameter"] == pytest.approx(np.hypot(80, 40))
    assert m["circularity"] == pytest.approx(4 * np.pi * 3200 / 240**2)
    assert m["circularity_iso"] == pytest.approx(m["circularity"] ** 0.5)
    assert m["aspect_ratio"] == pytest.approx(40 / np.hypot(80, 40))
    assert m["elongation"] == pytest.approx(1 - m["aspect_ratio"])
    assert (m["solidity"], m["convexity"]) == pytest.approx((1, 1))
    assert m["roundness"] == pytest.approx(4 * 3200 / (np.pi * 16 * 80**2 / 12))
    assert m["sphericity"] == pytest.approx((40 / np.hypot(80, 40)) ** 0.5, rel=2e-3)
    assert m["compactness"] == pytest.approx((4 * 3200 / np.pi) ** 0.5 / np.hypot(80, 40))
    assert shape_measures(rectangle(80, 40))["extent"] == pytest.approx(1)


def test_an_ellipse_is_measured_by_its_formulas():
    m = shape_measures(ellipse(120, 60))
    assert m["area"] == pytest.approx(np.pi * 60 * 30, rel=1e-4)
    assert (m["ellipse_major"], m["ellipse_minor"]) == pytest.approx((120, 60), rel=1e-4)
    assert (m["feret_max"], m["feret_min"]) == pytest.approx((120, 60), rel=1e-4)
    assert (m["inscribed_diameter"], m["circumscribed_diameter"]) == pytest.approx((60, 120), rel=2e-3)
    assert m["roundness"] == pytest.approx(0.5, rel=1e-3)
    assert m["sphericity"] == pytest.approx(0.5**0.5, rel=2e-3)


def test_a_notch_lowers_solidity_and_convexity_alone_of_the_hull():
    notched = np.array([(0, 0), (60, 0), (60, 60), (30, 20), (0, 60)], float)
    m = shape_measures(notched)
    sides = 3 * 60 + 2 * 50
    assert m["area"] == pytest.approx(60 * 60 - 60 * 40 / 2)
    assert m["solidity"] == pytest.approx(2400 / 3600)
    assert m["convexity"] == pytest.approx(240 / sides)
    # The largest circle touches the floor and the tip of the notch, or a wall, the floor and the notch's side: found by brute force.
    x, y = np.meshgrid(np.linspace(0.05, 59.95, 600), np.linspace(0.05, 59.95, 600))
    edge = np.where(x < 30, 60 - 4 / 3 * x, 60 - 4 / 3 * (60 - x))
    to_side = np.abs(4 / 3 * np.minimum(x, 60 - x) + y - 60) / (5 / 3)
    room = np.minimum.reduce([x, 60 - x, y, to_side, np.hypot(x - 30, y - 20)])
    assert m["inscribed_diameter"] == pytest.approx(2 * room[y < edge].max(), rel=0.01)


@pytest.mark.parametrize("radius", [16, 25, 50, 100, 140])
def test_rendered_discs_are_round(radius):
    found = pd.DataFrame(
        shape_measures(outline(mask("disc", radius, 0, shift))) for shift in np.random.default_rng(0).random((6, 2))
    ).mean()
    assert found["circularity"] == pytest.approx(1, abs=0.015)
    assert found["circularity_iso"] == pytest.approx(1, abs=0.01)
    assert found["equivalent_diameter"] == pytest.approx(2 * radius, rel=0.005)
    assert found[["aspect_ratio", "sphericity", "roundness", "compactness"]].to_list() == pytest.approx(
        [1] * 4, abs=0.02
    )


@pytest.mark.parametrize("radius", [30, 60])
@pytest.mark.parametrize("angle", [0, 0.25, 0.5, np.pi / 4, 1.2])
def test_rendered_rectangles_have_their_circularity_and_aspect_ratio(radius, angle):
    m = shape_measures(outline(mask("rectangle", radius, angle, (0.3, 0.2))))
    true = shape_measures(rectangle(4 * radius, 2 * radius))
    assert m["circularity"] == pytest.approx(true["circularity"], rel=0.02)
    assert m["area"] == pytest.approx(true["area"], rel=0.02)
    assert m["aspect_ratio"] == pytest.approx(true["aspect_ratio"], rel=0.02)


@pytest.mark.parametrize("kind", ["disc", "rectangle", "ellipse"])
def test_measures_agree_with_scikit_image_on_masks(kind):
    rendered = mask(kind, 50, 0.4, (0.1, 0.3))
    m, reference = shape_measures(outline(rendered)), regionprops(rendered.astype(int))[0]
    assert m["area"] == pytest.approx(reference.area, rel=0.005)
    assert m["equivalent_diameter"] == pytest.approx(reference.equivalent_diameter_area, rel=0.003)
    assert m["ellipse_major"] == pytest.approx(reference.axis_major_length, rel=0.01)
    assert m["ellipse_minor"] == pytest.approx(reference.axis_minor_length, rel=0.01)
    assert m["feret_max"] == pytest.approx(reference.feret_diameter_max, rel=0.02)
    assert m["perimeter"] == pytest.approx(reference.perimeter_crofton, rel=0.03)
    assert m["solidity"] == pytest.approx(reference.solidity, abs=0.015)


def test_the_contour_of_a_raw_mask_is_too_long_as_the_documentation_says():
    raw = shape_measures(outline(mask("disc", 50, 0, (0, 0)), sigma=1e-6))
    assert 1.04 < raw["perimeter"] / (100 * np.pi) < 1.06


@pytest.mark.parametrize("radius", [16, 40, 120])
def test_outlines_as_the_extraction_draws_them_keep_size_and_shape(radius):
    rendered = mask("disc", radius, 0, (0.3, 0.1)).astype(np.uint8)
    m = shape_measures(outline_of(rendered, 100, 200))
    assert m["circularity"] == pytest.approx(1, abs=0.015)
    assert m["equivalent_diameter"] == pytest.approx(2 * radius, rel=0.006)
    turned = shape_measures(outline_of(mask("rectangle", 40, 0.5, (0, 0)).astype(np.uint8), 0, 0))
    assert turned["circularity"] == pytest.approx(shape_measures(rectangle(160, 80))["circularity"], rel=0.02)


shapes = st.lists(st.floats(20, 60), min_size=5, max_size=24).map(
    lambda radii: (
        np.array(radii)[:, None]
        * np.stack([f(np.linspace(0, 2 * np.pi, len(radii), endpoint=False)) for f in (np.cos, np.sin)], axis=1)
    )
)


@settings(max_examples=60, deadline=None)
@given(shapes, st.floats(0, 6.3), st.floats(0.8, 4), st.floats(-2000, 2000), st.booleans(), st.integers(0, 30))
def test_shape_does_not_depend_on_where_how_and_how_large_a_grain_lies(points, angle, scale, shift, mirrored, start):
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    moved = scale * points @ turn + shift
    moved = np.roll(moved[::-1] if mirrored else moved, start, axis=0)
    first, second = shape_measures(points, smallest_px=0), shape_measures(moved, smallest_px=0)
    for name in set(RATIOS) - {"extent"}:
        assert second[name] == pytest.approx(first[name], rel=3e-3), name
        assert 0 <= first[name] <= 1 + 1e-9
    for name in LENGTHS:
        assert second[name] == pytest.approx(scale * first[name], rel=5e-3), name
    assert second["area"] == pytest.approx(scale**2 * first["area"])
    assert first["inscribed_diameter"] <= first["feret_min"] * 1.001
    assert first["feret_min"] <= first["feret_max"] <= first["circumscribed_diameter"] * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_the_circumscribed_circle_is_the_smallest_of_all_pairs_and_triples(points):
    best = np.inf
    for i in range(len(points)):
        for j in range(i):
            centre = (points[i] + points[j]) / 2
            best = min(best, max(np.linalg.norm(points[i] - centre), np.linalg.norm(points - centre, axis=1).max()))
    found = shape_measures(points)["circumscribed_diameter"] / 2
    assert found <= best * (1 + 1e-9)
    assert found >= np.linalg.norm(points[:, None] - points[None], axis=2).max() / 2 - 1e-9


def test_micrometres():
    px, um = shape_measures(rectangle(80, 40)), shape_measures(rectangle(80, 40), um_per_px=2.5)
    assert um["area"] == pytest.approx(px["area"] * 6.25)
    assert um["feret_min"] == pytest.approx(100)
    assert {name: um[name] for name in RATIOS} == pytest.approx({name: px[name] for name in RATIOS})


def test_no_shape_below_thirty_pixels_whatever_the_scale():
    small = shape_measures(ellipse(28, 28), um_per_px=10)
    assert np.isnan([small[name] for name in RATIOS]).all()
    assert small["equivalent_diameter"] == pytest.approx(280, rel=1e-3)
    assert not np.isnan(shape_measures(ellipse(32, 32))["circularity"])


def test_a_table_says_why_values_are_missing():
    flat = [list(ellipse(size, size).astype(np.float32).ravel()) for size in (20, 60)]
    table = shape_table(
        pd.DataFrame({"id": ["a", "b", "c", "d"], "outline": [*flat, None, [1.0, 2.0, 3.0]]}), um_per_px=2
    )
    assert table["flag"].to_list() == ["under 30 px across", "", "no outline", "no outline"]
    assert table.loc["b", "equivalent_diameter"] == pytest.approx(120, rel=1e-3)
    assert table.loc["a", "area"] > 0
    assert table.loc[["c", "d"], list(SIZES)].isna().all(axis=None)
    assert list(table.columns) == ["area", "convex_area", *LENGTHS, *RATIOS, "flag"]


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (np.zeros((2, 2)), "M of 3"),
        (np.zeros((5, 3)), "M of 3"),
        (np.full((5, 2), np.nan), "NaN"),
        ([(0, 0), (1, 1), (2, 2), (3, 3)], "encloses nothing"),
        (np.ones((6, 2)), "encloses nothing"),
    ],
)
def test_outlines_that_are_none(points, says):
    with pytest.raises(InputError, match=says):
        shape_measures(points)


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf])
def test_a_scale_that_is_none(scale):
    with pytest.raises(InputError, match="above 0"):
        shape_measures(rectangle(40, 40), um_per_px=scale)


def test_a_table_without_outlines():
    with pytest.raises(InputError, match="outline is missing"):
        shape_table(pd.DataFrame({"id": ["a"]}))
