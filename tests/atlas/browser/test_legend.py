"""The legend: docked beside or below the map, never over its points; it folds and scrolls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.atlas.browser.expert import Expert


def box(page: Page, selector: str) -> tuple[float, float, float, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def overlap(page: Page, one: str, other: str) -> bool:
    a, b = box(page, one), box(page, other)
    return a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1280, 800), (1920, 1080)])
def test_legend_and_tools_never_cover_the_points(
    new_expert: Callable[..., Expert], address: str, width: int, height: int
) -> None:
    expert = new_expert(width, height).open(address)
    page = expert.page
    for counts in (False, True):
        if counts:
            expert.press("t")
            expect(page.get_by_test_id("counts")).to_be_visible()
        expect(page.locator(".legend li").first).to_be_visible()
        page.wait_for_timeout(300)
        for other in (".legend", ".tools"):
            assert not overlap(page, "canvas.top", other), (counts, other)
        left, top, right, bottom = box(page, "canvas.top")
        assert min(right - left, bottom - top) >= 150, (counts, right - left, bottom - top)
        expert.keep(f"legend-{width}-{counts}")
    expert.fine()


def test_the_legend_folds_and_stays_folded(expert: Expert) -> None:
    page = expert.page
    heading = page.locator(".legend .heading")
    lines = page.locator(".legend li")
    expect(lines).to_have_count(20)  # all groups, not the first ten
    before = box(page, "canvas.top")
    expert.click(heading)
    expect(lines).to_have_count(0)
    expect(heading).to_have_attribute("aria-expanded", "false")
    page.wait_for_timeout(200)
    after = box(page, "canvas.top")
    assert (after[2] - after[0]) * (after[3] - after[1]) > (before[2] - before[0]) * (before[3] - before[1])
    page.reload()
    expect(heading).to_have_attribute("aria-expanded", "false", timeout=60_000)
    expert.click(heading)
    expect(lines).to_have_count(20)
    expert.fine()
