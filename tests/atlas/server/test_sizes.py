"""How large things are in nature, as the page is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facies.atlas import Atlas
from facies.runs import write_run
from tests.atlas.factories import Browser, N, make_contents, make_table
from tests.runs.factories import make_images


def test_without_a_scale_nothing_is_said(browser: Browser) -> None:
    assert browser.get("")["scale"] is None
    assert browser.get("/images/0/info")["size_um"] is None
    browser.get("/sizes", 404)


def test_images_that_were_stretched_differ(tmp_path: Path) -> None:
    images = make_table(make_images(tmp_path, n=N))
    images.table = images.table.assign(width=np.arange(N) + 10, height=20)
    contents = make_contents(images)
    contents.manifest = {**contents.manifest, "input": {"um_per_px": 2.0}}
    with Atlas([write_run(tmp_path / "run", contents).path]) as atlas:
        browser = Browser(atlas)
        assert browser.get("")["scale"] == {"width_um": None, "height_um": None}
        sizes = browser.arrays("/sizes")[1]
        assert sizes["width"].tolist() == [2.0 * (row + 10) for row in range(N)]
        assert set(sizes["height"].tolist()) == {40.0}
        assert browser.get("/images/5/info")["size_um"] == [30.0, 40.0]
