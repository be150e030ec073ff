"""Dark and light, from 1280 x 800 to a projector; pictures of each are kept, and looked at by regions."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.atlas.browser.expert import Expert

SIZES = {"laptop": (1280, 800), "projector": (1024, 768), "wide": (1920, 1080)}

# Contrast of every text that can be seen, against the first ground behind it that is not see-through (WCAG 2, 1.4.3).
CONTRASTS = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number)
    .map((v, i) => text.startsWith("color(") && i < 3 ? 255 * v : v);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.querySelector(".page"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    const box = element.getBoundingClientRect();
    if (!text || box.width === 0 || element.closest(":disabled, [aria-hidden=true], option, select, .glyph, .badge")) continue;
    let ground = null;
    for (let e = element; e && !ground; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || (c.length === 4 && c[3] > 0.8)) ground = c;
    }
    if (!ground || !getComputedStyle(element).color.startsWith("rgb")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground)].sort((p, q) => q - p);
    found.push([(a + 0.05) / (b + 0.05), text.slice(0, 40)]);
  }
  return found;
}"""


def region(page: Page, selector: str) -> np.ndarray:
    picture = page.locator(selector).first.screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), np.float64)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_the_page_fits_and_can_be_read(new_expert: Callable[..., Expert], address: str, size: str, theme: str) -> None:
    width, height = SIZES[size]
    expert = new_expert(width, height, color_scheme=theme).open(address)
    page = expert.page
    expert.press("Space")
    expert.name("zero")
    expert.press("Space")
    expect(page.locator(".cell").first).to_be_visible()
    page.wait_for_timeout(700)
    expert.keep(f"{size}-{theme}")
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        width,
        height,
    ]
    for selector in (".map", ".gallery", ".side", ".classbar", ".inspector", "header.top"):
        box = page.locator(selector).bounding_box()
        assert box is not None, selector
        assert box["x"] >= 0, selector
        assert box["x"] + box["width"] <= width + 1, selector
        assert box["y"] + box["height"] <= height + 1, selector
    # The map has points of many colours, the gallery pictures; the ground is light or dark.
    points = region(page, ".map")
    ground = points.reshape(-1, 3).mean()
    assert (ground < 90) if theme == "dark" else (ground > 165)
    # Of one class that is named, dimmed since another group is chosen; all other points are grey.
    assert (np.ptp(points, axis=2) > 30).mean() > 0.001
    assert region(page, ".thumbnails").std() > 30
    expert.press("t")
    expect(page.get_by_test_id("counts").locator(".interval").first).to_be_visible()
    expert.keep(f"{size}-{theme}-counts")
    poor = [(round(ratio, 2), text) for ratio, text in page.evaluate(CONTRASTS) if ratio < 4.5]
    assert poor == []
    expert.fine()


def test_the_theme_can_be_changed_and_is_kept(expert: Expert) -> None:
    page = expert.page
    before = region(page, ".map").mean()
    expert.press("Shift+D")
    page.wait_for_timeout(400)
    assert abs(region(page, ".map").mean() - before) > 80
    page.reload()
    expect(page.locator(".cell").first).to_be_visible(timeout=60_000)
    page.wait_for_timeout(400)
    assert abs(region(page, ".map").mean() - before) > 80
    expert.fine()


def test_an_atlas_without_runs_says_what_to_do(new_expert: Callable[..., Expert], address: str) -> None:
    expert = new_expert()
    page = expert.page
    page.route("**/api/session", lambda route: route.fulfill(json={**route.fetch().json(), "runs": []}))
    page.goto(address)
    expect(page.get_by_text("facies atlas --demo")).to_be_visible()
    expert.keep("empty")
