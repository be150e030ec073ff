from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facies.atlas import Atlas
from facies.atlas.server import make_app
from facies.atlas.services.pictures import Pictures
from facies.runs import RunFolder
from tests.atlas.factories import HOST, TOKEN, Browser


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_images_and_thumbnails_are_the_pixels(browser: Browser, run: RunFolder) -> None:
    reply = browser.get("")["thumbnails"]
    pixels = run.image_set().source.read(np.array([7]))[0, 0]
    black, white = run.thumbnails.index["values"]["black"], run.thumbnails.index["values"]["white"]
    shown = np.rint(np.clip((pixels.astype(float) - black) / (white - black), 0, 1) * 255)
    full = picture(browser.client.get("/api/runs/run/images/7").content)
    np.testing.assert_array_equal(full if full.ndim == 2 else full[..., 0], shown)
    answer = browser.client.get(f"/api/runs/run/thumbnails/{reply['hash']}/7.webp")
    assert "immutable" in answer.headers["cache-control"]
    one = picture(answer.content)
    np.testing.assert_array_equal(one if one.ndim == 2 else one[..., 0], run.thumbnails.array(7))
    assert browser.client.get("/api/runs/run/thumbnails/0123456789abcdef/7.webp").status_code == 404
    assert browser.client.get("/api/runs/run/images/7?layer=1").status_code == 404


def test_generated_images(browser: Browser) -> None:
    assert browser.get("/samples/2") == {"n": 5}
    assert picture(browser.client.get("/api/runs/run/samples/2/4.webp").content).shape[:2] == (12, 12)
    assert browser.get("/samples/3", 404)["kind"] == "missing"
    assert browser.get("/samples/2/5.webp", 404)["kind"] == "missing"


def test_all_that_is_known_of_an_image(browser: Browser, run: RunFolder) -> None:
    browser.act("name", group=1, name="quartz")
    browser.act("exclude", of={"rows": [4]}, reason="cut")
    reply = browser.get("/images/4/info")
    assert (reply["row"], reply["group"], reply["class"], reply["state"], reply["reason"]) == (4, 1, 1, 4, "cut")
    assert reply["facts"]["sample"] == run.images["sample"].iloc[4]
    assert "label" not in reply["facts"]
    assert reply["measures"] == {}


def test_several_thumbnails_come_in_one_picture(browser: Browser, run: RunFolder) -> None:
    place = f"/api/runs/run/thumbnails/{browser.get('')['thumbnails']['hash']}"
    rows = [7, 3, 88, *range(20, 30)]
    answer = browser.client.get(f"{place}?rows={','.join(map(str, rows))}")
    assert "immutable" in answer.headers["cache-control"]
    sheet = picture(answer.content)[..., 0]
    tile = run.thumbnails.index["tile"]
    assert sheet.shape == (2 * tile, 8 * tile)
    height, width = run.thumbnails.shape
    for number, row in enumerate(rows):
        top, left = number // 8 * tile + (tile - height) // 2, number % 8 * tile + (tile - width) // 2
        shown = sheet[top : top + height, left : left + width].astype(int)
        assert np.abs(shown - run.thumbnails.array(row)).max() <= 1  # made from the pixels, not from the sheet
    for wrong in ("", "7,", "a", "-1", "²", ",".join(["1"] * 65), "1" * 5000):
        assert browser.client.get(f"{place}?rows={wrong}").status_code == 400, wrong
    assert browser.client.get(f"{place}?rows=7,90").status_code == 404
    assert browser.client.get(f"{place}?rows=7&layer=1").status_code == 404
    assert browser.client.get("/api/runs/run/thumbnails/0123456789abcdef?rows=7").status_code == 404


def test_thumbnails_that_nobody_waits_for_are_not_made(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page cancels what it has scrolled past: its connection ends."""
    made: list[int] = []
    real = Pictures.thumbnails

    def thumbnails(self: Pictures, rows: list[int], layer: int | None = None, *, canonical: bool = False) -> list[Any]:
        made.extend(rows)
        return real(self, rows, layer, canonical=canonical)

    monkeypatch.setattr(Pictures, "thumbnails", thumbnails)
    with Atlas([run.path]) as atlas:
        app = make_app(atlas, token=TOKEN, port=8123)
        digest = atlas.run("run").thumbnails_hash
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/api/runs/run/thumbnails/{digest}",
            "raw_path": b"",
            "query_string": ("rows=" + ",".join(map(str, range(60)))).encode(),
            "headers": [(b"host", HOST.encode()), (b"authorization", f"Bearer {TOKEN}".encode())],
        }

        async def receive() -> dict[str, Any]:
            """Say that the browser has gone, as soon as the first thumbnails are made."""
            if made:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Any) -> None:
            pass

        with ThreadPoolExecutor(1) as other:  # a browser test before may have left an event loop in this thread
            other.submit(asyncio.run, app(scope, receive, send)).result()
    assert made == list(range(16))
