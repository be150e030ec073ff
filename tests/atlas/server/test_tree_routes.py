from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.annotations import read_annotations
from facies.atlas import Atlas
from facies.cluster import GroupTree, ward_tree
from facies.runs import RunFolder
from tests.atlas.factories import Browser


@pytest.fixture
def tree(run: RunFolder) -> GroupTree:
    """The tree of the run, which it has from here on."""
    grown = ward_tree(np.asarray(run.embedding))
    run.add_tree("ward", grown, {"method": "ward", "seed": 0})
    return grown.pruned(5)


@pytest.fixture
def page(tree: GroupTree, atlas: Atlas) -> Browser:
    return Browser(atlas)


def groups_of(browser: Browser) -> np.ndarray:
    return np.array(browser.state()["group"])


def test_a_run_without_a_tree_says_how_to_get_one(browser: Browser) -> None:
    assert browser.get("/tree") == {"tree": None, "trees": [], "smallest": 5, "levels": []}
    for kind, fields in (("cut_tree", {"groups": 4}), ("split_tree", {"group": 0}), ("merge_tree", {"group": 0})):
        error = browser.act(kind, 404, **fields)["error"]
        assert error == "run has no tree of groups: `facies cut run --groups 20` makes one"
    assert browser.get("/tree/cut?groups=3", 404)["kind"] == "missing"


def test_what_a_tree_can_be_cut_into(page: Browser, tree: GroupTree) -> None:
    told = page.get("/tree")
    assert (told["tree"], told["trees"]) == ("ward", ["ward"])
    np.testing.assert_allclose(told["levels"], tree.levels, rtol=1e-6)
    assert page.get("/tree?name=ward") == told


def test_a_tree_that_comes_while_the_run_is_open_is_found(browser: Browser, run: RunFolder) -> None:
    assert browser.get("/tree")["tree"] is None
    run.add_tree("ward", ward_tree(np.asarray(run.embedding)), {"method": "ward"})
    assert browser.get("/tree")["tree"] == "ward"


def test_a_cut_is_shown_before_it_is_made(page: Browser, tree: GroupTree) -> None:
    before = groups_of(page)
    header, arrays = page.arrays("/tree/cut?groups=4")
    np.testing.assert_array_equal(arrays["part"], tree.cut(n_groups=4).labels)
    sizes = np.bincount(arrays["part"])
    told = {name: header[name] for name in ("n_groups", "largest", "smallest", "noise")}
    assert told == {"n_groups": 4, "largest": sizes.max(), "smallest": sizes.min(), "noise": 0}
    np.testing.assert_array_equal(groups_of(page), before)


def test_noise_of_a_cut_has_the_number_that_no_group_has(run: RunFolder, atlas: Atlas) -> None:
    tree = ward_tree(np.asarray(run.embedding)).pruned(10)
    node = tree.node.copy()
    outside = np.flatnonzero(node == len(tree) - 1)[:2]
    node[outside] = 0
    run.add_tree("holed", GroupTree(tree.parent, tree.strength, node, tree.density), {"method": "density"})
    header, arrays = Browser(atlas).arrays("/tree/cut?groups=3")
    assert header["noise"] == 2
    assert np.flatnonzero(arrays["part"] == 65535).tolist() == outside.tolist()


def test_a_cut_makes_the_groups_of_the_command_keeps_names_and_is_undone(
    page: Browser, tree: GroupTree, run: RunFolder
) -> None:
    page.act("name", group=0, name="quartz")
    page.act("exclude", of={"rows": [2]}, reason="cut")
    before = page.state()
    done = page.act("cut_tree", groups=6)
    assert done["text"] == "Cut the tree into 6 groups (90 images)"
    assert len(done["groups"]) == 6
    after = page.state()
    labels = tree.cut(n_groups=6).labels
    assert [after["group"][row] - min(after["group"]) for row in range(90)] == labels.tolist()
    assert min(after["group"]) > max(before["group"])
    parents = {line["group"]: line["parents"] for line in page.get("/groups")["groups"]}
    pairs = set(zip(after["group"], before["group"], strict=True))
    assert parents == {group: sorted(old for new, old in pairs if new == group and old >= 0) for group in parents}
    validated = [row for row in range(90) if before["state"][row] == 2]
    assert all((after["class"][row], after["state"][row]) == (1, 2) for row in validated)
    assert after["reason"] == before["reason"]
    assert read_annotations(run).groups["density"].tolist() == after["group"]

    page.act("undo")
    assert page.state() == before
    page.act("redo")
    assert page.state()["group"] == after["group"]
    assert page.get("/history")[0]["text"] == "Cut the tree into 6 groups (90 images)"


def test_a_group_is_split_along_the_tree_merged_again_and_undone(page: Browser, tree: GroupTree) -> None:
    cut = page.act("cut_tree", groups=3)
    group = cut["groups"][0]
    whole = groups_of(page)
    node = int(tree.cut(n_groups=3).nodes[0])
    first, second = tree.children(node)  # type: ignore[misc]  # the node is split

    done = page.act("split_tree", group=group, tree="ward")
    sizes = tree.size[first], tree.size[second]
    assert done["text"] == f"Split group {group} along the tree: {sizes[0]} and {sizes[1]} images"
    split = groups_of(page)
    for child, part in zip((first, second), done["groups"], strict=True):
        np.testing.assert_array_equal(np.flatnonzero(split == part), tree.members(child))

    merged = page.act("merge_tree", group=done["groups"][1])
    assert merged["text"] == f"Merged 2 groups along the tree ({tree.size[node]} images)"
    np.testing.assert_array_equal(np.flatnonzero(groups_of(page) == merged["groups"][0]), tree.members(node))

    page.act("undo")
    np.testing.assert_array_equal(groups_of(page), split)
    page.act("undo")
    np.testing.assert_array_equal(groups_of(page), whole)


def test_images_between_two_parts_become_noise_and_come_back_and_it_is_said(run: RunFolder, atlas: Atlas) -> None:
    tree = ward_tree(np.asarray(run.embedding)).pruned(5)
    first = tree.children(0)[0]  # type: ignore[index]  # the root is split
    node = tree.node.copy()
    node[tree.members(first)[:2]] = 0
    run.add_tree("holed", GroupTree(tree.parent, tree.strength, node, tree.density), {"method": "density"})
    page = Browser(atlas)
    group = page.act("cut_tree", groups=1)["groups"][0]
    done = page.act("split_tree", group=group)
    assert done["text"].endswith("images; 2 are noise now")
    assert np.flatnonzero(groups_of(page) == -1).tolist() == tree.members(first)[:2].tolist()
    done = page.act("merge_tree", group=done["groups"][0])
    assert done["text"] == "Merged 2 groups along the tree (90 images); 2 of them were noise"
    assert (groups_of(page) >= 0).all()
    assert page.act("cut_tree", groups=2)["text"] == "Cut the tree into 2 groups (90 images); 2 of them in no group"


@pytest.mark.parametrize(
    ("kind", "fields", "status", "error"),
    [
        ("cut_tree", {"groups": 80}, 400, "this tree has 1 to"),
        ("cut_tree", {"groups": 0}, 400, "greater than or equal to 1"),
        ("cut_tree", {"groups": 10**9}, 400, "less than or equal to 2000"),
        ("cut_tree", {"groups": 3, "tree": "../../etc"}, 404, "no tree of groups '../../etc': it has ward"),
        ("cut_tree", {"groups": 3, "tree": "x" * 500}, 400, "at most 200 characters"),
        ("cut_tree", {"groups": 3, "level": 2}, 400, "Extra inputs"),
        ("split_tree", {"group": 77}, 409, "group 77 is gone"),
        ("split_tree", {"group": -1}, 400, "noise lies in no one place"),
        ("merge_tree", {"group": 77}, 409, "group 77 is gone"),
        ("merge_tree", {"group": -1}, 400, "noise lies in no one place"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    page: Browser, kind: str, fields: dict[str, object], status: int, error: str
) -> None:
    before = groups_of(page)
    said = page.act(kind, status, **fields)["error"]
    assert error in said
    assert "\n" not in said
    np.testing.assert_array_equal(groups_of(page), before)


@pytest.mark.parametrize("query", ["", "?groups=0", "?groups=2001", "?groups=x", "?groups=3&name=" + "x" * 300])
def test_requests_are_bounded(page: Browser, query: str) -> None:
    page.get(f"/tree/cut{query}", 400)


def test_a_hostile_tree_costs_one_line_and_the_run_stays_open(page: Browser, run: RunFolder) -> None:
    file = run.path / "trees" / "ward.nodes.parquet"
    nodes = pd.read_parquet(file)
    nodes.assign(parent=np.int32(7)).to_parquet(file, index=False)
    for answer in (page.get("/tree", 400), page.get("/tree/cut?groups=2", 400), page.act("cut_tree", 400, groups=2)):
        assert "a tree of groups, is damaged" in answer["error"]
        assert "\n" not in answer["error"]
    file.write_bytes(b"PAR1 and nothing else")
    assert "missing or damaged" in page.get("/tree", 400)["error"]
    pd.concat([nodes] * 30).to_parquet(file, index=False)
    assert "nodes over 90 images" in page.get("/tree", 400)["error"]
    assert len(page.get("/groups")["groups"]) == 4
