"""The session of the issue: from opening to a table of counts with a name for every digit."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

from facies.annotations import read_annotations
from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import NAMES, names_of_groups, truth

MOST_ACTIONS = 60


def test_all_digits_are_counted_within_sixty_actions(expert: Expert, digits: RunFolder) -> None:
    groups = digits.partition()[0]["group"].to_numpy()
    names = names_of_groups(groups, truth())
    assert set(names.values()) == set(NAMES)
    wanted = {name: int(sum((groups == group).sum() for group in names if names[group] == name)) for name in NAMES}

    keys: dict[str, str] = {}
    expert.press("Space")
    for _ in range(len(names)):
        group = expert.current_group()
        name = names.pop(group)
        if name in keys:
            expert.press(keys[name])
        else:
            keys[name] = "1234567890"[len(keys)]
            expert.name(name)
        if names:
            expect(expert.group(group)).not_to_have_attribute("aria-current", "true", timeout=20_000)
    expert.press("t")

    table = expert.page.get_by_test_id("counts")
    for name in NAMES:
        row = table.get_by_role("row").filter(has=expert.page.get_by_role("button", name=name, exact=True))
        expect(row.locator("td.n")).to_have_text(str(wanted[name]), timeout=20_000)
        expect(row.locator(".interval")).to_contain_text("–")
    assert expert.actions <= MOST_ACTIONS, f"{expert.actions} actions"
    expect(table).to_contain_text("0 without a name")
    expert.keep("session-counts")
    expert.fine()

    kept = read_annotations(digits)
    assert {name: int(np.sum(kept.names == name)) for name in NAMES} == wanted
    assert set(kept.states) == {2}


def test_undo_and_redo_without_limit(expert: Expert, digits: RunFolder) -> None:
    groups = digits.partition()[0]["group"].to_numpy()
    sizes = {}
    expert.press("Space")
    for name in ("one", "two", "three"):
        group = expert.current_group()
        sizes[name] = int((groups == group).sum())
        expert.name(name)
        expert.chip(name, sizes[name])
        expect(expert.group(group)).not_to_have_attribute("aria-current", "true")
    for name in ("three", "two", "one"):
        # Once for the name that was given, once for the class that was made.
        expert.press("Control+z")
        expert.chip(name, 0)
        expert.press("Control+z")
        expect(expert.page.locator(".classbar .chip .name", has_text=name)).to_have_count(0)
    assert expert.chips() == {}
    expert.press("Control+z")
    expert.says("There is nothing to undo.")
    for _ in range(6):
        expert.press("Control+Shift+Z")
    for name, size in sizes.items():
        expert.chip(name, size)
    expert.press("Control+y")
    expert.says("There is nothing to redo.")
    expert.fine()


def test_quick_keys_are_never_lost(expert: Expert, digits: RunFolder) -> None:
    groups = digits.partition()[0]["group"].to_numpy()
    expert.press("Space")
    expert.name("grain")
    expert.says(f"Named {np.bincount(groups).max()} images grain")
    # Faster than the server answers: each names the group after the one before.
    for _ in range(12):
        expert.page.keyboard.press("1")
    largest = np.sort(np.bincount(groups))[::-1]
    expert.chip("grain", int(largest[:13].sum()))
    expert.fine()
