"""A run of grains: focal layers, outlines, and a scale."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.atlas import Atlas
from facies.images import open_images
from facies.runs import write_run
from tests.atlas.factories import Browser, make_contents, make_table

N, LAYERS = 12, 3
SQUARE = np.array([[2, 2], [6, 2], [6, 6], [2, 6]], np.float32)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    values = np.arange(N)[:, None] * 4 + np.arange(LAYERS) * 60 + 20
    pixels = np.broadcast_to(values.astype(np.uint8)[..., None, None, None], (N, LAYERS, 3, 40, 40)).copy()
    pixels[0, 0, 0, 0, 0], pixels[0, 0, 0, 0, 1] = 0, 255
    np.savez(tmp_path / "images.npz", images=pixels)
    images = make_table(open_images(tmp_path / "images.npz"))
    images.table["best_layer"] = np.arange(N) % LAYERS
    contents = make_contents(images)
    contents.samples = None
    contents.companions = {"outlines": pd.DataFrame({"id": images.table["id"], "outline": [SQUARE.ravel()] * N})}
    contents.manifest = {"method": "focal-vae", "input": {"um_per_px": 2.0, "value_range": [0.0, 255.0]}}
    run = write_run(tmp_path / "run", contents)
    with Atlas([run.path]) as atlas:
        yield Browser(atlas)


def grey(content: bytes) -> float:
    return float(np.median(np.asarray(Image.open(io.BytesIO(content)))))


def test_every_layer_of_the_full_image(browser: Browser) -> None:
    for row in (1, 5, 11):
        for layer in range(LAYERS):
            content = browser.client.get(f"/api/runs/run/images/{row}?layer={layer}").content
            assert grey(content) == row * 4 + layer * 60 + 20
        assert browser.client.get(f"/api/runs/run/images/{row}").content == (
            browser.client.get(f"/api/runs/run/images/{row}?layer={row % LAYERS}").content
        )
    for layer in (3, -1, "x"):
        assert browser.client.get(f"/api/runs/run/images/1?layer={layer}").status_code in (400, 404)


def test_every_layer_of_thumbnails(browser: Browser) -> None:
    reply = browser.get("")
    assert (reply["n_layers"], reply["thumbnails"]["layers"], reply["best_layer"]) == (3, 3, True)
    height, width = (2.0 * side for side in reply["image_shape"][-2:])
    assert reply["scale"] == {"width_um": width, "height_um": height}
    assert browser.get("/images/7/info")["size_um"] == [width, height]
    digest = reply["thumbnails"]["hash"]
    for layer in range(LAYERS):
        content = browser.client.get(f"/api/runs/run/thumbnails/{digest}/7.webp?layer={layer}").content
        assert abs(grey(content) - (7 * 4 + layer * 60 + 20)) <= 2
    assert browser.client.get(f"/api/runs/run/thumbnails/{digest}/7.webp?layer=3").status_code == 404


def test_the_inspector_measures_the_outline_in_micrometres(browser: Browser) -> None:
    reply = browser.get("/images/4/info")
    assert (reply["best_layer"], reply["n_layers"]) == (1, 3)
    assert reply["outline"] == SQUARE.tolist()
    assert reply["measures"]["area"]["value"] == pytest.approx(16 * 4)
    assert reply["measures"]["area"]["unit"] == "µm²"
    assert reply["measures"]["feret_max"] == {"value": pytest.approx(2 * np.hypot(4, 4)), "unit": "µm"}
    assert reply["measures"]["solidity"]["unit"] == ""
