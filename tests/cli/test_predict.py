from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.runs import RunFolder
from facies.scale.engines import ThisProcess
from tests.cli.factories import call, entries, error_line
from tests.workflows.factories import K, N, make_input, make_photos, make_pixels


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"id": str})


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_images_of_the_run_get_their_groups_again(suffix: str, run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / f"groups.{suffix}"
    result = call("predict", run_path, run_path.parent / "images.npz", "-o", out)
    assert result.exit_code == 0, result.stderr
    table, (expected, _) = read(out), RunFolder(run_path).partition()
    assert list(table.columns) == ["id", "group", "probability"]
    assert table["id"].tolist() == expected["id"].tolist()
    np.testing.assert_array_equal(table["group"], expected["group"])
    np.testing.assert_allclose(table["probability"], expected["probability"], rtol=1e-5)
    assert f"{N} images" in result.stdout
    assert "assigning: done" in result.stderr


def test_many_images_are_assigned_in_parts(run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("facies.workflows.predict"), "IMAGES_PER_BLOCK", 7)
    call("predict", run_path, run_path.parent / "images.npz", "-o", tmp_path / "groups.csv")
    np.testing.assert_array_equal(read(tmp_path / "groups.csv")["group"], RunFolder(run_path).partition()[0]["group"])


def test_a_folder_is_read_as_that_of_the_run_was(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 12, channels=3)
    run = tmp_path / "run"
    assert (
        call("cluster", photos, "-o", run, "--method", "brightness", "--channels", "grey", "--size", 12).exit_code == 0
    )
    new = make_photos(tmp_path / "new", 6, channels=3, side=20, seed=1)
    (new / "broken.png").write_bytes(b"nothing")
    result = call("predict", run, new, "-o", tmp_path / "new.csv", "--json")
    assert result.exit_code == 0, result.stderr
    told_json = json.loads(result.stdout)
    assert told_json["n_images"] == 6
    assert sum(told_json["group_sizes"].values()) == 6
    assert [item["source"] for item in told_json["left_out"]] == ["broken.png"]
    table = read(tmp_path / "new.csv")
    pairs = set(zip(table["id"].str[:6], table["group"], strict=True))
    assert len(pairs) == len({group for _, group in pairs}) == K


def test_left_out_files_are_named(run_path: Path, tmp_path: Path) -> None:
    new = make_photos(tmp_path / "new", 3)
    (new / "broken.png").write_bytes(b"nothing")
    result = call("predict", run_path, new, "-o", tmp_path / "new.csv")
    assert result.exit_code == 0
    assert "facies: left out: broken.png: " in result.stderr


def test_one_image_is_enough(run_path: Path, tmp_path: Path) -> None:
    assert call("predict", run_path, make_photos(tmp_path / "new", 1), "-o", tmp_path / "new.csv").exit_code == 0
    assert len(read(tmp_path / "new.csv")) == 1


def test_other_channels_offer_to_convert(run_path: Path, tmp_path: Path) -> None:
    new = make_photos(tmp_path / "new", 3, channels=3)
    before = entries(tmp_path)
    result = call("predict", run_path, new, "-o", tmp_path / "new.csv")
    assert result.exit_code == 2
    assert "3 channels" in error_line(result)
    assert "--channels grey" in error_line(result)
    assert entries(tmp_path) == before
    assert call("predict", run_path, new, "-o", tmp_path / "new.csv", "--channels", "grey").exit_code == 0


def test_other_units_are_refused(run_path: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", make_pixels(dtype=np.float32))
    result = call("predict", run_path, tmp_path / "new.npy", "-o", tmp_path / "new.csv")
    assert result.exit_code == 2
    assert "bring them to the same units" in error_line(result)
    np.save(tmp_path / "same.npy", make_pixels().astype(np.float64))
    assert call("predict", run_path, tmp_path / "same.npy", "-o", tmp_path / "new.csv").exit_code == 0


def test_a_darker_set_of_the_same_type_is_welcome(run_path: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "dark.npy", make_pixels() // 50)
    assert call("predict", run_path, tmp_path / "dark.npy", "-o", tmp_path / "new.csv").exit_code == 0


def test_nan_is_refused(run_path: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", np.full((3, 16, 16), np.nan, np.float32))
    result = call("predict", run_path, tmp_path / "new.npy", "-o", tmp_path / "new.csv")
    assert result.exit_code == 2
    assert "NaN" in error_line(result)


def test_table_is_not_overwritten_unasked(run_path: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "groups.csv", make_input(tmp_path)
    out.write_text("precious")
    result = call("predict", run_path, source, "-o", out)
    assert result.exit_code == 2
    assert "--overwrite" in error_line(result)
    assert out.read_text() == "precious"
    assert call("predict", run_path, source, "-o", out, "--overwrite").exit_code == 0
    assert len(read(out)) == N


def test_suffix_of_the_table(run_path: Path, tmp_path: Path) -> None:
    result = call("predict", run_path, run_path.parent / "images.npz", "-o", tmp_path / "groups.xlsx")
    assert result.exit_code == 2
    assert ".csv or .parquet" in error_line(result)


class OtherEngine:
    """An engine in this process that the command takes for another one."""

    def __init__(self) -> None:
        self.own = ThisProcess()

    def __enter__(self) -> OtherEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.own.__exit__()

    def __getattr__(self, name: str) -> object:
        return getattr(self.own, name)


def test_blocks_that_are_missing_are_named_and_resumed(
    run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("facies.workflows.predict"), "IMAGES_PER_BLOCK", 25)
    monkeypatch.setattr("facies.scale.make_engine", lambda *_, **__: OtherEngine())
    blocks = import_module("facies.workflows.predict_blocks")
    assign = blocks.assign_block

    def fail(method, rule, part, classifier):
        if len(part) == 10:
            raise RuntimeError("no more")
        return assign(method, rule, part, classifier)

    monkeypatch.setattr(blocks, "assign_block", fail)
    source = run_path.parent / "images.npz"
    result = call("predict", run_path, source, "-o", tmp_path / "a.csv")
    assert result.exit_code == 1
    assert "block 2 is missing: RuntimeError: no more" in result.stderr
    assert "no table was written: the same command with --resume tries the missing blocks again" in result.stderr
    assert not (tmp_path / "a.csv").exists()
    monkeypatch.setattr(blocks, "assign_block", assign)
    assert call("predict", run_path, source, "-o", tmp_path / "a.csv", "--resume").exit_code == 0
    assert not list(tmp_path.glob(".*"))
    monkeypatch.undo()
    assert call("predict", run_path, source, "-o", tmp_path / "b.csv").exit_code == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    result = call("predict", run_path, source, "-o", tmp_path / "c.csv", "--resume")
    assert "give --jobs or --engine dask" in error_line(result)
