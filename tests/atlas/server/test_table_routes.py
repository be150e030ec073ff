from __future__ import annotations

import numpy as np
import pytest

from facies.atlas import Atlas
from facies.runs import RunFolder
from tests.atlas.factories import Browser, N, wait_for


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
    reply = browser.get("/counts?by=sample&ratio=whole one/piece&ratio=whole/fragment")
    assert (reply["n_counted"], reply["n_excluded"], reply["n_dubious"], reply["unnamed"]) == (51, 2, 1, 36)
    assert reply["excluded"] == {"cut": 2}
    rows = {row["name"]: row for row in reply["classes"]}
    assert (rows["whole one"]["n"], rows["piece"]["n"], rows["piece"]["dubious"]) == (27, 24, 1)
    assert rows["piece"]["low"] < 24 / 51 < rows["piece"]["high"]
    ratios = {ratio["name"]: ratio for ratio in reply["ratios"]}
    assert set(ratios) == {"whole one/piece", "whole/fragment"}  # none of sediment, for these are no grains
    assert ratios["whole/fragment"]["value"] == pytest.approx(27 / 24)
    assert ratios["whole/fragment"]["low"] < 27 / 24 < ratios["whole/fragment"]["high"]
    assert ratios["whole one/piece"]["value"] == pytest.approx(27 / 24)
    samples = {row["sample"]: row for row in reply["samples"]}
    assert sum(row["n_counted"] for row in samples.values()) == 51
    assert all(row["small"] for row in samples.values())
    assert browser.get("/counts?by=area_px", 400)["kind"] == "input"
    assert browser.get("/counts?by=nothing", 400)["kind"] == "input"
    assert browser.get("/counts?ratio=quartz/piece", 400)["kind"] == "input"
    assert browser.get("/counts?ratio=a", 400)["kind"] == "input"


def test_the_ratios_of_sediment_stand_in_runs_of_grains(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from facies.grains.report.section import SECTION

    monkeypatch.setattr(type(SECTION), "applies", lambda *_: True)
    browser.act("name", group=0, name="whole one")
    browser.act("name", group=1, name="piece")
    browser.act("class", name="whole one", roles=["whole"])
    browser.act("class", name="piece", roles=["fragment"])
    ratios = {ratio["name"]: ratio for ratio in browser.get("/counts")["ratios"]}
    assert ratios["whole / fragment"]["value"] == pytest.approx(1)
    assert ratios["fragmentation"]["value"] == pytest.approx(50)
    assert "no class has the role" in ratios["planktic / benthic"]["why"]


def test_counts_of_nothing(browser: Browser) -> None:
    reply = browser.get("/counts?by=sample")
    assert (reply["classes"], reply["n_counted"], reply["unnamed"]) == ([], 0, N)


def test_an_audit_corrects_the_shares(browser: Browser) -> None:
    browser.act("name", group=0, name="quartz")
    browser.act("name", group=1, name="foram")
    drawn = browser.post("/audits", {"per_class": 20, "seed": 3})
    assert drawn["classes"] == {"1": 20, "2": 20}
    state = browser.state()
    assert sorted(state["class"][row] for row in drawn["rows"]) == [1] * 20 + [2] * 20
    true = [2 if i == 0 else state["class"][row] for i, row in enumerate(drawn["rows"])]
    wrong = state["class"][drawn["rows"][0]] == 1
    browser.act("audit", rows=drawn["rows"], true=true)
    rows = {row["name"]: row for row in browser.get("/counts")["classes"]}
    assert rows["quartz"]["audited"] == 20
    expected = 0.5 * 0.95 if wrong else 0.5
    assert rows["quartz"]["audited_share"] == pytest.approx(expected)
    assert rows["quartz"]["audited_low"] <= expected <= rows["quartz"]["audited_high"]
    ratio = browser.get("/counts?ratio=quartz/foram")["ratios"][-1]
    assert ratio["audited_value"] == pytest.approx(expected / (1 - expected))
    assert ratio["audited_low"] < ratio["audited_value"] < ratio["audited_high"]
    again = browser.post("/audits", {"per_class": 100})
    assert not set(again["rows"]) & set(drawn["rows"])
    assert again["classes"] == {"1": 7, "2": 7}


def test_shares_are_corrected_once_each_class_was_audited_enough(browser: Browser) -> None:
    browser.act("name", group=0, name="quartz")
    browser.act("name", group=1, name="foram")
    quartz, foram = browser.class_id("quartz"), browser.class_id("foram")
    row = browser.state()["class"].index(quartz)
    browser.act("audit", rows=[row], true=[foram])
    reply = browser.get("/counts?ratio=quartz/foram")
    rows = {entry["name"]: entry for entry in reply["classes"]}
    assert [rows[name]["audited_share"] for name in rows] == [None, None]
    assert [rows[name]["audit_missing"] for name in ("quartz", "foram")] == [19, 20]
    assert reply["ratios"][-1]["audited_value"] is None
    assert any("quartz (19 more), foram (20 more)" in note for note in reply["notes"])
    assert any("wrong name are not in them" in note for note in reply["notes"])


def test_what_was_looked_at_is_told_apart_from_what_was_named_with_its_group(browser: Browser) -> None:
    browser.act("name", group=0, name="quartz")
    assert not any(browser.arrays("/state")[1]["looked"])
    members = np.flatnonzero(np.array(browser.state()["class"]) > 0).tolist()
    browser.act("validate", of={"rows": members[:5]})
    browser.act("assign", of={"rows": members[5:7]}, name="chert", looked_at=True)
    browser.act("decide", rows=members[7:9], classes=[browser.class_id("chert"), browser.class_id("quartz")])
    browser.act("exclude", of={"rows": members[9:10]}, reason="cut")
    browser.act("assign", of={"rows": members[10:20]}, name="chert")
    looked = np.flatnonzero(browser.arrays("/state")[1]["looked"]).tolist()
    assert looked == members[:10]
    _, queue = browser.arrays("/queues/never_looked_at")
    assert sorted(queue["rows"].tolist()) == sorted(set(range(N)) - set(looked))
    group = next(entry for entry in browser.get("/groups")["groups"] if entry["group"] == 0)
    assert group["looked_at"] == 10
    assert {row["name"]: row["looked_at"] for row in browser.get("/counts")["classes"]} == {"quartz": 6, "chert": 3}
    assert browser.post("/count", {"of": {"class": browser.class_id("quartz"), "looked_at": False}})["n"] > 0
    browser.act("name", group=0, name="foram")
    assert not any(browser.arrays("/state")[1]["looked"][members[:9]])  # another name than the one looked at


def test_names_that_the_classifier_doubts_are_found(browser: Browser) -> None:
    for group, name in enumerate(("a", "b", "c")):
        browser.act("name", group=group, name=name)
    state = browser.state()
    wrong = [row for row in range(N) if row % 3 == 1 and state["class"][row]][:2]
    browser.act("assign", of={"rows": wrong}, name="a")
    wait_for(lambda: browser.get("/probe")["revision"] == browser.get("")["revision"])
    _, queue = browser.arrays("/queues/disagree")
    assert set(wrong) <= set(queue["rows"][:4].tolist())
    assert browser.arrays("/predictions")[1]["prediction"][wrong[0]] == browser.class_id("b")
    browser.act("validate", of={"rows": wrong})
    assert not set(wrong) & set(browser.arrays("/queues/disagree")[1]["rows"].tolist())


def test_a_classifier_that_has_seen_two_kinds_of_three_names_nothing_of_the_third(browser: Browser) -> None:
    browser.act("name", group=0, name="a")
    browser.act("name", group=1, name="b")
    reply = wait_for(lambda: (p := browser.get("/probe"))["status"] == "ready" and p)
    third = (np.arange(N) % 3 == 2) & (np.array(browser.state()["class"]) == 0)
    assert not browser.arrays("/predictions")[1]["prediction"][third].any()
    assert reply["n_outside"] >= third.sum() > 20
    assert "unlike all that have one" in reply["locked"]
    assert browser.act("accept_probe", 409, of={"all": True})["error"] == reply["locked"]


def test_a_classifier_that_knows_few_groups_takes_nothing_over(run: RunFolder) -> None:
    table = run.partition()[0].assign(group=np.arange(N) % 9)
    run.add_partition("nine", table, {"method": "none"})
    with Atlas([run.path]) as atlas:
        browser = Browser(atlas)
        for group in range(3):
            browser.act("name", group=group, name="abc"[group])
        wait_for(lambda: browser.get("/probe")["status"] == "ready")
        assert "3 of 9 groups" in browser.act("accept_probe", 409, of={"all": True})["error"]


def test_samples_stand_in_their_natural_order(run: RunFolder) -> None:
    from facies.atlas.state.columns import read_columns

    table = run.images.assign(sample=[f"S{i % 12}" for i in range(N)])
    column = read_columns(table, run.partition()[0])["sample"]
    assert column.categories == [f"S{i}" for i in range(12)]
    assert [column.categories[code - 1] for code in column.entries] == table["sample"].tolist()


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
    outside = arrays["prediction"] == 0
    assert outside.mean() < 0.1
    assert right[~outside].mean() > 0.95
    assert (arrays["certainty"] >= 0).all()
    assert (arrays["certainty"] <= 1).all()
    _, page = browser.arrays("/order", {"of": {"all": True}, "by": "least_certain", "limit": 5})
    assert page["rows"].tolist() == np.argsort(arrays["certainty"], kind="stable")[:5].tolist()
    _, queue = browser.arrays("/queues/least_certain")
    assert len(queue["rows"]) == N - outside.sum()
    assert sorted(browser.arrays("/queues/outside")[1]["rows"].tolist()) == np.flatnonzero(outside).tolist()
    named = np.isin(queue["rows"], [3, 6, 9, 12, 1, 4, 7, 13, 2, 5, 8, 11])
    assert named.sum() == 12  # named, and not looked at
    queue["rows"] = queue["rows"][~named]
    row = int(queue["rows"][0])
    browser.act("validate", of={"rows": [row]})
    assert browser.state()["class"][row] == arrays["prediction"][row]
    n_outside = wait_for(lambda: (p := browser.get("/probe"))["n_labelled"] == 13 and p)["n_outside"]
    answer = browser.act("accept_probe", of={"all": True}, least=0.0)
    assert answer["n"] == N - 13 - n_outside
    states = browser.state()
    assert states["state"].count(1) == N - 13 - n_outside
    browser.act("accept_probe", 409, of={"all": True})
    assert (
        browser.arrays("/order", {"of": {"prediction": 1}, "by": "row"})[0]["total"]
        == (browser.arrays("/predictions")[1]["prediction"] == 1).sum()
    )


def test_the_classifier_goes_with_its_names(browser: Browser) -> None:
    browser.act("name", group=0, name="a")
    browser.act("name", group=1, name="b")
    wait_for(lambda: browser.get("/probe")["status"] == "ready")
    browser.act("undo")
    wait_for(lambda: browser.get("/probe")["number"] == 0)
    # A page that was told of the classifier, and asks too late, still gets both arrays: it looks images up in them.
    header, arrays = browser.arrays("/predictions")
    assert header["probe"] == 0
    assert {name: len(array) for name, array in arrays.items()} == {"prediction": 0, "certainty": 0}
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
