from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.atlas.errors import ConflictError
from facies.runs import RunFolder
from tests.atlas.factories import Browser, N, mask_of


@pytest.fixture
def named(browser: Browser) -> Browser:
    """Group 0 is quartz (1), group 1 foram (2)."""
    browser.act("name", group=0, name="quartz")
    browser.act("name", group=1, name="foram")
    return browser


def members(browser: Browser, group: int) -> list[int]:
    return [row for row, other in enumerate(browser.state()["group"]) if other == group]


def test_naming_a_group_names_its_members(browser: Browser) -> None:
    reply = browser.act("name", group=1, name="quartz")
    assert reply["text"] == "Named 27 images quartz"
    assert (reply["revision"], reply["n"], reply["undo"], reply["redo"], reply["class"]) == (1, 27, True, False, 1)
    state = browser.state()
    inside = np.array(state["group"]) == 1
    np.testing.assert_array_equal(np.array(state["class"]) == 1, inside)
    np.testing.assert_array_equal(np.array(state["state"]) == 2, inside)
    assert browser.act("name", group=[0, 2], **{"class": 1})["n"] == 54
    assert browser.act("name", group=0, **{"class": 0})["n"] == 27
    assert browser.state()["class"].count(1) == 54


@pytest.mark.parametrize("form", ["rows", "mask"])
def test_assigning_a_lasso(browser: Browser, form: str) -> None:
    rows = [2, 30, 31, 89]
    browser.act(
        "assign", of={"rows": rows} if form == "rows" else {"mask": mask_of(rows)}, name="dark", state="predicted"
    )
    state = browser.state()
    assert [row for row, number in enumerate(state["class"]) if number] == rows
    assert {state["state"][row] for row in rows} == {1}
    browser.act("validate", of={"rows": [2]})
    browser.act("dubious", of={"rows": [30]})
    browser.act("clear", of={"rows": [31]})
    assert [browser.state()["state"][row] for row in rows] == [2, 3, 0, 1]
    assert browser.state()["class"][31] == 0


def test_excluded_images_say_why_and_come_back(named: Browser) -> None:
    named.act("exclude", of={"rows": [1, 4]}, reason="cut")
    state = named.state()
    assert (state["state"][1], state["reason"][1], state["class"][1]) == (4, 1, 2)
    named.act("include", of={"rows": [1]})
    assert (named.state()["state"][1], named.state()["reason"][1]) == (2, 0)


def test_a_class_that_is_excluded_takes_its_images_along(named: Browser) -> None:
    revision = named.get("")["revision"]
    named.act("class", **{"class": 2}, excluded=True)
    inside = members(named, 1)
    assert {named.state()["state"][row] for row in inside} == {4}
    header, arrays = named.arrays(f"/changes?since={revision}")
    assert arrays["rows"].tolist() == inside
    assert set(arrays["state"].tolist()) == {4}
    assert header["reasons"] == ["foram"]
    named.act("undo")
    assert {named.state()["state"][row] for row in inside} == {2}


def test_classes_keep_their_number_when_they_are_renamed(named: Browser) -> None:
    named.act("class", **{"class": 1}, name="Quartz sand", key="q", colour="#AABBCC", roles=["terrigenous"])
    reply = {entry["id"]: entry for entry in named.get("/classes")["classes"]}
    assert reply[1]["name"] == "Quartz sand"
    assert (reply[1]["key"], reply[1]["colour"], reply[1]["roles"], reply[1]["n"]) == (
        "q",
        "#aabbcc",
        ["terrigenous"],
        27,
    )
    named.act("class", **{"class": 2}, key="q")
    reply = {entry["id"]: entry for entry in named.get("/classes")["classes"]}
    assert (reply[1]["key"], reply[2]["key"]) == ("", "q")
    assert named.act("class", 400, **{"class": 2}, name="quartz SAND")["kind"] == "input"


def test_classes_are_merged_and_removed(named: Browser) -> None:
    named.act("exclude", of={"rows": [1]}, reason="cut")
    named.act("dubious", of={"rows": [4]})
    reply = named.act("merge_classes", classes=[2], into=1)
    assert reply["classes"]
    assert [entry["name"] for entry in named.get("/classes")["classes"]] == ["quartz"]
    state = named.state()
    assert state["class"].count(1) == 54
    assert (state["state"][1], state["state"][4], state["state"][7]) == (4, 3, 2)
    named.act("undo")
    assert named.state()["class"].count(2) == 27
    named.act("merge_classes", classes=[1], into=0)
    assert named.state()["class"].count(0) == N - 27
    assert named.act("merge_classes", 400, classes=[1], into=2)["kind"] == "input"


def test_groups_are_merged_into_a_new_one(browser: Browser) -> None:
    reply = browser.act("merge", groups=[0, 2])
    assert reply["groups"] == [3]
    groups = {group["group"]: group for group in browser.get("/groups")["groups"]}
    assert sorted(groups) == [-1, 1, 3]
    assert (groups[3]["size"], groups[3]["parents"]) == (54, [0, 2])
    browser.act("undo")
    assert sorted(group["group"] for group in browser.get("/groups")["groups"]) == [-1, 0, 1, 2]
    # A number once given is never given again.
    assert browser.act("merge", groups=[0, 2])["groups"] == [4]


def test_a_split_makes_two_new_groups(named: Browser) -> None:
    part = members(named, 0)[:5]
    reply = named.act("split", group=0, of={"mask": mask_of([*part, 1, 2])})
    assert len(reply["groups"]) == 2
    groups = named.state()["group"]
    assert 0 not in groups
    assert len({groups[row] for row in part}) == 1
    assert sorted(groups.count(new) for new in reply["groups"]) == [5, 22]
    assert groups[1] == 1
    # The names stay with the images.
    assert named.state()["class"].count(1) == 27


def test_a_group_that_changed_meanwhile_is_not_split(atlas: Atlas, browser: Browser) -> None:
    from facies.atlas.services.action_requests import Split

    split = Split.model_validate({"kind": "split", "group": 0, "of": {"rows": [3, 6]}})
    write = split._prepare(atlas.run("run"))
    browser.act("merge", groups=[0, 1])
    with pytest.raises(ConflictError, match="changed by somebody else"):
        atlas.run("run").act(write)
    assert browser.get("")["revision"] == 1


def test_any_images_make_a_group(browser: Browser) -> None:
    new = browser.act("split", of={"rows": [0, 1, 2]})["groups"]
    assert [row for row, group in enumerate(browser.state()["group"]) if group == new[0]] == [0, 1, 2]


def ready(browser: Browser, body: dict[str, Any]) -> dict[str, Any]:
    job = browser.post("/reclusterings", body, 202)["job"]
    for _ in range(1000):
        reply = browser.get(f"/reclusterings/{job}")
        if reply["status"] != "working":
            return reply
        time.sleep(0.02)
    raise AssertionError("the re-clustering does not end")


def test_a_preview_writes_nothing_until_it_is_accepted(named: Browser) -> None:
    before = named.state()
    named.act("assign", of={"rows": [2, 5, 8, 11]}, name="dark")
    kept = named.state()
    preview = ready(named, {"of": {"group": [0, 1, 2]}})
    assert (preview["status"], preview["n"], preview["k"]) == ("ready", 81, 3)
    assert [part["size"] for part in preview["parts"]] == [27, 27, 27]
    assert named.state() == kept
    _, parts = named.arrays(f"/reclusterings/{preview['job']}/parts")
    reply = named.act("recluster", preview=preview["job"])
    assert reply["groups"] == [3, 4, 5]
    state = named.state()
    np.testing.assert_array_equal(np.array(state["group"])[parts["rows"]], parts["part"].astype(int) + 3)
    # Names survive: validated members keep theirs, and their votes propose a class for the rest of their group.
    validated = np.array(kept["state"]) == 2
    np.testing.assert_array_equal(np.array(state["class"])[validated], np.array(kept["class"])[validated])
    dark = named.class_id("dark")
    rest = [row for row in members(named, state["group"][2]) if not validated[row]]
    assert len(rest) == 23
    assert {(state["class"][row], state["state"][row]) for row in rest} == {(dark, 1)}
    named.act("undo")
    named.act("undo")
    assert named.state() == before


def test_a_preview_of_groups_that_have_changed_is_out_of_date(browser: Browser) -> None:
    preview = ready(browser, {"of": {"group": 0}, "k": 2})
    browser.act("split", of={"rows": [3]})
    reply = browser.act("recluster", 409, preview=preview["job"])
    assert reply["kind"] == "conflict"
    assert browser.get("")["revision"] == 1


def test_esc_forgets_a_preview(browser: Browser) -> None:
    preview = ready(browser, {"of": {"group": 0}, "k": 2})
    assert browser.client.request("DELETE", f"/api/runs/run/reclusterings/{preview['job']}", json={}).status_code == 200
    assert browser.get(f"/reclusterings/{preview['job']}")["status"] == "cancelled"
    browser.act("recluster", 409, preview=preview["job"])


def test_a_re_clustering_that_cannot_be(browser: Browser) -> None:
    assert browser.post("/reclusterings", {"of": {"rows": [1]}}, 400)["kind"] == "input"
    assert browser.post("/reclusterings", {"of": {"group": 0}, "k": 51}, 400)["kind"] == "input"
    reply = ready(browser, {"of": {"rows": [1, 2, 3]}, "k": 9})
    assert reply["status"] == "failed"
    assert "3 images do not make 9 parts" in reply["error"]


def test_undo_and_redo_without_limit(browser: Browser) -> None:
    start = browser.state()
    states = [start]
    for number in range(30):
        browser.act("assign", of={"rows": [number, number + 1]}, name=f"class {number % 3}")
        states.append(browser.state())
    for expected in reversed(states[:-1]):
        browser.act("undo")
        assert browser.state() == expected
    assert browser.act("undo", 409)["error"].startswith("there is nothing of yours to undo")
    assert browser.get("")["undo"] is False
    for expected in states[1:]:
        browser.act("redo")
        assert browser.state() == expected
    assert browser.act("redo", 409)["kind"] == "conflict"


def test_a_rejection_leaves_the_image_as_it_is(named: Browser, atlas: Atlas) -> None:
    before = named.state()
    named.act("reject", of={"rows": [2, 5]}, **{"class": 1})
    assert named.state() == before
    assert atlas.run("run").states.annotations.rejections["row"].tolist() == [2, 5]
    assert named.act("reject", 400, of={"rows": [2]}, **{"class": 0})["kind"] == "input"


def test_history_tells_what_holds(named: Browser) -> None:
    named.act("exclude", of={"rows": [1, 2]}, reason="cut")
    named.act("undo")
    reply = named.get("/history")
    assert [(entry["text"], entry["undone"]) for entry in reply] == [
        ("Excluded 2 images (cut)", True),
        ("Named 27 images foram", False),
        ("Named 27 images quartz", False),
    ]
    assert len(named.get("/history?limit=1")) == 1
    for number in range(60):
        named.act("assign", of={"rows": [number]}, name="dark")
    assert len(named.get("/history?limit=1000")) == 62 + 1


def test_a_change_is_told_with_the_rows_that_it_touched(browser: Browser) -> None:
    browser.act("assign", of={"rows": [5, 6]}, name="a")
    browser.act("assign", of={"rows": [6, 80]}, name="b")
    header, arrays = browser.arrays("/changes?since=0")
    assert (header["revision"], header["full"]) == (2, False)
    assert arrays["rows"].tolist() == [5, 6, 80]
    assert arrays["class"].tolist() == [1, 2, 2]
    assert browser.arrays("/changes?since=2")[1]["rows"].tolist() == []
    assert browser.arrays("/changes?since=77")[0]["full"] is True
    assert browser.arrays("/changes?since=-1")[0]["full"] is True


def test_another_program_writes_beside_the_atlas(atlas: Atlas, browser: Browser, run: RunFolder) -> None:
    with Journal(run) as other:
        other.assign([7], "by the command line")
    for _ in range(500):
        if browser.get("")["revision"] == 1:
            break
        time.sleep(0.02)
    assert browser.arrays("/changes?since=0")[1]["rows"].tolist() == [7]
    assert browser.class_id("by the command line") == browser.state()["class"][7]


def test_it_is_there_after_the_atlas_was_closed(run: RunFolder) -> None:
    with Atlas([run.path]) as atlas:
        browser = Browser(atlas)
        browser.act("name", group=0, name="quartz")
        browser.act("merge", groups=[0, 1])
        before = browser.state()
        classes = browser.get("/classes")
    with Atlas([run.path]) as atlas:
        browser = Browser(atlas)
        assert browser.state() == before
        assert browser.get("/classes") == classes
        assert browser.arrays("/changes?since=2")[1]["rows"].tolist() == []
        assert browser.arrays("/changes?since=1")[0]["full"] is True
