"""Thumbnails as the method set the images upright: the switch, its key, and runs that have none."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import write_digits
from tests.atlas.browser.live_server import live_server


class Negatives:
    """The images in negative, so that nobody can take them for the others."""

    def __init__(self, images: Any) -> None:
        self.table, self.image_shape, self.images = images.table, images.image_shape, images

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, batch_size: int) -> Iterator[Any]:
        for batch in self.images.batches(batch_size):
            yield 1 - batch


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_digits(tmp_path_factory.mktemp("upright"), upright=Negatives)


@pytest.fixture
def upright_address(written: RunFolder, tmp_path: Path) -> Iterator[str]:
    with live_server(shutil.copytree(written.path, tmp_path / "digits")) as place:
        yield place


def brightness(place: Locator) -> float:
    return float(np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("L"), float).mean())


def settled(page: Page, what: str, wanted: Callable[[float], bool]) -> None:
    """Wait until a picture is as bright as is wanted."""
    place = page.locator(what).first
    for _ in range(40):
        if wanted(brightness(place)):
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{what} has brightness {brightness(place):.0f}")


def dark(value: float) -> bool:
    return value < 115


def bright(value: float) -> bool:
    return value > 140


def test_a_key_and_a_button_show_images_set_upright(new_expert: Callable[..., Expert], upright_address: str) -> None:
    expert = new_expert().open(upright_address)
    page = expert.page
    switch = page.get_by_role("button", name="Set upright")
    places = (".cell", ".inspector img", "button.group canvas")
    expert.press("Home", "Space")
    for place in places:
        settled(page, place, dark)
    expect(switch).to_have_attribute("aria-pressed", "false")
    expert.press("o")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expert.says("Images as the method set them upright")
    for place in places:
        settled(page, place, bright)
    expert.keep("upright")
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    box, gallery = switch.bounding_box(), page.locator(".gallery").bounding_box()
    assert box is not None
    assert gallery is not None
    assert gallery["x"] <= box["x"] < box["x"] + box["width"] <= gallery["x"] + gallery["width"]
    # The address keeps it, for a link.
    expect(page).to_have_url(re.compile(r"upright=1"))
    page.reload()
    expect(page.locator(".cell").first).to_be_visible(timeout=60_000)
    settled(page, ".cell", bright)
    expert.click(switch)
    expert.says("Images as they are")
    for place in places:
        settled(page, place, dark)
    expert.fine()


def test_on_the_map_too(new_expert: Callable[..., Expert], upright_address: str) -> None:
    expert = new_expert().open(upright_address)
    page = expert.page
    expert.press("Space", "z")  # near enough for images at their places
    expect(page.get_by_text("Images at their places")).to_be_visible(timeout=20_000)
    page.wait_for_timeout(500)
    before = brightness(page.locator("canvas.top"))
    expert.press("o")
    for _ in range(40):
        if abs(brightness(page.locator("canvas.top")) - before) > 2:
            break
        page.wait_for_timeout(250)
    assert brightness(page.locator("canvas.top")) > before + 2
    expert.fine()


def test_a_run_that_has_none_says_so(expert: Expert) -> None:
    expect(expert.page.get_by_role("button", name="Set upright")).to_have_count(0)
    expert.press("o")
    expert.says("The method of this run set no images upright.")
    assert "upright" not in expert.page.url
    expert.fine()
