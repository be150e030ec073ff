"""At 200 %, on a tablet and on a phone: one part of the page at a time, and the map by finger."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert

SMALL = {"zoomed": (640, 400), "phone": (390, 844), "zoomed-more": (320, 256)}


def show(page: Page, pane: str) -> None:
    page.get_by_role("group", name="What is shown").get_by_role("button", name=pane).click()


@pytest.mark.parametrize("size", list(SMALL))
def test_all_that_is_done_can_be_done_on_a_small_screen(
    new_expert: Callable[..., Expert], address: str, digits: RunFolder, size: str
) -> None:
    width, height = SMALL[size]
    expert = new_expert(width, height, has_touch=True)
    page = expert.page
    page.goto(address)
    show(page, "Lists")
    group = page.locator("button.group").first
    group.tap()
    # What was opened is shown, and nothing lies over it or out of reach.
    expect(page.locator(".cell").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for selector in (".gallery", ".classbar", ".status"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        # Where even one part does not fit, the page is scrolled down, and never sideways.
        assert box["y"] + box["height"] <= max(height, 480) + 1
    assert page.locator(".thumbnails").evaluate("(e) => e.clientHeight") >= min(90, height / 5)
    page.get_by_role("button", name="Name …").tap()
    page.keyboard.insert_text("quartz")
    page.get_by_role("option", name="quartz").tap()
    expect(page.locator(".classbar")).to_contain_text("quartz")
    page.get_by_role("button", name="All", exact=True).tap()
    expect(page.get_by_role("button", name="Re-cluster")).to_be_visible()
    page.get_by_role("button", name="Less").tap()
    page.get_by_role("button", name="Menu").tap()
    page.get_by_role("button", name="Counts").tap()
    expect(page.get_by_test_id("counts")).to_be_visible()
    expect(page.locator(".gallery")).to_be_hidden()
    expert.keep(f"{size}-counts")
    show(page, "One image")
    expect(page.locator(".inspector img")).to_be_visible()
    expect(page.get_by_test_id("counts")).to_have_count(0)
    show(page, "Map")
    box = page.locator("canvas.top").bounding_box()
    assert box is not None
    assert box["width"] > width / 2
    expert.keep(f"{size}-map")
    expert.fine()


@pytest.fixture
def tablet(new_expert: Callable[..., Expert], address: str) -> Expert:
    return new_expert(1024, 768, has_touch=True).open(address)


class Fingers:
    """Fingers on the map, as a touch screen sends them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        box = page.locator("canvas.top").bounding_box()
        assert box is not None
        self.left, self.top = box["x"], box["y"]
        self.width, self.height = box["width"], box["height"]

    def put(self, *places: tuple[float, float], kind: str = "touchMove") -> None:
        points = [{"x": self.left + x, "y": self.top + y, "id": i} for i, (x, y) in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.page.wait_for_timeout(30)

    def lift(self) -> None:
        self.session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.page.wait_for_timeout(50)


def camera(page: Page) -> tuple[float, float, float]:
    """Where the map is: x, y, zoom."""
    page.wait_for_function("location.search.includes('camera')")
    page.wait_for_timeout(700)
    link = page.evaluate("new URLSearchParams(location.search).get('camera')")
    x, y, zoom = map(float, link.split(","))
    return x, y, zoom


def test_one_finger_moves_the_map_and_two_zoom_it(tablet: Expert) -> None:
    page = tablet.page
    fingers = Fingers(page)
    x, y = fingers.width / 2, fingers.height / 2
    fingers.put((x, y), kind="touchStart")
    for step in range(1, 6):
        fingers.put((x + 20 * step, y))
    fingers.lift()
    moved = camera(page)
    assert moved[0] < -0.1
    assert moved[2] == pytest.approx(0.94)
    fingers.put((x - 40, y), kind="touchStart")
    fingers.put((x - 40, y), (x + 40, y), kind="touchStart")
    for step in range(1, 6):
        fingers.put((x - 40 - 12 * step, y), (x + 40 + 12 * step, y))
    fingers.lift()
    zoomed = camera(page)
    assert zoomed[2] / moved[2] == pytest.approx(200 / 80, rel=0.1)
    assert page.evaluate("window.visualViewport.scale") == 1
    tablet.fine()


def test_a_resting_finger_shows_the_image_and_a_tap_inspects_it(tablet: Expert, digits: RunFolder) -> None:
    page = tablet.page
    fingers = Fingers(page)
    # In the gallery: a rest looks, a tap picks.
    cell = page.locator("#cell-2").bounding_box()
    assert cell is not None
    shown = page.locator(".inspector img").get_attribute("src")
    at = (cell["x"] + 20 - fingers.left, cell["y"] + 20 - fingers.top)
    fingers.put(at, kind="touchStart")
    expect(page.locator(".inspector img")).not_to_have_attribute("src", shown or "")
    fingers.lift()
    expect(page.locator(".cell.picked")).to_have_count(0)
    page.locator("#cell-2").tap()
    expect(page.locator(".cell.picked")).to_have_count(1)
    # On the map: a rest shows, a tap inspects.
    x, y = tablet.on_screen(1 / 1.08, 0)
    fingers.put((x, y), kind="touchStart")
    expect(page.locator(".card")).to_contain_text("Group 0")
    fingers.lift()
    expect(page.locator(".card")).to_be_visible()
    page.wait_for_timeout(700)  # so that it is no double tap
    page.touchscreen.tap(fingers.left + x, fingers.top + y)
    expect(page.locator(".inspector")).to_contain_text("Group 0")
    tablet.fine()


def test_a_lasso_by_finger_and_zoom_by_buttons(tablet: Expert, digits: RunFolder) -> None:
    page = tablet.page
    page.get_by_role("button", name="Lasso").tap()
    fingers = Fingers(page)
    corners = tablet.around(1 / 1.08, 0, 0.12)
    fingers.put(corners[0], kind="touchStart")
    for start, end in itertools.pairwise(corners):
        for share in (0.5, 1.0):
            fingers.put((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
    fingers.lift()
    tablet.total(int(np.sum(digits.partition()[0]["group"] == 0)))
    page.get_by_role("button", name="Move").tap()
    page.get_by_role("button", name="Zoom in").tap()
    page.get_by_role("button", name="Zoom in").tap()
    nearer = camera(page)[2]
    assert nearer == pytest.approx(0.94 * 1.4**2, rel=0.01)
    page.get_by_role("button", name="Zoom out").tap()
    assert camera(page)[2] == pytest.approx(nearer / 1.4, rel=0.01)
    tablet.fine()
