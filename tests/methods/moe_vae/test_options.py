"""Kinds of autoencoder, of image and of grouping; and what is refused."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

from facies.errors import FaciesWarning, InputError
from facies.images import open_images
from facies.methods.autoencoder import KINDS
from facies.methods.fit_context import FitContext
from facies.methods.moe_vae.method import MoEVAE
from facies.methods.moe_vae.notes import alpha_note, neighbours_note
from facies.methods.moe_vae.stages import MoEVAEStages
from tests.methods.factories import THREE_GROUPS, small, tiny


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_autoencoder(pixels, kind):
    model = tiny(**{"autoencoder.kind": kind, "autoencoder.l1": 1e-4}, **THREE_GROUPS).fit(pixels[:100])
    history = model.history_[model.history_["stage"] == "autoencode"]
    term = {"vae": "kl", "beta-vae": "kl", "wae-random": "mmd", "wae-deterministic": "mmd"}.get(kind)
    assert {"kl", "mmd"} & set(history.dropna(axis=1).columns) == ({term} if term else set())
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert model.embedding_.shape == (100, 8)
    assert np.isfinite(model.embedding_).all()
    assert model.autoencoder_.deterministic == (kind in ("ae", "wae-deterministic"))


def lost_groups(model):
    """The notes on groups that no image chose."""
    return [note for note in model.notes_ if "chosen by no image" in note]


def test_a_gaussian_mixture_of_so_many(pixels):
    model = small(**{**THREE_GROUPS, "n_clusters": 4}).fit(pixels[:160])
    assert set(model.density_labels_.tolist()) == {0, 1, 2, 3}
    assert model.n_clusters_ == 4
    assert lost_groups(model) == []
    assert set(model.labels_.tolist()) == {0, 1, 2, 3}
    assert model.probabilities_.shape == (160, 4)


def test_an_expert_whom_no_picture_chooses_is_left_out_and_the_run_says_so(pixels, tmp_path):
    model = tiny(**{**THREE_GROUPS, "n_clusters": 12}).fit(pixels[:100])
    left = model.n_clusters_
    assert 1 < left < 12
    assert lost_groups(model) == [
        f"12 groups were asked for (n_clusters); after the training of the experts {12 - left} of them are chosen by no "
        f"image: {left} groups are left"
    ]
    assert model.manager_probabilities_.shape == (100, 12)
    assert len(model.expert_sizes_) == left
    assert set(model.labels_.tolist()) == set(range(model.n_clusters_))
    np.testing.assert_allclose(model.probabilities_.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(model.predict(pixels[:100]), model.labels_)
    assert model.sample(2, model.n_clusters_ - 1).shape == (2, 1, 16, 16)
    model.save(tmp_path)
    np.testing.assert_allclose(MoEVAE.load(tmp_path).predict_proba(pixels[:100]), model.probabilities_, atol=1e-6)


@pytest.mark.parametrize("retrain", [True, False])
def test_the_embedding_has_the_size_found_if_retrained(pixels, retrain):
    model = tiny(**{"autoencoder.retrain": retrain}, **THREE_GROUPS).fit(pixels[:100])
    assert model.embedding_.shape == (100, model.latent_size_ if retrain else 8)
    np.testing.assert_allclose(model.transform(pixels[:100]), model.embedding_, atol=1e-5)
    assert ("retrain" in set(model.history_["stage"])) == retrain


def test_dense_experts_with_batch_normalisation(pixels):
    model = tiny(**{"mixture.routing_threshold": None}, **THREE_GROUPS).fit(pixels[:100])
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in model.mixture_.experts.modules())
    assert np.isfinite(model.sample(2, 0)).all()


def test_pictures_in_one_group(pixels):
    with pytest.warns(FaciesWarning, match="fewer than two dense groups were found"):
        model = tiny(**{"density.selection": "leaf", "density.min_cluster_size": 45}).fit(pixels[:90])
    assert model.n_clusters_ == 1
    assert "(0; 90 of 90 images were in none)" in model.notes_[1]
    assert (model.labels_ == 0).all()
    assert model.probabilities_.shape == (90, 1)


def stages_of(**parameters):
    return MoEVAEStages(tiny(**parameters))


@pytest.mark.parametrize(
    ("chosen", "words"), [([0, 2], "2 of them are .*: 2 groups are left$"), ([3], "1 group is left, so")]
)
@pytest.mark.parametrize("asked_for", [None, 4])
def test_what_belongs_to_an_expert_goes_with_it(chosen, words, asked_for, monkeypatch):
    stages = stages_of(**({"grouping": "gaussian-mixture", "n_clusters": 4} if asked_for else {}))
    settings = stages.settings
    mixture = settings.build_mixture((1, 8, 8), 4, 3)
    outputs = {
        "n_clusters": 4,
        "expert_sizes": [5, 6, 7, 8],
        "group_counts": [50, 60, 70, 80],
        "group_entropies": [0.5, 0.6, 0.7, 0.8],
        "manager": mixture.manager.state_dict(),
        "experts": mixture.experts.state_dict(),
        "notes": ["an earlier note"],
    }
    answers = iter([np.eye(4, dtype=np.float32)[chosen], np.eye(len(chosen), dtype=np.float32)])
    monkeypatch.setattr(stages, "_probabilities", lambda fit, given: next(answers))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        left = stages.assign(None, outputs)
    for name in ("expert_sizes", "group_counts", "group_entropies"):
        assert left[name] == [outputs[name][expert] for expert in chosen]
    assert left["notes"][0] == "an earlier note"
    begun = "asked for (n_clusters)" if asked_for else "found by density"
    assert re.search(re.escape(f"4 groups were {begun}; ") + ".*" + words, left["notes"][1])
    assert [warning.category for warning in caught] == ([FaciesWarning] if len(chosen) == 1 else [])


def test_a_smaller_alpha_is_said():
    assert alpha_note(0.05, 100.0, 100.0) == []
    (note,) = alpha_note(0.4, 100.0, 25.0)
    assert "0.40 nat" in note
    assert "mixture.alpha was 25 instead of 100" in note


def test_fewer_neighbours_than_were_asked_for_are_said():
    assert neighbours_note(99, 100) == []
    assert neighbours_note(100, 100) == ["density.n_neighbors was 99 instead of 100: an image has no more among 100"]


def test_a_group_of_equal_images_takes_the_mean_size(pixels):
    stages = stages_of(**{"experts.latent_size_from": "shared"})
    rng = np.random.default_rng(0)
    groups = [rng.normal(size=(30, 2)), np.ones((10, 2)), rng.normal(size=(1, 2)), np.c_[np.arange(20.0), np.ones(20)]]
    outputs = {
        "density_labels": np.repeat(np.arange(4), [len(group) for group in groups]),
        "embedding_": np.concatenate(groups).astype(np.float32),
        "n_clusters": 4,
        "latent_size": 2,
    }
    images = open_images(pixels[: len(outputs["density_labels"])])
    sizes = stages.estimate_expert_size(FitContext(images, None), outputs)
    assert sizes["group_counts"] == [30, 10, 1, 20]
    assert sizes["expert_size"] == 2
    assert sizes["expert_sizes"] == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("kind", "size"), [("wae-random", "own"), ("beta-vae", "mean"), ("wae-deterministic", "mean"), ("vae", "own")]
)
def test_experts_of_other_kinds_and_of_unequal_size(pixels, kind, size, tmp_path):
    sizes = {"experts.kind": kind, "experts.latent_size": size, "experts.explained_variance": 0.999}
    model = tiny(**sizes, **THREE_GROUPS).fit(pixels[:100])
    own = model.mixture_.experts.own_sizes
    assert own == model.expert_sizes_ if size == "own" else len(set(own)) == 1
    assert model.mixture_.experts.deterministic == (kind == "wae-deterministic")
    assert model.history_["loss"].notna().all()
    for group, width in enumerate(own):
        assert model.sample(2, group).shape == (2, 1, 16, 16)
        assert model.transform_by_expert(pixels[:5], group).shape == (5, width)
        assert model.latent_walk(group, width - 1, steps=3).shape == (3, 1, 16, 16)
        with pytest.raises(InputError, match=f"dimensions 0 to {width - 1}"):
            model.latent_walk(group, width)
    model.save(tmp_path)
    loaded = MoEVAE.load(tmp_path)
    np.testing.assert_array_equal(loaded.sample(3, 0), model.sample(3, 0))
    np.testing.assert_array_equal(loaded.predict_by_reconstruction(pixels), model.predict_by_reconstruction(pixels))


def test_colour(pixels):
    rng = np.random.default_rng(0)
    colours = rng.uniform(0.3, 1.0, (100, 1, 1, 3))
    images = (pixels[:100, :, :, None] * colours).astype(np.uint8)
    model = tiny(**THREE_GROUPS).fit(images)
    assert model.image_shape_ == (3, 16, 16)
    assert model.sample(4, 0).shape == (4, 3, 16, 16)
    assert model.reconstruct(images[:5]).shape == (5, 3, 16, 16)
    np.testing.assert_array_equal(model.predict(images), model.labels_)


def test_focal_stacks(pixels, tmp_path):
    stacks = np.stack([pixels[:100], pixels[:100] // 2, pixels[:100] // 3], axis=1)[:, :, None]
    assert stacks.shape == (100, 3, 1, 16, 16)
    model = tiny(**THREE_GROUPS).fit(stacks)
    assert model.image_shape_ == (3, 1, 16, 16)
    np.testing.assert_array_equal(model.predict(stacks), model.labels_)
    assert model.sample(4, 0).shape == (4, 3, 1, 16, 16)
    assert model.reconstruct(stacks[:5]).shape == (5, 3, 1, 16, 16)
    model.save(tmp_path / "model")
    loaded = MoEVAE.load(tmp_path / "model")
    assert loaded.image_shape_ == (3, 1, 16, 16)
    np.testing.assert_allclose(loaded.predict_proba(stacks), model.predict_proba(stacks), atol=1e-6)


def test_odd_sizes_and_floats_with_negative_values(pixels):
    images = pixels[:100, :13, :11].astype(np.float32) / 40 - 3
    model = tiny(**THREE_GROUPS).fit(images)
    drawn = model.sample(5, 0)
    assert drawn.shape == (5, 1, 13, 11)
    assert images.min() - 1e-3 <= drawn.min() < drawn.max() <= images.max() + 1e-3


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"grouping": "gaussian-mixture"}, "needs n_clusters"),
        ({"n_clusters": 4}, "set grouping=gaussian-mixture"),
        ({"grouping": "gaussian-mixture", "n_clusters": 101}, "100 images are fewer than the 101 groups asked for"),
        ({"density.min_cluster_size": 51}, "fewer than twice the smallest group"),
        ({"autoencoder.kind": "nonsense"}, "^autoencoder.kind='nonsense' is not known; choose from vae, ae"),
        (
            {"density.selection": "nonsense"},
            "^density.selection='nonsense' is not known; choose from leaf, eom, separated",
        ),
        ({"experts.latent_size_from": "nonsense"}, "is not known; choose from fresh, shared"),
        ({"likelihood": "nonsense"}, "is not known; choose from auto, bernoulli, gaussian"),
        ({"target": "nonsense"}, "is not known; choose from view, image"),
        ({"activation": "nonsense"}, "is not known; choose from mish, silu"),
        ({"grouping": "nonsense"}, "is not known; choose from density, gaussian-mixture"),
        ({"experts.epochs": "nonsense"}, "is not known; choose from auto"),
    ],
)
def test_parameters_that_cannot_be(pixels, parameters, words):
    with pytest.raises(InputError, match=words) as caught:
        tiny(**parameters).fit(pixels[:100])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [2, 9])
def test_too_few_images(pixels, count):
    with pytest.raises(InputError, match="fewer than twice the smallest group"):
        tiny().fit(pixels[:count])


def test_images_without_any_difference_in_value():
    with pytest.raises(InputError, match="nothing to group"):
        tiny().fit(np.full((100, 16, 16), 7, dtype=np.uint8))


def test_fitting_changes_no_parameter(fitted):
    assert fitted.parameters() == small().parameters()
