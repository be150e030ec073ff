"""Names are only ever text: on the page, in the address, in what is read aloud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from facies.images import open_images
from facies.runs import RunContents, RunFolder, partition_table, write_run
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.live_server import live_server
from tests.runs.factories import make_pixels

HOSTILE = (
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 1">',
    "'; window.hit = 1; //",
    "\u202egnp.exe\u202c and \u200fright to left",
    "=HYPERLINK(0)",
    "{@html '<b>x</b>'}",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_it_was_typed(expert: Expert, name: str) -> None:
    page = expert.page
    expert.press("Space")
    expert.name(name)
    outcome = page.locator(".classbar .chip .name").or_(page.locator(".toast.error")).first
    expect(outcome).to_be_visible(timeout=20_000)
    assert page.evaluate("window.hit") is None
    assert expert.troubles == []
    # Either the server refuses the name in plain words, or it stands there letter by letter.
    if page.locator(".toast.error").count() == 0:
        assert page.locator(".classbar .chip .name").first.text_content() == name
        expert.press("t")
        expect(page.get_by_test_id("counts").get_by_role("button", name=name).first).to_be_visible()
    assert page.locator("img[src=x], .page b > script").count() == 0


def test_ten_thousand_letters_are_cut_at_the_field(expert: Expert) -> None:
    expert.press("Space")
    group = expert.current_group()
    expert.name_group("x" * 10_000)
    chip = expert.page.locator(".classbar .chip .name")
    expect(chip).to_have_count(1)
    name = chip.inner_text()
    assert 1 <= len(name) <= 200
    expert.click(expert.group(group))
    expert.click(expert.page.locator("#cell-0"))
    expect(expert.page.locator(".inspector")).to_contain_text(name)
    assert expert.page.evaluate("document.documentElement.scrollWidth") <= 1280
    expert.fine()


def test_hostile_ids_samples_and_columns(chromium: Browser, tmp_path: Path) -> None:
    run = write_hostile(tmp_path)
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script("localStorage.setItem('facies-tour', 'seen')")
    try:
        with live_server(run.path) as address:
            expert = Expert(context.new_page()).open(address)
            page = expert.page
            page.get_by_label("Colour by").select_option("column:sample")
            expect(page.locator(".legend")).to_contain_text("<script>")
            expert.click(page.locator("#cell-0"))
            expect(page.locator(".inspector")).to_contain_text("sample")
            expert.press("Space")
            expert.name("grain")
            expert.press("t")
            expect(page.get_by_test_id("counts")).to_contain_text("<script>")
            page.goto(f"{page.url.split('?')[0]}?run=<script>&colour=column:<script>&target=group:../..&camera=a,b,c")
            expect(page.locator(".page")).to_be_visible()
            assert page.evaluate("window.hit") is None
            expert.fine()
    finally:
        context.close()


def write_hostile(folder: Path) -> RunFolder:
    np.save(folder / "pixels.npy", make_pixels(n=40))
    images = open_images(folder / "pixels.npy")
    wild = np.array(HOSTILE, object)[np.arange(40) % len(HOSTILE)]
    images.table = images.table.assign(sample=wild, facts=wild)
    embedding = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    groups = np.arange(40) % 3
    table = partition_table(images.table["id"], groups, embedding, np.full(40, 0.5, np.float32))
    contents = RunContents(
        images=images,
        embedding=embedding,
        projections={"pca": (embedding[:, :2].copy(), {"method": "PCA"})},
        partitions={"k-means": (table, {"method": "k-means"})},
    )
    return write_run(folder / "run", contents)
