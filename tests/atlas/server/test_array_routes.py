from __future__ import annotations

import numpy as np
import pytest

from facies.runs import RunFolder
from tests.atlas.factories import Browser


def test_points_are_the_projection_at_one_scale(browser: Browser, run: RunFolder) -> None:
    for name in (None, "umap", "pca"):
        answer = browser.client.get("/api/runs/run/points", params={"projection": name} if name else {})
        assert "immutable" in answer.headers["cache-control"]
        _, points = browser.arrays(f"/points?projection={name}" if name else "/points")
        given = run.projection(name)[0]
        placed = np.stack([points["x"], points["y"]], axis=1)
        assert np.abs(placed).max() == pytest.approx(1)
        np.testing.assert_allclose(
            np.diff(placed, axis=0) * np.ptp(given, axis=0).max() / 2, np.diff(given, axis=0), atol=1e-4
        )
    assert browser.get("/points?projection=tsne", 404)["kind"] == "missing"


def test_columns_are_arrays(browser: Browser, run: RunFolder) -> None:
    header, arrays = browser.arrays("/columns/sample")
    words = np.array(["", *header["dictionary"]])[arrays["codes"]]
    assert words.tolist() == run.images["sample"].tolist()
    _, arrays = browser.arrays("/columns/area_px")
    np.testing.assert_allclose(arrays["values"], run.images["area_px"], rtol=1e-6)
    assert browser.get("/columns/label", 404)["kind"] == "missing"


def test_state_at_the_start(browser: Browser, run: RunFolder) -> None:
    header, arrays = browser.arrays("/state")
    assert (header["revision"], header["probe"], header["reasons"]) == (0, 0, [])
    assert arrays["group"].tolist() == run.partition()[0]["group"].tolist()
    assert not arrays["class"].any()
    assert len(arrays["certainty"]) == 0
