"""What users of like programs reported, with the right answers (shared/notes/rivals-2026-11.md, part E, M1 to M12).

What M12 asks for of files of weights is in tests/cli/test_bad_encoders.py and
tests/nn/encoders/test_onnx_file.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from facies.cluster import UMAPLayout
from facies.errors import InputError
from facies.methods import Method, make_method
from facies.metrics import accuracy, ari, evaluate_partition, nmi, purity
from facies.nn.encoders import EncoderLoader, FunctionEncoder, register_encoder
from facies.report.benchmark_table import markdown
from facies.report.exporters.registry import export_run
from facies.report.page import write_report
from facies.workflows import cluster, evaluate
from facies.workflows.benchmark.worker import has_collapsed
from tests.workflows.benchmark.factories import row
from tests.workflows.factories import K, N, make_input, make_pixels

pytestmark = pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")  # short fits collapse, and say so


def digits(count: int) -> np.ndarray:
    return np.asarray(load_digits().images[:count], np.float32)


@pytest.fixture(scope="module")
def dense() -> Method:
    """Dense groups of digits, some images between them."""
    return make_method("umap-hdbscan", "quick", {"layout_dimensions": 2}).fit(digits(150))


def test_m1_images_learnt_from_do_not_come_back_as_noise(dense):
    """hdbscan#381: `approximate_predict` of the training points called many of them noise."""
    np.testing.assert_array_equal(dense.predict(digits(150)), dense.labels_)


def test_m3_the_likeliest_group_is_the_group(dense):
    """hdbscan#462, #123: the argmax of the soft memberships was not the label."""
    grouped = dense.labels_ >= 0
    assert grouped.mean() > 0.5
    np.testing.assert_array_equal(dense.probabilities_.argmax(axis=1)[grouped], dense.labels_[grouped])


def test_m4_copies_do_not_make_two_fits_differ():
    """umap#1277: with many copies the seed no longer decided the layout. (Whole fits: tests/cluster/test_copies.py.)"""
    copies = np.repeat(digits(40).reshape(40, -1), 9, axis=0)
    one, other = (UMAPLayout(copies, 15, "euclidean", random_state=4).layout(2) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert np.isfinite(one).all()


def test_m6_any_numbers_may_name_the_classes(tmp_path: Path):
    """ClustPy#106: the accuracy was wrong where labels were not 0, 1, 2."""
    rng = np.random.default_rng(0)
    plain, groups = rng.integers(0, 3, 200), rng.integers(0, 4, 200)
    odd = np.array([-7, 3, 900])[plain]
    for metric in (accuracy, purity, nmi, ari):
        assert metric(odd, groups) == pytest.approx(metric(plain, groups), abs=1e-12)
    scores = []
    for name, labels in (("plain", np.arange(N) % K), ("odd", np.array([-7, 3, 900])[np.arange(N) % K])):
        np.savez(tmp_path / f"{name}.npz", images=make_pixels(), labels=labels)
        run = cluster(tmp_path / f"{name}.npz", tmp_path / f"run-{name}", method="brightness")
        scores.append({key: value for key, value in evaluate(run).items() if key != "partition"})
    assert scores[0] == scores[1]
    assert scores[0]["accuracy"] > 0.3


def test_m7_more_groups_than_classes_are_counted_both_ways_with_their_number():
    """DeepDPM#43, Unsupervised-Classification#70, #102: which accuracy is it where the number found is not the true one?"""
    classes = np.repeat(np.arange(10), 30)
    groups = classes + 10 * ((classes < 5) & (np.arange(300) % 2 == 0))  # five classes come in two halves
    measured = evaluate_partition(groups, labels=classes)
    assert (measured["n_groups"], measured["accuracy"], measured["purity"]) == (15, pytest.approx(0.75), 1.0)
    text = markdown([row(n_groups=15, accuracy=0.75, accuracy_majority=1.0)], "suite")
    heading, _, line = (each for each in text.splitlines() if each.startswith("|"))
    cells = dict(zip(*([cell.strip() for cell in each.strip("|").split("|")] for each in (heading, line)), strict=True))
    assert (cells["ACC"], cells["ACC by majority"], cells["groups"]) == ("0.750", "1.000", "15.0")


def test_m8_a_run_with_two_live_groups_is_flagged_and_counted_apart():
    """OpenDeepClustering#22: runs that had collapsed were averaged in, and nothing said so."""
    assert has_collapsed({0: 50, 1: 50}, asked=10)
    rows = [row(seed=0, accuracy=0.9), row(seed=1, accuracy=0.2, n_groups=2, collapsed=True), row(seed=2, accuracy=0.9)]
    (line,) = (each for each in markdown(rows, "suite").splitlines() if each.startswith("| dec"))
    assert [cell.strip() for cell in line.strip("|").split("|")][-3:] == ["3", "1", "0"]  # runs, collapsed, failed


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dec", {"pretraining.epochs": 1, "training.epochs": 2, "training.batch_size": 256}),
        ("k-means", {}),
        ("cc", {"training.epochs": 1, "training.batch_size": 256}),
    ],
)
def test_m9_a_hundred_groups_of_150_images_in_batches_of_256(name, parameters):
    """urban_score#1 (siCluster): not a number, with few images and many groups."""
    fitted = make_method(name, "quick", {**parameters, "n_clusters": 100}).fit(digits(150))
    assert np.isfinite(fitted.embedding_).all()
    assert np.isfinite(fitted.probabilities_).all()
    if "loss" in fitted.history_:
        assert np.isfinite(fitted.history_["loss"]).all()
    measured = evaluate_partition(fitted.labels_, labels=load_digits().target[:150], embedding=fitted.embedding_)
    assert all(np.isfinite(value) for value in measured.values())


def quarters_but_infinite_where_bright(pixels: torch.Tensor) -> torch.Tensor:
    features = torch.nn.functional.avg_pool2d(pixels, 4).flatten(1)
    return torch.where(features.mean(dim=1, keepdim=True) > 0.9, torch.inf, features)


def with_own_encoder(monkeypatch: pytest.MonkeyPatch, function, **parameters) -> Method:
    monkeypatch.setattr("facies.nn.encoders.registry._registered", {})
    register_encoder(EncoderLoader("own", lambda: FunctionEncoder("own", function, version="1", usual_side=8)))
    chosen = {"encoder": "own", "image_size": None, "grouping.n_clusters": 3, "grouping.layout_dimensions": None}
    return make_method("pretrained", "quick", {**chosen, **parameters})


def test_m10_an_image_without_finite_features_is_named(monkeypatch, tmp_path: Path):
    """DeepDPM#14, #19: centres became NaN, and the run ended without a word on which row was to blame."""
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path))
    images = digits(60)
    images[7] = 16.0
    method = with_own_encoder(monkeypatch, quarters_but_infinite_where_bright)
    with pytest.raises(
        InputError, match=r"encoder own gives features that are NaN or infinite for the images \S*7: mend"
    ):
        method.fit(images)
    pixels = digits(60)
    pixels[7, 3, 3] = np.inf
    with pytest.raises(InputError, match=r"1 image holds NaN or infinite pixels \(id \S*7\)"):
        make_method("k-means", "quick", {"n_clusters": 3}).fit(pixels)


def test_m11_without_labels_there_are_pictures_of_each_group_and_folders(tmp_path: Path):
    """turtle#7: groups were numbers in an array; where are the pictures?"""
    run = cluster(make_input(tmp_path, labels=False), tmp_path / "run", method="brightness")
    sizes = run.partition()[0]["group"].value_counts()
    page = write_report(run, tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/") >= len(sizes) * 3
    out = export_run(run, "folders", tmp_path / "folders")
    counts = {path.name: len([*path.iterdir()]) for path in out.iterdir() if path.is_dir()}
    assert counts == {f"group-{group:02d}": size for group, size in sizes.items()}


def test_m12_a_function_of_ones_own_gives_the_features(monkeypatch, tmp_path: Path):
    """fiftyone#2726: use the features of my own network."""
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path))
    asked = []

    def own(pixels: torch.Tensor) -> torch.Tensor:
        asked.append(len(pixels))
        return pixels.flatten(1)[:, ::7]

    fitted = with_own_encoder(monkeypatch, own, scaling="none").fit(digits(60))
    assert sum(asked) >= 60
    ours = np.linalg.norm(fitted.embedding_[:, None] - fitted.embedding_[None], axis=-1)
    scaled = digits(60).reshape(60, -1) / 16
    features = np.repeat(scaled[:, None], 3, axis=1).reshape(60, -1)[:, ::7]  # a grey image in three channels
    theirs = np.linalg.norm(features[:, None] - features[None], axis=-1)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.95
