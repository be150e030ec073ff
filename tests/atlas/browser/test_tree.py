"""The tree of groups: the slider, a preview, split and merge along it, undo; by mouse and by keyboard, in both themes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from facies.annotations import read_annotations
from facies.cluster import GroupTree, ward_tree
from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.live_server import live_server
from tests.atlas.browser.test_accessibility import BORDERS, TARGETS, findings


@pytest.fixture
def tree(digits: RunFolder) -> GroupTree:
    """The tree of the run, which it has from here on."""
    grown = ward_tree(np.asarray(digits.embedding))
    digits.add_tree("ward", grown, {"method": "ward", "seed": 0})
    return grown.pruned(5)


@pytest.fixture
def with_tree(tree: GroupTree, digits: RunFolder) -> Iterator[str]:
    with live_server(digits.path) as place:
        yield place


def test_the_slider_shows_a_cut_and_makes_it_when_told(
    new_expert: Callable[..., Expert], with_tree: str, tree: GroupTree, digits: RunFolder
) -> None:
    expert = new_expert().open(with_tree)
    page = expert.page
    slider = page.get_by_role("slider", name="Number of groups")
    expect(slider).to_have_attribute("aria-valuetext", "20 groups")
    groups = page.locator("button.group")
    expect(groups).to_have_count(20)
    expert.click(expert.group(3))
    expert.name_group("three")

    expert.press("y")
    expect(slider).to_be_focused()
    expert.press("ArrowRight", "ArrowRight", "ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "23 groups")
    sizes = np.bincount(tree.cut(n_groups=23).labels)
    words = page.get_by_role("region", name="Tree of groups").get_by_role("status")
    expect(words).to_contain_text(f"23 groups of {sizes.min()} to {sizes.max()} images")
    expect(page.locator(".legend .line")).to_have_count(23)
    expect(groups).to_have_count(20)
    expert.keep("tree-preview")
    expert.press("Escape")
    expect(slider).to_have_attribute("aria-valuetext", "20 groups")
    expect(words).to_have_text("")

    expert.press("ArrowLeft", "Enter")
    expert.says("Cut the tree into 19 groups (720 images)")
    expect(groups).to_have_count(19)
    kept = read_annotations(digits)
    assert kept.groups["kmeans"].min() == 20
    assert ((kept.names == "three") & (kept.states == 2)).sum() == (digits.partition()[0]["group"] == 3).sum()
    expert.press("Control+z")
    expect(groups).to_have_count(20)
    expect(slider).to_have_attribute("aria-valuetext", "20 groups")
    expert.fine()


def test_a_number_can_be_typed(new_expert: Callable[..., Expert], with_tree: str) -> None:
    expert = new_expert().open(with_tree)
    page = expert.page
    field = page.get_by_role("spinbutton", name="Number of groups, exactly")
    field.fill("41")
    expert.click(page.get_by_role("button", name="Make 41"))
    expect(page.locator("button.group")).to_have_count(41)
    field.fill("42")
    expect(page.get_by_role("button", name="Make 42")).to_be_visible()
    field.fill("9999")
    expect(page.get_by_text(re.compile("This tree makes 2 to [0-9]+ groups"))).to_be_visible()
    expect(page.get_by_role("button", name="Make")).to_have_count(0)
    expert.fine()


def test_a_group_is_split_along_the_tree_merged_with_its_sibling_and_undone(
    new_expert: Callable[..., Expert], with_tree: str, tree: GroupTree
) -> None:
    expert = new_expert().open(with_tree)
    page = expert.page
    groups = page.locator("button.group")
    page.get_by_role("spinbutton").fill("12")
    expert.press("Enter")
    expect(groups).to_have_count(12)
    node = int(tree.cut(n_groups=12).nodes[0])
    children = tree.children(node)
    assert children is not None
    expert.click(expert.group(20))
    expert.total(int(tree.size[node]))

    expert.press("Shift+K")
    expert.total(int(tree.size[children[0]]))
    expect(groups).to_have_count(13)
    expect(expert.group(20)).to_have_count(0)
    expert.keep("tree-split")
    expert.click(page.get_by_role("button", name=re.compile("Merge with sibling")))
    expert.total(int(tree.size[node]))
    expect(groups).to_have_count(12)
    expert.press("Control+z")
    expect(groups).to_have_count(13)
    expert.press("Control+z")
    expect(expert.group(20)).to_have_count(1)

    expert.click(expert.group(20))
    expert.total(int(tree.size[node]))
    expert.click(page.get_by_role("button", name=re.compile("Split in two")))
    expect(groups).to_have_count(13)
    expert.fine()


def test_with_a_filter_on_nothing_is_changed_that_is_not_seen(
    new_expert: Callable[..., Expert], with_tree: str, digits: RunFolder
) -> None:
    condition = json.dumps([{"field": "column:sample", "values": ["S01"]}])
    expert = new_expert().open(f"{with_tree}&filter={quote(condition)}")
    page = expert.page
    expect(page.locator(".filterbar, [aria-label=Filter]").first).to_be_visible()
    for keys in (("y", "ArrowRight", "Enter"), ("Space", "Shift+K"), ("Shift+G",)):
        expert.press(*keys)
        expert.says(re.compile("Along the tree groups change whole"))
        expert.press("Escape")
    assert read_annotations(digits).revision == 0
    expert.fine()


def test_a_run_without_a_tree_shows_none_and_says_how_to_get_one(expert: Expert) -> None:
    expect(expert.page.get_by_role("slider", name="Number of groups")).to_have_count(0)
    expert.press("y")
    expert.says("This run has no tree of groups: “facies cut digits --groups 20” makes one.")
    expert.fine()


def test_a_damaged_tree_is_one_line_and_all_else_works(
    new_expert: Callable[..., Expert], with_tree: str, digits: RunFolder
) -> None:
    (digits.path / "trees" / "ward.images.parquet").write_bytes(b"PAR1")
    expert = new_expert().open(with_tree)
    expect(expert.page.get_by_text("Tree of groups:")).to_contain_text("missing or damaged")
    expert.click(expert.group(3))
    expert.name_group("three")
    expert.fine()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_found_by_axe(new_expert: Callable[..., Expert], with_tree: str, theme: str) -> None:
    expert = new_expert(color_scheme=theme).open(with_tree)
    page = expert.page
    expect(page.get_by_role("slider", name="Number of groups")).to_be_visible()
    expert.keep(f"tree-rest-{theme}")
    wrong = [*findings(page), *page.evaluate(BORDERS), *page.evaluate(TARGETS)]
    expert.press("Space")
    expect(page.get_by_role("button", name=re.compile("Split in two"))).to_be_enabled()
    wrong += [*findings(page), *page.evaluate(BORDERS), *page.evaluate(TARGETS)]
    expert.press("y", "ArrowRight")
    expect(page.get_by_text("on the map. Nothing has changed yet")).to_be_visible()
    expert.keep(f"tree-{theme}")
    wrong += [*findings(page), *page.evaluate(BORDERS), *page.evaluate(TARGETS)]
    assert wrong == []
    expert.fine()
