"""Runs with hardly anything in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.atlas import Atlas
from facies.runs import RunContents, partition_table, write_run
from tests.atlas.factories import Browser, wait_for
from tests.runs.factories import make_images

Opened = Callable[..., Browser]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Open a run of given groups."""
    atlases: list[Atlas] = []

    def open_run(groups: list[int], points: Any = None, embedding: Any = None) -> Browser:
        n = len(groups)
        images = make_images(tmp_path, n=n)
        vectors = np.arange(n * 3, dtype=np.float32).reshape(n, 3) if embedding is None else embedding
        projections = {} if points is None else {"map": (np.asarray(points, np.float32), {})}
        table = partition_table(images.table["id"], groups, vectors)
        contents = RunContents(images, vectors, projections, {"some": (table, {})}, manifest={"method": "none"})
        atlases.append(Atlas([write_run(tmp_path / "run", contents).path]))
        return Browser(atlases[-1])

    yield open_run
    for atlas in atlases:
        atlas.close()


def ask_everything(browser: Browser) -> None:
    for path in ("", "/groups", "/classes", "/counts", "/history", "/queues", "/probe", "/images/0/info"):
        browser.get(path)
    for path in ("/points", "/state", "/changes?since=0", "/predictions", "/queues/duplicates", "/columns/distance"):
        browser.arrays(path)
    for by in ("nearest", "random", "row"):
        assert browser.arrays("/order", {"of": {"all": True}, "by": by})[0]["total"] >= 1
    browser.arrays("/neighbours", {"of": {"rows": [0]}})
    browser.post("/audits", {})
    browser.act("assign", of={"all": True}, name="one")
    browser.act("split", of={"rows": [0]})
    browser.act("undo")
    browser.get("/groups")


def test_two_images(opened: Opened) -> None:
    browser = opened([0, 0], points=[[3, 4], [3, 4]])
    ask_everything(browser)
    assert browser.arrays("/neighbours", {"of": {"rows": [0]}})[1]["rows"].tolist() == [1]
    assert browser.arrays("/neighbours", {"of": {"all": True}})[1]["rows"].tolist() == []


def test_noise_alone(opened: Opened) -> None:
    browser = opened([-1] * 6, points=np.zeros((6, 2)))
    ask_everything(browser)
    assert [group["group"] for group in browser.get("/groups")["groups"]] == [-1]
    assert browser.get("/groups/-1/similar") == {"groups": []}


def test_without_a_map(opened: Opened) -> None:
    browser = opened([0, 0, 1, 1])
    ask_everything(browser)
    assert browser.get("")["projections"] == []
    assert browser.arrays("/points")[1]["x"].tolist() == [0, 0, 0, 0]


def test_images_that_are_all_the_same(opened: Opened) -> None:
    browser = opened([0, 0, 0, 1, 1, 1], points=np.ones((6, 2)), embedding=np.ones((6, 3), np.float32))
    ask_everything(browser)
    assert {group["homogeneity"] for group in browser.get("/groups")["groups"]} == {1.0}
    queue = browser.arrays("/queues/duplicates")[1]
    assert len(queue["rows"]) >= 3


def test_group_numbers_with_gaps(opened: Opened) -> None:
    browser = opened([7, 7, 1000, 1000, -1], points=np.arange(10).reshape(5, 2))
    ask_everything(browser)
    assert browser.act("merge", groups=[7, 1000])["groups"][0] > 1000


def test_hostile_ids_words_and_folder_names_are_text(tmp_path: Path) -> None:
    images = make_images(tmp_path, n=8)
    odd = [
        "<script>alert(1)</script>",
        "\u202egnp.exe",
        "=1+1",
        "'\"><b>",
        "x" * 10_000,
        "../../etc/passwd",
        "a\nb",
        "ü",
    ]
    images.table = images.table.assign(id=odd, source=odd, sample=[*odd[:4], *odd[:4]], **{"<b>": np.arange(8.0)})
    vectors = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    table = partition_table(images.table["id"], np.arange(8) % 2, vectors)
    contents = RunContents(images, vectors, {}, {"some": (table, {})}, manifest={"method": "<i>"})
    with Atlas([write_run(tmp_path / "<b>run", contents).path]) as atlas:
        browser = Browser(atlas, key="b-run")
        assert browser.get("")["name"] == "<b>run"
        reply = [browser.get(f"/images/{row}/info") for row in range(8)]
        assert [info["id"] for info in reply] == [name[:200] for name in odd]
        assert reply[0]["facts"]["sample"] == odd[0]
        header, _ = browser.arrays("/columns/sample")
        assert sorted(header["dictionary"]) == sorted(odd[:4])
        assert browser.arrays("/columns/%3Cb%3E")[1]["values"].tolist() == list(range(8))
        browser.act("name", group=0, name="quartz")
        counts = browser.get("/counts?by=sample")
        assert {row["sample"] for row in counts["samples"]} == set(odd[:4])


def test_an_embedding_without_numbers_fits_no_classifier_and_says_why(opened: Opened) -> None:
    browser = opened([0, 0, 0, 1, 1, 1], embedding=np.full((6, 3), np.nan, np.float32))
    browser.act("name", group=0, name="a")
    browser.act("name", group=1, name="b")
    text = wait_for(lambda: (p := browser.get("/probe"))["status"] == "failed" and p["text"])
    assert "the embedding holds NaN or infinity" in text
    assert "fault of Facies" not in text
