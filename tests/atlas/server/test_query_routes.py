from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facies.runs import RunFolder
from tests.atlas.factories import Browser


@pytest.mark.parametrize("by", ["nearest", "farthest", "random", "row", "similar", "column"])
def test_orders(browser: Browser, run: RunFolder, by: str) -> None:
    rows = np.arange(1, 90, 3)
    request: dict[str, Any] = {"of": {"rows": rows.tolist()}, "by": by, "limit": 10, "offset": 5}
    apart = np.linalg.norm(run.embedding[rows] - run.embedding[rows].mean(0), axis=1)
    if by == "similar":
        request["to"] = {"rows": [0, 3]}
        apart = np.linalg.norm(run.embedding[rows] - run.embedding[[0, 3]].mean(0), axis=1)
    if by == "column":
        request |= {"column": "area_px", "descending": True}
        apart = -run.images["area_px"].to_numpy()[rows]
    header, page = browser.arrays("/order", request)
    assert header["total"] == 30
    assert len(page["rows"]) == 10
    if by == "random":
        assert set(page["rows"].tolist()) <= set(rows.tolist())
        np.testing.assert_array_equal(page["rows"], browser.arrays("/order", request)[1]["rows"])
        assert page["rows"].tolist() != browser.arrays("/order", {**request, "seed": 1})[1]["rows"].tolist()
        return
    order = rows if by == "row" else rows[np.argsort(-apart if by == "farthest" else apart, kind="stable")]
    np.testing.assert_array_equal(page["rows"], order[5:15])


def test_a_group_that_is_gone_is_empty_in_any_order(browser: Browser) -> None:
    for by in ("nearest", "farthest", "random", "row"):
        header, page = browser.arrays("/order", {"of": {"group": 99}, "by": by})
        assert header["total"] == 0
        assert len(page["rows"]) == 0


def test_orders_that_need_something(browser: Browser) -> None:
    for body in (
        {"of": {"all": True}, "by": "similar"},
        {"of": {"all": True}, "by": "similar", "to": {"class": 5}},
        {"of": {"all": True}, "by": "column", "column": "nothing"},
        {"of": {"all": True}, "by": "beauty"},
        {"of": {"all": True}, "by": "row", "limit": 0},
    ):
        assert browser.post("/order", body, 400)["kind"] == "input"


def test_neighbours(browser: Browser, run: RunFolder) -> None:
    _, found = browser.arrays("/neighbours", {"of": {"rows": [1]}, "k": 5})
    apart = np.linalg.norm(run.embedding - run.embedding[1], axis=1)
    np.testing.assert_array_equal(found["rows"], np.argsort(apart, kind="stable")[1:6])
    _, found = browser.arrays("/neighbours", {"of": {"rows": [1]}, "among": {"group": 0}, "k": 3})
    groups = run.partition()[0]["group"].to_numpy()
    assert (groups[found["rows"]] == 0).all()
    assert browser.post("/neighbours", {"of": {"class": 3}}, 400)["kind"] == "input"


def test_what_a_choice_holds(browser: Browser) -> None:
    browser.act("name", group=2, name="quartz")
    reply = browser.post("/count", {"of": {"rows": list(range(30))}})
    assert reply["n"] == 30
    assert dict(reply["groups"]) == {0: 9, 1: 9, 2: 9, -1: 3}
    assert dict(reply["classes"]) == {0: 21, 1: 9}
    assert reply["states"] == [21, 0, 9, 0, 0]
