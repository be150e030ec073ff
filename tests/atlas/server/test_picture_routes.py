from __future__ import annotations

import io

import numpy as np
from PIL import Image

from facies.runs import RunFolder
from tests.atlas.factories import Browser


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_images_thumbnails_and_sheets_are_the_pixels(browser: Browser, run: RunFolder) -> None:
    reply = browser.get("")["thumbnails"]
    pixels = run.image_set().source.read(np.array([7]))[0, 0]
    black, white = run.thumbnails.index["values"]["black"], run.thumbnails.index["values"]["white"]
    shown = np.rint(np.clip((pixels.astype(float) - black) / (white - black), 0, 1) * 255)
    full = picture(browser.client.get("/api/runs/run/images/7").content)
    np.testing.assert_array_equal(full if full.ndim == 2 else full[..., 0], shown)
    answer = browser.client.get(f"/api/runs/run/sheets/{reply['hash']}/0.webp")
    assert answer.content == run.thumbnails.sheet_path(0).read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    one = picture(browser.client.get(f"/api/runs/run/thumbnails/{reply['hash']}/7.webp").content)
    np.testing.assert_array_equal(one if one.ndim == 2 else one[..., 0], run.thumbnails.array(7))
    assert browser.client.get("/api/runs/run/sheets/0123456789abcdef/0.webp").status_code == 404
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
