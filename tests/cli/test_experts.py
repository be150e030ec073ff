"""What the experts of a run can do, from the command line and in the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.images import open_images
from facies.methods import load_method
from facies.metrics.partition import accuracy
from facies.report import write_report
from facies.runs import RunFolder, write_run
from facies.workflows.run_contents import run_contents
from tests.cli.factories import call, entries, error_line
from tests.methods.factories import fitted_small, pictures
from tests.report.test_page import read


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of `moe-vae` on four kinds of pictures."""
    folder = tmp_path_factory.mktemp("experts")
    pixels, kinds = pictures()
    np.savez(folder / "images.npz", images=pixels, labels=kinds)
    images = open_images(folder / "images.npz")
    return write_run(folder / "run", run_contents(fitted_small(), images, {"preset": "quick"}))


def test_a_walk(run: RunFolder, tmp_path: Path) -> None:
    result = call("sample", run.path, "-k", 2, "--walk", 1, "-n", 5, "--reach", 2, "-o", tmp_path / "walk.npy")
    assert result.exit_code == 0, result.stderr
    assert "5 images of group 2 along dimension 1, from -2 to 2" in result.stdout
    expected = load_method(run.model_folder).latent_walk(2, 1, 5, 2.0)
    np.testing.assert_array_equal(np.load(tmp_path / "walk.npy"), expected)


def test_a_white_image_by_each_expert(run: RunFolder, tmp_path: Path) -> None:
    assert call("sample", run.path, "--white", "-o", tmp_path / "white.npy").exit_code == 0
    image, drawn = load_method(run.model_folder).white_image()
    np.testing.assert_array_equal(np.load(tmp_path / "white.npy"), np.concatenate([image[None], drawn]))
    assert call("sample", run.path, "--white", "-o", tmp_path / "white.png").exit_code == 0
    assert np.asarray(Image.open(tmp_path / "white.png"))[:64, :64].min() == 255


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give --cluster"),
        (["--white", "-k", 1], "give --cluster"),
        (["--white", "--walk", 0], "give --cluster"),
        (["-k", 9], "there is no group 9"),
        (["-k", 1, "--walk", 99], "has dimensions 0 to"),
    ],
)
def test_what_cannot_be_drawn(run: RunFolder, tmp_path: Path, options: list[object], words: str) -> None:
    result = call("sample", run.path, *options, "-o", tmp_path / "a.npy")
    assert result.exit_code == 2
    assert words in error_line(result)
    assert entries(tmp_path) == set()


def test_groups_by_least_error(run: RunFolder, tmp_path: Path) -> None:
    source = run.path.parent / "images.npz"
    result = call("predict", run.path, source, "--by", "reconstruction", "-o", tmp_path / "groups.csv")
    assert result.exit_code == 0, result.stderr
    table, method, pixels = pd.read_csv(tmp_path / "groups.csv"), load_method(run.model_folder), pictures()[0]
    assert list(table.columns) == ["id", "group", "error"]
    np.testing.assert_array_equal(table["group"], method.predict_by_reconstruction(pixels))
    np.testing.assert_allclose(table["error"], method.reconstruction_errors(pixels).min(axis=1), rtol=1e-4)


def test_where_images_lie_in_the_latent_space_of_an_expert(run: RunFolder, tmp_path: Path) -> None:
    source = run.path.parent / "images.npz"
    result = call("predict", run.path, source, "--expert", 3, "-o", tmp_path / "codes.parquet")
    assert result.exit_code == 0, result.stderr
    table = pd.read_parquet(tmp_path / "codes.parquet")
    codes = load_method(run.model_folder).transform_by_expert(pictures()[0], 3)
    names = [f"code_{number}" for number in range(codes.shape[1])]
    assert list(table.columns) == ["id", "group", "probability", *names, "map_x", "map_y"]
    np.testing.assert_allclose(table[names], codes, atol=1e-5)
    assert np.isfinite(table[["map_x", "map_y"]].to_numpy()).all()


@pytest.mark.parametrize(
    ("options", "words"), [(["--by", "guess"], "--by guess is not known"), (["--expert", 4], "there is no group 4")]
)
def test_what_cannot_be_asked(run: RunFolder, tmp_path: Path, options: list[object], words: str) -> None:
    result = call("predict", run.path, run.path.parent / "images.npz", *options, "-o", tmp_path / "a.csv")
    assert result.exit_code == 2
    assert words in error_line(result)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("sample", ["-k", 0, "--walk", 0]),
        ("sample", ["--white"]),
        ("predict", ["--by", "reconstruction"]),
        ("predict", ["--expert", 0]),
    ],
)
def test_a_method_without_experts_says_so(run_path: Path, tmp_path: Path, command: str, options: list[object]) -> None:
    source = [run_path.parent / "images.npz"] if command == "predict" else []
    result = call(command, run_path, *source, *options, "-o", tmp_path / ("a.npy" if command == "sample" else "a.csv"))
    assert result.exit_code == 2
    assert "the method brightness has no expert for each group" in error_line(result)
    assert entries(tmp_path) == set()


def test_the_manager_alone_is_evaluated(run: RunFolder) -> None:
    result = call("evaluate", run.path, "--partition", "manager", "--json")
    assert result.exit_code == 0, result.stderr
    expected = accuracy(pictures()[1], fitted_small().manager_probabilities_.argmax(axis=1))
    assert json.loads(result.stdout)["accuracy"] == pytest.approx(expected)
    assert run.partitions()[-1] == "moe-vae"


def test_the_report_shows_sizes_entropies_and_what_each_expert_draws(run: RunFolder, tmp_path: Path) -> None:
    path = write_report(run, tmp_path / "report.html", tables=tmp_path / "tables")
    page, values = read(path), run.manifest["method_values"]
    assert "experts" in {attributes.get("id") for attributes in page.all("section")}
    assert f"All images together need {values['latent_size']} latent dimensions" in page.words()
    first = values["groups"][0]
    sizes = [str(first[name]) for name in ("n_images_by_density", "latent_size", "expert_latent_size")]
    assert ["0", sizes[0], f"{first['shannon_entropy']:.2f}", *sizes[1:]] in [
        row for rows in page.tables for row in rows
    ]
    titles = [attributes.get("title", "") for attributes in page.all("img")]
    assert titles.count("a white image, reconstructed") == 4
    assert sum(title.endswith("step 9") for title in titles) == 4
    table = pd.read_csv(tmp_path / "tables" / "experts.csv")
    assert table.drop(columns="group").to_dict("records") == values["groups"]
    places = pd.read_csv(tmp_path / "tables" / "expert-maps.csv")
    np.testing.assert_array_equal(places["group"], run.partition("moe-vae")[0]["group"])
