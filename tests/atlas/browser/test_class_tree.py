"""The tree and the list of classes, ratios, notes, keys of one's own, two groups side by side, and duplicates, at the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from facies.annotations import read_annotations
from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.live_server import live_server

LIST = """name,parent,key,colour,role
round,,,,
zero,round,1,#3f90da,
six,round,2,#e76300,
straight,,,,
one,straight,3,#2f9e44,
"""


def take_list(expert: Expert, tmp_path: Path, text: str = LIST, name: str = "digits.csv") -> None:
    """Take in a list of classes at the page."""
    (tmp_path / name).write_text(text)
    expert.page.get_by_role("tab", name="Classes").click()
    expert.page.get_by_role("button", name="Take in a list").click()
    expert.page.get_by_label("Take in a list").set_input_files(tmp_path / name)


def test_a_list_is_taken_in_and_shown_as_a_tree_with_counts(expert: Expert, digits: RunFolder, tmp_path: Path) -> None:
    page = expert.page
    take_list(expert, tmp_path)
    expert.says("Took in a list of 5 classes (5 new)")
    expect(page.get_by_role("dialog")).to_have_count(0)  # it closes, and the classes come, after the word
    lines = page.locator(".list .row .open .name")
    expect(lines.nth(4)).to_have_text("one")
    assert lines.all_inner_texts()[:5] == ["round", "zero", "six", "straight", "one"]
    page.get_by_role("tab", name="Groups").click()
    for group, digit in ((6, "1"), (11, "2")):
        expert.click(expert.group(group))
        expert.press(digit)
        expect(expert.group(group)).not_to_have_attribute("aria-current", "true", timeout=20_000)
    n = {name: int(np.count_nonzero(read_annotations(digits).names == name)) for name in ("zero", "six")}
    assert n["zero"]
    assert n["six"]
    page.get_by_role("tab", name="Classes").click()
    expect(page.locator(".list .row", has=page.get_by_text("round", exact=True)).locator(".n").first).to_have_text(
        f"0 / {n['zero'] + n['six']}"
    )
    expert.press("t")
    table = page.get_by_test_id("counts").locator("table").first
    row = table.locator("tr", has=page.get_by_role("button", name="round"))
    expect(row.locator(".rolled")).to_contain_text("100.0 %")
    expert.keep("class-tree")
    expert.press("Shift+D")
    expert.keep("class-tree-dark")
    # A circle cannot be chosen: what lies below is not offered.
    page.get_by_role("button", name="Change the class round").click()
    offered = page.get_by_label("Lies under").locator("option").all_inner_texts()
    assert offered == ["no other class", "straight", "straight > one"]
    page.get_by_label("Lies under").select_option(label="straight")
    page.get_by_role("button", name="Save").click()
    expect(table.locator("tr", has=page.get_by_role("button", name="straight")).locator(".rolled")).to_contain_text(
        "100.0 %"
    )
    assert "straight > round > zero" in read_annotations(digits).classes["path"].tolist()
    expert.fine()


def test_a_list_with_an_error_is_refused_with_its_line(expert: Expert, digits: RunFolder, tmp_path: Path) -> None:
    take_list(expert, tmp_path, "name,key\na,1\nb,1\n", "wrong.csv")
    expect(expert.page.get_by_role("alert")).to_contain_text(
        "wrong.csv, line 3: the key 1 is that of 'a' already (line 2)"
    )
    expert.keep("class-list-refused")
    assert read_annotations(digits).revision == 0


def test_a_ratio_is_defined_changed_and_removed(expert: Expert, digits: RunFolder, tmp_path: Path) -> None:
    page = expert.page
    take_list(expert, tmp_path)
    expert.says("Took in a list of 5 classes (5 new)")
    expect(page.get_by_role("dialog")).to_have_count(0)  # it closes, and the classes come, after the word
    expert.press("t")
    page.get_by_role("button", name="Define a ratio").click()
    page.get_by_role("textbox", name="Name").fill("round to straight")
    page.get_by_role("group", name="Over the stroke").get_by_label("round").check()
    page.get_by_role("group", name="Under the stroke").get_by_label("straight").check()
    expect(page.locator(".formula")).to_have_text("round / straight")
    expert.keep("ratio")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".ratios tbody tr")).to_contain_text("round to straight")
    assert read_annotations(digits).ratios["numerator"].tolist() == [["round"]]
    page.locator(".ratios").get_by_role("button", name="round to straight").click()
    expect(page.get_by_role("group", name="Over the stroke").get_by_label("round")).to_be_checked()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator(".ratios")).to_have_count(0)
    expert.press("Control+z")
    expect(page.locator(".ratios tbody tr")).to_contain_text("round to straight")
    expert.fine()


def test_a_note_is_written_seen_and_taken_back(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    page.locator(".cell").first.click()
    expert.press("Shift+N")
    expect(page.get_by_role("textbox", name="Note on this image")).to_be_focused()
    expert.type("a <b>broken</b> seven?")
    expert.press("Enter")
    expert.says("Wrote a note about 1 image")
    note = page.get_by_role("group", name="Notes").locator("p")
    expect(note).to_contain_text("a <b>broken</b> seven?")
    assert len(read_annotations(digits).notes) == 1
    expert.keep("note")
    note.get_by_role("button", name="Take the note back").click()
    expect(note).to_have_count(0)
    assert read_annotations(digits).notes.empty
    expert.fine()


def test_keys_are_changed_conflicts_named_and_kept_for_the_person(
    expert: Expert, address: str, digits: RunFolder
) -> None:
    page = expert.page
    expert.press("?")
    page.get_by_role("button", name="Change keys").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Mark as dubious").click()
    expert.press("4")
    expect(dialog.get_by_role("status")).to_contain_text("Digits name classes")
    expert.press("e")
    expect(dialog.get_by_role("status")).to_contain_text("e is the key of “Exclude, with a reason”")
    expert.keep("keys-conflict")
    dialog.get_by_role("button", name="Take it from").click()
    expect(dialog.get_by_role("button", name="Exclude, with a reason")).to_contain_text("no key")
    dialog.get_by_role("button", name="Exclude, with a reason").click()
    expert.press(".")
    expect(dialog.get_by_role("button", name="Exclude, with a reason")).to_contain_text(".")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".classbar").get_by_role("button", name="e Dubious")).to_be_visible()
    expert.open(page.url)
    page.locator(".cell").first.click()
    expert.press("e")
    expert.says("Marked as dubious 1 image")
    page.locator(".cell").nth(1).click()
    expert.press(".")
    expect(page.get_by_role("dialog")).to_be_visible()
    expert.press("Escape", "?")
    dialog.get_by_role("button", name="Reset all").click()
    expect(dialog.get_by_role("button", name="Mark as dubious")).to_contain_text("d")
    assert read_annotations(digits).revision == 1
    expert.fine()


def test_two_groups_stand_side_by_side_and_images_move(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    expert.click(expert.group(0))
    expert.click(expert.group(1), modifiers=["Control"])
    expert.press("c")
    left = page.get_by_role("group", name="Images of group 0")
    right = page.get_by_role("group", name="Images of group 1")
    expect(left.locator(".cell").first).to_be_visible()
    expect(right.locator(".cell").first).to_be_visible()
    nearest = [
        int((cell.get_attribute("aria-label") or "").split()[1].strip(",")) for cell in left.locator(".cell").all()[:2]
    ]
    groups = digits.partition()[0]["group"].to_numpy()
    centre = digits.embedding[groups == 1].mean(axis=0)
    distance = np.linalg.norm(digits.embedding - centre, axis=1)
    assert nearest == np.flatnonzero(groups == 0)[np.argsort(distance[groups == 0], kind="stable")[:2]].tolist()
    left.locator(".cell").nth(0).click()
    left.locator(".cell").nth(1).click()
    expert.keep("side-by-side")
    expert.press(">")
    expert.says("Moved 2 of group 0 to group 1")
    expect(page.locator(".sides section").nth(1).locator("h3")).to_contain_text(
        f"{np.count_nonzero(groups == 1) + 2} images"
    )
    now = read_annotations(digits).groups[digits.partition()[1]["name"]]
    assert len(set(now[nearest])) == 1
    assert np.count_nonzero(now == now[nearest[0]]) == np.count_nonzero(groups == 1) + 2
    expert.press("Shift+D")
    expert.keep("side-by-side-dark")
    expert.press("g")
    expert.total(int(np.isin(groups, (0, 1)).sum()))
    expert.fine()


def test_duplicates_are_judged_as_pairs(new_expert: Callable[..., Expert], digits: RunFolder) -> None:
    embedding = np.load(digits.path / "embedding.npy")
    embedding[[20, 21, 22]] = embedding[[10, 11, 12]] + 1e-3
    np.save(digits.path / "embedding.npy", embedding)
    with live_server(digits.path) as place:
        judge_pairs(new_expert().open(place), RunFolder(digits.path))


def judge_pairs(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    expert.press("q")
    page.get_by_role("button", name="duplicates").click()
    pairs = page.get_by_test_id("pairs")
    expect(pairs).to_have_text(re.compile(r"Pair 1 of \d+"), timeout=60_000)
    n = int(pairs.inner_text().split()[-1])
    expert.keep("duplicates")

    def shown() -> list[int]:
        images = page.locator(".pair img")
        return [int(re.findall(r"row (\d+)", images.nth(i).get_attribute("alt") or "")[0]) for i in (0, 1)]

    left, right = shown()
    expert.press("ArrowLeft")
    expect(page.locator(".pair img").nth(1)).not_to_have_attribute("alt", re.compile(f"row {right}:"))
    assert read_annotations(digits).reasons[[left, right]].tolist() == ["", "duplicate"]
    both = shown()
    before = pairs.inner_text()
    expert.press("ArrowDown")
    expect(pairs).not_to_have_text(before)
    assert read_annotations(digits).distinct.tolist() == [both]
    expert.press("Control+z")
    expect(pairs).to_have_text(before)
    assert shown() == both
    expert.press("ArrowUp")
    expect(pairs).not_to_have_text(before)
    assert read_annotations(digits).distinct.tolist() == []
    assert before.endswith(f"of {n}")
    expert.fine()
