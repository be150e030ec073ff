"""Kinds of autoencoder, of image and of grouping; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.methods.autoencoder import KINDS
from facies.methods.moe_vae.method import MoEVAE
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


def test_a_gaussian_mixture_of_so_many(pixels):
    model = tiny(**THREE_GROUPS).fit(pixels[:100])
    assert set(model.density_labels_.tolist()) == {0, 1, 2}
    assert 1 <= model.n_clusters_ <= 3  # an expert whom no picture chose is left out
    assert set(model.labels_.tolist()) == set(range(model.n_clusters_))
    assert model.probabilities_.shape == (100, model.n_clusters_)


def test_an_expert_whom_no_picture_chooses_is_left_out(pixels, tmp_path):
    model = tiny(**{**THREE_GROUPS, "n_clusters": 12}).fit(pixels[:100])
    assert model.n_clusters_ < 12
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


def test_hundred_pictures_in_one_group(pixels):
    model = tiny(**{"density.selection": "leaf", "density.min_cluster_size": 45}).fit(pixels[:90])
    if model.n_clusters_ == 1:
        assert any("fewer than two dense groups" in note for note in model.notes_)
        assert (model.labels_ == 0).all()
    assert model.probabilities_.shape == (90, model.n_clusters_)


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
