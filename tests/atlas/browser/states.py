"""The states of the page, and how an expert gets into each: people and tools look at the same ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from playwright.sync_api import expect

from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import names_of_groups, truth

_ACT = """(action) => fetch("api/runs/digits/actions", {
  method: "POST",
  headers: {"Content-Type": "application/json", "X-Facies-Page": localStorage.getItem("facies-page")},
  body: JSON.stringify(action),
}).then((answer) => answer.status)"""


def act(expert: Expert, **action: object) -> None:
    """Do something behind the page, which hears of it as of another expert's work."""
    assert expert.page.evaluate(_ACT, action) == 200, action


def name_groups(expert: Expert, groups: np.ndarray, leave: int) -> None:
    """Name all groups as they are but the smallest few; wait for the classifier."""
    names = names_of_groups(groups, truth())
    order = np.argsort(-np.bincount(groups), kind="stable").tolist()
    for key, name in zip("1234567890", dict.fromkeys(names[group] for group in order), strict=False):
        act(expert, kind="class", **{"class": None, "name": name, "key": key})
    for group in order[: len(order) - leave]:
        act(expert, kind="name", group=group, name=names[group])
    expect(expert.page.locator(".classbar .chip .name")).to_have_count(10, timeout=20_000)


def home(expert: Expert) -> None:
    """Leave whatever is open, so that all images are shown."""
    for _ in range(6):
        expert.page.keyboard.press("Escape")
    expect(expert.page.get_by_role("dialog")).to_have_count(0)


def _keys(*keys: str, then: str) -> Callable[[Expert], None]:
    def visit(expert: Expert) -> None:
        for key in keys:
            expert.page.keyboard.press(key)
        # On a small screen it may be in a part of the page that is not shown.
        expect(expert.page.locator(then).first).to_be_attached(timeout=30_000)

    return visit


def _tab(key: str, then: str, *more: str) -> Callable[[Expert], None]:
    def visit(expert: Expert) -> None:
        expert.page.evaluate(f"document.getElementById('tab-{key}').click()")
        for one in more:
            expert.page.keyboard.press(one)
        expect(expert.page.locator(then).first).to_be_visible(timeout=30_000)

    return visit


def _click(selector: str, then: str) -> Callable[[Expert], None]:
    def visit(expert: Expert) -> None:
        expert.page.evaluate("(selector) => document.querySelector(selector).click()", selector)
        expect(expert.page.locator(then).first).to_be_visible(timeout=30_000)

    return visit


def _pick(expert: Expert) -> None:
    expert.page.keyboard.press("Space")
    expect(expert.page.locator(".gallery .busy")).to_have_count(0)
    for _ in range(3):
        expert.page.keyboard.press("Enter")
        expert.page.keyboard.press("ArrowRight")
    expect(expert.page.get_by_role("button", name="3 picked")).to_be_visible()


def _classes(expert: Expert) -> None:
    _tab("classes", ".list .share")(expert)


def _take_over(expert: Expert) -> None:
    _classes(expert)
    expert.page.evaluate(
        "[...document.querySelectorAll('button')].find((b) => b.textContent.includes('Take over')).click()"
    )
    expect(expert.page.get_by_role("heading", name="What the classifier would name")).to_be_visible()


def _grow(expert: Expert) -> None:
    _classes(expert)
    expert.page.evaluate("document.querySelector('.list .open').click()")
    expert.page.keyboard.press("b")
    expect(expert.page.get_by_text("Are all of these")).to_be_visible()


def _class(expert: Expert) -> None:
    _classes(expert)
    _click(".list .edit", "dialog")(expert)


def _tour(expert: Expert) -> None:
    expert.page.keyboard.press("?")
    expert.page.get_by_role("button", name="Tour of five steps").click()
    expect(expert.page.get_by_role("dialog", name="Tour")).to_be_visible()


def _queue(expert: Expert) -> None:
    _tab("queues", "button.queue")(expert)
    expert.page.evaluate("document.querySelector('button.queue').click()")
    expect(expert.page.get_by_role("button", name="Exclude").filter(has_text="Enter")).to_be_visible()


STATES: dict[str, Callable[[Expert], None]] = {
    "start": lambda _: None,
    "tour": _tour,
    "group": _keys("Space", then="button.group[aria-current=true]"),
    "picked": _pick,
    "name": _keys("Space", "/", then="[role=combobox]"),
    "exclude": _keys("Space", "e", then="dialog"),
    "merge": _keys("Space", "g", then="dialog .line"),
    "recluster": _keys("Space", "r", then="[data-testid=parts] section"),
    "classes": _classes,
    "grow": _grow,
    "take-over": _take_over,
    "queues": _tab("queues", "button.queue"),
    "queue": _queue,
    "pages": _keys("u", then=".gallery .caption"),
    "audit": _keys("a", then=".gallery .one"),
    "history": _tab("history", "ol li"),
    "counts": _keys("t", then="[data-testid=counts] .interval"),
    "export": _keys("x", then="dialog"),
    "help": _keys("?", then="dialog .columns"),
    "person": _click("button.person", "dialog"),
    "class": _class,
}
"""What brings the page from the start into each state; all but the last five groups have a name."""
