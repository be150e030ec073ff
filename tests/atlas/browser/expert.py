"""An expert at the page: presses keys, clicks, draws; each of these counts as one action."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

SCREENSHOTS = Path(__file__).parent / "screenshots"


class Expert:
    """What a person sees and does.

    Attributes
    ----------
    actions : int
        Presses, clicks and strokes so far; a word that is typed is one.
    troubles : list of str
        Errors that the page raised.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.actions = 0
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def open(self, address: str) -> Expert:
        """Open the page and wait until its gallery is there."""
        self.page.goto(address)
        expect(self.page.locator(".page")).to_be_visible(timeout=60_000)
        expect(self.page.locator(".cell").first).to_be_visible(timeout=60_000)
        return self

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
            self.actions += 1

    def type(self, text: str) -> None:
        """Type a word."""
        self.page.keyboard.insert_text(text)
        self.actions += 1

    def click(self, place: Locator, **how: Any) -> None:
        """Click."""
        place.click(**how)
        self.actions += 1

    def name(self, text: str) -> None:
        """Name what is chosen, by typing."""
        self.press("/")
        expect(self.page.get_by_role("combobox", name="Class")).to_be_focused()
        self.type(text)
        self.press("Enter")

    def name_group(self, text: str) -> None:
        """Name the group that is open, and wait until the page has gone on to another and shows its images."""
        group = self.current_group()
        self.name(text)
        expect(self.page.locator('button.group[aria-current="true"]')).not_to_have_attribute("data-group", str(group))
        self.sees_images()

    def sees_images(self) -> None:
        """Wait until the gallery shows the images of what is open; until then it takes no keys."""
        expect(self.page.locator(".gallery .busy")).to_have_count(0, timeout=20_000)

    def group(self, number: int) -> Locator:
        """A line of the list of groups."""
        return self.page.locator(f'button.group[data-group="{number}"]')

    def current_group(self) -> int:
        """The group that is open."""
        return int(self.page.locator('button.group[aria-current="true"]').get_attribute("data-group") or "-1")

    def says(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page has said it aloud."""
        expect(self.page.locator(".announcement")).to_have_text(text, timeout=20_000)

    def total(self, n: int) -> None:
        """Wait until the gallery tells so many images."""
        expect(self.page.get_by_test_id("total")).to_have_text(f"{n:,}", timeout=20_000)

    def chips(self) -> dict[str, int]:
        """The classes and their counts in the bar at the bottom."""
        found = self.page.locator(".classbar .chip:has(.name)")
        return {
            chip.locator(".name").inner_text(): int(chip.locator(".n").inner_text().replace(",", ""))
            for chip in found.all()
        }

    def chip(self, name: str, n: int) -> None:
        """Wait until a class has so many images."""
        chip = self.page.locator(".classbar .chip", has=self.page.get_by_text(name, exact=True))
        expect(chip.locator(".n")).to_have_text(f"{n:,}", timeout=20_000)

    def draw(self, points: Iterable[tuple[float, float]], holding: str | None = None) -> None:
        """Draw a stroke on the map, in its pixels."""
        box = self.page.locator("canvas.top").bounding_box()
        assert box is not None
        path = [(box["x"] + x, box["y"] + y) for x, y in points]
        if holding:
            self.page.keyboard.down(holding)
        self.page.mouse.move(*path[0])
        self.page.mouse.down()
        for place in path[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()
        if holding:
            self.page.keyboard.up(holding)
        self.actions += 1

    def on_screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the plane is on the whole map, in its pixels."""
        box = self.page.locator("canvas.top").bounding_box()
        assert box is not None
        scale = 0.94 * min(box["width"], box["height"]) / 2
        return box["width"] / 2 + x * scale, box["height"] / 2 - y * scale

    def around(self, x: float, y: float, radius: float) -> list[tuple[float, float]]:
        """A square around a place of the plane, in pixels of the map."""
        corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        return [self.on_screen(x + dx * radius, y + dy * radius) for dx, dy in corners]

    def keep(self, name: str) -> None:
        """Keep a picture of the page, for people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def fine(self) -> None:
        """No error was raised by the page, and none is shown."""
        shown = self.page.locator(".toast.error .text").all_inner_texts()
        assert self.troubles + shown == [], f"{self.troubles} {shown}"
