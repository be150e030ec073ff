"""Finding: filters with their chips, histograms and bars, ids, saved views, Back and Forward."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, expect

from facies.annotations import read_annotations
from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import N


@pytest.fixture
def table(digits: RunFolder) -> pd.DataFrame:
    return digits.images.assign(group=digits.partition()[0]["group"].to_numpy())


def field(expert: Expert, title: str) -> Locator:
    """Open a field in the tab of the filter."""
    if expert.page.locator("#tab-filter").get_attribute("aria-selected") != "true":
        expert.press("f")
    button = expert.page.locator(".fields h3 button", has_text=re.compile(f"^\\s*[▸▾]\\s*{title}", re.I))
    if button.get_attribute("aria-expanded") == "false":
        expert.click(button)
    return expert.page.get_by_role("group", name=title, exact=True)


def left(expert: Expert, n: int) -> None:
    """Wait until the filter says that it leaves so many images."""
    expect(expert.page.get_by_test_id("left")).to_have_text(f"{n:,} of {N:,} images left", timeout=20_000)


def test_bars_and_brushes_combine_and_all_follows(expert: Expert, table: pd.DataFrame) -> None:
    page = expert.page
    expect(page.get_by_test_id("left")).to_have_count(0)
    sample = field(expert, "sample")
    expert.click(sample.get_by_role("checkbox", name="S01"))
    in_sample = table["sample"] == "S01"
    left(expert, int(in_sample.sum()))
    expert.total(int(in_sample.sum()))

    area = field(expert, "area px")
    box = area.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20, steps=4)
    page.mouse.up()
    low = area.get_by_label("area px from")
    expect(low).not_to_have_value("")
    bounds = float(low.input_value()), float(area.get_by_label("area px to").input_value())
    both = in_sample & table["area_px"].between(*bounds)
    assert 0 < both.sum() < in_sample.sum()
    left(expert, int(both.sum()))
    expert.total(int(both.sum()))
    # Each chip says what it leaves by itself.
    chips = page.locator(".filterbar .chip")
    expect(chips).to_have_count(2)
    expect(chips.first.locator(".n")).to_have_text(str(in_sample.sum()))
    expert.keep("filter")

    # The list of groups follows, and what a key does with a group is done with what is left of it.
    expert.click(page.locator("#tab-groups"))
    group = int(table["group"][both].mode()[0])
    members = both & (table["group"] == group)
    expect(page.locator("button.group")).to_have_count(table["group"][both].nunique())
    expect(expert.group(group)).to_contain_text(f"{members.sum()} of {(table['group'] == group).sum()} images")
    expert.click(expert.group(group))
    expert.total(int(members.sum()))
    expert.name("quartz")
    expert.chip("quartz", int(members.sum()))
    expert.keep("filter-groups")

    # A chip is removed, then the whole filter.
    expert.click(chips.first.locator(".remove"))
    left(expert, int(table["area_px"].between(*bounds).sum()))
    expert.press("Shift+F")
    expect(page.get_by_test_id("left")).to_have_count(0)
    expert.fine()


def test_a_filter_on_decisions_lets_images_go_as_they_are_decided(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    classes = field(expert, "Class")
    expert.click(classes.get_by_role("checkbox"))  # without a name
    left(expert, N)
    expert.click(page.locator("#tab-groups"))
    expert.click(page.locator("button.group").first)
    first = expert.current_group()
    size = int((digits.partition()[0]["group"] == first).sum())
    expert.name("quartz")
    left(expert, N - size)
    expect(expert.group(first)).to_have_count(0)
    # A lasso takes only what the filter leaves, and a merge of whole groups is refused.
    expert.press("Escape", "m")
    expert.draw([(2, 2), (2000, 2), (2000, 2000), (2, 2000)], holding="Shift")
    expert.total(N - size)
    expert.name("flint")
    expert.chip("flint", N - size)
    left(expert, 0)
    assert set(read_annotations(digits).names) == {"quartz", "flint"}
    expert.fine()


def test_the_legend_filters(expert: Expert, table: pd.DataFrame) -> None:
    page = expert.page
    sizes = table["group"].value_counts()
    three = page.locator(".legend .line", has=page.get_by_text("Group 3", exact=True))
    seven = page.locator(".legend .line", has=page.get_by_text("Group 7", exact=True))
    expert.click(three)
    left(expert, int(sizes[3]))
    expect(three).to_have_attribute("aria-pressed", "true")
    expert.click(seven, modifiers=["Shift"])
    left(expert, int(sizes[3] + sizes[7]))
    expert.keep("legend-filter")
    expert.click(seven)
    left(expert, int(sizes[7]))
    expert.click(seven)
    expect(page.get_by_test_id("left")).to_have_count(0)
    page.get_by_label("Colour by").select_option("column:sample")
    expert.click(page.locator(".legend .line", has_text="S02"))
    left(expert, int((table["sample"] == "S02").sum()))
    page.get_by_label("Colour by").select_option("column:area_px")
    expert.click(page.locator(".legend .ramp"))
    expect(page.get_by_label("area px from")).to_be_visible()
    expert.fine()


def test_ids_are_found_by_key(expert: Expert, table: pd.DataFrame) -> None:
    page = expert.page
    ids = table["id"].astype(str)
    expert.press("j")
    expect(page.get_by_label("Id", exact=True)).to_be_focused()
    expert.type("12")
    wanted = ids.str.contains("12", regex=False)
    expect(page.get_by_role("dialog")).to_contain_text(f"{wanted.sum()} of {N} images")
    expert.keep("find")
    expert.press("Enter")
    expert.total(int(wanted.sum()))
    expect(page.locator(".gallery h2")).to_have_text("Ids with “12”")
    expect(page.locator(".inspector")).to_contain_text(str(ids[ids == "12"].iloc[0]))
    page.wait_for_url("**target=find*")
    # The address brings it back.
    page.reload()
    expert.total(int(wanted.sum()))
    expert.fine()


def test_back_and_forward_follow_what_was_open(expert: Expert) -> None:
    page = expert.page
    expert.click(expert.group(3))
    page.wait_for_url("**target=group%3A3*")
    entries = page.evaluate("history.length")
    page.locator("canvas.top").hover()
    page.mouse.wheel(0, -400)
    page.wait_for_url("**camera=*")
    assert page.evaluate("history.length") == entries  # cameras make no entry
    expert.click(expert.group(5))
    page.wait_for_url("**target=group%3A5*")
    expert.press("n")
    page.wait_for_url("**target=queue%3Anever_looked_at*")
    expect(page.get_by_role("heading", name="Never looked at")).to_be_visible()
    expert.click(page.locator("#tab-groups"))
    expert.press("Escape")
    page.wait_for_timeout(500)  # what is open for a moment alone makes no entry
    expert.click(page.locator(".legend .line", has=page.get_by_text("Group 7", exact=True)))
    page.wait_for_url("**filter=*")
    expert.press("Home")
    page.wait_for_timeout(300)
    expert.draw(expert.around(-0.544, 0.749, 0.12), holding="Shift")
    expect(page.locator(".gallery h2")).to_contain_text("chosen on the map")
    page.wait_for_timeout(500)

    page.go_back()
    page.go_back()
    expect(page.get_by_test_id("left")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("heading", name="Never looked at")).to_be_visible()
    page.go_back()
    expect(expert.group(5)).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(expert.group(3)).to_have_attribute("aria-current", "true")
    page.go_forward()
    expect(expert.group(5)).to_have_attribute("aria-current", "true")
    page.go_back()
    page.go_back()
    expect(expert.group(3)).to_have_attribute("aria-current", "false")
    expect(page.locator(".page")).to_be_visible()  # the first entry is the page, not what was before it
    expert.fine()


def test_a_view_is_saved_and_another_person_comes_to_it(
    expert: Expert, new_expert: Callable[..., Expert], address: str, table: pd.DataFrame
) -> None:
    page = expert.page
    sample = field(expert, "sample")
    expert.click(sample.get_by_role("checkbox", name="S02"))
    expert.click(page.locator("#tab-groups"))
    expert.click(expert.group(4))
    page.get_by_label("Colour by").select_option("column:area_px")
    page.get_by_label("Order", exact=True).select_option("farthest")
    page.locator("canvas.top").hover()
    page.mouse.wheel(0, -400)
    page.wait_for_url("**camera=*")
    saved = page.url
    expert.press("Shift+V")
    page.get_by_label("Name of the view").fill("doubtful fours")
    expert.press("Enter")
    expect(page.get_by_role("button", name="doubtful fours").first).to_be_visible()
    expert.keep("views")
    expert.press("Escape")

    other = new_expert().open(address)
    other.press("Shift+V")
    other.click(other.page.locator(".open", has_text="doubtful fours"))
    n = int(((table["sample"] == "S02") & (table["group"] == 4)).sum())
    other.total(n)
    expect(other.page.get_by_label("Colour by")).to_have_value("column:area_px")
    expect(other.page.get_by_label("Order", exact=True)).to_have_value("farthest")
    other.page.wait_for_url("**target=group%3A4*")
    assert other.page.url.split("?")[1] == saved.split("?")[1]
    other.page.go_back()
    other.total(N)
    other.press("Shift+V")
    other.click(other.page.get_by_label("Remove the view doubtful fours"))
    expect(other.page.get_by_text("None is saved yet.")).to_be_visible()
    other.fine()
    expert.fine()


def test_whatever_stands_in_an_address_does_no_harm(expert: Expert, address: str) -> None:
    page = expert.page
    for query in (
        "filter=%5B%7B%22field%22%3A%22column%3Agone%22%2C%22low%22%3A1%7D%5D",
        "filter=%7B%7B&target=group:999999999&camera=NaN,0,1&order=x&size=9e9&layer=-3&colour=column:gone",
        "target=queue:../../etc/passwd",
        "target=find:" + "x" * 500,
        "filter=%5B%7B%22field%22%3A%22%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22%2C%22text%22%3A%22a%22%7D%5D",
    ):
        page.goto(address.split("/?")[0] + "/?" + query)
        expect(page.locator(".page")).to_be_visible(timeout=60_000)
        expect(page.get_by_test_id("left")).to_have_count(0)
    page.wait_for_timeout(500)
    assert expert.troubles == []


def test_numbers_without_a_value_are_a_choice_of_their_own(
    new_expert: Callable[..., Expert], digits: RunFolder
) -> None:
    from tests.atlas.browser.live_server import live_server

    path = digits.path / "images.parquet"
    table = pd.read_parquet(path)
    table["sharpness"] = table["sharpness"].where(np.arange(len(table)) % 4 > 0)
    table.to_parquet(path)
    manifest = json.loads((digits.path / "run.json").read_text())
    manifest["files"]["images.parquet"] = path.stat().st_size
    (digits.path / "run.json").write_text(json.dumps(manifest))
    with live_server(digits.path) as place:
        expert = new_expert().open(place)
        sharpness = field(expert, "sharpness")
        expert.click(sharpness.get_by_label("no value"))
        left(expert, N // 4)
        sharpness.get_by_label("sharpness to").fill("1")
        expert.press("Enter")
        left(expert, N // 4 + int((table["sharpness"] <= 1).sum()))
        expect(expert.page.locator(".filterbar .words")).to_have_text("sharpness: up to 1 or no value")
        expert.keep("filter-missing")
        expert.fine()
