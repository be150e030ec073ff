"""What darlc does with sparse, noisy images: patterns, masks, sections, ablations, and number of groups."""

from __future__ import annotations

import typing

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import ImageSet
from facies.images.axes import AxisOrder
from facies.images.sources import ArraySource
from facies.methods import make_method
from facies.methods.darlc.denoisers import GaussianView, StopBeforeCopying, learn_registered_view
from facies.methods.darlc.estimate import seconds_of_learning
from facies.methods.darlc.method import Ablation
from facies.methods.darlc.network import MeasuredScale
from facies.methods.darlc.objectives import PretrainingObjective
from facies.methods.darlc.stages import DARLCStages
from facies.metrics import ari

TINY = {
    "n_clusters": 3, "width": 16, "depth": 1, "latent_size": 6, "attention_width": 8, "denoising.epochs": 2,
    "pretraining.epochs": 4, "training.epochs": 4, "pretraining.batch_size": 32, "training.batch_size": 32,
}  # fmt: skip
SIDE = 20


def noisy(each: int = 20, without: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Counts (N, 1, 20, 20) of three patterns, and of none (−1)."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    patterns = np.stack([row, column, 4 * (row - 0.5) ** 2, np.full_like(row, 0.4)])
    kinds = np.repeat([0, 1, 2, -1], [each, each, each, without])
    return rng.poisson(1.2 * patterns[kinds])[:, None].astype(np.float32), kinds


def image_set(pixels: np.ndarray, measured: np.ndarray | None = None) -> ImageSet:
    import pandas as pd

    table = pd.DataFrame({"id": [f"g{n}" for n in range(len(pixels))], "source": "x"})
    return ImageSet(ArraySource(pixels, AxisOrder.FIRST), table, measured=measured)


def tiny(**parameters: object):
    return make_method("darlc", "quick", {**TINY, **parameters})


@pytest.fixture(scope="module")
def fitted():
    pixels, kinds = noisy()
    measured = np.ones((SIDE, SIDE), bool)
    measured[14:, 14:] = False
    return tiny().fit(image_set(pixels * measured, measured)), pixels * measured, kinds, measured


def test_patterns_are_found_and_the_others_unassigned(fitted):
    method, _, kinds, _ = fitted
    assert (method.labels_[kinds < 0] == -1).mean() >= 0.9
    assert (method.labels_[kinds >= 0] == -1).mean() <= 0.1
    kept = (kinds >= 0) & (method.labels_ >= 0)
    assert ari(kinds[kept], method.labels_[kept]) > 0.8
    assert any("have no spatial pattern" in note for note in method.notes_)


@pytest.mark.parametrize(("statistic", "n_permutations"), [("geary", 0), ("moran", 99), ("geary", 99)])
def test_patterns_are_found_by_either_statistic_and_by_permutations(statistic, n_permutations):
    """Permutations of so few orders show no p-value below 1 %, which is enough where most images have a pattern."""
    pixels, kinds = noisy()
    short = {"pretraining.epochs": 1, "training.epochs": 1, "denoising.epochs": 1}
    chosen = {"patterns.statistic": statistic, "patterns.n_permutations": n_permutations}
    method = tiny(**short, **chosen).fit(image_set(pixels))
    assert (method.labels_[kinds < 0] == -1).mean() >= 0.8
    assert (method.labels_[kinds >= 0] == -1).mean() <= 0.1
    np.testing.assert_array_equal(method.predict(image_set(pixels)), method.labels_)
    name = {"moran": "Moran's I", "geary": "Geary's C"}[statistic]
    said = f"({name}, 99 permutations)" if n_permutations else f"({name})"
    assert any("have no spatial pattern" in note and said in note for note in method.notes_)


def test_predict_of_the_images_learnt_from_is_labels_also_where_unassigned(fitted):
    method, pixels, _, measured = fitted
    np.testing.assert_array_equal(method.predict(image_set(pixels, measured)), method.labels_)
    flat = np.random.default_rng(5).poisson(1.0, (30, 1, SIDE, SIDE)).astype(np.float32)
    assert (method.predict(image_set(flat, measured)) == -1).mean() > 0.7


def test_unmeasured_pixels_change_nothing(fitted):
    """pyimzML#35: they are not 0, whatever they hold."""
    method, pixels, _, measured = fitted
    other = np.where(measured, pixels, pixels.max())
    np.testing.assert_allclose(method.transform(other), method.transform(pixels), atol=1e-5)
    np.testing.assert_array_equal(method.predict(other), method.predict(pixels))


@pytest.mark.parametrize("ablation", [each for each in typing.get_args(Ablation) if each != "none"])
def test_each_piece_can_be_left_out(ablation):
    pixels, _ = noisy(20, 0)
    few = np.zeros((2, 1, SIDE, SIDE), np.float32)
    few[:, :, :5, :5] = 9  # a small group, which the loss of sizes looks at
    parameters = {"n_clusters": 4, "patterns.q": 1.0, "pretraining.epochs": 1, "training.epochs": 1}
    pixels = np.concatenate([pixels, few])
    method, full = tiny(ablation=ablation, **parameters).fit(pixels), tiny(**parameters).fit(pixels)
    assert set(method.labels_) <= set(range(method.n_clusters_))
    if ablation == "contrast":
        assert "contrast" not in method.history_
    if ablation == "pretraining":
        assert "pretrain" not in set(method.history_["stage"])
    if ablation == "module-2":
        assert "advance" not in set(method.history_["stage"])
    assert not np.array_equal(method.probabilities_, full.probabilities_)


@pytest.mark.parametrize(("asked", "expected"), [("auto", 2), ("eigen-gap", 3)])
def test_the_number_of_groups_is_found_and_said(asked, expected):
    rng = np.random.default_rng(0)
    pixels, _ = noisy(20, 0)
    pixels = pixels * 8 + rng.poisson(0.2, pixels.shape).astype(np.float32)
    method = tiny(n_clusters=asked).fit(pixels)
    assert any(note.startswith(f"{expected} groups") for note in method.notes_)


def test_what_cannot_be_grouped_is_one_line():
    flat = np.random.default_rng(0).poisson(1.0, (40, 1, SIDE, SIDE)).astype(np.float32)
    with pytest.raises(InputError, match=r"images have a spatial pattern, fewer than 3 groups: set patterns\.q=1"):
        tiny().fit(flat)
    with pytest.raises(InputError, match="width=18: give a multiple of 4"):
        tiny(width=18).fit(noisy()[0])


def test_the_view_of_all_images_is_nearer_to_the_truth_than_the_images():
    pixels, kinds = noisy(30, 0)
    measured = torch.ones(SIDE, SIDE, dtype=torch.bool)
    scale = MeasuredScale(measured)
    view, _ = learn_registered_view(
        image_set(pixels), scale, measured, n_components=16, hidden=32, epochs=60, rate=1e-2, seed=0, device=torch.device("cpu"),
    )  # fmt: skip
    row, column = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    truth = np.stack([row, column, 4 * (row - 0.5) ** 2])[kinds].reshape(len(kinds), -1)
    seen = view(scale(torch.from_numpy(pixels))).detach().numpy().reshape(len(kinds), -1)

    def agreement(values: np.ndarray) -> float:
        return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in zip(values, truth, strict=True)]))

    assert agreement(seen) > agreement(pixels.reshape(len(kinds), -1)) + 0.2


def test_the_denoiser_stops_before_it_copies():
    """Where hidden pixels are predicted no better, the training ends, and the best weights are put back."""
    from facies.methods.darlc.denoisers import AttentionView

    measured = torch.ones(SIDE, SIDE, dtype=torch.bool)
    images = image_set(noisy(5, 0)[0])
    torch.manual_seed(0)
    view = AttentionView(measured, 1, 8, 4)
    stop = StopBeforeCopying(images, MeasuredScale(measured), 0)
    assert not stop.on_epoch_end(view, 1, {})
    best = {name: value.clone() for name, value in view.state_dict().items()}
    with torch.no_grad():
        for parameter in view.parameters():
            parameter.mul_(3)  # worse
    assert [stop.on_epoch_end(view, epoch, {}) for epoch in (2, 3, 4)] == [False, False, True]
    for name, value in view.state_dict().items():
        torch.testing.assert_close(value, best[name])


def test_o3_how_long_it_will_take_is_said_before_it_begins():
    """Hotspot#24: four days, and no word of it before."""
    from tests.workflows.factories import Recorder

    class Order(Recorder):
        def say(self, line: str) -> None:
            self.stages.append(line)

    progress = Order()
    tiny().fit(image_set(noisy()[0]), progress=progress)
    (place,) = [number for number, line in enumerate(progress.stages) if "learning takes about" in line]
    assert "pixels: learning takes about" in progress.stages[place]
    assert place < progress.stages.index("pretrain")


def test_the_estimate_grows_with_the_epochs_and_leaves_chance_alone():
    images = image_set(noisy()[0])
    torch.manual_seed(3)
    state = torch.get_rng_state()
    objective = PretrainingObjective(GaussianView(torch.ones(SIDE, SIDE, dtype=torch.bool), 1.0), 0.8, 0.5, True)

    def seconds(**parameters: object) -> float:
        return seconds_of_learning(
            tiny(**parameters), objective, images, np.ones((SIDE, SIDE), bool), torch.device("cpu")
        )

    one, many = (seconds(**{"pretraining.epochs": epochs, "training.epochs": epochs}) for epochs in (1, 100))
    assert torch.equal(state, torch.get_rng_state())
    assert many > 10 * one
    assert seconds(ablation="module-2") > 0


def test_images_each_for_itself_begin_with_groups_of_what_was_learnt_and_are_thinned(monkeypatch):
    pixels, _ = noisy(without=0)
    seen: list[float] = []
    learnt: list[np.ndarray] = []
    real_terms, real_seeds = PretrainingObjective._thinned, DARLCStages._learnt_seeds

    def thinned(self, network, images, scaled):
        seen.append(self.thinning)
        return real_terms(self, network, images, scaled)

    def seeds(self, *arguments):
        found, said = real_seeds(self, *arguments)
        learnt.append(found)
        return found, said

    monkeypatch.setattr(PretrainingObjective, "_thinned", thinned)
    monkeypatch.setattr(DARLCStages, "_learnt_seeds", seeds)
    notes = " ".join(tiny(ablation="module-2").fit(image_set(pixels)).notes_)
    assert "loses 50% of its pixels" in notes
    assert "begin with k-means of what was learnt" in notes
    assert set(seen) == {0.5}
    assert len(learnt[0]) == len(pixels)
    assert learnt[0].max() == 2
    seen.clear()
    notes = " ".join(tiny(ablation="module-2").fit(image_set(pixels, np.ones((SIDE, SIDE), bool))).notes_)
    assert "loses" not in notes
    assert "patches have" not in notes
    assert set(seen) == {0.0}
    assert len(learnt) == 1  # those of a tissue begin with groups that stand apart


def test_thinned_views_lose_pixels_and_others_none():
    network = tiny().build(1, np.ones((SIDE, SIDE), bool), 3)
    images = torch.ones(2, 1, SIDE, SIDE) + torch.rand(2, 1, SIDE, SIDE)
    scaled = network.scale(images)
    objective = PretrainingObjective(torch.nn.Identity(), 0.8, 0.5, True)
    assert objective._thinned(network, images, scaled) is scaled
    objective.thinning = 0.5
    thinned = objective._thinned(network, images, scaled).flatten(1)
    lost = (thinned == thinned.amin(dim=1, keepdim=True)).float().mean()
    assert 0.4 < float(lost) < 0.6
