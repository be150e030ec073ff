from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facies.runs import RunFolder
from tests.atlas.factories import Browser, N


def wait_for(found: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


def test_groups_with_size_class_and_progress(browser: Browser) -> None:
    browser.act("assign", of={"group": 0}, name="quartz", state="predicted")
    browser.act("assign", of={"rows": [3, 6]}, name="foram")
    browser.act("exclude", of={"rows": [9]}, reason="cut")
    groups = {group["group"]: group for group in browser.get("/groups")["groups"]}
    assert {group: reply["size"] for group, reply in groups.items()} == {-1: 9, 0: 27, 1: 27, 2: 27}
    first = groups[0]
    # Two validated votes for foram outweigh 24 predictions.
    assert first["class"] == browser.class_id("foram")
    assert (first["named"], first["validated"], first["excluded"], first["progress"]) == (26, 2, 1, 1.0)
    assert first["medoid"] == first["examples"][0]
    assert 0.8 < first["homogeneity"] <= 1
    similar = browser.get("/groups/0/similar")["groups"]
    assert {reply["group"] for reply in similar} == {1, 2}
    assert browser.get("/groups/99/similar", 404)["kind"] == "missing"


def test_unnamed_groups_are_proposed_first(browser: Browser) -> None:
    browser.act("name", group=1, name="quartz")
    similar = browser.get("/groups/0/similar")["groups"]
    assert [(reply["group"], reply["named"]) for reply in similar] == [(2, False), (1, True)]


def test_counts_with_intervals_ratios_and_samples(browser: Browser) -> None:
    browser.act("name", group=0, name="whole one")
    browser.act("name", group=1, name="piece")
    browser.act("class", name="whole one", roles=["whole"])
    browser.act("class", name="piece", roles=["fragment"])
    browser.act("exclude", of={"rows": [1, 4]}, reason="cut")
    browser.act("dubious", of={"rows": [7]})
    reply = browser.get("/counts?by=sample&ratio=whole one/piece")
    assert (reply["n_counted"], reply["n_excluded"], reply["n_dubious"], reply["unnamed"]) == (51, 2, 1, 36)
    assert reply["excluded"] == {"cut": 2}
    rows = {row["name"]: row for row in reply["classes"]}
    assert (rows["whole one"]["n"], rows["piece"]["n"], rows["piece"]["dubious"]) == (27, 24, 1)
    assert rows["piece"]["low"] < 24 / 51 < rows["piece"]["high"]
    ratios = {ratio["name"]: ratio for ratio in reply["ratios"]}
    assert ratios["whole / fragment"]["value"] == pytest.approx(27 / 24)
    assert ratios["whole / fragment"]["low"] < 27 / 24 < ratios["whole / fragment"]["high"]
    assert ratios["whole one/piece"]["value"] == pytest.approx(27 / 24)
    assert ratios["fragmentation"]["value"] == pytest.approx(100 * 24 / 51)
    assert "no class has the role" in ratios["planktic / benthic"]["why"]
    samples = {row["sample"]: row for row in reply["samples"]}
    assert sum(row["n_counted"] for row in samples.values()) == 51
    assert all(row["small"] for row in samples.values())
    assert browser.get("/counts?by=area_px", 400)["kind"] == "input"
    assert browser.get("/counts?by=nothing", 400)["kind"] == "input"
    assert browser.get("/counts?ratio=quartz/piece", 400)["kind"] == "input"
    assert browser.get("/counts?ratio=a", 400)["kind"] == "input"


def test_counts_of_nothing(browser: Browser) -> None:
    reply = browser.get("/counts?by=sample")
    assert (reply["classes"], reply["n_counted"], reply["unnamed"]) == ([], 0, N)


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
    reply = wait_for(lambda: (p := browser.get("/probe"))["n_labelled"] == 12 and p)
    assert reply["status"] == "ready"
    assert sorted(reply["classes"]) == [1, 2, 3]
    header, arrays = browser.arrays("/predictions")
    assert header["probe"] == reply["number"]
    truth = np.arange(N) % 3 + 1
    right = arrays["prediction"] == np.where(truth == 1, 1, np.where(truth == 2, 2, 3))
    assert right.mean() > 0.95
    assert (arrays["certainty"] >= 0).all()
    assert (arrays["certainty"] <= 1).all()
    _, page = browser.arrays("/order", {"of": {"all": True}, "by": "least_certain", "limit": 5})
    assert page["rows"].tolist() == np.argsort(arrays["certainty"], kind="stable")[:5].tolist()
    _, queue = browser.arrays("/queues/least_certain")
    assert len(queue["rows"]) == N - 12
    row = int(queue["rows"][0])
    browser.act("validate", of={"rows": [row]})
    assert browser.state()["class"][row] == arrays["prediction"][row]
    answer = browser.act("accept_probe", of={"all": True}, least=0.0)
    assert answer["n"] == N - 13
    states = browser.state()
    assert states["state"].count(1) == N - 13
    browser.act("accept_probe", 409, of={"all": True})
    assert (
        browser.arrays("/order", {"of": {"prediction": 1}, "by": "row"})[0]["total"]
        == (arrays["prediction"] == 1).sum()
    )


def test_the_classifier_goes_with_its_names(browser: Browser) -> None:
    browser.act("name", group=0, name="a")
    browser.act("name", group=1, name="b")
    wait_for(lambda: browser.get("/probe")["status"] == "ready")
    browser.act("undo")
    wait_for(lambda: browser.get("/probe")["number"] == 0)
    assert browser.arrays("/predictions")[0]["probe"] == 0
    assert (
        "there is no classifier"
        in browser.client.post("/api/runs/run/order", json={"of": {"all": True}, "by": "most_certain"}).text
    )


def test_quality_queues(browser: Browser, run: RunFolder) -> None:
    _, cut = browser.arrays("/queues/cut")
    assert cut["rows"].tolist() == np.flatnonzero(run.images["touches_border"]).tolist()
    browser.act("exclude", of={"rows": cut["rows"].tolist()}, reason="cut")
    assert len(browser.arrays("/queues/cut")[1]["rows"]) == 0
    header, duplicates = browser.arrays("/queues/duplicates")
    assert header["pairs"]
    assert (duplicates["rows"][0], duplicates["twin"][0]) == (4, 1)
    listed = {queue["name"]: queue for queue in browser.get("/queues")}
    assert listed["cut"]["n"] == 0
    assert listed["duplicates"]["n"] == 1
    assert "no classifier" in listed["least_certain"]["why"]
    assert browser.get("/queues/nothing", 404)["kind"] == "missing"
