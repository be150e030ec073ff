from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.images import open_images
from facies.runs import RunFolder
from facies.scale.engines import ThisProcess
from facies.workflows import predict, write_table
from facies.workflows.predict_blocks import assign_block
from tests.workflows.factories import N, Recorder, make_photos, make_pixels


def test_the_run_s_own_images_get_their_groups_again(run: RunFolder) -> None:
    expected = run.partition()[0]
    for source in (run.path.parent / "images.npz", make_pixels(), run.image_set()):
        table = predict(run, source).table
        assert list(table.columns) == ["id", "group", "probability"]
        np.testing.assert_array_equal(table["group"], expected["group"])


def test_what_cannot_be_read_is_named(run: RunFolder, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 6)
    (photos / "broken.png").write_bytes(b"nothing")
    progress = Recorder()
    prediction = predict(run, photos, progress=progress)
    assert len(prediction.table) == 6
    assert prediction.left_out["source"].tolist() == ["broken.png"]
    assert progress.stages == ["reading", "assigning"]


def test_images_of_other_units_or_channels(run: RunFolder) -> None:
    with pytest.raises(InputError, match="the images: the pixels are float32"):
        predict(run, open_images(make_pixels(dtype=np.float32)))
    with pytest.raises(InputError, match="the images: the images have 3 channels"):
        predict(run, make_pixels(channels=3))
    assert len(predict(run, make_pixels(channels=3), channels="grey").table) == N


def test_a_table_is_written_once(run: RunFolder, tmp_path: Path) -> None:
    table = predict(run, make_pixels()).table
    path = write_table(table, tmp_path / "groups.parquet")
    assert pd.read_parquet(path).equals(table)
    with pytest.raises(InputError, match="already exists"):
        write_table(table, path)
    write_table(table, path, overwrite=True)


def test_pixels_outside_of_what_the_model_learnt_are_told(run: RunFolder) -> None:
    assert predict(run, make_pixels()).notes == []
    bright = make_pixels()
    high = run.manifest["input"]["value_range"][1]
    assert high < 255
    bright[2, 0, :3] = 255
    (note,) = predict(run, bright).notes
    assert "(3 of" in note
    assert "in 1 image)" in note
    assert f"… {high:g}, the range that the model learnt, and were clipped" in note


@pytest.mark.parametrize("kind", ["npz", "npy", "array", "photos"])
def test_blocks_give_the_same_table(run: RunFolder, tmp_path: Path, monkeypatch, kind: str) -> None:
    monkeypatch.setattr(import_module("facies.workflows.predict"), "IMAGES_PER_BLOCK", 7)
    np.save(tmp_path / "a.npy", make_pixels())
    source = {
        "npz": run.path.parent / "images.npz", "npy": tmp_path / "a.npy", "array": make_pixels(),
        "photos": make_photos(tmp_path / "photos", 9),
    }[kind]  # fmt: skip
    expected = predict(run, source).table
    work = tmp_path / "work"
    found = predict(run, source, engine=ThisProcess(), work=work)
    pd.testing.assert_frame_equal(found.table, expected)
    assert found.missing == []
    assert (work / "images.npy").exists() == (kind in ("array", "photos"))  # else all processes map the same file
    parts = sorted((work / "parts").rglob("*.parquet"))
    changed = [path.stat().st_mtime_ns for path in parts]
    again = predict(run, source, engine=ThisProcess(), work=work, resume=True)
    pd.testing.assert_frame_equal(again.table, expected)
    assert [path.stat().st_mtime_ns for path in parts] == changed


def test_a_block_that_fails_is_named(run: RunFolder, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(import_module("facies.workflows.predict"), "IMAGES_PER_BLOCK", 25)

    def fail(method, rule, part, classifier):
        if len(part) == 10:
            raise RuntimeError("no more")
        return assign_block(method, rule, part, classifier)

    monkeypatch.setattr("facies.workflows.predict_blocks.assign_block", fail)
    prediction = predict(run, make_pixels(), engine=ThisProcess(), work=tmp_path / "work")
    assert prediction.missing == ["block 2 is missing: RuntimeError: no more"]
    assert len(prediction.table) == 50
