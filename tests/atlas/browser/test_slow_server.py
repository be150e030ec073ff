"""A server that answers late, or not at all, and what the page then says and lets be chosen."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from facies.annotations import read_annotations
from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert


def test_what_is_pressed_meanwhile_is_meant_for_the_new_group(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    groups = digits.partition()[0]["group"].to_numpy()
    before, after = 2, 3
    for group in (before, after):
        expert.click(expert.group(group))
        expert.total(int((groups == group).sum()))
    expert.name_group("after")
    expert.click(expert.group(before))
    expert.total(int((groups == before).sum()))

    held: list[Route] = []
    page.route("**/order", lambda route: held.append(route), times=1)
    expert.click(expert.group(after))
    expect(page.locator(".gallery .stale")).to_be_visible()
    page.locator("#cell-0").click(force=True)
    expert.press("ArrowRight", "Enter", "Control+a", "v")
    expect(page.locator(".gallery .stale")).to_be_visible()
    expect(page.locator(".cell.picked")).to_have_count(0)
    assert not read_annotations(digits).looked_at.any()

    held[0].continue_()
    expert.total(int((groups == after).sum()))
    expert.says(re.compile("Confirmed"))
    looked_at = read_annotations(digits).looked_at
    assert looked_at.any()
    assert set(groups[looked_at]) == {after}
    expert.fine()


def test_a_list_that_does_not_come_is_said_and_fetched_when_the_server_is_back(
    expert: Expert, digits: RunFolder
) -> None:
    page = expert.page
    size = int((digits.partition()[0]["group"] == 2).sum())
    page.route("**/order", lambda route: route.abort(), times=1)
    expert.click(expert.group(2))
    expect(page.get_by_text("could not be fetched")).to_be_visible()
    expect(page.locator(".cell")).to_have_count(0)
    expect(page.get_by_text("No connection")).to_be_visible()
    expert.total(size)
    expect(page.locator(".cell").first).to_be_visible()
    expect(page.get_by_text("No connection")).to_have_count(0)
    assert expert.troubles == []


def test_a_list_that_the_server_cannot_make_is_asked_for_again_by_hand(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    size = int((digits.partition()[0]["group"] == 2).sum())
    page.route("**/order", lambda route: route.fulfill(status=500, json={"error": "no room on the disk"}), times=1)
    expert.click(expert.group(2))
    expect(page.get_by_text("could not be fetched")).to_be_visible()
    expert.says("no room on the disk")
    expert.click(page.get_by_role("button", name="Try again"))
    expert.total(size)
    expect(page.locator(".gallery .stale")).to_have_count(0)
    assert expert.troubles == []
