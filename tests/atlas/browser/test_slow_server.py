"""While the images of a group are on their way, nobody chooses among those of the group before."""

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
