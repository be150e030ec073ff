from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pandas as pd
import pytest

from facies.atlas import Atlas
from facies.errors import InputError
from facies.report import exporters
from facies.runs import RunFolder
from tests.atlas.factories import Browser, N
from tests.atlas.server.exports import export_bytes, named_export


def test_a_table_has_the_names(browser: Browser, run: RunFolder) -> None:
    browser.act("name", group=0, name="quartz")
    browser.act("merge", groups=[1, 2])
    name, content = named_export(browser, "csv")
    assert name == "run-csv.csv"
    table = pd.read_csv(io.BytesIO(content), keep_default_na=False)
    assert len(table) == N
    assert (table["class"] == "quartz").sum() == 27
    assert sorted(table["group"].unique()) == [-1, 0, 3]
    assert table["sample"].tolist() == run.images["sample"].tolist()


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_a_selection_alone(browser: Browser, to: str) -> None:
    content = export_bytes(browser, to, of={"rows": [3, 5, 88]})
    table = pd.read_csv(io.BytesIO(content)) if to == "csv" else pd.read_parquet(io.BytesIO(content))
    assert table["id"].astype(str).tolist() == ["3", "5", "88"]


def test_folders_come_as_a_zip_and_nothing_is_left(browser: Browser, atlas: Atlas) -> None:
    browser.act("name", group=0, name="quartz/../sand")
    name, content = named_export(browser, "folders", of={"group": [0, 1]})
    assert name == "run-folders.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert sum(entry.endswith(".png") for entry in names) == 54
        assert "index.csv" in names
        assert not any(".." in entry.split("/") or entry.startswith("/") for entry in names)
    assert [path.suffix for path in atlas.exports_folder.iterdir()] == [".zip"]


def test_the_report(browser: Browser) -> None:
    browser.act("name", group=0, name="<script>alert(1)</script>")
    name, content = named_export(browser, "report")
    assert name == "run-report.html"
    assert content.startswith(b"<!doctype html>") or b"<html" in content[:500]
    assert b"<script>alert(1)" not in content


def test_what_cannot_be_exported_is_said_at_once(browser: Browser) -> None:
    for body in (
        {"to": "../x"},
        {"to": "csv", "of": {"class": 5}},
        {"to": "report", "of": {"group": 1}},
        {"to": "csv", "path": "/tmp"},
    ):
        assert browser.post("/exports", body, 400)["kind"] == "input"
    assert browser.get("/exports/nothing", 404)["kind"] == "missing"


def test_what_fails_later_is_told(browser: Browser, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise InputError("the images of run are gone: put them back")

    monkeypatch.setitem(exporters(), "coco", replace(exporters()["coco"], write=fail))
    job = browser.post("/exports", {"to": "coco"}, 202)["job"]
    reply = {}
    for _ in range(500):
        answer = browser.client.get(f"/api/runs/run/exports/{job}")
        reply = answer.json() if answer.status_code == 409 else {"error": ""}
        if "working" not in reply["error"]:
            break
    assert "put them back" in reply["error"]
    assert "fault of Facies" not in reply["error"]


def test_exports_go_with_the_atlas(run: RunFolder) -> None:
    with Atlas([run.path]) as atlas:
        export_bytes(Browser(atlas), "csv")
        folder = atlas.exports_folder
        assert len(list(folder.iterdir())) == 1
    assert not folder.exists()
    assert json.loads((run.path / "run.json").read_text())["method"] == "moe-vae"
