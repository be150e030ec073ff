"""The tree of classes, lists of classes, ratios, notes, moves between groups and duplicates, as the page asks for them."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from facies.runs import RunFolder
from facies.statistics import ratio_interval, wilson_interval
from tests.atlas.factories import Browser, N


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def tree(browser: Browser) -> Browser:
    """Groups 0, 1 and 2 are G. ruber, planktic and quartz; G. ruber lies under planktic, and that under foraminifera."""
    for group, name in enumerate(("G. ruber", "planktic", "quartz")):
        browser.act("name", group=group, name=name)
    top = browser.act("class", name="foraminifera")["class"]
    browser.act("class", **{"class": browser.class_id("planktic")}, parent=top)
    browser.act("class", **{"class": browser.class_id("G. ruber")}, parent=browser.class_id("planktic"))
    return browser


def test_classes_know_their_parent_and_a_circle_is_refused(tree: Browser) -> None:
    classes = {row["name"]: row for row in tree.get("/classes")["classes"]}
    assert classes["G. ruber"]["path"] == "foraminifera > planktic > G. ruber"
    assert classes["planktic"]["parent"] == classes["foraminifera"]["id"]
    refused = tree.act("class", 400, **{"class": classes["foraminifera"]["id"]}, parent=classes["G. ruber"]["id"])
    assert "cannot lie under 'G. ruber'" in refused["error"]
    assert "there is no class 99" in tree.act("class", 400, **{"class": 1}, parent=99)["error"]
    tree.act("class", **{"class": classes["planktic"]["id"]}, parent=0)
    assert {row["name"]: row["parent"] for row in tree.get("/classes")["classes"]}["planktic"] == 0
    tree.act("undo")
    assert {row["name"]: row["parent"] for row in tree.get("/classes")["classes"]}["planktic"] != 0


def test_counts_roll_up_with_their_intervals(tree: Browser) -> None:
    reply = tree.get("/counts?by=sample")
    rows = {row["name"]: row for row in reply["classes"]}
    assert {name: (row["n"], row["n_all"], row["n_below"]) for name, row in rows.items()} == {
        "G. ruber": (27, 27, 0),
        "planktic": (27, 54, 1),
        "quartz": (27, 27, 0),
        "foraminifera": (0, 54, 2),
    }
    top = rows["foraminifera"]
    assert top["share_all"] == pytest.approx(54 / 81)
    assert [top["low_all"], top["high_all"]] == pytest.approx([float(x) for x in wilson_interval(54, 81)])
    assert (top["share"], rows["quartz"]["share_all"]) == (0, rows["quartz"]["share"])
    sample = reply["samples"][0]
    number = {row["name"]: str(row["class"]) for row in reply["classes"]}
    assert sample["counts"][number["foraminifera"]] == sample["counts"][number["planktic"]]
    assert sample["shares"][number["quartz"]][0] + sample["shares"][number["foraminifera"]][0] == pytest.approx(1)
    assert sample["n_counted"] == sum(sample["counts"][number[name]] for name in ("quartz", "foraminifera"))


def test_an_audit_corrects_what_is_rolled_up_too(tree: Browser) -> None:
    state = tree.state()
    number = {row["name"]: row["id"] for row in tree.get("/classes")["classes"]}
    for name in ("G. ruber", "planktic", "quartz"):
        rows = [row for row in range(N) if state["class"][row] == number[name]][:24]
        # A third of the quartz is G. ruber; planktic and G. ruber are taken for each other, which the sum does not feel.
        swap = {"quartz": "G. ruber", "planktic": "G. ruber", "G. ruber": "planktic"}[name]
        tree.act("audit", rows=rows, true=[number[swap if i < 8 else name] for i in range(24)])
    rows = {row["name"]: row for row in tree.get("/counts")["classes"]}
    top = rows["foraminifera"]
    assert top["audited_share_all"] == pytest.approx(2 / 3 + 1 / 9)
    assert top["audited_low_all"] < 2 / 3 + 1 / 9 < top["audited_high_all"]
    assert top["audited_share"] is None
    width = {name: rows[name]["audited_high_all"] - rows[name]["audited_low_all"] for name in rows}
    assert width["planktic"] == width["foraminifera"]


def test_the_expert_defines_ratios_of_a_run_of_any_kind(tree: Browser, run: RunFolder) -> None:
    number = {row["name"]: row["id"] for row in tree.get("/classes")["classes"]}
    tree.act("ratio", name="F/Q", numerator=[number["foraminifera"]], denominator=[number["quartz"]])
    (ratio,) = tree.get("/counts")["ratios"]
    assert (ratio["name"], ratio["a"], ratio["b"], ratio["own"]) == ("F/Q", 54, 27, True)
    assert [ratio["value"], ratio["low"], ratio["high"]] == pytest.approx([*ratio_interval(54, 27)])
    assert (ratio["numerator"], ratio["denominator"]) == (["foraminifera"], ["quartz"])
    refused = tree.act("ratio", 400, name="x", numerator=[number["planktic"]], denominator=[number["G. ruber"]])
    assert "over and under the stroke" in refused["error"]
    tree.act("merge_classes", classes=[number["quartz"]], into=0)
    assert tree.get("/counts")["ratios"][0]["why"] == "there is no class quartz any more: define it anew"
    tree.act("undo")
    tree.act("ratio", name="F/Q", numerator=[], denominator=[])
    assert tree.get("/counts")["ratios"] == []
    tree.act("undo")
    assert len(tree.get("/counts")["ratios"]) == 1
    assert tree.get("/history")[0]["text"] == "Removed the ratio F/Q"


def test_a_tree_that_came_to_stand_on_both_sides_of_a_ratio_is_said(tree: Browser) -> None:
    number = {row["name"]: row["id"] for row in tree.get("/classes")["classes"]}
    tree.act("ratio", name="F/Q", numerator=[number["foraminifera"]], denominator=[number["quartz"]])
    tree.act("class", **{"class": number["quartz"]}, parent=number["foraminifera"])
    assert "quartz is over and under the stroke now" in tree.get("/counts")["ratios"][0]["why"]


def test_a_class_list_is_taken_in_one_action(browser: Browser) -> None:
    text = "name,parent,key,colour,role\nforaminifera,,,,biogenic\nG. ruber,foraminifera,1,#010203,planktic\n"
    done = browser.act("class_list", file="list.csv", content=encoded(text))
    assert done["text"] == "Took in a list of 2 classes (2 new)"
    row = browser.get("/classes")["classes"][1]
    assert (row["path"], row["key"], row["colour"]) == ("foraminifera > G. ruber", "1", "#010203")
    moved = browser.act("class_list", file="list.csv", content=encoded("name,key\nquartz,1\n"))
    assert moved["text"] == "Took in a list of 1 classes (1 new); the keys 1 left other classes"
    browser.act("undo")
    browser.act("undo")
    assert browser.get("/classes")["classes"] == []
    refused = browser.act("class_list", 400, file="l.csv", content=encoded("name,key\na,1\nb,1\n"))
    assert refused["error"].startswith("l.csv, line 3: the key 1 is that of 'a' already")
    assert "base64" in browser.act("class_list", 400, file="l.csv", content="!!")["error"]
    assert browser.act("class_list", 400, file="l\u202e.csv", content=encoded("a"))["error"]


def test_a_note_is_seen_searched_and_taken_back(browser: Browser) -> None:
    done = browser.act("note", of={"rows": [3, 5]}, text="Second chamber <b>broken</b>")
    assert done["text"] == "Wrote a note about 2 images"
    (note,) = browser.get("/images/3/info")["notes"]
    assert (note["text"], note["action"]) == ("Second chamber <b>broken</b>", done["id"])
    assert note["user"]
    assert note["time"]
    browser.act("note", of={"rows": [7]}, text="look again")
    for text, rows in (("CHAMBER", [3, 5]), ("", [3, 5, 7]), ("nothing", [])):
        _, arrays = browser.arrays("/order", {"of": {"note": text}, "by": "row"})
        assert arrays["rows"].tolist() == rows
    for condition, rows in (
        ({"field": "note", "text": "second"}, [3, 5]),
        ({"field": "note", "text": "look", "how": "begins"}, [7]),
        ({"field": "text", "text": "AGAIN"}, [7]),
    ):
        _, arrays = browser.arrays("/order", {"of": {"all": True, "where": [condition]}, "by": "row"})
        assert arrays["rows"].tolist() == rows
    browser.act("revert", action=done["id"])
    assert browser.get("/images/3/info")["notes"] == []
    assert "at most 500" in browser.act("note", 400, of={"rows": [1]}, text="x" * 501)["error"]
    assert "invisible" in browser.act("note", 400, of={"rows": [1]}, text="a\u202eb")["error"]


def test_images_move_from_one_group_to_another_and_names_stay(browser: Browser) -> None:
    browser.act("name", group=0, name="quartz")
    before = browser.state()
    rows = [row for row in range(N) if before["group"][row] == 0][:3]
    done = browser.act("move", of={"rows": rows}, group=0, into=1)
    after = browser.state()
    left, right = done["groups"]
    assert sorted(done["groups"]) == [3, 4]
    assert {after["group"][row] for row in rows} == {right}
    assert after["group"].count(left) == 24
    assert after["group"].count(right) == 30
    assert after["class"][rows[0]] == browser.class_id("quartz")
    assert done["text"] == "Moved 3 of group 0 to group 1"
    browser.act("undo")
    assert browser.state() == before
    whole = [row for row in range(N) if before["group"][row] == 0]
    assert "merge it with group 1" in browser.act("move", 400, of={"rows": whole}, group=0, into=1)["error"]
    assert browser.act("move", 409, of={"rows": rows}, group=2, into=1)
    assert browser.act("move", 409, of={"rows": rows}, group=0, into=99)
    assert browser.act("move", 400, of={"rows": rows}, group=0, into=0)


def test_images_leave_the_noise_for_a_group_and_the_rest_stays_noise(browser: Browser) -> None:
    noise = [row for row in range(N) if browser.state()["group"][row] == -1]
    done = browser.act("move", of={"rows": noise[:2]}, group=-1, into=1)
    groups = browser.state()["group"]
    assert done["groups"] == [3]
    assert groups.count(3) == 29
    assert np.array(groups)[noise].tolist() == [3, 3] + [-1] * 7
    browser.act("move", of={"rows": noise[:1]}, group=3, into=-1)
    assert browser.state()["group"].count(-1) == 8


def test_duplicates_are_pairs_until_one_is_excluded_or_both_are_kept(browser: Browser) -> None:
    header, arrays = browser.arrays("/queues/duplicates")
    assert header["pairs"]
    assert (arrays["rows"][0], arrays["twin"][0]) == (4, 1)
    assert arrays["distance"][0] == pytest.approx(2e-4, rel=0.05)
    assert browser.act("distinct", rows=[4, 1])["text"] == "Kept both of two duplicates"
    assert 4 not in browser.arrays("/queues/duplicates")[1]["rows"]
    browser.act("undo")
    browser.act("exclude", of={"rows": [1]}, reason="duplicate")
    assert 4 not in browser.arrays("/queues/duplicates")[1]["rows"]  # its twin is out: the other one stays
    assert [queue["title"] for queue in browser.get("/queues") if queue["name"] == "duplicates"] == ["duplicates"]


def test_the_list_of_classes_is_exported_in_the_form_in_which_it_is_read(tree: Browser, run: RunFolder) -> None:
    from facies.report import export_run

    paths = [export_run(run, "classes", run.path.parent / name) for name in ("list.csv", "list.tsv", "list.txt")]
    tree.act("class", **{"class": tree.class_id("G. ruber")}, parent=0)
    for path in paths:
        tree.act("class_list", file=path.name, content=base64.b64encode(path.read_bytes()).decode())
        classes = {row["name"]: row["path"] for row in tree.get("/classes")["classes"]}
        assert classes["G. ruber"] == "foraminifera > planktic > G. ruber"
        tree.act("undo")
