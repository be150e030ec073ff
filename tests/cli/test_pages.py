"""Files of several pages, and long images, from the command line to the report."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from facies.atlas.services.pictures import Pictures
from facies.runs import RunFolder
from tests.cli.factories import call, error_line

NOTE = (
    "6 files of 3 pages: the pages are channels, as their own axes (CYX) say; --pages images makes each page an image"
)


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Six OME-TIFFs of three channels."""
    rng = np.random.default_rng(0)
    (tmp_path / "cells").mkdir()
    for number in range(6):
        pixels = rng.integers(0, 80, (3, 12, 10), dtype=np.uint8) + np.uint8(80 * (number % 3))
        path = tmp_path / "cells" / f"{number}.ome.tif"
        tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": "CYX"})
    return tmp_path / "cells"


def test_what_the_pages_were_taken_for_is_on_the_screen_in_the_run_and_in_the_report(
    cells: Path, tmp_path: Path
) -> None:
    result = call("cluster", cells, "-o", tmp_path / "run", "--method", "brightness")
    assert result.exit_code == 0, result.stderr
    assert NOTE in " ".join((result.stdout + result.stderr).split())
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["image_shape"] == [3, 12, 10]
    assert NOTE in run.manifest["notes"]
    assert call("report", tmp_path / "run", "-o", tmp_path / "report.html").exit_code == 0
    assert NOTE in (tmp_path / "report.html").read_text()
    assert len(run.image_set()) == 6


def test_new_images_are_taken_as_those_of_the_run(cells: Path, tmp_path: Path) -> None:
    call("cluster", cells, "-o", tmp_path / "run", "--method", "brightness", "--pages", "images")
    assert len(RunFolder(tmp_path / "run")) == 18
    result = call("predict", tmp_path / "run", cells, "-o", tmp_path / "a.csv", "--json")
    assert json.loads(result.stdout)["n_images"] == 18
    result = call("predict", tmp_path / "run", cells, "-o", tmp_path / "b.csv", "--pages", "channels")
    assert "have 3 channels, those of the run run 1 channel" in error_line(result)


def test_pages_that_are_none_are_refused(cells: Path, tmp_path: Path) -> None:
    result = call("cluster", cells, "-o", tmp_path / "run", "--method", "brightness", "--pages", "slices")
    assert result.exit_code == 2
    assert "pages must be 'images', 'channels' or 'layers', not 'slices'" in error_line(result)
    np.save(tmp_path / "a.npy", np.zeros((4, 8, 8)))
    result = call("cluster", tmp_path / "a.npy", "-o", tmp_path / "run", "--pages", "images")
    assert result.exit_code == 2
    assert "pages is for files of several pages" in error_line(result)


def test_images_of_more_pixels_a_side_than_webp_holds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(6):
        pixels = rng.integers(0, 80, (8, 20_000), dtype=np.uint8) + np.uint8(80 * (number % 3))
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    result = call("cluster", tmp_path / "in", "-o", tmp_path / "run", "--method", "brightness")
    assert result.exit_code == 0, result.stderr
    assert call("report", tmp_path / "run", "-o", tmp_path / "report.html").exit_code == 0
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["image_shape"] == [1, 8, 20_000]
    with Image.open(io.BytesIO(Pictures(run).full(0))) as shown:
        assert shown.size == (16_383, 7)
