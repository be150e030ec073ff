from __future__ import annotations

import json
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.images import open_images
from facies.runs import RunFolder
from tests.cli.factories import call, error_line, start, wait_until
from tests.grains.extraction.factories import photographs

SMALL = ("--layers", 3, "--size", 48, "--jobs", 1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("extract") / "core", 6)


@pytest.fixture(scope="module")
def grains(photos: Path) -> Path:
    output = photos.parent / "grains"
    result = call("extract", photos, "-o", output, *SMALL, "--um-per-px", "2,5")
    assert result.exit_code == 0, result.stderr
    return output


def test_summary(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "S0_L1.png").write_bytes(b"none")
    result = call("extract", tmp_path / "photos", "-o", tmp_path / "grains", *SMALL)
    assert result.exit_code == 0, result.stderr
    assert "6 stacks of 3, found by the number at the end of the file name" in result.stderr
    assert "left out: S0: S0_L1.png: not an image" in result.stderr
    for words in ("grains", "10", "15 in 5 stacks", "green", "unknown", "check"):
        assert words in result.stdout
    again = call("extract", tmp_path / "photos", "-o", tmp_path / "grains", *SMALL, "--resume")
    assert "nothing to resume" in again.stdout


def test_json(photos: Path, tmp_path: Path) -> None:
    result = call("extract", photos, "-o", tmp_path / "grains", *SMALL, "--json")
    found = json.loads(result.stdout)
    assert (found["n_grains"], found["n_stacks"], found["n_photographs"]) == (12, 6, 18)
    assert found["thresholds"]["ground"] == "green"
    assert found["um_per_px"] is None
    assert found["complete_before"] is False


def test_the_segmentation_of_the_paper(photos: Path, tmp_path: Path) -> None:
    paper = (*SMALL, "--segmentation", "paper", "--superpixel", 24)
    result = call("extract", photos, "-o", tmp_path / "grains", *paper, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["n_grains"] == 12
    settings = json.loads((tmp_path / "grains" / "grains.json").read_text())["settings"]
    assert (settings["segmentation"], settings["superpixel"], settings["min_side"]) == ("paper", 24, 40)
    other = call("extract", photos, "-o", tmp_path / "grains", *SMALL, "--resume")
    assert 'segmentation was "paper", is "candidates"' in error_line(other)
    unknown = call("extract", photos, "-o", tmp_path / "x", *SMALL, "--segmentation", "slic")
    assert unknown.exit_code == 2
    assert "--segmentation slic: choose candidates, paper" in error_line(unknown)


def test_grains_are_grouped_and_the_run_keeps_outlines_and_scale(grains: Path, tmp_path: Path) -> None:
    result = call("cluster", grains, "-o", tmp_path / "run", "--method", "brightness")
    assert result.exit_code == 0, result.stderr
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["um_per_px"] == 2.5
    assert run.manifest["input"]["origin"]["kind"] == "grains"
    assert {"x0", "touching", "area_px", "stack"} <= set(run.images)
    outlines = run.companion("outlines")
    assert outlines is not None
    assert outlines["id"].tolist() == run.images["id"].tolist()
    assert outlines["outline"].iloc[0].dtype == np.float32
    result = call("predict", tmp_path / "run", grains, "-o", tmp_path / "new.csv")
    assert result.exit_code == 0, result.stderr
    assert pd.read_csv(tmp_path / "new.csv")["id"].tolist() == run.images["id"].tolist()


@pytest.mark.parametrize("scale", ["one", "0", "-2", "nan", "1.2 um"])
def test_scale_that_cannot_be_read(scale: str, photos: Path, tmp_path: Path) -> None:
    result = call("extract", photos, "-o", tmp_path / "grains", *SMALL, "--um-per-px", scale)
    assert result.exit_code == 2
    assert "--um-per-px" in error_line(result)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--layers", 5), "do not fall into stacks of 5"),
        (("--stacks", "magic"), "not by 'magic'"),
        (("--background", "blue"), "choose auto, green, dark, light"),
        (("--background", "light"), "no grains were found"),
        (("--thresholds", "nowhere"), "no grains.json"),
    ],
)
def test_orders_that_cannot_be_carried_out(
    options: tuple[object, ...], words: str, photos: Path, tmp_path: Path
) -> None:
    result = call("extract", photos, "-o", tmp_path / "grains", *SMALL, *options)
    assert result.exit_code == 2, result.stderr
    assert words in error_line(result)
    assert not (tmp_path / "grains").exists()


def test_killed_at_any_moment_it_goes_on_to_the_same(grains: Path, photos: Path, tmp_path: Path) -> None:
    output, chance = tmp_path / "grains", random.Random(0)
    order = ("extract", photos, "-o", output, *SMALL, "--um-per-px", "2.5", "--resume")
    for _ in range(3):
        process = start(*order)
        wait_until((tmp_path / ".grains.lock").exists, process)
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if output.exists():
            break
    assert call(*order).exit_code == 0
    assert open_images(output).fingerprint() == open_images(grains).fingerprint()
    assert {path.name for path in tmp_path.iterdir()} <= {"grains"}


def test_ctrl_c_leaves_what_can_go_on(photos: Path, tmp_path: Path) -> None:
    order = ("extract", photos, "-o", tmp_path / "grains", "--layers", 3, "--jobs", 2)
    process = start(*order)
    wait_until((tmp_path / ".grains.work" / "extract.json").exists, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    if process.returncode != 0:  # else it was quicker
        assert process.returncode == 130, error
        assert error.splitlines()[-1].endswith("--resume goes on from here")
        assert (tmp_path / ".grains.work" / "extract.json").exists()
    assert call(*order, "--resume").exit_code == 0
    assert len(open_images(tmp_path / "grains")) == 12
