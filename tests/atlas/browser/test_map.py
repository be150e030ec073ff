"""The map: lasso and brush with add and remove, dots and images linked both ways, images at their places."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import expect

from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import K

# The server fits the map into [-1, 1]: the circle and the blots on it reach to 1.08.
REACH = 1 / 1.08


def centre(group: int) -> tuple[float, float]:
    angle = 2 * math.pi * group / K
    return REACH * math.cos(angle), REACH * math.sin(angle)


@pytest.fixture
def sizes(digits: RunFolder) -> np.ndarray:
    return np.bincount(digits.partition()[0]["group"].to_numpy())


def test_a_lasso_takes_exactly_what_is_in_it(expert: Expert, sizes: np.ndarray) -> None:
    expert.press("l")
    expert.draw(expert.around(*centre(3), 0.12))
    expert.total(sizes[3])
    expert.draw(expert.around(*centre(7), 0.12), holding="Shift")
    expert.total(sizes[3] + sizes[7])
    expert.draw(expert.around(*centre(3), 0.12), holding="Alt")
    expert.total(sizes[7])
    expert.keep("lasso")
    expert.fine()


def test_shift_draws_without_the_tool_and_a_class_is_given_to_the_lasso(
    expert: Expert, digits: RunFolder, sizes: np.ndarray
) -> None:
    expert.draw(expert.around(*centre(5), 0.12), holding="Shift")
    expert.total(sizes[5])
    expert.name("quartz")
    expert.chip("quartz", int(sizes[5]))
    expert.press("Control+z")
    expert.chip("quartz", 0)
    expert.fine()


def test_the_brush_takes_what_it_paints_over(expert: Expert, sizes: np.ndarray) -> None:
    expert.press("p")
    x, y = expert.on_screen(*centre(2))
    # To and fro over the whole blot, which is 0.15 wide.
    side = expert.on_screen(0.08, 0)[0] - expert.on_screen(0, 0)[0]
    rows = [(x + side * across, y + side * down) for down in (-1, -0.5, 0, 0.5, 1) for across in (-1, 1)]
    expert.draw(rows)
    expert.total(sizes[2])
    expert.fine()


def test_the_map_moves_and_zooms_and_the_address_keeps_it(expert: Expert) -> None:
    page = expert.page
    box = page.locator("canvas.top").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 300)
    page.mouse.wheel(0, -600)
    expert.draw([(300, 300), (340, 310)])
    page.wait_for_url("**camera=*")
    address = page.url
    page.reload()
    expect(page.locator(".page")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(600)
    assert page.url == address
    expert.press("Home")
    page.wait_for_function("!location.search.includes('camera')")
    expert.fine()


def test_dot_and_image_are_linked_both_ways(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    box = page.locator("canvas.top").bounding_box()
    assert box is not None
    x, y = expert.on_screen(*centre(4))
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator(".card")).to_contain_text("Group 4")
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".inspector")).to_contain_text("Group 4")
    page.mouse.dblclick(box["x"] + x, box["y"] + y)
    expect(expert.group(4)).to_have_attribute("aria-current", "true")
    # The other way: an image one points at is ringed on the map.
    before = page.locator("canvas.top").screenshot()
    page.locator("#cell-3").hover()
    page.wait_for_timeout(300)
    assert page.locator("canvas.top").screenshot() != before
    expert.fine()


def test_few_images_in_view_are_drawn_at_their_places(expert: Expert) -> None:
    page = expert.page
    expert.click(expert.group(6))
    expert.press("z")
    expect(page.get_by_text("Images at their places")).to_be_visible()
    page.wait_for_timeout(800)
    expert.keep("image-dots")
    expert.fine()


def test_coloured_by_anything(expert: Expert) -> None:
    page = expert.page
    colour = page.get_by_label("Colour by")
    for value, legend in (
        ("class", "without a name"),
        ("state", "untouched"),
        ("column:sample", "S02"),
        ("column:area_px", "area"),
        ("column:probability", "robability"),
    ):
        colour.select_option(value)
        expect(page.locator(".legend")).to_contain_text(legend)
    page.wait_for_url("**colour=column*")
    expert.fine()


def test_without_webgl_the_page_says_so_and_works(new_expert: Callable[..., Expert], address: str) -> None:
    expert = new_expert()
    expert.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };"
    )
    expert.open(address)
    expect(expert.page.get_by_role("alert")).to_contain_text("WebGL2")
    expert.press("Space")
    expert.name("quartz")
    expect(expert.page.locator(".classbar")).to_contain_text("quartz")
    expert.keep("no-webgl")
    expert.fine()
