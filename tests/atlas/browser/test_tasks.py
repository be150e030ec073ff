"""What takes more than one step: re-cluster, split, merge, grow, queues, the least certain, the audit, exports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from facies.annotations import read_annotations
from facies.images import open_images
from facies.runs import RunContents, RunFolder, partition_table, write_run
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import N, names_of_groups, truth
from tests.atlas.browser.live_server import live_server


@pytest.fixture
def groups(digits: RunFolder) -> np.ndarray:
    return digits.partition()[0]["group"].to_numpy()


def name_all(expert: Expert, groups: np.ndarray, leave: int = 0) -> None:
    """Name the groups as they are, but for the last few."""
    names = names_of_groups(groups, truth())
    keys: dict[str, str] = {}
    expert.press("Space")
    for _ in range(len(names) - leave):
        group = expert.current_group()
        name = names[group]
        if name in keys:
            expert.press(keys[name])
        else:
            keys[name] = "1234567890"[len(keys)]
            expert.name(name)
        expect(expert.group(group)).not_to_have_attribute("aria-current", "true", timeout=20_000)


def test_recluster_shows_first_and_changes_only_when_accepted(expert: Expert, groups: np.ndarray) -> None:
    page = expert.page
    expert.press("Space")
    group = expert.current_group()
    n_groups = page.locator("button.group").count()
    expert.press("r")
    expect(page.get_by_test_id("parts").locator("section").first).to_be_visible(timeout=60_000)
    parts = page.get_by_test_id("parts").locator("section").count()
    expert.keep("recluster")
    expert.press("Escape")
    expect(page.get_by_test_id("parts")).to_have_count(0)
    assert page.locator("button.group").count() == n_groups

    expert.press("r")
    expect(page.get_by_test_id("parts").locator("section").first).to_be_visible(timeout=60_000)
    expert.press("+")
    expect(page.get_by_test_id("parts").locator("section")).to_have_count(parts + 1, timeout=60_000)
    expert.press("Enter")
    expect(page.locator("button.group")).to_have_count(n_groups + parts, timeout=30_000)
    expect(expert.group(group)).to_have_count(0)
    expert.press("Control+z")
    expect(expert.group(group)).to_have_count(1)
    expert.fine()


def test_split_and_merge(expert: Expert, groups: np.ndarray) -> None:
    page = expert.page
    expert.press("Space")
    group = expert.current_group()
    size = int((groups == group).sum())
    expert.total(size)
    for place in range(4):
        expert.click(page.locator(f"#cell-{place}"))
    expert.press("k")
    expert.total(4)
    expect(expert.group(group)).to_have_count(0)
    part = expert.current_group()
    expert.press("g")
    expect(page.get_by_role("dialog")).to_contain_text("Merge")
    expert.press("1")
    expect(expert.group(part)).to_have_count(0)
    assert expert.current_group() > part
    expert.press("Control+z", "Control+z")
    expect(expert.group(group)).to_have_count(1)
    expert.fine()


def test_split_by_a_lasso(expert: Expert, groups: np.ndarray) -> None:
    expert.click(expert.group(0))
    size = int((groups == 0).sum())
    expert.total(size)
    expert.press("k")
    x, y = expert.on_screen(1 / 1.08, 0)
    expert.draw([(x, y - 80), (x + 80, y - 80), (x + 80, y + 80), (x, y + 80)])
    expect(expert.group(0)).to_have_count(0)
    total = expert.page.get_by_test_id("total")
    expect(total).not_to_have_text(str(size))
    assert 0 < int(total.inner_text()) < size
    expert.press("Control+z")
    expect(expert.group(0)).to_have_count(1)
    expert.fine()


def test_grow_a_class_by_bisection(expert: Expert, groups: np.ndarray, digits: RunFolder) -> None:
    page = expert.page
    kinds = truth()
    # The expert names one group of zeros; all other zeros are to be found among the rest.
    names = names_of_groups(groups, kinds)
    seed = next(group for group, name in names.items() if name == "zero")
    expert.click(expert.group(seed))
    expert.name_group("zero")
    expert.chip("zero", int((groups == seed).sum()))
    expert.click(page.get_by_role("tab", name="Classes"))
    expert.click(page.locator(".open", has_text="zero"))
    expert.press("b")
    expect(page.get_by_text("Are all of these zero?")).to_be_visible()
    expert.press("f", "j")
    expert.keep("grow")
    while page.get_by_text("Are all of these zero?").count():
        expert.press("j")
    expert.press("Enter")
    expert.says("Named 50 images zero")
    expert.chip("zero", int((groups == seed).sum()) + 50)
    assert int((read_annotations(digits).names == "zero").sum()) == int((groups == seed).sum()) + 50
    expert.fine()


def test_a_quality_queue_excludes_with_its_reason(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    expert.press("q")
    expert.click(page.get_by_role("button", name="border").or_(page.get_by_role("button", name="cut")).first)
    accept = page.get_by_role("button", name="Exclude").filter(has_text="Enter")
    expect(accept).to_contain_text(str(N // 40))
    expert.click(page.locator("#cell-0"))
    expect(accept).to_contain_text(str(N // 40 - 1))
    expert.keep("queue")
    expert.press("Enter")
    expert.says(f"Excluded {N // 40 - 1} images (cut)")
    kept = read_annotations(digits)
    assert int((kept.states == 4).sum()) == N // 40 - 1
    assert set(kept.reasons[kept.states == 4]) == {"cut"}
    expert.press("Control+z")
    assert int((read_annotations(digits).states == 4).sum()) in (0, N // 40 - 1)
    expert.fine()


def test_exclude_doubt_validate_and_take_back(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    expert.press("Space")
    expert.name_group("grain")
    expect(page.locator(".classbar")).to_contain_text("grain")
    expert.click(page.locator("#cell-0"))
    expert.click(page.locator("#cell-1"))
    expert.press("e")
    expect(page.get_by_role("dialog")).to_contain_text("why")
    expert.press("3")
    expert.says("Excluded 2 images (blurred)")
    expect(page.locator("#cell-0")).to_have_class(re.compile("excluded"))
    expert.click(page.locator("#cell-0"))
    expert.press("Shift+E")
    expect(page.locator("#cell-0")).not_to_have_class(re.compile("excluded"))
    expert.click(page.locator("#cell-2"))
    expert.press("d")
    expect(page.locator("#cell-2 .dubious")).to_be_visible()
    expert.fine()
    states = read_annotations(digits).states
    assert int((states == 4).sum()) == 1
    assert int((states == 3).sum()) == 1


def test_the_classifier_asks_and_the_audit_corrects(expert: Expert, groups: np.ndarray, digits: RunFolder) -> None:
    page = expert.page
    name_all(expert, groups, leave=6)
    expert.click(page.get_by_role("tab", name="Classes"))
    # Not an earlier one, that knew fewer names, for its page would be exchanged.
    named = int((read_annotations(digits).states == 2).sum())
    expect(page.get_by_text(f"Ready: learnt from {named} named images")).to_be_visible(timeout=60_000)
    expert.keep("classifier")
    expert.press("u")
    expect(page.get_by_text("Page 1 of")).to_be_visible()
    expert.click(page.locator("#cell-1"))
    expert.press("Enter")
    expect(page.get_by_text("Page 2 of")).to_be_visible()
    assert int(read_annotations(digits).looked_at.sum()) == 49
    expert.press("Escape")

    expert.press("a")
    expect(page.get_by_text("Image 1 of")).to_be_visible()
    expect(page.locator(".inspector")).to_have_count(0)
    expert.keep("audit")
    for number in range(12):
        expert.press("1")
        expect(page.get_by_text(f"Image {number + 2} of")).to_be_visible()
    expert.press("Enter")
    table = page.get_by_test_id("counts")
    expect(table.get_by_role("columnheader", name="Corrected share")).to_be_visible()
    assert len(read_annotations(digits).audits) == 12
    expect(table).to_contain_text("more to audit")
    expert.keep("counts-audited")
    expert.fine()


def test_similar_images_and_a_link_to_a_view(expert: Expert) -> None:
    page = expert.page
    expert.click(page.locator("#cell-0"))
    expert.press("s")
    expect(page.get_by_role("heading", name="Similar to this image")).to_be_visible()
    expert.total(301)
    expert.press("Escape")
    expert.click(expert.group(3))
    page.wait_for_url("**target=group%3A3**")
    page.reload()
    expect(expert.group(3)).to_have_attribute("aria-current", "true", timeout=60_000)
    expert.fine()


def test_export_of_a_selection(expert: Expert, groups: np.ndarray, tmp_path: Path) -> None:
    page = expert.page
    expert.click(expert.group(3))
    expert.total(int((groups == 3).sum()))
    expert.press("x")
    expert.click(page.get_by_label("Only Group 3"))
    with page.expect_download(timeout=60_000) as download:
        expert.click(page.get_by_role("button", name=re.compile("^csv")))
    path = tmp_path / "export.csv"
    download.value.save_as(path)
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == int((groups == 3).sum()) + 1
    assert json.dumps(lines[0]).startswith('"id')
    expert.fine()


def test_focal_layers_are_stepped_through(new_expert: Callable[..., Expert], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 90, (30, 3, 1, 40, 40), dtype=np.uint8)
    pixels[:, 1] *= 2
    np.save(tmp_path / "stacks.npy", pixels)
    images = open_images(tmp_path / "stacks.npy")
    embedding = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    table = partition_table(images.table["id"], np.arange(30) % 2, embedding, np.full(30, 0.5, np.float32))
    contents = RunContents(
        images=images,
        embedding=embedding,
        projections={"pca": (embedding[:, :2].copy(), {"method": "PCA"})},
        partitions={"k-means": (table, {"method": "k-means"})},
    )
    with live_server(write_run(tmp_path / "run", contents).path) as address:
        expert = new_expert().open(address)
        page = expert.page
        layers = page.get_by_role("group", name="Focal layer")
        expect(layers).to_contain_text("best")
        with page.expect_response(re.compile(r"/thumbnails/.*layer=0")):
            expert.press("]")
        expect(layers).to_contain_text("layer 1 of 3")
        expect(page.locator(".inspector img")).to_have_attribute("src", re.compile("layer=0"))
        expert.press("]", "]")
        expect(layers).to_contain_text("layer 3 of 3")
        expert.press("[")
        expect(layers).to_contain_text("layer 2 of 3")
        page.wait_for_url("**layer=1**")
        expert.keep("layers")
        expert.fine()
