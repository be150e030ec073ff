"""The report of a segmented volume: codes with transformed copies, how invariant they are, clusters against classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from facies.cli.app import app
from facies.methods.voxels import VoxelMethod, VoxelSample
from facies.methods.voxels.intensity import Intensity
from facies.volumes import open_volume
from facies.volumes.evaluation import evaluate_segmentation, keep_evaluation, kept_evaluation
from facies.volumes.invariance import TransformedCopies, transformed_copies
from facies.volumes.report import write_volume_report
from facies.volumes.segmentation import open_segmentation
from facies.volumes.synthetic import textured_phantom
from facies.volumes.value_range import GreyRange

GREY, CLASSES = textured_phantom((16, 40, 40), blob=6, seed=3)


@pytest.fixture(autouse=True)
def few_codes(monkeypatch) -> None:
    """A map of a few voxels is quick."""
    monkeypatch.setattr("facies.volumes.report_figures.ROWS_A_BOX", 10)


def facies(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    np.savez(folder / "a.npz", grey=GREY, classes=CLASSES)
    words = ["--method", "intensity", "--scale-nm", 64, "--voxel-size", "8,8,8", "--clusters", "kmeans", "--k", "2,4"]
    facies("segment", f"{folder}/a.npz:grey", "-o", folder / "run", *words)
    return folder / "run"


class Mean(Intensity):
    """The mean of 5 voxels a side, without a blur of physical size."""

    halo = (2, 2, 2)

    def learn(self, sample, progress) -> None:
        pass

    def embed(self, values):
        windows = np.lib.stride_tricks.sliding_window_view(values, (5, 5, 5))
        return windows.mean(axis=(3, 4, 5), dtype=np.float32)[None]


@pytest.mark.parametrize("size", [(8.0, 8.0, 8.0), (40.0, 8.0, 8.0)])
def test_copies_of_a_ramp_are_turned_scaled_and_shifted_in_nm(size) -> None:
    """On a slope the mean around a voxel changes by a shift alone, and by slope times shift."""
    _, y, x = np.indices((12, 120, 120))
    slope = 1e-4
    grey = (0.2 + slope * 8 * (2 * y + x)).astype(np.float32)
    volume = open_volume(grey, voxel_size_nm=size)
    method = Mean(scale_nm=90.0).fit(VoxelSample([np.zeros((4, 4, 4), np.uint8)], size))
    copies = transformed_copies(volume, method, GreyRange(0, 1), n_voxels=40, seed=1)
    turned, scaled, shifted = np.abs(copies.codes[:, 1:, 0] - copies.codes[:, :1, 0]).T
    assert np.quantile(turned, 0.7) < 1e-6  # near the border the volume is mirrored
    assert np.quantile(scaled, 0.7) < 1e-6
    most = slope * np.sqrt(5) * 90 / 9
    assert 0.3 * most < np.quantile(shifted, 0.7) < shifted.max() <= most + 1e-6
    assert 0 < copies.ratio < 0.2
    assert copies.ratio_of_others is None


def test_the_ratio_is_that_of_distances() -> None:
    codes = np.zeros((2, 4, 3), np.float32)
    codes[1, :, :2] = [3, 4]
    codes[0, 1, 0] = 1  # one of six copies is moved, by 1
    codes[:, :, 2] = np.arange(4)
    copies = TransformedCopies(codes, 2)
    assert copies.ratio == pytest.approx(1 / 6 / 5)
    assert copies.ratio_of_others > 1e6  # the voxels do not differ there, and the copies do


def test_the_report_shows_codes_and_classes(run) -> None:
    page = write_volume_report(open_segmentation(run), run.parent / "a.html").read_text("utf-8")
    assert "times as far from its voxel" in page
    assert "Clusters against classes" not in page
    facies("evaluate", run, "--labels", f"{run.parent}/a.npz:classes", "--ignore", 3)
    kept = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert kept["classes"] == ["0", "1", "2"]
    facies("report", run, "-o", run.parent / "b.html", "--k", 4)
    page = (run.parent / "b.html").read_text("utf-8")
    assert "Clusters against classes" in page
    shares = np.array(kept["by_k"]["4"]["confusion"])
    first = shares / shares.sum(axis=1, keepdims=True)
    assert f">{first[0, 0]:.2f}<" in page


def test_a_damaged_evaluation_is_one_line(run) -> None:
    segmentation = open_segmentation(run)
    measured = evaluate_segmentation(segmentation, open_volume(CLASSES))
    assert keep_evaluation(segmentation, measured, "classes.npy") == ""
    assert kept_evaluation(segmentation)["labels"] == "classes.npy"
    (run / "evaluation.json").write_text('{"classes": ["0"], "by_k": {"2": {"confusion": [[1]]}}}')
    told = facies("report", run, "-o", run.parent / "c.html", code=2)
    assert "evaluation.json: is damaged" in told
    (run / "evaluation.json").unlink()


def test_other_values_of_a_network_get_a_map_of_their_own(run, monkeypatch) -> None:
    monkeypatch.setattr(VoxelMethod, "n_other_features", property(lambda _: 2), raising=False)

    def with_others(self, values):
        own = self.embed(values)
        noise = np.random.default_rng(int(values.sum())).normal(size=(2, *own.shape[1:]))
        return np.concatenate([own, noise.astype(np.float32)])

    monkeypatch.setattr(VoxelMethod, "embed_with_others", with_others)
    page = write_volume_report(open_segmentation(run), run.parent / "d.html").read_text("utf-8")
    assert "which are not" in page
    assert "times in the others" in page


def test_an_empty_volume_has_no_codes_and_a_note(run, monkeypatch) -> None:
    from facies.errors import InputError

    def refuse(*_, **__):
        raise InputError("the array: 20 voxels drawn one after the other are padding or damaged")

    monkeypatch.setattr("facies.volumes.report.transformed_copies", refuse)
    page = write_volume_report(open_segmentation(run), run.parent / "e.html").read_text("utf-8")
    assert "without a map of codes: the array: 20 voxels" in page
