"""Several pages see each other's changes; a lost server is shown, and mended."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import expect

from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.live_server import live_server


def size_of(group: int, digits: RunFolder) -> int:
    return int((digits.partition()[0]["group"] == group).sum())


def test_two_pages_see_each_others_changes(new_expert: Callable[..., Expert], address: str, digits: RunFolder) -> None:
    first, second = new_expert().open(address), new_expert().open(address)
    first.press("Space")
    size = size_of(first.current_group(), digits)
    first.name("quartz")
    second.chip("quartz", size)
    second.says(re.compile("quartz"))
    first.chip("quartz", size)
    second.press("Space")
    both = size + size_of(second.current_group(), digits)
    second.press("1")
    first.chip("quartz", both)
    second.chip("quartz", both)
    # One order of undo for all.
    first.press("Control+z")
    second.chip("quartz", size)
    first.fine()
    second.fine()


def test_a_lost_server_is_shown_and_mended(new_expert: Callable[..., Expert], digits: RunFolder) -> None:
    with live_server(digits.path) as address:
        expert = new_expert().open(address)
        expert.press("Space")
        size = size_of(expert.current_group(), digits)
        expert.name("quartz")
        expert.chip("quartz", size)
        port = urlsplit(address).port
        assert port is not None
    expect(expert.page.get_by_text("No connection")).to_be_visible(timeout=20_000)
    expert.press("1")
    expect(expert.page.locator(".toast.error")).to_contain_text("nothing was changed")
    expert.keep("lost")
    with live_server(digits.path, port=port):
        expect(expert.page.get_by_text("No connection")).to_have_count(0, timeout=30_000)
        expert.chip("quartz", size)
        expert.press("1")
        expect(expert.page.locator(".classbar .chip .n").first).not_to_have_text(str(size))
    assert expert.troubles == []
