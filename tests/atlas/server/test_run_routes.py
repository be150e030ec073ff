from __future__ import annotations

from pathlib import Path

from facies.atlas import Atlas
from facies.runs import RunFolder
from tests.atlas.factories import Browser


def test_the_session_tells_what_there_is(browser: Browser) -> None:
    reply = browser.client.get("/api/session").json()
    assert [run["key"] for run in reply["runs"]] == ["run"]
    assert reply["runs"] == browser.client.get("/api/runs").json()
    assert reply["demo"] is False
    assert {"csv", "parquet", "folders", "coco", "ecotaxa", "report"} <= set(reply["exports"])
    assert reply["limits"] == {"name": 100, "rows": 20_000}


def test_an_atlas_without_runs_is_empty(tmp_path: Path) -> None:
    with Atlas([]) as atlas:
        browser = Browser(atlas)
        assert browser.client.get("/api/runs").json() == []
        assert browser.client.get("/api/runs/run").json()["kind"] == "missing"


def test_a_run_tells_its_parts(browser: Browser, run: RunFolder) -> None:
    reply = browser.get("")
    assert [p["name"] for p in reply["projections"]] == ["umap", "pca"]
    assert reply["partition"] == "density"
    assert {c["name"] for c in reply["columns"]} >= {"probability", "distance", "sample", "touching", "sharpness"}
    assert reply["thumbnails"]["per_sheet"] == 1024
    assert (reply["undo"], reply["redo"], reply["revision"]) == (False, False, 0)
    assert not any(str(run.path) in str(value) for value in reply.values())


def test_two_runs_in_one_atlas(run: RunFolder, tmp_path: Path) -> None:
    import shutil

    other = shutil.copytree(run.path, tmp_path / "more" / "run")
    with Atlas([run.path, other]) as atlas:
        first, second = Browser(atlas), Browser(atlas, key="run-2")
        first.act("name", group=0, name="quartz")
        assert (first.get("")["revision"], second.get("")["revision"]) == (1, 0)
        assert len(first.client.get("/api/runs").json()) == 2
