"""Several persons at one atlas: whose actions they are, whose undo takes back what, and what is reverted from the history."""

from __future__ import annotations

import pytest

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.errors import InputError
from facies.runs import RunFolder
from tests.atlas.factories import Browser


@pytest.fixture
def ada(atlas: Atlas) -> Browser:
    browser = Browser(atlas)
    browser.client.headers["X-Facies-User"] = "Ada"
    return browser


@pytest.fixture
def bo(atlas: Atlas) -> Browser:
    browser = Browser(atlas, name="other")
    browser.client.headers["X-Facies-User"] = "Bo%20%C3%98stergaard"
    return browser


def test_actions_bear_the_name_of_their_person(ada: Browser, bo: Browser) -> None:
    ada.act("assign", of={"rows": [1]}, name="quartz")
    bo.act("assign", of={"rows": [2]}, name="chert")
    assert [entry["user"] for entry in ada.get("/history")] == ["Bo Østergaard", "Ada"]


def test_undo_takes_back_what_is_ones_own(ada: Browser, bo: Browser) -> None:
    ada.act("assign", of={"rows": [1]}, name="quartz")
    bo.act("assign", of={"rows": [2]}, name="chert")
    ada.act("undo")
    assert [entry["undone"] for entry in ada.get("/history")] == [False, True]
    assert "of yours" in ada.act("undo", 409)["error"]
    assert (ada.get("")["undo"], ada.get("")["redo"], bo.get("")["undo"]) == (False, True, True)
    ada.act("redo")
    assert ada.state()["class"][1:3] == [ada.class_id("quartz"), ada.class_id("chert")]


def test_one_action_is_reverted_and_what_came_after_it_stays(ada: Browser, bo: Browser) -> None:
    first = ada.act("assign", of={"rows": [1, 2, 3]}, name="quartz")["id"]
    bo.act("assign", of={"rows": [2]}, name="chert")
    bo.act("revert", action=first)
    assert [bool(number) for number in bo.state()["class"][1:4]] == [False, True, False]
    assert "not in force" in bo.act("revert", 400, action=first)["error"]
    assert "not in force" in bo.act("revert", 400, action=77)["error"]


def test_all_of_one_person_is_reverted(ada: Browser, bo: Browser) -> None:
    for row in range(1, 5):
        ada.act("assign", of={"rows": [row]}, name=f"class {row}")
        bo.act("assign", of={"rows": [row + 10]}, name="chert")
    bo.act("revert", user="Ada")
    classes = bo.state()["class"]
    assert not any(classes[1:5])
    assert all(classes[11:15])
    assert "nothing of this person" in bo.act("revert", 409, user="Ada")["error"]
    assert bo.act("revert", 400)["kind"] == "input"


@pytest.mark.parametrize("name", ["%00", "%E2%80%8B", "x" * 101, "%20"])
def test_a_name_that_cannot_be_seen_is_refused(ada: Browser, atlas: Atlas, name: str) -> None:
    ada.client.headers["X-Facies-User"] = name
    assert ada.act("assign", 400, of={"rows": [1]}, name="quartz")["kind"] == "input"
    assert atlas.run("run").journal.revision == 0


def test_the_name_given_at_the_start_is_the_one_of_pages_without_a_name(run: RunFolder) -> None:
    with Atlas([run.path], user="Lab") as atlas:
        browser = Browser(atlas)
        browser.act("assign", of={"rows": [1]}, name="quartz")
        assert browser.get("/history")[0]["user"] == "Lab"


def test_classes_that_cannot_be_seen_are_refused(run: RunFolder) -> None:
    with Journal(run) as journal, pytest.raises(InputError, match="invisible"):
        journal.assign([1], "\u200b")
