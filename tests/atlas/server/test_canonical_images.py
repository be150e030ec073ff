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


def test_thumbnails_in_both_ways(upright_run: RunFolder) -> None:
    with Atlas([upright_run.path]) as atlas:
        browser = Browser(atlas)
        reply = browser.get("")["thumbnails"]
        assert reply["upright"] is True
        place = f"/api/runs/run/thumbnails/{reply['hash']}"
        plain = upright_run.thumbnails.array(7)
        for upright, wanted in (("true", plain[::-1]), ("false", plain)):
            answer = browser.client.get(f"{place}/7.webp?upright={upright}")
            assert "immutable" in answer.headers["cache-control"]
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.content)).convert("L")), wanted)
        for lacking in ("90", "-1"):
            assert browser.client.get(f"{place}/{lacking}.webp?upright=true").status_code == 404
        assert browser.client.get(f"{place}/7.webp?upright=sideways").status_code == 400


def test_a_run_that_has_none(browser: Browser) -> None:
    reply = browser.get("")["thumbnails"]
    assert reply["upright"] is False
    answer = browser.client.get(f"/api/runs/run/thumbnails/{reply['hash']}/0.webp?upright=true")
    assert answer.status_code == 404
    assert "set no images upright" in answer.json()["error"]
