"""Thumbnails of images as the method set them upright."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facies.atlas import Atlas
from facies.runs import RunFolder, write_run
from tests.atlas.factories import Browser, make_contents, make_table
from tests.runs.factories import make_images


class Upside:
    """Images upside down."""

    def __init__(self, images: Any) -> None:
        self.table, self.image_shape, self.images = images.table, images.image_shape, images

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, batch_size: int) -> Iterator[Any]:
        for batch in self.images.batches(batch_size):
            yield batch.flip(-2)


@pytest.fixture
def upright_run(tmp_path: Path) -> RunFolder:
    images = make_table(make_images(tmp_path, n=90))
    contents = make_contents(images)
    contents.canonical_images = Upside(images)
    return write_run(tmp_path / "run", contents)


def test_sheets_and_thumbnails_in_both_ways(upright_run: RunFolder) -> None:
    with Atlas([upright_run.path]) as atlas:
        browser = Browser(atlas)
        reply = browser.get("")["thumbnails"]
        assert reply["upright"] is True
        place = f"/api/runs/run/{{}}/{reply['hash']}"
        upright = upright_run.canonical_thumbnails
        assert upright is not None
        sheet = browser.client.get(f"{place.format('sheets')}/0.webp?upright=true")
        assert sheet.content == upright.sheet_path(0).read_bytes()
        assert "immutable" in sheet.headers["cache-control"]
        plain = browser.client.get(f"{place.format('sheets')}/0.webp?upright=false")
        assert plain.content == upright_run.thumbnails.sheet_path(0).read_bytes() != sheet.content
        one = browser.client.get(f"{place.format('thumbnails')}/7.webp?upright=true").content
        shown = np.asarray(Image.open(io.BytesIO(one)).convert("L"))
        np.testing.assert_array_equal(shown, upright_run.thumbnails.array(7)[::-1])
        for lacking in ("sheets/{}/5.webp", "thumbnails/{}/90.webp", "thumbnails/{}/-1.webp"):
            answer = browser.client.get(f"/api/runs/run/{lacking.format(reply['hash'])}?upright=true")
            assert answer.status_code == 404
        odd = browser.client.get(f"{place.format('sheets')}/0.webp?upright=sideways")
        assert odd.status_code == 400


def test_a_run_that_has_none(browser: Browser) -> None:
    reply = browser.get("")["thumbnails"]
    assert reply["upright"] is False
    for place in ("sheets/{}/0.webp", "thumbnails/{}/0.webp"):
        answer = browser.client.get(f"/api/runs/run/{place.format(reply['hash'])}?upright=true")
        assert answer.status_code == 404
        assert "set no images upright" in answer.json()["error"]
