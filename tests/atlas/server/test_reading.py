from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facies.atlas import Atlas
from facies.atlas.state.projection import normalise_points
from facies.runs import RunFolder
from tests.atlas.factories import Browser, N


def wait_for(found: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_the_session_tells_what_there_is(browser: Browser) -> None:
    told = browser.client.get("/api/session").json()
    assert [run["key"] for run in told["runs"]] == ["run"]
    assert told["runs"] == browser.client.get("/api/runs").json()
    assert told["demo"] is False
    assert {"csv", "parquet", "folders", "coco", "ecotaxa", "report"} <= set(told["exports"])
    assert told["limits"] == {"name": 100, "rows": 20_000}


def test_an_atlas_without_runs_is_empty(tmp_path: Path) -> None:
    with Atlas([]) as atlas:
        browser = Browser(atlas)
        assert browser.client.get("/api/runs").json() == []
        assert browser.client.get("/api/runs/run").json()["kind"] == "missing"


def test_a_run_tells_its_parts(browser: Browser, run: RunFolder) -> None:
    told = browser.get("")
    assert [p["name"] for p in told["projections"]] == ["umap", "pca"]
    assert told["partition"] == "density"
    assert {c["name"] for c in told["columns"]} >= {"probability", "distance", "sample", "touching", "sharpness"}
    assert told["thumbnails"]["per_sheet"] == 1024
    assert (told["undo"], told["redo"], told["revision"]) == (False, False, 0)
    assert not any(str(run.path) in str(value) for value in told.values())


def test_points_are_the_projection_at_one_scale(browser: Browser, run: RunFolder) -> None:
    for name in (None, "umap", "pca"):
        answer = browser.client.get("/api/runs/run/points", params={"projection": name} if name else {})
        assert "immutable" in answer.headers["cache-control"]
        _, points = browser.frame(f"/points?projection={name}" if name else "/points")
        given = run.projection(name)[0]
        placed = np.stack([points["x"], points["y"]], axis=1)
        assert np.abs(placed).max() == pytest.approx(1)
        np.testing.assert_allclose(
            np.diff(placed, axis=0) * np.ptp(given, axis=0).max() / 2, np.diff(given, axis=0), atol=1e-4
        )
    assert browser.get("/points?projection=tsne", 404)["kind"] == "missing"


def test_points_that_are_not_finite_are_nowhere() -> None:
    placed = normalise_points(np.array([[0, 0], [np.inf, 1], [4, 2]], np.float32))
    assert np.isnan(placed[1]).all()
    np.testing.assert_allclose(placed[[0, 2]], [[-1, -0.5], [1, 0.5]])
    assert np.isnan(normalise_points(np.full((2, 2), np.nan, np.float32))).all()
    assert normalise_points(np.full((3, 2), 7, np.float32)).tolist() == [[0, 0]] * 3


def test_columns_are_arrays(browser: Browser, run: RunFolder) -> None:
    header, sections = browser.frame("/columns/sample")
    words = np.array(["", *header["dictionary"]])[sections["codes"]]
    assert words.tolist() == run.images["sample"].tolist()
    _, sections = browser.frame("/columns/area_px")
    np.testing.assert_allclose(sections["values"], run.images["area_px"], rtol=1e-6)
    assert browser.get("/columns/label", 404)["kind"] == "missing"


def test_state_at_the_start(browser: Browser, run: RunFolder) -> None:
    header, sections = browser.frame("/state")
    assert (header["revision"], header["probe"], header["reasons"]) == (0, 0, [])
    assert sections["group"].tolist() == run.partition()[0]["group"].tolist()
    assert not sections["class"].any()
    assert len(sections["certainty"]) == 0


def test_images_thumbnails_and_sheets_are_the_pixels(browser: Browser, run: RunFolder) -> None:
    told = browser.get("")["thumbnails"]
    pixels = run.image_set().source.read(np.array([7]))[0, 0]
    black, white = run.thumbnails.index["values"]["black"], run.thumbnails.index["values"]["white"]
    shown = np.rint(np.clip((pixels.astype(float) - black) / (white - black), 0, 1) * 255)
    full = picture(browser.client.get("/api/runs/run/images/7").content)
    np.testing.assert_array_equal(full if full.ndim == 2 else full[..., 0], shown)
    answer = browser.client.get(f"/api/runs/run/sheets/{told['hash']}/0.webp")
    assert answer.content == run.thumbnails.sheet_path(0).read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    one = picture(browser.client.get(f"/api/runs/run/thumbnails/{told['hash']}/7.webp").content)
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
    told = browser.get("/images/4/info")
    assert (told["row"], told["group"], told["class"], told["state"], told["reason"]) == (4, 1, 1, 4, "cut")
    assert told["facts"]["sample"] == run.images["sample"].iloc[4]
    assert "label" not in told["facts"]
    assert told["measures"] == {}


def test_groups_with_size_class_and_progress(browser: Browser) -> None:
    browser.act("assign", of={"group": 0}, name="quartz", state="predicted")
    browser.act("assign", of={"rows": [3, 6]}, name="foram")
    browser.act("exclude", of={"rows": [9]}, reason="cut")
    groups = {group["group"]: group for group in browser.get("/groups")["groups"]}
    assert {group: told["size"] for group, told in groups.items()} == {-1: 9, 0: 27, 1: 27, 2: 27}
    first = groups[0]
    # Two validated votes for foram outweigh 24 predictions.
    assert first["class"] == browser.class_id("foram")
    assert (first["named"], first["validated"], first["excluded"], first["progress"]) == (26, 2, 1, 1.0)
    assert first["medoid"] == first["examples"][0]
    assert 0.8 < first["homogeneity"] <= 1
    similar = browser.get("/groups/0/similar")["groups"]
    assert {told["group"] for told in similar} == {1, 2}
    assert browser.get("/groups/99/similar", 404)["kind"] == "missing"


def test_unnamed_groups_are_proposed_first(browser: Browser) -> None:
    browser.act("name", group=1, name="quartz")
    similar = browser.get("/groups/0/similar")["groups"]
    assert [(told["group"], told["named"]) for told in similar] == [(2, False), (1, True)]


def test_counts_with_intervals_ratios_and_samples(browser: Browser) -> None:
    browser.act("name", group=0, name="whole one")
    browser.act("name", group=1, name="piece")
    browser.act("class", name="whole one", roles=["whole"])
    browser.act("class", name="piece", roles=["fragment"])
    browser.act("exclude", of={"rows": [1, 4]}, reason="cut")
    browser.act("dubious", of={"rows": [7]})
    told = browser.get("/counts?by=sample&ratio=whole one/piece")
    assert (told["n_counted"], told["n_excluded"], told["n_dubious"], told["unnamed"]) == (51, 2, 1, 36)
    assert told["excluded"] == {"cut": 2}
    rows = {row["name"]: row for row in told["classes"]}
    assert (rows["whole one"]["n"], rows["piece"]["n"], rows["piece"]["dubious"]) == (27, 24, 1)
    assert rows["piece"]["low"] < 24 / 51 < rows["piece"]["high"]
    ratios = {ratio["name"]: ratio for ratio in told["ratios"]}
    assert ratios["whole / fragment"]["value"] == pytest.approx(27 / 24)
    assert ratios["whole / fragment"]["low"] < 27 / 24 < ratios["whole / fragment"]["high"]
    assert ratios["whole one/piece"]["value"] == pytest.approx(27 / 24)
    assert ratios["fragmentation"]["value"] == pytest.approx(100 * 24 / 51)
    assert "no class has the role" in ratios["planktic / benthic"]["why"]
    samples = {row["sample"]: row for row in told["samples"]}
    assert sum(row["n_counted"] for row in samples.values()) == 51
    assert all(row["small"] for row in samples.values())
    assert browser.get("/counts?by=area_px", 400)["kind"] == "input"
    assert browser.get("/counts?by=nothing", 400)["kind"] == "input"
    assert browser.get("/counts?ratio=quartz/piece", 400)["kind"] == "input"
    assert browser.get("/counts?ratio=a", 400)["kind"] == "input"


def test_counts_of_nothing(browser: Browser) -> None:
    told = browser.get("/counts?by=sample")
    assert (told["classes"], told["n_counted"], told["unnamed"]) == ([], 0, N)


def test_an_audit_corrects_the_shares(browser: Browser) -> None:
    browser.act("name", group=0, name="quartz")
    browser.act("name", group=1, name="foram")
    drawn = browser.post("/audits", {"per_class": 10, "seed": 3})
    assert drawn["classes"] == {"1": 10, "2": 10}
    state = browser.state()
    assert sorted(state["class"][row] for row in drawn["rows"]) == [1] * 10 + [2] * 10
    true = [2 if i == 0 else state["class"][row] for i, row in enumerate(drawn["rows"])]
    wrong = state["class"][drawn["rows"][0]] == 1
    browser.act("audit", rows=drawn["rows"], true=true)
    rows = {row["name"]: row for row in browser.get("/counts")["classes"]}
    assert rows["quartz"]["audited"] == 10
    expected = 0.5 * 0.9 if wrong else 0.5
    assert rows["quartz"]["audited_share"] == pytest.approx(expected)
    assert rows["quartz"]["audited_low"] <= expected <= rows["quartz"]["audited_high"]
    ratio = browser.get("/counts?ratio=quartz/foram")["ratios"][-1]
    assert ratio["audited_value"] == pytest.approx(expected / (1 - expected))
    assert ratio["audited_low"] < ratio["audited_value"] < ratio["audited_high"]
    again = browser.post("/audits", {"per_class": 100})
    assert not set(again["rows"]) & set(drawn["rows"])
    assert again["classes"] == {"1": 17, "2": 17}


def test_the_classifier_proposes_the_rest(browser: Browser) -> None:
    assert browser.get("/probe")["status"] == "none"
    browser.act("assign", of={"rows": [3, 6, 9, 12]}, name="a")
    browser.act("assign", of={"rows": [1, 4, 7, 13]}, name="b")
    browser.act("assign", of={"rows": [2, 5, 8, 11]}, name="c")
    told = wait_for(lambda: (p := browser.get("/probe"))["n_labelled"] == 12 and p)
    assert told["status"] == "ready"
    assert sorted(told["classes"]) == [1, 2, 3]
    header, sections = browser.frame("/predictions")
    assert header["probe"] == told["number"]
    truth = np.arange(N) % 3 + 1
    right = sections["prediction"] == np.where(truth == 1, 1, np.where(truth == 2, 2, 3))
    assert right.mean() > 0.95
    assert (sections["certainty"] >= 0).all()
    assert (sections["certainty"] <= 1).all()
    _, page = browser.frame("/order", {"of": {"all": True}, "by": "least_certain", "limit": 5})
    assert page["rows"].tolist() == np.argsort(sections["certainty"], kind="stable")[:5].tolist()
    _, queue = browser.frame("/queues/least_certain")
    assert len(queue["rows"]) == N - 12
    row = int(queue["rows"][0])
    browser.act("validate", of={"rows": [row]})
    assert browser.state()["class"][row] == sections["prediction"][row]
    answer = browser.act("accept_probe", of={"all": True}, least=0.0)
    assert answer["n"] == N - 13
    states = browser.state()
    assert states["state"].count(1) == N - 13
    browser.act("accept_probe", 409, of={"all": True})
    assert (
        browser.frame("/order", {"of": {"prediction": 1}, "by": "row"})[0]["total"]
        == (sections["prediction"] == 1).sum()
    )


def test_the_classifier_goes_with_its_names(browser: Browser) -> None:
    browser.act("name", group=0, name="a")
    browser.act("name", group=1, name="b")
    wait_for(lambda: browser.get("/probe")["status"] == "ready")
    browser.act("undo")
    wait_for(lambda: browser.get("/probe")["number"] == 0)
    assert browser.frame("/predictions")[0]["probe"] == 0
    assert (
        "there is no classifier"
        in browser.client.post("/api/runs/run/order", json={"of": {"all": True}, "by": "most_certain"}).text
    )


def test_quality_queues(browser: Browser, run: RunFolder) -> None:
    _, cut = browser.frame("/queues/cut")
    assert cut["rows"].tolist() == np.flatnonzero(run.images["touches_border"]).tolist()
    browser.act("exclude", of={"rows": cut["rows"].tolist()}, reason="cut")
    assert len(browser.frame("/queues/cut")[1]["rows"]) == 0
    header, duplicates = browser.frame("/queues/duplicates")
    assert header["pairs"]
    assert (duplicates["rows"][0], duplicates["twin"][0]) == (4, 1)
    listed = {queue["name"]: queue for queue in browser.get("/queues")}
    assert listed["cut"]["n"] == 0
    assert listed["duplicates"]["n"] == 1
    assert "no classifier" in listed["least_certain"]["why"]
    assert browser.get("/queues/nothing", 404)["kind"] == "missing"


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
    header, page = browser.frame("/order", request)
    assert header["total"] == 30
    assert len(page["rows"]) == 10
    if by == "random":
        assert set(page["rows"].tolist()) <= set(rows.tolist())
        np.testing.assert_array_equal(page["rows"], browser.frame("/order", request)[1]["rows"])
        assert page["rows"].tolist() != browser.frame("/order", {**request, "seed": 1})[1]["rows"].tolist()
        return
    order = rows if by == "row" else rows[np.argsort(-apart if by == "farthest" else apart, kind="stable")]
    np.testing.assert_array_equal(page["rows"], order[5:15])


def test_a_group_that_is_gone_is_empty_in_any_order(browser: Browser) -> None:
    for by in ("nearest", "farthest", "random", "row"):
        header, page = browser.frame("/order", {"of": {"group": 99}, "by": by})
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
    _, found = browser.frame("/neighbours", {"of": {"rows": [1]}, "k": 5})
    apart = np.linalg.norm(run.embedding - run.embedding[1], axis=1)
    np.testing.assert_array_equal(found["rows"], np.argsort(apart, kind="stable")[1:6])
    _, found = browser.frame("/neighbours", {"of": {"rows": [1]}, "among": {"group": 0}, "k": 3})
    groups = run.partition()[0]["group"].to_numpy()
    assert (groups[found["rows"]] == 0).all()
    assert browser.post("/neighbours", {"of": {"class": 3}}, 400)["kind"] == "input"


def test_what_a_choice_holds(browser: Browser) -> None:
    browser.act("name", group=2, name="quartz")
    told = browser.post("/count", {"of": {"rows": list(range(30))}})
    assert told["n"] == 30
    assert dict(told["groups"]) == {0: 9, 1: 9, 2: 9, -1: 3}
    assert dict(told["classes"]) == {0: 21, 1: 9}
    assert told["states"] == [21, 0, 9, 0, 0]


def test_two_runs_in_one_atlas(run: RunFolder, tmp_path: Path) -> None:
    import shutil

    other = shutil.copytree(run.path, tmp_path / "more" / "run")
    with Atlas([run.path, other]) as atlas:
        first, second = Browser(atlas), Browser(atlas, key="run-2")
        first.act("name", group=0, name="quartz")
        assert (first.get("")["revision"], second.get("")["revision"]) == (1, 0)
        assert len(first.client.get("/api/runs").json()) == 2
