"""Every state of the page, in both themes, by axe-core; and what axe cannot see: borders, targets, forced colours.

axe-core comes with ``axe-playwright-python``, for the tests alone: nothing of it is in the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.states import STATES, home, name_groups

# Those of WCAG that axe leaves off by default, too. What is behind an open dialog cannot be reached, and is not looked at.
OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": True}, "target-size": {"enabled": True}},
}

# Contrast of the border of each control to the ground on both of its sides: 3 : 1 (WCAG 1.4.11). A control that is filled
# with a colour of such a contrast needs no border; text alone needs none.
BORDERS = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number).map((v, i) => text.startsWith("color(") && i < 3 ? 255 * v : v);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || (c.length === 4 && c[3] > 0.8)) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("button, select, input:not([type=checkbox], [type=range], [type=color])")) {
    const style = getComputedStyle(e);
    if (e.getClientRects().length === 0 || parseFloat(style.borderTopWidth) === 0 || e.disabled) continue;
    const outside = ground(e.parentElement);
    const best = Math.max(contrast(parse(style.borderTopColor), outside), contrast(ground(e), outside));
    if (best < 3) found.push([best.toFixed(2), e.outerHTML.slice(0, 80)]);
  }
  return found;
}"""

TARGETS = """() => [...document.querySelectorAll("button, select, input, a, [role=option]")]
  .filter((e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden")
  .map((e) => [e.matches("[type=checkbox], [type=radio]") ? e.closest("label").getBoundingClientRect() : e.getBoundingClientRect(), e])
  .filter(([box]) => box.width < 23.5 || box.height < 23.5)
  .map(([box, e]) => [Math.round(box.width), Math.round(box.height), e.outerHTML.slice(0, 80)])"""


def findings(page: Page) -> list[tuple[str, str, str]]:
    """What axe finds: rule, impact, and the first place."""
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    return [(one["id"], one["impact"], one["nodes"][0]["html"][:160]) for one in found]


def wait_for_the_classifier(page: Page) -> None:
    page.wait_for_function("document.querySelectorAll('.cell[aria-label*=classifier]').length > 0", timeout=60_000)


@pytest.fixture
def named(new_expert: Callable[..., Expert], address: str, digits: RunFolder, request: pytest.FixtureRequest) -> Expert:
    """An expert who has named most groups, in one of the themes."""
    expert = new_expert(color_scheme=request.param).open(address)
    name_groups(expert, digits.partition()[0]["group"].to_numpy(), leave=5)
    wait_for_the_classifier(expert.page)
    return expert


@pytest.mark.parametrize("named", ["light", "dark"], indirect=True)
def test_nothing_is_found_in_any_state(named: Expert) -> None:
    page = named.page
    wrong = {}
    for name, visit in STATES.items():
        visit(named)
        found: list[Any] = [*findings(page), *page.evaluate(BORDERS), *page.evaluate(TARGETS)]
        if found:
            wrong[name] = found
        home(named)
        page.evaluate("document.getElementById('tab-groups').click()")
    assert wrong == {}, json.dumps(wrong, indent=1)
    named.fine()


def test_names_for_screen_readers_say_what_is_seen_and_the_prediction(
    new_expert: Callable[..., Expert], address: str, digits: RunFolder
) -> None:
    expert = new_expert().open(address)
    page = expert.page
    name_groups(expert, digits.partition()[0]["group"].to_numpy(), leave=5)
    wait_for_the_classifier(page)
    STATES["pages"](expert)
    cells = page.locator(".cell").all()
    assert len(cells) > 8
    for cell in cells:
        label = cell.get_attribute("aria-label") or ""
        assert cell.locator(".caption").inner_text() in label
        assert "classifier: " in label
        assert "certainty 0." in label
    home(expert)
    # The class is changed by what looks and sounds like a button.
    STATES["classes"](expert)
    change = page.get_by_role("button", name="Change the class seven")
    expect(change).to_have_attribute("aria-haspopup", "dialog")
    assert page.get_by_role("heading", level=1).inner_text() == "Facies"
    assert {"banner", "main", "navigation"} <= set(
        page.evaluate(
            "[...document.querySelectorAll('header, main, nav')].map((e) =>"
            " ({HEADER: 'banner', MAIN: 'main', NAV: 'navigation'})[e.tagName])"
        )
    )


def test_with_the_colours_of_the_system_what_is_chosen_is_framed(
    new_expert: Callable[..., Expert], address: str
) -> None:
    expert = new_expert(forced_colors="active").open(address)
    page = expert.page
    STATES["picked"](expert)
    expert.keep("forced-colours")
    for chosen in (
        ".cell.picked",
        "button.group[aria-current=true]",
        "[role=tab][aria-selected=true]",
        "[aria-pressed=true]",
    ):
        style = page.locator(chosen).first.evaluate(
            "(e) => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]"
        )
        assert style[0] == "solid", chosen
        assert float(style[1].removesuffix("px")) >= 3, chosen
    other = page.locator(".cell:not(.picked):not(.cursor)").first
    assert other.evaluate("(e) => getComputedStyle(e).outlineStyle") == "none"


def test_nothing_moves_for_those_who_want_none_of_it(new_expert: Callable[..., Expert], address: str) -> None:
    moving = "document.getAnimations().length"
    expert = new_expert(reduced_motion="reduce").open(address)
    expert.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<span class=busy></span>')")
    assert expert.page.evaluate(moving) == 0
    other = new_expert(reduced_motion="no-preference").open(address)
    other.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<span class=busy></span>')")
    assert other.page.evaluate(moving) == 1
