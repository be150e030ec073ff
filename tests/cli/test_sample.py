from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from facies.methods import load_method
from facies.runs import RunFolder
from tests.cli.factories import call, entries, error_line
from tests.workflows.factories import K, make_input


def test_npy_and_tif_hold_the_images_themselves(run_path: Path, tmp_path: Path) -> None:
    for name in ("images.npy", "images.tif"):
        assert call("sample", run_path, "--cluster", 1, "-n", 5, "-o", tmp_path / name, "--seed", 3).exit_code == 0
    expected = load_method(RunFolder(run_path).model_folder).sample(5, cluster=1, random_state=3)
    images = np.load(tmp_path / "images.npy")
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "images.tif").reshape(expected.shape), expected)
    assert call("sample", run_path, "-k", 1, "-n", 5, "-o", tmp_path / "other.npy", "--seed", 4).exit_code == 0
    assert (np.load(tmp_path / "other.npy") != expected).any()


def test_png_shows_them_all(run_path: Path, tmp_path: Path) -> None:
    result = call("sample", run_path, "--cluster", 0, "-n", 5, "-o", tmp_path / "sheet.png", "--json")
    assert json.loads(result.stdout)["shape"] == [1, 16, 16]
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 64 + 2, 3 * 64 + 2 * 2)
    low, high = RunFolder(run_path).manifest["input"]["value_range"]
    drawn = load_method(RunFolder(run_path).model_folder).sample(5, cluster=0, random_state=0)
    expected = np.clip((drawn[1, 0] - low) / (high - low), 0, 1) * 255
    np.testing.assert_allclose(sheet[:64:4, 66 : 66 + 64 : 4], expected, atol=0.51)


@pytest.mark.parametrize("cluster", [K, 99])
def test_no_such_group(cluster: int, run_path: Path, tmp_path: Path) -> None:
    result = call("sample", run_path, "--cluster", cluster, "-o", tmp_path / "a.png")
    assert result.exit_code == 2
    assert f"there is no group {cluster}: groups are 0 to {K - 1}" in error_line(result)
    assert entries(tmp_path) == set()


def test_a_method_that_generates_nothing(tmp_path: Path) -> None:
    assert call("cluster", make_input(tmp_path), "-o", tmp_path / "run", "--method", "silent").exit_code == 0
    assert RunFolder(tmp_path / "run").samples is None
    result = call("sample", tmp_path / "run", "--cluster", 0, "-o", tmp_path / "a.png")
    assert result.exit_code == 2
    assert "does not generate images" in error_line(result)


def test_image_is_not_overwritten_unasked(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    out.write_text("precious")
    result = call("sample", run_path, "--cluster", 0, "-o", out)
    assert result.exit_code == 2
    assert out.read_text() == "precious"
    assert call("sample", run_path, "--cluster", 0, "-o", out, "--overwrite").exit_code == 0
    assert Image.open(out).size[0] > 64


def test_suffix_of_the_image(run_path: Path, tmp_path: Path) -> None:
    result = call("sample", run_path, "--cluster", 0, "-o", tmp_path / "a.jpg")
    assert result.exit_code == 2
    assert ".png, .tif or .npy" in error_line(result)


def test_five_channels_do_not_fit_into_a_png(tmp_path: Path) -> None:
    source = make_input(tmp_path)
    with np.load(source) as packed:
        images = np.repeat(packed["images"][:, None], 5, axis=1)
    np.save(tmp_path / "five.npy", images)
    assert call("cluster", tmp_path / "five.npy", "-o", tmp_path / "run", "--method", "brightness").exit_code == 0
    result = call("sample", tmp_path / "run", "--cluster", 0, "-o", tmp_path / "a.png")
    assert result.exit_code == 2
    assert "write .tif or .npy" in error_line(result)
    assert call("sample", tmp_path / "run", "--cluster", 0, "-o", tmp_path / "a.tif").exit_code == 0
