"""Filters, searches and saved views as a page asks for them, and as an attacker does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.atlas import Atlas
from facies.errors import InputError
from facies.runs import RunFolder
from tests.atlas.factories import Browser, N

S01 = {"field": "column:sample", "values": ["S01"]}


def rows_of(browser: Browser, *where: dict[str, Any]) -> list[int]:
    header, arrays = browser.arrays("/filter", {"where": list(where)})
    rows = np.flatnonzero(np.unpackbits(arrays["mask"], bitorder="little")[:N])
    assert header["n"] == len(rows)
    return rows.tolist()


def test_every_field_that_is_listed_can_be_summarised_and_filtered_by(browser: Browser) -> None:
    fields = browser.get("/fields")
    names = [field["field"] for field in fields]
    assert {"group", "class", "state", "looked_at", "column:sample", "column:area_px", "id", "text"} <= set(names)
    assert "column:label" not in names
    for field in fields:
        if field["field"] in ("prediction", "certainty"):
            continue  # there is no classifier yet
        summary = browser.post("/fields", {"field": field["field"], "where": [S01]})
        assert summary["kind"] == field["kind"]
        assert rows_of(browser, {"field": field["field"], "missing": True}) == [] or summary["missing"][0] > 0


def test_a_filter_narrows_what_is_sorted_counted_and_done(browser: Browser) -> None:
    where = [S01, {"field": "group", "values": ["1"]}]
    rows = rows_of(browser, *where)
    assert 0 < len(rows) < N / 4
    _, sorted_rows = browser.arrays("/order", {"of": {"all": True, "where": where}, "by": "nearest"})
    assert sorted(sorted_rows["rows"].tolist()) == rows
    assert browser.post("/count", {"of": {"group": 1, "where": [S01]}})["n"] == len(rows)
    browser.act("assign", of={"group": 1, "where": [S01], "not_excluded": True}, name="quartz")
    classes = browser.state()["class"]
    assert [row for row in range(N) if classes[row]] == rows
    # The filter sees what was done.
    assert rows_of(browser, {"field": "class", "values": ["1"]}) == rows
    assert browser.post("/count", {"of": {"all": True, "where": [{"field": "class", "missing": True}]}})["n"] == (
        N - len(rows)
    )


def test_the_order_by_chance_keeps_its_images_when_some_leave(browser: Browser) -> None:
    def order(where: list[dict[str, Any]]) -> list[int]:
        body = {"of": {"all": True, "where": where}, "by": "random", "seed": 3}
        return [int(row) for row in browser.arrays("/order", body)[1]["rows"]]

    every, some = order([]), order([S01])
    assert sorted(every) == list(range(N)) != every
    assert some == [row for row in every if row in set(some)]


def test_ids_are_found(browser: Browser, run: RunFolder) -> None:
    ids = run.images["id"].astype(str).tolist()
    header, arrays = browser.arrays("/find", {"text": ids[7].upper(), "where": []})
    assert arrays["rows"][0] == 7
    assert header["ids"] == [ids[row] for row in arrays["rows"][:8]]
    header, arrays = browser.arrays("/find", {"text": ids[7], "where": [{"field": "looked_at", "values": ["yes"]}]})
    assert (arrays["rows"].tolist(), header["total"]) == ([], 0)
    assert header["hidden"] >= 1


@pytest.mark.parametrize(
    "body",
    [
        {"where": [{"field": "column:sample"}]},
        {"where": [{"field": "nothing", "values": ["1"]}]},
        {"where": [{"field": "column:" + "x" * 2000, "low": 1}]},
        {"where": [S01] * 51},
        {"where": [{"field": "column:area_px", "low": "1; DROP TABLE action"}]},
        {"where": [{"field": "__class__", "values": ["x"]}]},
        {"where": {"field": "group"}},
        {"where": [[["group"]]]},
        {"where": None},
        {},
    ],
)
def test_hostile_filters_are_refused_in_one_line(browser: Browser, body: Any) -> None:
    error = browser.post("/filter", body, status=400)["error"]
    assert "\n" not in error
    assert "fault of Facies" not in error
    assert len(error) < 1500


def test_a_view_is_saved_replaced_seen_by_others_and_removed(browser: Browser, run: RunFolder, atlas: Atlas) -> None:
    query = {"filter": json.dumps([S01]), "target": "group:1", "camera": "0,0,2"}
    browser.post("/views", {"name": " Sample 1 ", "query": query})
    browser.post("/views", {"name": "sample 1", "query": {"target": "all"}})
    browser.post("/views", {"name": "A", "query": query})
    found = browser.get("/views")
    assert [view["name"] for view in found] == ["A", "sample 1"]
    assert found[0]["query"] == query
    assert found[0]["user"] == atlas.run("run").journal.user
    for status in (200, 404):
        answer = browser.client.request("DELETE", "/api/runs/run/views", params={"name": "A"}, json={})
        assert answer.status_code == status
    atlas.close()
    with Atlas([run.path]) as again:
        assert [view["name"] for view in Browser(again).get("/views")] == ["sample 1"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "query": {}},
        {"name": "\u200b", "query": {}},
        {"name": "a\nb", "query": {}},
        {"name": "x" * 101, "query": {}},
        {"name": "\u202eevil", "query": {}},
        {"name": "a", "query": {"UPPER": "1"}},
        {"name": "a", "query": {"../x": "1"}},
        {"name": "a", "query": {"filter": "x" * 8001}},
        {"name": "a", "query": {f"k{'abcdefghij'[i % 10]}{'abcdefghij'[i // 10]}": "1" for i in range(31)}},
        {"name": "a", "query": {"filter": 3}},
        {"name": 3, "query": {}},
    ],
)
def test_hostile_views_are_not_saved(browser: Browser, run: RunFolder, body: Any) -> None:
    assert "\n" not in browser.post("/views", body, status=400)["error"]
    assert not (run.path / "atlas" / "views.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        '[{"name": "a"}]',
        '[{"name": "a", "query": {}, "extra": 1}]',
        '[{"name": "\\u202ea", "query": {}}]',
        json.dumps([{"name": f"{i}", "query": {}} for i in range(201)]),
        '"' + "x" * 8_000_001 + '"',
        "null",
    ],
    ids=["cut", "deep", "incomplete", "more", "direction", "many", "large", "null"],
)
def test_a_damaged_file_of_views_is_named_and_left_as_it_is(browser: Browser, run: RunFolder, text: str) -> None:
    path = run.path / "atlas" / "views.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    for answer in (browser.get("/views", status=400), browser.post("/views", {"name": "a", "query": {}}, status=400)):
        assert "views.json" in answer["error"]
        assert "fault of Facies" not in answer["error"]
    assert path.read_text() == text
    assert browser.get("")["n_images"] == N  # the run is open all the same


def test_views_that_lead_out_of_the_run_are_not_read(browser: Browser, run: RunFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps([{"name": "secret", "query": {}}]))
    (run.path / "atlas").mkdir(exist_ok=True)
    (run.path / "atlas" / "views.json").symlink_to(secret)
    assert "secret'" not in browser.get("/views", status=400)["error"]
    browser.post("/views", {"name": "a", "query": {}}, status=400)
    assert json.loads(secret.read_text())[0]["name"] == "secret"


def test_a_pipe_in_place_of_the_views_is_not_waited_for(browser: Browser, run: RunFolder) -> None:
    (run.path / "atlas").mkdir(exist_ok=True)
    os.mkfifo(run.path / "atlas" / "views.json")
    assert "views.json" in browser.get("/views", status=400)["error"]


def test_a_write_that_fails_leaves_the_views_as_they_were(
    atlas: Atlas, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = atlas.services["run"].views
    views.save("kept", {"target": "all"}, "me")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="full"):
        views.save("lost", {}, "me")
    assert [view.name for view in views.read()] == ["kept"]
    assert [path.name for path in (run.path / "atlas").iterdir() if "views" in path.name] == ["views.json"]
